/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes mappings of devices with any constraints against a flat model: who has each byte, and what
 * was last written there by whoever had it. The model says what each call returns, whether the
 * checker tells of it, and which slots of a bounce buffer are in use; the simulated machine, whose
 * cache the devices do not look into, says whether each hand-over was complete.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ashlar/dma.h"
#include "ashlar/frames.h"
#include "ashlar/mmu.h"
#include "port/sim/hostile.h"
#include "port/spinlock.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support.h"

#define FRAMES_AT UINT64_C(0x40000000)
#define FRAMES_IN UINT64_C(0x80000)
#define NEAR_AT   UINT64_C(0x50000000) /* every device reaches it, and its region */
#define NEAR_IN   UINT64_C(0x40000)
#define FAR_AT    UINT64_C(0x60000000) /* some do not */
#define FAR_IN    UINT64_C(0x8000)
#define REGION_AT (NEAR_AT + FAR_IN)
#define REGION_IN (NEAR_IN - FAR_IN)
#define OFFSET    0x20000000 /* of bus addresses */

#define ARENA    0x8000u /* bytes in use from NEAR_AT, and from FAR_AT, on */
#define BYTES    (2 * ARENA)
#define MAPPINGS 10u
#define DEVICES  3u
#define LINE     64u
#define SLOT     ((uint64_t)ASH_DMA_SLOT)
#define SLOTS    16u

/* The machine */

static struct ash_mmu map;
static struct ash_spinlock map_lock;

static int take(void *context, ash_pa_t *table)
{
    ash_frame_t frame;
    int error = ash_frames_alloc(0, ASH_FRAMES_ZERO | ASH_FRAMES_OWNER(ASH_OWNER_TABLES), &frame);

    (void)context;
    *table = ash_frame_pa(frame);
    if (error == 0) {
        sim_table_taken(*table);
    }
    return error;
}

static void give(void *context, ash_pa_t table)
{
    (void)context;
    sim_table_given(table);
    ash_frames_free(ash_pa_frame(table), 0);
}

static void add_memory(uint64_t base, uint64_t size)
{
    MUST(ash_mmu_map(&map, ash_va((uintptr_t)base), ash_pa(base), size,
                     ASH_MMU_NORMAL | ASH_MMU_WRITE | ASH_MMU_PAGES) == 0);
}

static void start_machine(void)
{
    const struct ash_frames_config frames = {.direct_limit = {UINT64_C(1) << 40}};
    const struct ash_mmu_config config = {
        .format = &ash_mmu_format_lpae,
        .va_bits = 32,
        .global = true,
        .tables = {take, give, NULL},
    };
    struct ash_regions regions;

    sim_start();
    sim_add_ram(ash_pa(FRAMES_AT), (size_t)FRAMES_IN);
    sim_add_ram(ash_pa(NEAR_AT), (size_t)NEAR_IN);
    sim_add_ram(ash_pa(FAR_AT), (size_t)FAR_IN);
    support_faults_reset();
    spinlock_retire(&map_lock);
    spinlock_init(&map_lock, ASH_LOCK_MAP, "map");
    ash_regions_init(&regions);
    MUST(ash_regions_add(&regions, (struct ash_range){{FRAMES_AT}, FRAMES_IN}) == 0);
    MUST(ash_frames_init(&regions, &frames) == 0);
    MUST(ash_mmu_init(&map, &config) == 0);
    add_memory(NEAR_AT, NEAR_IN);
    add_memory(FAR_AT, FAR_IN);
    sim_regime.format = SIM_LPAE;
    sim_regime.mair = (uint64_t)ASH_MMU_MAIR1 << 32 | ASH_MMU_MAIR0;
    sim_regime.half[0] = (struct sim_half){true, ash_mmu_root(&map), config.va_bits};
    ash_pmem_init(&map, &map_lock);
    MUST(ash_pmem_add("dma", (struct ash_range){{REGION_AT}, REGION_IN}) == 0);
    ash_dma_setup(&regions, (struct ash_range){{0}, 0});
}

/* Decisions */

static bool once_in(uint32_t n)
{
    return fuzz_draw(n) == 0;
}

/* The model */

static struct ash_dma_device device[DEVICES];
static struct ash_dma_bounce bounce[DEVICES];
static struct ash_dma_mapping mapping[MAPPINGS];

