/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes page frames against a flat model: one entry a frame, which has no idea of blocks or lists.
 * The model says what each call answers, which frames it may give, what the checker tells of a
 * wrong one, and, while nothing is kept for CPUs, whether a request must succeed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/frames.h"
#include "port/sim/sim.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support.h"

#define BASE   UINT64_C(0x40000000)
#define FIRST  (uint32_t)(BASE >> ASH_PAGE_SHIFT)
#define SPAN   1536u /* frames from BASE on that the model knows */
#define BLOCKS 48u

/* Two ranges with odd ends, a hole, and zone limits inside of what could be one block. */
static const struct ash_range ram[] = {{{BASE + 0x3000}, 500 * 0x1000},
                                       {{BASE + 0x300000}, 77 * 0x1000}};
static const struct ash_range reserved[] = {{{BASE + 0x11000}, 0x3000},
                                            {{BASE + 0x300000}, 0x1000}};
static const struct ash_frames_config config = {
    .dma_limit = {BASE + 0x35000},
    .direct_limit = {BASE + 0x1c5000},
};

enum { HOLE, RESERVED, FREE, USED };

static struct {
    uint8_t state, zone;
} model[SPAN];

static struct {
    ash_frame_t frame;
    unsigned order, owner;
    uint32_t count; /* references; 0: not in use */
} blocks[BLOCKS];

static bool cached;

static void start(void)
{
    struct ash_regions regions;
    uint64_t cursor = 0;
    struct ash_range range;

    sim_start();
    support_faults_reset();
    ash_regions_init(&regions);
    memset(model, 0, sizeof model);
    memset(blocks, 0, sizeof blocks);
    for (unsigned i = 0; i < 2; i++) {
        sim_add_ram(ram[i].base, (size_t)ram[i].size);
        MUST(ash_regions_add(&regions, ram[i]) == 0);
        MUST(ash_regions_reserve(&regions, reserved[i]) == 0);
    }
    MUST(ash_frames_init(&regions, &config) == 0);
    cached = true;
    for (unsigned i = 0; i < SPAN; i++) {
        uint64_t at = (uint64_t)(FIRST + i) << ASH_PAGE_SHIFT;

        if (ash_regions_is_ram(&regions, (struct ash_range){ash_pa(at), 0x1000})) {
            model[i].state = RESERVED;
        }
        model[i].zone = at < config.dma_limit.value      ? ASH_ZONE_DMA
                        : at < config.direct_limit.value ? ASH_ZONE_NORMAL
                                                         : ASH_ZONE_HIGH;
    }
    while (ash_regions_next_free(&regions, &cursor, &range)) {
        for (uint64_t at = range.base.value; at < range.base.value + range.size; at += 0x1000) {
            model[(at >> ASH_PAGE_SHIFT) - FIRST].state = FREE;
        }
    }
}

static bool can_serve(int zone, unsigned order)
{
    uint32_t size = 1u << order;

    for (uint32_t i = 0; i + size <= SPAN; i += size) { /* FIRST is aligned to all orders */
        uint32_t n = 0;

        while (n < size && model[i + n].state == FREE && model[i + n].zone == zone) {
            n++;
        }
        if (n == size) {
            return true;
        }
    }
    return false;
}

static void set_state(ash_frame_t frame, unsigned order, uint8_t from, uint8_t to)
{
    for (uint32_t i = frame.number - FIRST; i < frame.number - FIRST + (1u << order); i++) {
        MUST(i < SPAN && model[i].state == from &&
             model[i].zone == model[frame.number - FIRST].zone);
        model[i].state = to;
    }
}

static void no_fault(void)
{
    MUST(support_faults.count == 0);
}

