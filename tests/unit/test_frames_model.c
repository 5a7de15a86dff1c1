/* SPDX-License-Identifier: MIT */
/*
 * Page frames against a model: one entry a frame, and no idea of blocks or lists. The model decides
 * whether a request can be served, from which zone, and what a frame must answer.
 *
 * A buddy allocator that merges whatever can be merged serves a request exactly if somewhere in the
 * zone a naturally aligned run of that many frames is free: so the model needs no more than that.
 */
#include "tests/unit/frames_machine.h"

#define BASE  0x40000000ull
#define FIRST (uint32_t)(BASE >> 12)
#define SPAN  4096u /* frames from BASE on that the model knows */

/* Odd starts and ends, several ranges, holes, and zone limits inside of what could be one block. */
static const struct ash_range ram[] = {
    {{BASE + 0x3000}, 700 * 0x1000},     {{BASE + 4 * MIB}, MIB},
    {{BASE + 6 * MIB + 0x9000}, 0x1000}, {{BASE + 8 * MIB + 0x5000}, 333 * 0x1000},
    {{BASE + 13 * MIB}, MIB / 2}, /* only the metadata's */
};
static const struct ash_range reserved[] = {
    {{BASE}, 0x8000},
    {{BASE + 0x10000}, 0x1000},
    {{BASE + 0x123456}, 0x4321},
    {{BASE + 4 * MIB + 0x80000}, 0x80000},
    {{BASE + 12 * MIB}, 0x200000 - 0x80000},
};
static const struct ash_frames_config config = {
    .dma_limit = {BASE + 0x155000},
    .direct_limit = {BASE + 8 * MIB + 0x65000},
};

enum { HOLE, RESERVED, FREE, USED };

static struct {
    uint8_t state;
    uint8_t zone;
    uint16_t block; /* USED: which, plus 1 */
} model[SPAN];

#define BLOCKS 600u
static struct {
    ash_frame_t frame;
    unsigned order, owner;
    uint32_t count; /* references; 0: not in use */
} blocks[BLOCKS];

static bool cached; /* single frames are kept, and so not always merged */

static void start(void)
{
    struct ash_regions regions;
    uint64_t cursor = 0;
    struct ash_range range;

    sim_start();
    machine_forget_faults();
    ash_regions_init(&regions);
    memset(model, 0, sizeof(model));
    memset(blocks, 0, sizeof(blocks));
    for (unsigned i = 0; i < sizeof(ram) / sizeof(ram[0]); i++) {
        sim_add_ram(ram[i].base, ram[i].size);
        assert_int_equal(ash_regions_add(&regions, ram[i]), 0);
    }
    for (unsigned i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        assert_int_equal(ash_regions_reserve(&regions, reserved[i]), 0);
    }
    /* The metadata's range is above direct_limit, so it goes where the rest goes: the highest place
     * in DMA or NORMAL. */
    assert_int_equal(ash_frames_init(&regions, &config), 0);
    ash_frames_cache(cached);
    for (unsigned i = 0; i < SPAN; i++) {
        uint64_t at = (uint64_t)(FIRST + i) << 12;

        if (ash_regions_is_ram(&regions, machine_range(at, 0x1000))) {
            model[i].state = RESERVED;
        }
        model[i].zone = at < config.dma_limit.value      ? ASH_ZONE_DMA
                        : at < config.direct_limit.value ? ASH_ZONE_NORMAL
                                                         : ASH_ZONE_HIGH;
    }
    while (ash_regions_next_free(&regions, &cursor, &range)) {
        for (uint64_t at = range.base.value; at < range.base.value + range.size; at += 0x1000) {
            model[(at >> 12) - FIRST].state = FREE;
        }
    }
}

/** True if the model has an aligned run of free frames in the zone. */
static bool can_serve(unsigned zone, unsigned order)
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

static void allocate(void)
{
    static const unsigned zones[] = {ASH_FRAMES_NORMAL, ASH_FRAMES_DMA, ASH_FRAMES_HIGH};
    static const int tops[] = {ASH_ZONE_NORMAL, ASH_ZONE_DMA, ASH_ZONE_HIGH};
    unsigned pick = support_random_below(3);
    unsigned order = support_random_below(support_random_below(8) == 0 ? 10 : 5);
    unsigned owner = support_random_below(ASH_OWNERS);
    unsigned slot = support_random_below(BLOCKS);
    int zone = tops[pick];
    ash_frame_t frame = {0};
    int error;

    if (blocks[slot].count != 0) {
        return;
    }
    while (zone >= 0 && !can_serve((unsigned)zone, order)) {
        zone--;
    }
    error = ash_frames_alloc(order, zones[pick] | ASH_FRAMES_OWNER(owner), &frame);
    assert_int_equal(error, zone < 0 ? ASH_ENOMEM : 0);
    if (error != 0) {
        return;
    }
    assert_int_equal(frame.number & ((1u << order) - 1), 0);
    for (uint32_t i = frame.number - FIRST; i < frame.number - FIRST + (1u << order); i++) {
        assert_true(i < SPAN);
        assert_int_equal(model[i].state, FREE);
        if (cached) { /* a zone further down is asked before what is kept is merged */
            assert_true(model[i].zone <= zone);
        } else {
            assert_int_equal(model[i].zone, zone);
        }
        model[i].state = USED;
        model[i].block = (uint16_t)(slot + 1);
    }
    blocks[slot].frame = frame;
    blocks[slot].order = order;
    blocks[slot].owner = owner;
    blocks[slot].count = 1;
}