/* What the model knows of a mapping. */
static struct {
    struct ash_dma_device *by; /* NULL: not mapped */
    uint32_t first, size;      /* bytes of the arenas */
    enum ash_dma_direction direction;
    uint64_t work; /* where the device finds it */
    bool copied;
} known[MAPPINGS];

static uint8_t expected[BYTES];
static uint16_t owners[BYTES]; /* a bit a mapping; 0: the CPU */
static uint8_t buffer[BYTES];
static unsigned faults;

static uint64_t address(uint32_t at)
{
    return at < ARENA ? NEAR_AT + at : FAR_AT + (at - ARENA);
}

static bool device_writes(enum ash_dma_direction direction)
{
    return direction != ASH_DMA_TO_DEVICE;
}

static uint64_t line_of(const struct ash_dma_device *by)
{
    return by->coherent ? 1 : LINE;
}

/* The call returned this, and told of misuse. */
static void check_result(int result, int wanted, bool told)
{
    if (result != wanted) {
        fprintf(stderr, "model: %s, wanted %s\n", ash_strerror(result), ash_strerror(wanted));
    }
    MUST(result == wanted);
    faults += told && ASH_CHECK >= 1;
    MUST(support_faults.count == faults);
    MUST(faults == 0 || support_faults.last.kind == ASH_FAULT_DMA);
}

/* What the device may not have as it lies: 0, ASH_ERANGE, ASH_EALIGN. */
static int why_not(const struct ash_dma_device *by, uint64_t pa, uint64_t size,
                   enum ash_dma_direction direction)
{
    uint64_t bus = pa + OFFSET;

    if (bus + size - 1 > by->mask || (by->segment != 0 && size > by->segment) ||
        (by->boundary != 0 && bus / by->boundary != (bus + size - 1) / by->boundary)) {
        return ASH_ERANGE;
    }
    if ((by->alignment != 0 && bus % by->alignment != 0) ||
        (device_writes(direction) && (pa % line_of(by) != 0 || size % line_of(by) != 0))) {
        return ASH_EALIGN;
    }
    return 0;
}

/* Slots of a bounce buffer that mappings have. */
static void slots_in_use(const struct ash_dma_bounce *in, bool *used)
{
    memset(used, 0, SLOTS * sizeof *used);
    for (unsigned i = 0; i < MAPPINGS; i++) {
        if (known[i].by != NULL && known[i].copied && known[i].by->bounce == in) {
            uint64_t skip = address(known[i].first) & known[i].by->keep;
            uint64_t begin = known[i].work - skip - in->block.pa.value;
            uint64_t end = known[i].work + known[i].size - in->block.pa.value;

            for (uint64_t slot = begin / SLOT; slot < (end + SLOT - 1) / SLOT; slot++) {
                MUST(!used[slot]);
                used[slot] = true;
            }
        }
    }
}

/* The place that a copy must get: the first that fits, by trying all; 0: there is none. */
static uint64_t place_of(const struct ash_dma_device *by, uint64_t pa, uint64_t size, bool empty)
{
    uint64_t base = by->bounce->block.pa.value, skip = pa & by->keep;
    bool used[SLOTS];

    slots_in_use(by->bounce, used);
    for (uint64_t slot = 0; slot < SLOTS; slot++) {
        uint64_t at = base + slot * SLOT + skip, bus = at + OFFSET;
        uint64_t end = (slot * SLOT + skip + size + SLOT - 1) / SLOT;
        bool fits = end <= SLOTS && (by->alignment == 0 || bus % by->alignment == 0) &&
                    (bus & by->keep) == ((pa + OFFSET) & by->keep) &&
                    (by->boundary == 0 || bus / by->boundary == (bus + size - 1) / by->boundary);

        for (uint64_t i = slot; i < end && fits && !empty; i++) {
            fits = !used[i];
        }
        if (fits) {
            return at;
        }
    }
    return 0;
}

static bool overlaps(uint32_t first, uint64_t size, enum ash_dma_direction direction)
{
    for (unsigned i = 0; i < MAPPINGS; i++) {
        if (known[i].by != NULL &&
            (device_writes(direction) || device_writes(known[i].direction)) &&
            first < known[i].first + known[i].size && known[i].first < first + size) {
            return true;
        }
    }
    return false;
}

/* Steps */