static void allocate(unsigned slot)
{
    static const unsigned zones[] = {ASH_FRAMES_NORMAL, ASH_FRAMES_DMA, ASH_FRAMES_HIGH};
    static const int tops[] = {ASH_ZONE_NORMAL, ASH_ZONE_DMA, ASH_ZONE_HIGH};
    unsigned pick = fuzz_draw(3), how = fuzz_draw(16);
    unsigned order = how < 8 ? 0 : how < 14 ? fuzz_draw(4) : fuzz_draw(ASH_MAX_ORDER + 1);
    unsigned owner = fuzz_draw(ASH_OWNERS),
             aligned = fuzz_draw(8) == 0 ? order + fuzz_draw(3) : order;
    unsigned flags =
        zones[pick] | ASH_FRAMES_OWNER(owner) | (fuzz_draw(2) ? ASH_FRAMES_MOVABLE : 0);
    ash_frame_t frame = {0};
    int zone = tops[pick], error;

    if (aligned == order) {
        error = ash_frames_alloc(order, flags, &frame);
    } else {
        const struct ash_frames_request request = {
            .size = (ASH_PAGE_SIZE << order) - fuzz_draw(ASH_PAGE_SIZE),
            .align = (uint64_t)ASH_PAGE_SIZE << aligned,
            .boundary = fuzz_draw(2) == 0 ? 0 : (uint64_t)ASH_PAGE_SIZE << order,
            .flags = flags,
        };
        unsigned got = 99;

        error = ash_frames_request(&request, &frame, &got);
        MUST(error != 0 || got == order);
    }
    while (zone >= 0 && (aligned > ASH_MAX_ORDER || !can_serve(zone, aligned))) {
        zone--;
    }
    if (aligned > ASH_MAX_ORDER) {
        MUST(error == ASH_EINVAL);
        return;
    }
    MUST(error == (zone < 0 ? ASH_ENOMEM : 0));
    no_fault();
    if (error != 0) {
        return;
    }
    MUST(frame.number % (1u << aligned) == 0 && frame.number - FIRST < SPAN);
    MUST(cached ? model[frame.number - FIRST].zone <= zone
                : model[frame.number - FIRST].zone == zone);
    set_state(frame, order, FREE, USED);
    blocks[slot].frame = frame;
    blocks[slot].order = order;
    blocks[slot].owner = owner;
    blocks[slot].count = 1;
}

static void drop(unsigned slot)
{
    if (fuzz_draw(4) == 0) {
        ash_frames_put(blocks[slot].frame);
    } else {
        ash_frames_free(blocks[slot].frame, blocks[slot].order);
    }
    no_fault();
    if (--blocks[slot].count == 0) {
        set_state(blocks[slot].frame, blocks[slot].order, USED, FREE);
    }
}

/** The block that a used frame lies in. */
static unsigned slot_of(uint32_t number)
{
    for (unsigned slot = 0; slot < BLOCKS; slot++) {
        if (blocks[slot].count != 0 &&
            number - blocks[slot].frame.number < 1u << blocks[slot].order) {
            return slot;
        }
    }
    return BLOCKS;
}

static void check_frame(uint32_t i)
{
    static const enum ash_frame_state states[] = {ASH_FRAME_ABSENT, ASH_FRAME_RESERVED,
                                                  ASH_FRAME_FREE, ASH_FRAME_USED};
    struct ash_frame_info info;

    ash_frames_query((ash_frame_t){FIRST + i}, &info);
    MUST(info.state == states[model[i].state]);
    if (model[i].state == FREE || model[i].state == USED) {
        MUST(info.zone == (enum ash_zone)model[i].zone);
        MUST(FIRST + i - info.head.number < 1u << info.order);
    }
    if (model[i].state == USED) {
        unsigned slot = slot_of(FIRST + i);

        MUST(slot < BLOCKS && info.head.number == blocks[slot].frame.number);
        MUST(info.order == blocks[slot].order && info.owner == blocks[slot].owner);
        MUST(info.count == blocks[slot].count);
    }
}