static void drop(unsigned slot)
{
    if (support_random_below(2) == 0) {
        ash_frames_free(blocks[slot].frame, blocks[slot].order);
    } else {
        ash_frames_put(blocks[slot].frame);
    }
    if (--blocks[slot].count == 0) {
        uint32_t first = blocks[slot].frame.number - FIRST;

        for (uint32_t i = first; i < first + (1u << blocks[slot].order); i++) {
            model[i].state = FREE;
        }
    }
}

static void check_frame(uint32_t i)
{
    static const enum ash_frame_state states[] = {ASH_FRAME_ABSENT, ASH_FRAME_RESERVED,
                                                  ASH_FRAME_FREE, ASH_FRAME_USED};
    struct ash_frame_info info;

    ash_frames_query((ash_frame_t){FIRST + i}, &info);
    assert_int_equal(info.state, states[model[i].state]);
    if (model[i].state == FREE || model[i].state == USED) {
        assert_int_equal(info.zone, model[i].zone);
        assert_true(FIRST + i - info.head.number < 1u << info.order);
    }
    if (model[i].state == USED) {
        unsigned slot = model[i].block - 1u;

        assert_int_equal(info.head.number, blocks[slot].frame.number);
        assert_int_equal(info.order, blocks[slot].order);
        assert_int_equal(info.owner, blocks[slot].owner);
        assert_int_equal(info.count, blocks[slot].count);
    }
}

static void check_all(void)
{
    uint32_t free[ASH_ZONE_COUNT] = {0};
    uint32_t owned[ASH_OWNERS] = {0};

    for (uint32_t i = 0; i < SPAN; i++) {
        check_frame(i);
        if (model[i].state == FREE) {
            free[model[i].zone]++;
        } else if (model[i].state == USED) {
            owned[blocks[model[i].block - 1].owner]++;
        }
    }
    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        struct ash_frames_stats stats;
        uint32_t listed = 0;

        assert_int_equal(ash_frames_stats((enum ash_zone)zone, &stats), 0);
        assert_int_equal(stats.free, free[zone]);
        for (unsigned order = 0; order <= ASH_MAX_ORDER; order++) {
            listed += stats.blocks[order] << order;
        }
        assert_int_equal(listed, free[zone]);
        for (int order = stats.largest + 1; !cached && order <= ASH_MAX_ORDER; order++) {
            assert_false(can_serve(zone, (unsigned)order));
        }
    }
    for (unsigned owner = 0; owner < ASH_OWNERS; owner++) {
        assert_int_equal(ash_frames_owned(owner), owned[owner]);
    }
    assert_int_equal(ash_frames_verify(), 0);
}

static void random_operations_agree_with_the_model(void **state)
{
    bool with_caches = *state != NULL;
    struct ash_frames_stats before[ASH_ZONE_COUNT];

    cached = with_caches;
    support_seed(4242);
    start();
    check_all();
    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        assert_int_equal(ash_frames_stats((enum ash_zone)zone, &before[zone]), 0);
        assert_true(before[zone].free > 50);
    }
    for (unsigned step = 0; step < 30000; step++) {
        /* Phases that fill until nothing is left, and that empty. */
        bool rising = step / 2000 % 2 == 0;
        unsigned slot = support_random_below(BLOCKS);

        if (support_random_below(100) < (rising ? 80u : 30u)) {
            allocate();
        } else if (blocks[slot].count != 0) {
            if (support_random_below(8) == 0) {
                ash_frames_get(blocks[slot].frame);
                blocks[slot].count++;
            } else {
                drop(slot);
            }
        }
        check_frame(support_random_below(SPAN));
        if (step % 500 == 0) {
            check_all();
        }
    }
    for (unsigned slot = 0; slot < BLOCKS; slot++) {
        while (blocks[slot].count != 0) {
            drop(slot);
        }
    }
    check_all();
    ash_frames_cache(false);
    cached = false;
    check_all();
    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        struct ash_frames_stats after;

        assert_int_equal(ash_frames_stats((enum ash_zone)zone, &after), 0);
        assert_memory_equal(after.blocks, before[zone].blocks, sizeof(after.blocks));
        assert_int_equal(after.total, before[zone].total);
        assert_true(after.high_water <= after.total && after.high_water > after.total / 2);
        assert_int_not_equal(after.failures, 0);
    }
    assert_int_equal(support_faults.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_agree_with_the_model),
        {"and_with_caches", random_operations_agree_with_the_model, NULL, NULL, "caches"},
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