static void renew_device(unsigned n)
{
    struct ash_dma_device *by = &device[n];
    struct ash_dma_device next = {.name = "fuzzed", .bus_offset = OFFSET};

    for (unsigned i = 0; i < MAPPINGS; i++) {
        if (known[i].by == by) {
            return;
        }
    }
    if (by->name != NULL) {
        check_result(ash_dma_exit(by), 0, false);
        MUST(bounce[n].slots == 0 || ash_dma_bounce_destroy(&bounce[n]) == 0);
    }
    next.mask = once_in(3) ? UINT64_MAX : 0x7fffffff; /* the second does not reach FAR_AT */
    next.alignment = once_in(3) ? UINT64_C(1) << fuzz_draw(13) : 0;
    next.boundary = once_in(3) ? UINT64_C(64) << fuzz_draw(11) : 0;
    next.segment = once_in(4) ? 1 + fuzz_draw(8192) : 0;
    next.keep = once_in(3) ? (UINT64_C(1) << fuzz_draw(13)) - 1 : 0;
    next.coherent = sim_coherent_devices;
    next.bounce = once_in(5) ? NULL : &bounce[n];
    *by = next;
    if (by->bounce != NULL) {
        MUST(ash_dma_bounce_create(by->bounce, "fuzzed", ash_pmem_find("dma"), SLOTS * SLOT, by) ==
             0);
        MUST(by->bounce->slots == SLOTS);
    }
    MUST(ash_dma_init(by) == 0);
}

static void map_one(unsigned n)
{
    struct ash_dma_device *by = &device[fuzz_draw(DEVICES)];
    enum ash_dma_direction direction = once_in(40) ? fuzz_draw(6) : 1 + fuzz_draw(3);
    uint32_t unit = once_in(3) ? 1 : LINE, arena = fuzz_draw(2) * ARENA;
    uint32_t first = fuzz_draw(ARENA / unit) * unit;
    size_t size = (1 + fuzz_draw(1u << fuzz_draw(9))) * unit;
    uint64_t pa = address(arena + first);
    int wanted, why;
    bool told = false;

    if (once_in(50)) {
        size = once_in(2) ? 0 : SIZE_MAX - fuzz_draw(256);
    }
    if (size == 0 || direction < 1 || direction > 3) {
        wanted = ASH_EINVAL;
    } else if (known[n].by != NULL) {
        wanted = ASH_EBUSY;
        told = true;
    } else if (size > ARENA - first) {
        /* Past its end there is the region, or nothing. */
        if (size < 2 * ARENA) {
            return;
        }
        wanted = ASH_ERANGE;
    } else if (overlaps(arena + first, size, direction)) {
        wanted = ASH_EBUSY;
        told = true;
    } else {
        why = why_not(by, pa, size, direction);
        wanted = why;
        if (why != 0 && by->bounce != NULL && (by->segment == 0 || size <= by->segment)) {
            uint64_t skip = pa & by->keep;

            wanted = by->alignment != 0 && skip % by->alignment != 0 ? ASH_EALIGN
                     : place_of(by, pa, size, true) == 0             ? ASH_ERANGE
                     : place_of(by, pa, size, false) == 0            ? ASH_ENOMEM
                                                                     : 0;
        }
    }
    if (ASH_CHECK == 0 && told && known[n].by == NULL) {
        return; /* nobody looks for overlaps */
    }
    check_result(ash_dma_map(by, ash_pa(pa), size, direction, &mapping[n]), wanted, told);
    if (wanted != 0) {
        MUST((mapping[n].device != NULL) == (known[n].by != NULL));
        return;
    }
    known[n].work = pa;
    known[n].copied = why_not(by, pa, size, direction) != 0;
    if (known[n].copied) {
        known[n].work = place_of(by, pa, size, false);
    }
    known[n].by = by;
    known[n].first = arena + first;
    known[n].size = (uint32_t)size;
    known[n].direction = direction;
    MUST(mapping[n].bus.value == known[n].work + OFFSET);
    MUST(ash_dma_is_bounced(&mapping[n]) == known[n].copied);
    for (uint32_t i = 0; i < size; i++) {
        owners[arena + first + i] |= (uint16_t)(1u << n);
    }
    sim_device_start();
    if (known[n].copied && once_in(4)) {
        /* What the copy leaves over of its slots is zero. */
        uint64_t base = by->bounce->block.pa.value, skip = pa & by->keep;
        size_t rest = (size_t)((base - known[n].work - size) % SLOT);

        sim_device_read(ash_pa(known[n].work - skip), buffer, (size_t)skip);
        sim_device_read(ash_pa(known[n].work + size), buffer + skip, rest);
        for (size_t i = 0; i < skip + rest; i++) {
            MUST(buffer[i] == 0);
        }
    }
}

