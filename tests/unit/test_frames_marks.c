/* SPDX-License-Identifier: MIT */
/*
 * What the frame allocator tells of itself: marks that free memory passes, leaks by owner, usage;
 * and requests with conditions.
 */
#include "tests/unit/frames_machine.h"

#define BASE   0x40000000ull
#define FRAMES 256u

static struct {
    unsigned count[3];
    enum ash_frames_level last;
    ash_frame_t frame; /* that the callback took */
    bool takes;
} told;

static void crossed(enum ash_zone zone, enum ash_frames_level level, void *arg)
{
    assert_int_equal(zone, ASH_ZONE_NORMAL);
    assert_ptr_equal(arg, &told);
    assert_false(sim_irq_masked);
    told.count[level]++;
    told.last = level;
    if (told.takes) { /* no lock is held */
        told.takes = false;
        assert_int_equal(ash_frames_alloc(0, 0, &told.frame), 0);
        ash_frames_free(told.frame, 0);
    }
}

static const struct ash_frames_marks marks = {10, 40, 60, crossed, &told};

static void expect_told(unsigned enough, unsigned low, unsigned min)
{
    assert_int_equal(told.count[ASH_FRAMES_ENOUGH], enough);
    assert_int_equal(told.count[ASH_FRAMES_LOW], low);
    assert_int_equal(told.count[ASH_FRAMES_MIN], min);
}

static void levels_are_told_once(void **state)
{
    static ash_frame_t frames[FRAMES];
    struct ash_frames_stats stats;
    unsigned count = 0;

    (void)state;
    machine_start(BASE, MIB);
    memset(&told, 0, sizeof told);
    assert_int_equal(ash_frames_watch(ASH_ZONE_NORMAL, &marks), 0);
    for (unsigned round = 1; round <= 2; round++) {
        while (count < FRAMES - 40) {
            assert_int_equal(ash_frames_alloc(0, 0, &frames[count++]), 0);
        }
        expect_told(round - 1, round - 1, round - 1);
        told.takes = true;
        assert_int_equal(ash_frames_alloc(0, 0, &frames[count++]), 0);
        expect_told(round - 1, round, round - 1);
        while (count < FRAMES - 10) {
            assert_int_equal(ash_frames_alloc(0, 0, &frames[count++]), 0);
        }
        expect_told(round - 1, round, round - 1);
        assert_int_equal(ash_frames_alloc(0, 0, &frames[count++]), 0);
        expect_told(round - 1, round, round);
        while (count < FRAMES) {
            assert_int_equal(ash_frames_alloc(0, 0, &frames[count++]), 0);
        }
        while (count > FRAMES - 59) {
            ash_frames_free(frames[--count], 0);
        }
        expect_told(round - 1, round, round);
        ash_frames_free(frames[--count], 0);
        expect_told(round, round, round);
    }
    assert_int_equal(ash_frames_stats(ASH_ZONE_NORMAL, &stats), 0);
    assert_int_equal(stats.high_water, FRAMES);
    assert_int_equal(ash_frames_watch(ASH_ZONE_NORMAL, NULL), 0);
    while (count > 0) {
        ash_frames_free(frames[--count], 0);
    }
    while (ash_frames_alloc(0, 0, &frames[count]) == 0) {
        count++;
    }
    expect_told(2, 2, 2);
    assert_int_equal(ash_frames_verify(), 0);
}

static void what_is_below_is_told_at_once(void **state)
{
    const struct ash_frames_marks bad[] = {
        {5, 4, 6, crossed, NULL}, {4, 7, 6, crossed, NULL}, {1, 2, 3, NULL, NULL}};
    ash_frame_t block;

    (void)state;
    machine_start(BASE, MIB);
    memset(&told, 0, sizeof told);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ash_frames_watch(ASH_ZONE_NORMAL, &bad[i]), ASH_EINVAL);
    }
    assert_int_equal(ash_frames_watch(ASH_ZONE_COUNT, &marks), ASH_EINVAL);
    assert_int_equal(ash_frames_alloc(7, 0, &block), 0);
    assert_int_equal(ash_frames_alloc(6, 0, &block), 0);
    assert_int_equal(ash_frames_alloc(5, 0, &block), 0);
    assert_int_equal(ash_frames_watch(ASH_ZONE_NORMAL, &marks), 0);
    expect_told(0, 1, 0);
    ash_frames_free(block, 5);
    expect_told(1, 1, 0);
}

