/* SPDX-License-Identifier: MIT */
/*
 * Builds the firmware's map: identity, W^X, page 0 and stack guards unmapped, the remap zone by
 * pages, everything else by the largest blocks. Runs once, with the MMU off.
 *
 * What differs inside a range of RAM or flash is a cut: a sorted list of [start, end) with the
 * attributes that hold there instead.
 */
#include "startup/boot_map.h"

#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "ashlar/space.h"
#include "port/image.h"
#include "port/port.h"
#include "startup/boot_console.h"
#include "startup/early_print.h"
#include "startup/processor.h"
#include "startup/stacks.h"

#define CODE      (ASH_MMU_NORMAL | ASH_MMU_EXEC)
#define CONSTANTS ASH_MMU_NORMAL
#define DATA      (ASH_MMU_NORMAL | ASH_MMU_WRITE)
#define UNMAPPED  UINT32_MAX

struct cut {
    uint64_t start, end;
    ash_mmu_attr_t attr;
};

#define CUTS (8 + 6 * ASH_CPUS + ASH_PLATFORM_RESERVED)

struct cuts {
    unsigned count;
    struct cut cut[CUTS];
};

struct ash_mmu ash_boot_map;
struct ash_spinlock ash_boot_map_lock = ASH_SPINLOCK(ASH_LOCK_MAP, "firmware");

/* NULL unless the firmware uses spaces: a weak reference links nothing. */
extern __typeof__(ash_spaces_init) ash_spaces_init __attribute__((weak));

unsigned boot_space_bits(void)
{
    return ash_spaces_init != NULL ? ash_board.space_bits : 0;
}

void boot_spaces_init(void)
{
    struct ash_spaces_config config;

    if (ash_spaces_init != NULL) {
        config.format = NULL;
        config.bits = boot_space_bits();
        config.base = ash_va(config.bits != 0 ? ~(uintptr_t)0 << config.bits : 0);
        config.incoherent = !processor_walks_coherent();
        ash_spaces_init(&config);
    }
}

uint64_t boot_map_limit(void)
{
    uint64_t limit = (uint64_t)1 << PROCESSOR_IDENTITY_BITS;

    return !PROCESSOR_SPACES_INSIDE || boot_space_bits() == 0
               ? limit
               : limit - ((uint64_t)1 << boot_space_bits());
}

/* Keeps the list sorted by start. Cuts come from the linker script and never overlap, but for
 * reserved ranges: those are left out where they touch the image. */
static int cuts_add(struct cuts *cuts, uint64_t start, uint64_t end, ash_mmu_attr_t attr)
{
    unsigned place = cuts->count;

    if (start >= end) {
        return 0;
    }
    if (cuts->count == CUTS) {
        return ASH_ENOMEM;
    }
    while (place > 0 && cuts->cut[place - 1].start > start) {
        place--;
    }
    if ((place > 0 && cuts->cut[place - 1].end > start) ||
        (place < cuts->count && cuts->cut[place].start < end)) {
        return ASH_EEXIST;
    }
    for (unsigned i = cuts->count; i > place; i--) {
        cuts->cut[i].start = cuts->cut[i - 1].start;
        cuts->cut[i].end = cuts->cut[i - 1].end;
        cuts->cut[i].attr = cuts->cut[i - 1].attr;
    }
    cuts->cut[place].start = start;
    cuts->cut[place].end = end;
    cuts->cut[place].attr = attr;
    cuts->count++;
    return 0;
}

static int map_piece(uint64_t start, uint64_t end, ash_mmu_attr_t attr)
{
    if (start >= end || attr == UNMAPPED) {
        return 0;
    }
    return ash_mmu_map(&ash_boot_map, ash_va((uintptr_t)start), ash_pa(start), end - start, attr);
}