/* Ends of the parts that the CPU would have: how many, if these bytes were its own as well (or not
 * any more). */
static unsigned parts_with(unsigned n, uint32_t begin, uint32_t end, bool own)
{
    unsigned parts = 0;
    bool before = false;

    for (uint32_t i = 0; i < known[n].size; i++) {
        bool has = (owners[known[n].first + i] >> n & 1) == 0;

        has = i >= begin && i < end ? own : has;
        parts += has && !before;
        before = has;
    }
    return parts;
}

static bool has_all(unsigned n, uint32_t begin, uint32_t end)
{
    for (uint32_t i = begin; i < end; i++) {
        if (owners[known[n].first + i] >> n & 1) {
            return false;
        }
    }
    return true;
}

static void check_bytes(uint32_t begin, uint32_t end)
{
    while (begin < end) {
        uint32_t run = begin;

        while (run < end && owners[run] == 0 && (run == begin || run != ARENA)) {
            run++;
        }
        if (run > begin) {
            MUST(sim_read(address(begin), buffer, run - begin));
            MUST(memcmp(buffer, &expected[begin], run - begin) == 0);
        }
        begin = run > begin ? run : begin + 1;
    }
}

static void sync_one(unsigned n, bool to_cpu)
{
    enum ash_dma_direction direction = once_in(10) ? fuzz_draw(5) : known[n].direction;
    uint64_t line = known[n].by == NULL ? 1 : line_of(known[n].by);
    uint32_t unit = once_in(8) ? 1 : LINE;
    size_t offset = fuzz_draw(known[n].size / unit + 1) * unit;
    size_t size = (1 + fuzz_draw((known[n].size - (uint32_t)offset) / unit + 1)) * unit;
    uint64_t begin, end;
    bool told = true;
    int wanted = 0;

    if (once_in(3) && offset < known[n].size) {
        size = known[n].size - offset;
    }
    if (once_in(50)) {
        size = once_in(3) ? 0 : SIZE_MAX - fuzz_draw(128);
    }
    if (once_in(50)) {
        offset = SIZE_MAX - fuzz_draw(128);
    }
    begin = known[n].work + offset;
    end = begin + size;
    if (known[n].by == NULL) {
        wanted = ASH_ENOENT;
    } else if (size == 0 || direction < 1 || direction > 3) {
        wanted = ASH_EINVAL;
        told = false;
    } else if (offset > known[n].size || size > known[n].size - offset) {
        wanted = ASH_ERANGE;
    } else if (direction != known[n].direction && known[n].direction != ASH_DMA_BIDIRECTIONAL) {
        wanted = ASH_EPERM;
    } else if (device_writes(known[n].direction) &&
               ((offset != 0 && begin % line != 0) ||
                (offset + size != known[n].size && end % line != 0))) {
        wanted = ASH_EALIGN;
    } else if (!to_cpu && !has_all(n, (uint32_t)offset, (uint32_t)(offset + size))) {
        wanted = ASH_ENOTOWNER;
    } else {
        told = false;
        wanted = parts_with(n, (uint32_t)offset, (uint32_t)(offset + size), to_cpu) > ASH_DMA_PARTS
                     ? ASH_ENOMEM
                     : 0;
    }
    if (to_cpu) {
        sim_device_done();
    }
    check_result(to_cpu ? ash_dma_sync_for_cpu(&mapping[n], offset, size, direction)
                        : ash_dma_sync_for_device(&mapping[n], offset, size, direction),
                 wanted, told);
    ash_dma_barrier();
    if (wanted != 0) {
        return;
    }
    for (size_t i = offset; i < offset + size; i++) {
        uint16_t *owner = &owners[known[n].first + i];

        *owner = (uint16_t)(to_cpu ? *owner & ~(1u << n) : *owner | 1u << n);
    }
    if (to_cpu) {
        check_bytes(known[n].first + (uint32_t)offset, known[n].first + (uint32_t)(offset + size));
    } else {
        sim_device_start();
    }
}