static char printed[8192];
static size_t length;

static int print(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int print(const char *format, ...)
{
    va_list args;
    int count;

    assert_false(sim_irq_masked);
    va_start(args, format);
    count = vsnprintf(printed + length, sizeof printed - length, format, args);
    va_end(args);
    length += (size_t)count;
    return count;
}

static void leaks_are_listed_by_owner(void **state)
{
    ash_frame_t single, block, other;

    (void)state;
    machine_start(BASE, MIB);
    length = 0;
    assert_int_equal(ash_frames_alloc(0, ASH_FRAMES_OWNER(20), &single), 0);
    assert_int_equal(ash_frames_alloc(3, ASH_FRAMES_OWNER(20), &block), 0);
    assert_int_equal(ash_frames_alloc(3, ASH_FRAMES_OWNER(21), &other), 0);
    ash_frames_get(block);
    assert_int_equal(ash_frames_leaks(20, print), 2);
    assert_string_equal(printed, "0x0040000000      1 frames      1 references\n"
                                 "0x0040008000      8 frames      2 references\n");
    assert_int_equal(ash_frames_leaks(ASH_OWNERS, print), 3);
    assert_int_equal(ash_frames_leaks(22, print), 0);
    for (unsigned i = 0; i < 100; i++) { /* more than are looked at in a step */
        assert_int_equal(ash_frames_alloc(0, ASH_FRAMES_OWNER(22), &other), 0);
    }
    length = 0;
    assert_int_equal(ash_frames_leaks(22, print), 100);
}

static void one_zone(const struct ash_usage *usage, void *arg)
{
    *(struct ash_usage *)arg = *usage;
    assert_false(sim_irq_masked);
}

static void usage_is_described(void **state)
{
    struct ash_usage usage = {0};
    ash_frame_t block;

    (void)state;
    machine_start(BASE, MIB);
    assert_int_equal(ash_frames_alloc(3, 0, &block), 0);
    assert_int_equal(ash_frames_alloc(8, 0, &block), ASH_ENOMEM);
    ash_frames_usage(one_zone, &usage);
    assert_string_equal(usage.module, "frames");
    assert_string_equal(usage.name, "NORMAL");
    assert_int_equal(usage.total, MIB);
    assert_int_equal(usage.used, 0x8000);
    assert_int_equal(usage.free, MIB - 0x8000);
    assert_int_equal(usage.largest, MIB / 2);
    assert_int_equal(usage.high_water, 0x8000);
    assert_int_equal(usage.failures, 1);
    assert_int_equal(usage.blocks, 1);
}

static int request(size_t size, uint64_t align, uint64_t boundary, uint64_t mask, ash_frame_t *out,
                   unsigned *order)
{
    const struct ash_frames_request wanted = {size, align, boundary, mask,
                                              ASH_FRAMES_OWNER(ASH_OWNER_TEST)};

    return ash_frames_request(&wanted, out, order);
}

static void conditions_are_met(void **state)
{
    uint64_t last = BASE + MIB - 1;
    ash_frame_t first, frame;
    unsigned order = 99;

    (void)state;
    machine_start(BASE, MIB);
    assert_int_equal(ash_frames_alloc(0, 0, &first), 0);
    for (unsigned i = 0; i < 3; i++) {
        /* Aligned beyond the size: the rest of it is free again. */
        assert_int_equal(request(0x3000, 0x20000, 0x4000, 0, &frame, &order), 0);
        assert_int_equal(order, 2);
        assert_int_equal(frame.number % 32, 0);
        assert_int_equal(machine_free(), FRAMES - 1 - 4 * (i + 1));
        assert_int_equal(ash_frames_owned(ASH_OWNER_TEST), 4 * (i + 1));
        assert_int_equal(ash_frames_verify(), 0);
    }
    ash_frames_free(frame, order);
    assert_int_equal(request(0x1000, 0, 0, last + 0x100000, &frame, &order), 0);
    assert_int_equal(order, 0);
    order = 99;
    frame.number = 77;
    assert_int_equal(request(0, 0, 0, 0, &frame, &order), ASH_EINVAL);
    assert_int_equal(request(SIZE_MAX, 0, 0, 0, &frame, &order), ASH_EINVAL);
    assert_int_equal(request(0x1000, 0x3000, 0, 0, &frame, &order), ASH_EINVAL);
    assert_int_equal(request(0x1000, UINT64_C(1) << 63, 0, 0, &frame, &order), ASH_EINVAL);
    assert_int_equal(request(0x3000, 0, 0x2000, 0, &frame, &order), ASH_EINVAL);
    assert_int_equal(request(0x3000, 0, 0x5000, 0, &frame, &order), ASH_EINVAL);
    assert_int_equal(request(0x1000, 0, 0, last, &frame, &order), ASH_ERANGE); /* the metadata's */
    assert_int_equal(request(0x1000, 0, 0, BASE, &frame, &order), ASH_ERANGE);
    assert_int_equal(request(MIB, 0, 0, 0, &frame, &order), ASH_ENOMEM);
    assert_int_equal(frame.number, 77);
    assert_int_equal(order, 99);
}

/* DMA up to BASE + 256 KiB, NORMAL up to BASE + 768 KiB, HIGH above. */
static void masks_name_zones(void **state)
{
    const struct ash_frames_config config = {.dma_limit = ash_pa(BASE + 0x40000),
                                             .direct_limit = ash_pa(BASE + 0xc0000)};
    struct ash_regions regions;
    ash_frame_t frame;
    unsigned flags = 0, order;
    struct ash_frame_info info;

    (void)state;
    sim_start();
    machine_forget_faults();
    sim_add_ram(ash_pa(BASE), 0xc0000);
    ash_regions_init(&regions);
    assert_int_equal(ash_regions_add(&regions, machine_range(BASE, MIB)), 0);
    assert_int_equal(ash_frames_init(&regions, &config), 0);
    assert_int_equal(ash_frames_zone_of_mask(UINT64_MAX, &flags), 0);
    assert_int_equal(flags, ASH_FRAMES_HIGH);
    assert_int_equal(ash_frames_zone_of_mask(BASE + MIB - 1, &flags), 0);
    assert_int_equal(flags, ASH_FRAMES_HIGH);
    assert_int_equal(ash_frames_zone_of_mask(BASE + MIB - 2, &flags), 0);
    assert_int_equal(flags, ASH_FRAMES_NORMAL);
    assert_int_equal(ash_frames_zone_of_mask(BASE + 0xbffff, &flags), 0);
    assert_int_equal(flags, ASH_FRAMES_NORMAL);
    assert_int_equal(ash_frames_zone_of_mask(BASE + 0xbfffe, &flags), 0);
    assert_int_equal(flags, ASH_FRAMES_DMA);
    assert_int_equal(ash_frames_zone_of_mask(BASE + 0x3ffff, &flags), 0);
    assert_int_equal(flags, ASH_FRAMES_DMA);
    assert_int_equal(ash_frames_zone_of_mask(BASE + 0x3fffe, &flags), ASH_ERANGE);
    assert_int_equal(request(0x1000, 0, 0, BASE + 0x3ffff, &frame, &order), 0);
    ash_frames_query(frame, &info);
    assert_int_equal(info.zone, ASH_ZONE_DMA);
    assert_int_equal(ash_frames_verify(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_told_once),
        cmocka_unit_test(what_is_below_is_told_at_once),
        cmocka_unit_test(leaks_are_listed_by_owner),
        cmocka_unit_test(usage_is_described),
        cmocka_unit_test(conditions_are_met),
        cmocka_unit_test(masks_name_zones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
