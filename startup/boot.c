/* SPDX-License-Identifier: MIT */
/*
 * From the first C function to main(): platform, regions, translation tables and the MMU, frames,
 * contiguous memory, devices, constructors. A step that fails says so on the console and stops.
 */
#include "ashlar/boot.h"

#include "ashlar/board.h"
#include "ashlar/dma.h"
#include "ashlar/frames.h"
#include "ashlar/pmem.h"
#include "ashlar/vmap.h"
#include "port/image.h"
#include "port/percpu.h"
#include "port/port.h"
#include "startup/boot_console.h"
#include "startup/boot_map.h"
#include "startup/early_print.h"
#include "startup/processor.h"
#include "startup/run_main.h"
#include "startup/stacks.h"

#define ENTERED_CACHED 0x100u /* reset.S */

void boot_start(const void *hint, uint32_t entry);

struct ash_boot_info ash_boot_info;

static struct ash_regions regions;

static void require(int error, const char *step, const char *what)
{
    if (error == 0) {
        return;
    }
    early_text("\nashlar: cannot boot: ");
    early_text(step);
    early_text(what[0] != '\0' ? " (" : "");
    early_text(what);
    early_text(what[0] != '\0' ? "): " : ": ");
    early_text(ash_strerror(error));
    early_text("\n");
    early_stop();
}

/* What no allocator may touch: the tree, the image, page 0, which is not mapped, and what platform
 * and board reserve. */
static void collect_regions(const struct ash_platform *platform)
{
    struct ash_range image = image_ram(), null = {ash_pa(0), ASH_PAGE_SIZE};

    ash_regions_init(&regions);
    for (unsigned i = 0; i < platform->ram_count; i++) {
        require(ash_regions_add(&regions, platform->ram[i]), "memory map", "RAM");
    }
    if (platform->tree.size != 0) {
        require(ash_regions_reserve(&regions, platform->tree), "memory map", "device tree");
    }
    if (!ash_regions_is_ram(&regions, image)) {
        require(ASH_ERANGE, "memory map", "no RAM where the image is linked to");
    }
    require(ash_regions_reserve(&regions, image), "memory map", "image");
    if (ash_regions_is_ram(&regions, null)) {
        require(ash_regions_reserve(&regions, null), "memory map", "page 0");
    }
    for (unsigned i = 0; i < platform->reserved_count; i++) {
        require(ash_regions_reserve(&regions, platform->reserved[i].range), "memory map",
                platform->reserved[i].name);
    }
}

/* The board's own carve-out: the end of the remap zone. */
static struct ash_range board_pmem(const struct ash_range *zone)
{
    uint64_t end = zone->base.value + zone->size;
    struct ash_range range = {ash_pa(end - ash_board.pmem_bytes), ash_board.pmem_bytes};

    if (ash_board.pmem_bytes > zone->size || range.base.value < (uint64_t)(uintptr_t)__ram_end ||
        ash_regions_is_reserved(&regions, range)) {
        range.size = 0;
    }
    return range;
}

static void add_pmem(const struct ash_platform *platform, struct ash_range dma)
{
    ash_pmem_init(&ash_boot_map, &ash_boot_map_lock);
    ash_dma_setup(&regions, (struct ash_range){{(uintptr_t)stacks_layout.blocks},
                                               (uint64_t)stacks_layout.bytes * ASH_CPUS});
    if (dma.size != 0) {
        require(ash_pmem_add("dma", dma), "contiguous memory", "dma");
    }
    for (unsigned i = 0; i < platform->reserved_count; i++) {
        const struct ash_reserved *reserved = &platform->reserved[i];

        if (reserved->kind == ASH_RESERVED_PMEM && ash_regions_is_ram(&regions, reserved->range)) {
            int error = ash_pmem_add(reserved->name, reserved->range);

            if (error != 0) {
                early_text("ashlar: pmem region ");
                early_text(reserved->name);
                early_text(" left out: ");
                early_text(ash_strerror(error));
                early_text("\n");
            }
        }
    }
}

/* Is there RAM that the identity map does not reach? */
static bool has_high_ram(const struct ash_platform *platform)
{
    for (unsigned i = 0; i < platform->ram_count; i++) {
        if (platform->ram[i].base.value + platform->ram[i].size > boot_map_limit()) {
            return true;
        }
    }
    return false;
}

/* A program may do without interrupts or a clock: their calls fail, and it can tell. */
static void start_devices(void)
{
    int error = ash_board.init(&ash_platform);

    if (error != 0) {
        early_text("ashlar: a device of the board does not start: ");
        early_text(ash_strerror(error));
        early_text("\n");
    }
}

void boot_start(const void *hint, uint32_t entry)
{
    struct ash_range zone, dma;
    struct ash_frames_config frames = {0};
    const char *what = "";
    int error;

    ash_boot_info.entry = (enum ash_boot_entry)(entry & 0xff);
    ash_boot_info.secure =
        ash_boot_info.entry == ASH_ENTRY_SECURE || ash_boot_info.entry == ASH_ENTRY_EL3;
    ash_boot_info.below_el2 =
        ash_boot_info.entry == ASH_ENTRY_HYP || ash_boot_info.entry == ASH_ENTRY_EL2;
    ash_boot_info.caches_were_on = (entry & ENTERED_CACHED) != 0;
    processor_vectors_on();
    ash_board.discover(hint, &ash_platform);
    ash_board.console_init(&ash_platform);
    processor_aborts_on();
    if (!processor_has_long_descriptors()) {
        require(ASH_ENODEV, "translation tables",
                "this processor has none of 4 KiB pages and 64 bits");
    }
    collect_regions(&ash_platform);
    port_direct_end(ash_pa(boot_map_limit()));

    error = boot_map_build(&regions, &ash_platform, &zone, &what);
    require(error, "translation tables", what);
    dma = board_pmem(&zone);
    if (dma.size != 0) {
        require(ash_regions_reserve(&regions, dma), "memory map", "dma");
    }
    ash_mmu_publish(&ash_boot_map);
    processor_mmu_on(ash_mmu_root(&ash_boot_map), boot_space_bits());
    percpu[0].inside = 0;
    boot_console_move();

    frames.direct_limit = ash_pa(boot_map_limit());
    require(ash_frames_init(&regions, &frames), "page frames", "");
    require(boot_tables_adopt(), "page frames", "translation tables");
    require(ash_vmap_init(&ash_boot_map, &ash_boot_map_lock, boot_console_vmap(),
                          has_high_ram(&ash_platform)),
            "virtual addresses", "vmap");
    ash_mmu_freeze(&ash_boot_map);
    boot_spaces_init();
    add_pmem(&ash_platform, dma);
    start_devices();
    run_main();
}