static void unmap_one(unsigned n)
{
    bool there = known[n].by != NULL;
    uint32_t first = known[n].first, size = known[n].size;

    sim_device_done();
    check_result(ash_dma_unmap(&mapping[n]), there ? 0 : ASH_ENOENT, !there);
    ash_dma_barrier();
    if (!there) {
        return;
    }
    MUST(mapping[n].device == NULL);
    known[n].by = NULL;
    known[n].size = 0;
    for (uint32_t i = first; i < first + size; i++) {
        owners[i] &= (uint16_t) ~(1u << n);
    }
    check_bytes(first, first + size);
}

/* A run of bytes of the mapping that the device has and no other device writes. */
static void device_touches(unsigned n)
{
    uint32_t at, count = 1 + fuzz_draw(300), begin;

    if (known[n].by == NULL) {
        return;
    }
    begin = fuzz_draw(known[n].size);
    for (at = begin; at < known[n].size && at < begin + count; at++) {
        if ((owners[known[n].first + at] >> n & 1) == 0) {
            break;
        }
    }
    if (at == begin) {
        return;
    }
    sim_device_read(ash_pa(known[n].work + begin), buffer, at - begin);
    MUST(memcmp(buffer, &expected[known[n].first + begin], at - begin) == 0);
    if (device_writes(known[n].direction) && once_in(2)) {
        memset(buffer, (int)fuzz_draw(256), at - begin);
        buffer[0] ^= 0x55;
        sim_device_write(ash_pa(known[n].work + begin), buffer, at - begin);
        memcpy(&expected[known[n].first + begin], buffer, at - begin);
    }
}

/* The CPU reads what it has, and writes where no device has a byte of the line. */
static void cpu_touches(void)
{
    uint32_t begin = fuzz_draw(BYTES / LINE) * LINE, end = begin + LINE * (1 + fuzz_draw(6)), at;

    end = end > BYTES ? BYTES : end;
    end = begin < ARENA && end > ARENA ? ARENA : end;
    check_bytes(begin, end);
    for (at = begin; at < end && owners[at] == 0; at++) {
    }
    at -= at % LINE;
    if (at > begin) {
        uint32_t skip = fuzz_draw(LINE);

        memset(buffer, (int)fuzz_draw(256), at - begin);
        MUST(sim_write(address(begin) + skip, buffer, at - begin - skip));
        memcpy(&expected[begin + skip], buffer, at - begin - skip);
    }
}

static void finish(void)
{
    struct ash_pmem_stats stats;

    for (unsigned n = 0; n < MAPPINGS; n++) {
        if (known[n].by != NULL) {
            unmap_one(n);
        }
    }
    check_bytes(0, BYTES);
    for (unsigned n = 0; n < DEVICES; n++) {
        MUST(ash_dma_exit(&device[n]) == 0);
        MUST(bounce[n].slots == 0 || ash_dma_bounce_destroy(&bounce[n]) == 0);
    }
    ash_pmem_stats(ash_pmem_find("dma"), &stats);
    MUST(stats.free == REGION_IN);
    MUST(ash_frames_owned(ASH_OWNER_DMA) == 0);
    MUST(support_faults.count == faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned n = 0;

    fuzz_input(data, size);
    start_machine();
    sim_coherent_devices = once_in(4);
    memset(device, 0, sizeof device);
    memset(bounce, 0, sizeof bounce);
    memset(mapping, 0, sizeof mapping);
    memset(known, 0, sizeof known);
    memset(owners, 0, sizeof owners);
    memset(expected, 0x11, sizeof expected);
    faults = 0;
    MUST(sim_write(NEAR_AT, expected, ARENA) && sim_write(FAR_AT, expected, ARENA));
    for (unsigned i = 0; i < DEVICES; i++) {
        renew_device(i);
    }
    while (fuzz_input_left() > 0) {
        unsigned what = fuzz_draw(16);

        /* The same one for a while, so that its parts come and go. */
        n = once_in(6) ? fuzz_draw(MAPPINGS) : n;
        fuzz_steps++;
        if (what < 3) {
            map_one(n);
        } else if (what < 4) {
            unmap_one(n);
        } else if (what < 7) {
            sync_one(n, true);
        } else if (what < 9) {
            sync_one(n, false);
        } else if (what < 12) {
            device_touches(n);
        } else if (what < 15 || fuzz_draw(8) != 0) {
            cpu_touches();
        } else {
            renew_device(fuzz_draw(DEVICES));
        }
    }
    finish();
    return 0;
}