/* Maps [start, end) with attr, but for the cuts. */
static int map_with_cuts(uint64_t start, uint64_t end, ash_mmu_attr_t attr, const struct cuts *cuts)
{
    int error = 0;

    for (unsigned i = 0; i < cuts->count && error == 0; i++) {
        const struct cut *cut = &cuts->cut[i];
        uint64_t from = cut->start > start ? cut->start : start;
        uint64_t to = cut->end < end ? cut->end : end;

        if (from >= to) {
            continue;
        }
        error = map_piece(start, from, attr);
        if (error == 0) {
            error = map_piece(from, to, cut->attr);
        }
        start = to;
    }
    return error != 0 ? error : map_piece(start, end, attr);
}

static uint64_t address(const char *symbol)
{
    return (uintptr_t)symbol;
}

/* Code of the image itself is built for branch protection; its pages are guarded where the
 * processor looks at that. */
static int collect_code(struct cuts *cuts)
{
    ash_mmu_attr_t guarded = CODE | (processor_guards_branches() ? ASH_MMU_GUARDED : 0);
    int error = cuts_add(cuts, address(__text_start), address(__text_end), guarded);

    if (error == 0) {
        error = cuts_add(cuts, address(__libtext_start), address(__libtext_end), CODE);
    }
    if (error == 0) {
        error = cuts_add(cuts, address(__ramtext_start), address(__ramtext_end), guarded);
    }
    return error;
}

static int collect_cuts(const struct ash_platform *platform, struct cuts *cuts)
{
    ash_va_t guard;
    int error;

    cuts->count = 0;
    /* NULL faults. The reset code, which runs with the MMU off only, may share that page;
     * elsewhere it stays readable. */
    error = cuts_add(cuts, 0, ASH_PAGE_SIZE, UNMAPPED);
    if (error == 0 && address(__reset_start) >= ASH_PAGE_SIZE) {
        uint64_t page = ash_align_down(address(__reset_start), ASH_PAGE_SIZE);

        error = cuts_add(cuts, page, page + ASH_PAGE_SIZE, CONSTANTS);
    }
    if (error == 0) {
        error = collect_code(cuts);
    }
    if (error == 0) {
        error = cuts_add(cuts, address(__rodata_start), address(__rodata_end), CONSTANTS);
    }
    for (unsigned i = 0; error == 0 && stacks_guard(i, &guard); i++) {
        error = cuts_add(cuts, guard.value, guard.value + stacks_layout.guard, UNMAPPED);
    }
    for (unsigned i = 0; error == 0 && i < platform->reserved_count; i++) {
        const struct ash_reserved *reserved = &platform->reserved[i];
        uint64_t start = ash_align_down(reserved->range.base.value, ASH_PAGE_SIZE);
        uint64_t end;

        if (reserved->kind == ASH_RESERVED_NOMAP &&
            ash_range_end(reserved->range.base.value, reserved->range.size, &end) &&
            ash_align_up(end, ASH_PAGE_SIZE, &end)) {
            int overlap = cuts_add(cuts, start, end, UNMAPPED);

            error = overlap == ASH_EEXIST ? 0 : overlap;
        }
    }
    return error;
}

static int map_flash(const struct ash_platform *platform, const struct cuts *cuts)
{
    int error = 0;

    for (unsigned i = 0; i < platform->flash_count && error == 0; i++) {
        uint64_t start = ash_align_down(platform->flash[i].base.value, ASH_PAGE_SIZE);
        uint64_t end;

        if (!ash_range_end(platform->flash[i].base.value, platform->flash[i].size, &end) ||
            end > boot_map_limit()) {
            continue;
        }
        error = map_with_cuts(start, ash_align_down(end, ASH_PAGE_SIZE), CONSTANTS, cuts);
    }
    return error;
}

static int map_ram(const struct ash_regions *regions, const struct cuts *cuts)
{
    int error = 0;

    for (unsigned i = 0; i < regions->ram_count && error == 0; i++) {
        uint64_t start = regions->ram[i].base.value;
        uint64_t end = start + regions->ram[i].size;

        if (end > boot_map_limit()) {
            end = boot_map_limit();
        }
        if (start < end) {
            error = map_with_cuts(start, end, DATA, cuts);
        }
    }
    return error;
}