/** Frees, puts or shares a frame, or another order of a block: if that is wrong, it is told. */
static void misuse(void)
{
    uint32_t i = fuzz_draw(SPAN);
    unsigned order = fuzz_draw(ASH_MAX_ORDER + 3), how = fuzz_draw(3);
    unsigned slot = model[i].state == USED ? slot_of(FIRST + i) : BLOCKS;
    enum ash_fault_kind kind = model[i].state == USED   ? ASH_FAULT_MISALIGNED
                               : model[i].state == FREE ? ASH_FAULT_DOUBLE_FREE
                                                        : ASH_FAULT_FOREIGN;

    if (ASH_CHECK == 0 || (slot < BLOCKS && blocks[slot].frame.number == FIRST + i &&
                           (how != 0 || blocks[slot].order == order))) {
        return; /* it would be right */
    }
    if (how == 0) {
        ash_frames_free((ash_frame_t){FIRST + i}, order);
    } else if (how == 1) {
        ash_frames_put((ash_frame_t){FIRST + i});
    } else {
        ash_frames_get((ash_frame_t){FIRST + i});
    }
    MUST(support_faults.count == 1 && support_faults.last.kind == kind);
    MUST(support_faults.last.address == (uint64_t)(FIRST + i) << ASH_PAGE_SHIFT);
    support_faults_reset();
    check_frame(i);
}

static void check_all(void)
{
    uint32_t free[ASH_ZONE_COUNT] = {0}, used = 0;

    for (uint32_t i = 0; i < SPAN; i++) {
        check_frame(i);
        free[model[i].zone] += model[i].state == FREE;
        used += model[i].state == USED;
    }
    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        struct ash_frames_stats stats;
        uint32_t listed = 0;

        MUST(ash_frames_stats((enum ash_zone)zone, &stats) == 0);
        for (unsigned order = 0; order <= ASH_MAX_ORDER; order++) {
            listed += stats.blocks[order] << order;
        }
        MUST(stats.free == free[zone] && listed == free[zone]);
        MUST(stats.high_water >= stats.total - stats.free && stats.high_water <= stats.total);
        for (int order = stats.largest + 1; !cached && order <= ASH_MAX_ORDER; order++) {
            MUST(!can_serve((int)zone, (unsigned)order));
        }
    }
    MUST(ash_frames_owned(ASH_OWNERS) == used);
    MUST(ash_frames_verify() == 0);
    no_fault();
}

static void adopt(void)
{
    uint32_t i = fuzz_draw(SPAN);
    unsigned slot = fuzz_draw(BLOCKS);
    struct ash_range range = {ash_frame_pa((ash_frame_t){FIRST + i}), ASH_PAGE_SIZE};

    if (blocks[slot].count != 0) {
        return;
    }
    if (model[i].state != RESERVED || fuzz_draw(4) != 0) {
        MUST(model[i].state == RESERVED ||
             ash_frames_adopt(range, 0) == (model[i].state == HOLE ? ASH_ERANGE : ASH_EBUSY));
        return;
    }
    if ((FIRST + i) << ASH_PAGE_SHIFT > config.dma_limit.value) {
        return; /* the allocator's own metadata, perhaps */
    }
    MUST(ash_frames_adopt(range, 3) == 0);
    model[i].state = USED;
    blocks[slot].frame = (ash_frame_t){FIRST + i};
    blocks[slot].order = 0;
    blocks[slot].owner = 3;
    blocks[slot].count = 1;
}

static void step(void)
{
    unsigned slot = fuzz_draw(BLOCKS), what = fuzz_draw(64);

    fuzz_steps++;
    if (what == 0) {
        check_all();
    } else if (what == 1) {
        cached = fuzz_draw(2) != 0;
        ash_frames_cache(cached);
    } else if (what == 2) {
        adopt();
    } else if (what < 8) {
        misuse();
    } else if (what < 12) {
        check_frame(fuzz_draw(SPAN));
    } else if (blocks[slot].count == 0) {
        allocate(slot);
    } else if (what < 16) {
        ash_frames_get(blocks[slot].frame);
        blocks[slot].count++;
    } else {
        drop(slot);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input(data, size);
    start();
    while (fuzz_input_left() > 0) {
        step();
    }
    for (unsigned slot = 0; slot < BLOCKS; slot++) {
        while (blocks[slot].count != 0) {
            drop(slot);
        }
    }
    check_all();
    return 0;
}