/* The remap zone starts with the image's RAM and ends with that RAM range at the latest. Carve-outs
 * of the board become zones too, while there are zones, so that their views can change; one zone is
 * left for the windows of vmap. */
static int add_zones(const struct ash_regions *regions, const struct ash_platform *platform,
                     struct ash_range *zone)
{
    uint64_t start = address(__ram_start);
    uint64_t end = start + ash_board.remap_bytes;
    unsigned left = ASH_MMU_ZONES - 3; /* without the remap zone, vmap and windows */
    int error = ASH_ENOENT;

    for (unsigned i = 0; i < regions->ram_count; i++) {
        uint64_t ram_start = regions->ram[i].base.value;
        uint64_t ram_end = ram_start + regions->ram[i].size;

        if (start >= ram_start && start < ram_end) {
            end = end < ram_end ? end : ram_end;
            error = address(__ram_end) <= end ? 0 : ASH_ENOMEM;
        }
    }
    if (error != 0) {
        return error;
    }
    zone->base = ash_pa(start);
    zone->size = end - start;
    error = ash_mmu_remap_zone(&ash_boot_map, ash_va((uintptr_t)start), end - start);
    if (error == 0 && ash_board.vmap.size != 0) {
        error = ash_mmu_open_zone(&ash_boot_map, ash_va((uintptr_t)ash_board.vmap.base.value),
                                  ash_board.vmap.size);
    }
    for (unsigned i = 0; error == 0 && left > 0 && i < platform->reserved_count; i++) {
        const struct ash_reserved *reserved = &platform->reserved[i];
        int added;

        if (reserved->kind != ASH_RESERVED_PMEM || !ash_regions_is_ram(regions, reserved->range) ||
            reserved->range.base.value + reserved->range.size > boot_map_limit()) {
            continue;
        }
        added = ash_mmu_remap_zone(&ash_boot_map, ash_va((uintptr_t)reserved->range.base.value),
                                   reserved->range.size);
        left -= added == 0;
        if (added != ASH_ENOMEM && added != ASH_ERANGE && added != ASH_EALIGN) {
            error = added;
        }
    }
    return error;
}

static void map_device(const char *name, const struct ash_range *range)
{
    int error = range->size == 0 ? 0 : boot_map_device(range->base, range->size);

    if (error != 0) {
        early_text("ashlar: registers of ");
        early_text(name);
        early_text(" not mapped: ");
        early_text(ash_strerror(error));
        early_text("\n");
    }
}

/* A node with an address that cannot be a device's is no reason not to boot. */
static void map_devices(const struct ash_platform *platform)
{
    map_device("the console", &platform->console);
    map_device("the power-off line", &platform->power_off.gpio);
    map_device("the reset line", &platform->restart.gpio);
    for (unsigned i = 0; i < platform->device_count; i++) {
        map_device(platform->device[i].name, &platform->device[i].range);
    }
}

int boot_map_build(struct ash_regions *regions, const struct ash_platform *platform,
                   struct ash_range *zone, const char **what)
{
    static struct cuts cuts;
    static struct ash_mmu_config config; /* zero but for what is set here */
    int error;

    config.va_bits = PROCESSOR_IDENTITY_BITS;
    config.global = true;
    config.early = true;
    config.incoherent = !processor_walks_coherent();
    config.contiguous = ash_board.contiguous;
    boot_tables_early(regions, &config.tables);
    *what = "root table";
    error = ash_mmu_init(&ash_boot_map, &config);
    if (error == 0) {
        *what = "image layout";
        error = collect_cuts(platform, &cuts);
    }
    if (error == 0) {
        *what = "remap zone";
        error = add_zones(regions, platform, zone);
    }
    if (error == 0) {
        *what = "console";
        error = boot_console_map(platform);
    }
    if (error == 0) {
        *what = "flash";
        error = map_flash(platform, &cuts);
    }
    if (error == 0) {
        *what = "RAM";
        error = map_ram(regions, &cuts);
    }
    if (error == 0) {
        map_devices(platform);
    }
    return error;
}
