/* SPDX-License-Identifier: MIT */
/*
 * Page frames: the textbook example, the calls one by one, zones, references, adoption.
 */
#include "tests/unit/frames_machine.h"

#define BASE 0x40000000ull

static void check_blocks(enum ash_zone zone, const uint32_t *expected, unsigned orders)
{
    struct ash_frames_stats stats;

    assert_int_equal(ash_frames_stats(zone, &stats), 0);
    for (unsigned order = 0; order <= ASH_MAX_ORDER; order++) {
        assert_int_equal(stats.blocks[order], order < orders ? expected[order] : 0);
    }
}

/* 1 MiB; a request for 100 KiB gets a block of 128 KiB, split off 1 MiB, 512 KiB and 256 KiB. */
static void textbook_example(void **state)
{
    ash_frame_t a;
    ash_frame_t b;
    ash_frame_t c;

    (void)state;
    machine_start(BASE, MIB);
    check_blocks(ASH_ZONE_NORMAL, (const uint32_t[]){0, 0, 0, 0, 0, 0, 0, 0, 1}, 9);
    assert_int_equal(ash_frames_order(100 * 1024), 5);
    assert_int_equal(ash_frames_alloc(5, 0, &a), 0);
    assert_int_equal(a.number, BASE >> 12);
    check_blocks(ASH_ZONE_NORMAL, (const uint32_t[]){0, 0, 0, 0, 0, 1, 1, 1}, 8);
    assert_int_equal(ash_frames_alloc(ash_frames_order(240 * 1024), 0, &b), 0); /* 256 KiB */
    assert_int_equal(b.number, a.number + 64);
    assert_int_equal(ash_frames_alloc(ash_frames_order(64 * 1024), 0, &c), 0);
    assert_int_equal(c.number, a.number + 32);
    check_blocks(ASH_ZONE_NORMAL, (const uint32_t[]){0, 0, 0, 0, 1, 0, 0, 1}, 8);
    ash_frames_free(a, 5);
    check_blocks(ASH_ZONE_NORMAL, (const uint32_t[]){0, 0, 0, 0, 1, 1, 0, 1}, 8);
    ash_frames_free(c, 4); /* merges twice */
    check_blocks(ASH_ZONE_NORMAL, (const uint32_t[]){0, 0, 0, 0, 0, 0, 1, 1}, 8);
    ash_frames_free(b, 6); /* merges to the whole */
    check_blocks(ASH_ZONE_NORMAL, (const uint32_t[]){0, 0, 0, 0, 0, 0, 0, 0, 1}, 9);
    assert_int_equal(ash_frames_verify(), 0);
}

static void merges_up_to_the_largest_order(void **state)
{
    uint32_t largest[ASH_MAX_ORDER + 1] = {[ASH_MAX_ORDER] = 2};
    ash_frame_t frame;

    (void)state;
    machine_start(BASE, (uint64_t)ASH_PAGE_SIZE << (ASH_MAX_ORDER + 1));
    check_blocks(ASH_ZONE_NORMAL, largest, ASH_MAX_ORDER + 1);
    for (unsigned order = 0; order <= ASH_MAX_ORDER; order++) {
        assert_int_equal(ash_frames_alloc(order, 0, &frame), 0);
        ash_frames_free(frame, order);
        check_blocks(ASH_ZONE_NORMAL, largest, ASH_MAX_ORDER + 1);
    }
}

static void order_of_a_size(void **state)
{
    (void)state;
    assert_int_equal(ash_frames_order(0), 0);
    assert_int_equal(ash_frames_order(1), 0);
    assert_int_equal(ash_frames_order(4096), 0);
    assert_int_equal(ash_frames_order(4097), 1);
    assert_int_equal(ash_frames_order(8192), 1);
    assert_int_equal(ash_frames_order(8193), 2);
    assert_int_equal(ash_frames_order((size_t)4096 << ASH_MAX_ORDER), ASH_MAX_ORDER);
    assert_int_equal(ash_frames_order(((size_t)4096 << ASH_MAX_ORDER) + 1), ASH_MAX_ORDER + 1);
    assert_true(ash_frames_order(SIZE_MAX) > ASH_MAX_ORDER);
}

static void bad_requests_change_nothing(void **state)
{
    ash_frame_t frame = {77};
    struct ash_frames_stats stats;

    (void)state;
    machine_start(BASE, MIB);
    assert_int_equal(ash_frames_alloc(ASH_MAX_ORDER + 1, 0, &frame), ASH_EINVAL);
    assert_int_equal(ash_frames_alloc(UINT32_MAX, 0, &frame), ASH_EINVAL);
    assert_int_equal(ash_frames_alloc(0, 0x80, &frame), ASH_EINVAL); /* no such zone */
    assert_int_equal(ash_frames_alloc(0, ASH_FRAMES_OWNER(ASH_OWNERS), &frame), ASH_EINVAL);
    assert_int_equal(ash_frames_alloc(0, ASH_FRAMES_HIGH | ASH_FRAMES_ZERO, &frame), ASH_EINVAL);
    assert_int_equal(ash_frames_alloc(9, 0, &frame), ASH_ENOMEM); /* 2 MiB of 1 */
    assert_int_equal(ash_frames_alloc(0, ASH_FRAMES_DMA, &frame), ASH_ENOMEM);
    assert_int_equal(frame.number, 77);
    assert_int_equal(ash_frames_stats(ASH_ZONE_NORMAL, &stats), 0);
    assert_int_equal(stats.failures, 1);
    assert_int_equal(stats.high_water, 0);
    assert_int_equal(stats.largest, 8);
    assert_int_equal(ash_frames_stats(ASH_ZONE_DMA, &stats), 0);
    assert_int_equal(stats.failures, 1);
    assert_int_equal(stats.largest, -1);
    assert_int_equal(ash_frames_stats(ASH_ZONE_COUNT, &stats), ASH_EINVAL);
    assert_int_equal(machine_free(), 256);
}

static void exhaustion_and_back(void **state)
{
    static ash_frame_t frames[256];
    ash_frame_t none;

    (void)state;
    machine_start(BASE, MIB);
    for (unsigned i = 0; i < 256; i++) {
        assert_int_equal(ash_frames_alloc(0, 0, &frames[i]), 0);
        assert_true(frames[i].number - (BASE >> 12) < 256);
    }
    assert_int_equal(ash_frames_alloc(0, 0, &none), ASH_ENOMEM);
    assert_int_equal(ash_frames_alloc(8, 0, &none), ASH_ENOMEM);
    assert_int_equal(machine_free(), 0);
    for (unsigned i = 0; i < 256; i++) { /* every other one first */
        ash_frames_free(frames[(2 * i) % 256 + i / 128], 0);
    }
    check_blocks(ASH_ZONE_NORMAL, (const uint32_t[]){0, 0, 0, 0, 0, 0, 0, 0, 1}, 9);
    assert_int_equal(ash_frames_verify(), 0);
    assert_int_equal(support_faults.count, 0);
}

static void zeroed_frames_are_zero(void **state)
{
    ash_frame_t frame;
    unsigned char *page;

    (void)state;
    machine_start(BASE, MIB);
    assert_int_equal(ash_frames_alloc(2, ASH_FRAMES_ZERO, &frame), 0);
    page = port_ptr(ash_frame_pa(frame));
    for (unsigned i = 0; i < 4 * 4096; i++) {
        assert_int_equal(page[i], 0);
    }
    assert_int_equal(page[4 * 4096], ASH_CHECK >= 2 ? page[4 * 4096] : SIM_POISON);
    ash_frames_free(frame, 2);
}

static void owners_and_references(void **state)
{
    ash_frame_t frame;
    struct ash_frame_info info;
    unsigned flags = ASH_FRAMES_OWNER(ASH_OWNER_FIRST + 3);

    (void)state;
    machine_start(BASE, MIB);
    assert_int_equal(ash_frames_alloc(3, flags, &frame), 0);
    for (unsigned i = 0; i < 8; i++) {
        ash_frames_query((ash_frame_t){frame.number + i}, &info);
        assert_int_equal(info.state, ASH_FRAME_USED);
        assert_int_equal(info.head.number, frame.number);
        assert_int_equal(info.order, 3);
        assert_int_equal(info.owner, ASH_OWNER_FIRST + 3);
        assert_int_equal(info.zone, ASH_ZONE_NORMAL);
        assert_int_equal(info.count, 1);
    }
    assert_int_equal(ash_frames_owned(ASH_OWNER_FIRST + 3), 8);
    assert_int_equal(ash_frames_owned(ASH_OWNERS), 8);
    assert_int_equal(ash_frames_owned(ASH_OWNER_NONE), 0);
    ash_frames_get(frame);
    ash_frames_get(frame);
    ash_frames_query(frame, &info);
    assert_int_equal(info.count, 3);
    ash_frames_free(frame, 3);
    ash_frames_put(frame);
    ash_frames_query(frame, &info);
    assert_int_equal(info.state, ASH_FRAME_USED);
    assert_int_equal(info.count, 1);
    ash_frames_put(frame);
    ash_frames_query(frame, &info);
    assert_int_equal(info.state, ASH_FRAME_FREE);
    assert_int_equal(info.order, 8);
    assert_int_equal(info.count, 0);
    assert_int_equal(ash_frames_owned(ASH_OWNERS), 0);
    ash_frames_query((ash_frame_t){1}, &info);
    assert_int_equal(info.state, ASH_FRAME_ABSENT);
    assert_true(ash_frame_is_none(info.head));
    ash_frames_query(ASH_FRAME_NONE, &info);
    assert_int_equal(info.state, ASH_FRAME_ABSENT);
    ash_frames_query((ash_frame_t){(uint32_t)((BASE + MIB) >> 12)}, &info);
    assert_int_equal(info.state, ASH_FRAME_RESERVED);
}

static void owner_names(void **state)
{
    (void)state;
    assert_string_equal(ash_frames_owner_name(ASH_OWNER_HEAP), "heap");
    assert_string_equal(ash_frames_owner_name(ASH_OWNER_FIRST + 9), "?");
    assert_string_equal(ash_frames_owner_name(ASH_OWNERS), "?");
    assert_int_equal(ash_frames_name_owner(ASH_OWNER_FIRST + 9, "radio"), 0);
    assert_string_equal(ash_frames_owner_name(ASH_OWNER_FIRST + 9), "radio");
    assert_int_equal(ash_frames_name_owner(ASH_OWNER_FIRST - 1, "x"), ASH_EINVAL);
    assert_int_equal(ash_frames_name_owner(ASH_OWNERS, "x"), ASH_EINVAL);
    assert_int_equal(ash_frames_name_owner(ASH_OWNER_FIRST, NULL), ASH_EINVAL);
}

/** Zones of 64, 128 and 64 frames, boundaries in the middle of what would be one block. */
static void start_zones(void)
{
    const struct ash_frames_config config = {.dma_limit = ash_pa(BASE + 0x40000),
                                             .direct_limit = ash_pa(BASE + 0xc0000)};
    struct ash_regions regions;
    ash_frame_t rest;

    sim_start();
    machine_forget_faults();
    sim_add_ram(ash_pa(BASE), 0xc0000); /* the HIGH zone has no memory behind it */
    sim_add_ram(ash_pa(BASE - MIB), 0x10000);
    ash_regions_init(&regions);
    assert_int_equal(ash_regions_add(&regions, machine_range(BASE, MIB)), 0);
    assert_int_equal(ash_regions_add(&regions, machine_range(BASE - MIB, 0x10000)), 0);
    assert_int_equal(ash_regions_reserve(&regions, machine_range(BASE, MIB)), 0);
    assert_int_equal(ash_frames_init(&regions, &config), 0);
    while (ash_frames_alloc(0, ASH_FRAMES_DMA, &rest) == 0) {
        /* what the metadata left over in its own range is out of the way */
    }
    assert_int_equal(ash_frames_adopt(machine_range(BASE, MIB), ASH_OWNER_BOOT), 0);
    for (uint32_t i = 0; i < 256; i++) {
        ash_frames_put((ash_frame_t){(uint32_t)(BASE >> 12) + i});
    }
}

static enum ash_zone zone_of(ash_frame_t frame)
{
    struct ash_frame_info info;

    ash_frames_query(frame, &info);
    return info.zone;
}

static void zones_fall_back_downwards(void **state)
{
    ash_frame_t frame;
    struct ash_frames_stats stats;

    (void)state;
    start_zones();
    check_blocks(ASH_ZONE_HIGH, (const uint32_t[]){0, 0, 0, 0, 0, 0, 1}, 7);
    check_blocks(ASH_ZONE_NORMAL, (const uint32_t[]){0, 0, 0, 0, 0, 0, 2}, 7);
    assert_int_equal(ash_frames_alloc(6, ASH_FRAMES_HIGH, &frame), 0);
    assert_int_equal(zone_of(frame), ASH_ZONE_HIGH);
    assert_int_equal(frame.number, (BASE >> 12) + 192);
    assert_int_equal(ash_frames_alloc(6, ASH_FRAMES_HIGH, &frame), 0);
    assert_int_equal(zone_of(frame), ASH_ZONE_NORMAL);
    assert_int_equal(ash_frames_alloc(6, ASH_FRAMES_NORMAL, &frame), 0);
    assert_int_equal(zone_of(frame), ASH_ZONE_NORMAL);
    assert_int_equal(ash_frames_alloc(5, ASH_FRAMES_NORMAL, &frame), 0);
    assert_int_equal(zone_of(frame), ASH_ZONE_DMA);
    assert_int_equal(ash_frames_alloc(4, ASH_FRAMES_DMA, &frame), 0);
    assert_int_equal(zone_of(frame), ASH_ZONE_DMA);
    assert_true(frame.number < (BASE >> 12) + 64);
    assert_int_equal(ash_frames_alloc(4, ASH_FRAMES_HIGH, &frame), 0); /* the last resort */
    assert_int_equal(zone_of(frame), ASH_ZONE_DMA);
    assert_int_equal(ash_frames_alloc(6, ASH_FRAMES_HIGH, &frame), ASH_ENOMEM);
    assert_int_equal(ash_frames_stats(ASH_ZONE_HIGH, &stats), 0);
    assert_int_equal(stats.total, 64);
    assert_int_equal(stats.free, 0);
    assert_int_equal(stats.failures, 1);
    assert_int_equal(ash_frames_verify(), 0);
}

static void blocks_do_not_merge_across_zones(void **state)
{
    ash_frame_t frame;

    (void)state;
    start_zones();
    /* The lower NORMAL block of order 6 and the DMA block are buddies by address. */
    assert_int_equal(ash_frames_alloc(6, ASH_FRAMES_DMA, &frame), 0);
    ash_frames_free(frame, 6);
    check_blocks(ASH_ZONE_DMA, (const uint32_t[]){0, 0, 0, 0, 0, 0, 1, 0}, 8);
    assert_int_equal(ash_frames_alloc(7, ASH_FRAMES_HIGH, &frame), ASH_ENOMEM);
    assert_int_equal(ash_frames_verify(), 0);
}

static void adoption_is_all_or_nothing(void **state)
{
    uint64_t reserved = BASE + MIB;
    struct ash_frame_info info;
    ash_frame_t frame;
    uint32_t before;

    (void)state;
    machine_start(BASE, MIB);
    before = machine_free();
    assert_int_equal(ash_frames_adopt(machine_range(reserved, 0), 0), ASH_EINVAL);
    assert_int_equal(ash_frames_adopt(machine_range(reserved, 0x1000), ASH_OWNERS), ASH_EINVAL);
    assert_int_equal(ash_frames_adopt(machine_range(reserved + 4, 0x1000), 0), ASH_EALIGN);
    assert_int_equal(ash_frames_adopt(machine_range(reserved, 0x1004), 0), ASH_EALIGN);
    assert_int_equal(ash_frames_adopt(machine_range(0, 0x1000), 0), ASH_ERANGE);
    assert_int_equal(ash_frames_adopt(machine_range(0x1000, UINT64_MAX - 0xfff), 0), ASH_ERANGE);
    assert_int_equal(ash_frames_adopt(machine_range(reserved, 64 * MIB), 0), ASH_ERANGE);
    assert_int_equal(ash_frames_adopt(machine_range(reserved - 0x1000, 0x2000), 0), ASH_EBUSY);
    ash_frames_query(ash_pa_frame(ash_pa(reserved)), &info);
    assert_int_equal(info.state, ASH_FRAME_RESERVED);

    assert_int_equal(ash_frames_adopt(machine_range(reserved, 0x3000), ASH_OWNER_TABLES), 0);
    assert_int_equal(ash_frames_adopt(machine_range(reserved + 0x2000, 0x2000), 0), ASH_EBUSY);
    assert_int_equal(ash_frames_owned(ASH_OWNER_TABLES), 3);
    assert_int_equal(machine_free(), before);
    for (unsigned i = 0; i < 3; i++) {
        frame = ash_pa_frame(ash_pa(reserved + 0x1000 * i));
        ash_frames_query(frame, &info);
        assert_int_equal(info.state, ASH_FRAME_USED);
        assert_int_equal(info.order, 0);
        assert_int_equal(info.count, 1);
        ash_frames_free(frame, 0);
    }
    assert_int_equal(machine_free(), before + 3);
    check_blocks(ASH_ZONE_NORMAL, (const uint32_t[]){1, 1, 0, 0, 0, 0, 0, 0, 1}, 9);
    assert_int_equal(ash_frames_verify(), 0);
    assert_int_equal(support_faults.count, 0);
}

static void starts_are_refused(void **state)
{
    struct ash_frames_config config = {.dma_limit = ash_pa(BASE + 1),
                                       .direct_limit = ash_pa(BASE + MIB)};
    struct ash_regions regions;
    ash_frame_t frame;

    (void)state;
    sim_start();
    sim_add_ram(ash_pa(BASE), MIB);
    ash_regions_init(&regions);
    assert_int_equal(ash_regions_add(&regions, machine_range(BASE, MIB)), 0);
    assert_int_equal(ash_frames_init(&regions, &config), ASH_EINVAL);
    config.dma_limit = ash_pa(BASE + 2 * MIB);
    assert_int_equal(ash_frames_init(&regions, &config), ASH_EINVAL);
    config.dma_limit = ash_pa(0);
    config.direct_limit = ash_pa(BASE); /* nothing directly mapped is left for the metadata */
    assert_int_equal(ash_frames_init(&regions, &config), ASH_ENOMEM);
    assert_int_equal(regions.reserved_count, 0);
    assert_int_equal(ash_frames_alloc(0, ASH_FRAMES_HIGH, &frame), ASH_ENOMEM);
    ash_regions_init(&regions); /* no RAM at all */
    config.direct_limit = ash_pa(UINT64_MAX - 0xfff);
    assert_int_equal(ash_frames_init(&regions, &config), ASH_ENOMEM);
    assert_int_equal(machine_free(), 0);
    assert_int_equal(ash_frames_verify(), 0);
}

static void metadata_is_12_bytes_a_frame(void **state)
{
    const struct ash_frames_config config = {.direct_limit = ash_pa(BASE + 512 * MIB)};
    struct ash_regions regions;
    uint64_t metadata;

    (void)state;
    /* Only the metadata's own memory is touched, so only that exists. */
    sim_start();
    sim_add_ram(ash_pa(BASE + 508 * MIB), 4 * MIB);
    ash_regions_init(&regions);
    assert_int_equal(ash_regions_add(&regions, machine_range(BASE, 512 * MIB)), 0);
    assert_int_equal(ash_frames_init(&regions, &config), 0);
    metadata = regions.reserved[0].size;
    assert_true(metadata <= 12 * (512 * MIB / 4096) + 4096 + (ASH_CHECK >= 2 ? 0x4000 : 0));
    assert_int_equal(machine_free(), 512 * MIB / 4096 - metadata / 4096);
}

static unsigned printed;

static int __attribute__((format(printf, 1, 2))) count_print(const char *format, ...)
{
    assert_int_equal(sim_irq_masked, false); /* no lock is held */
    printed += format[0] != '\0';
    return 0;
}

static void report_prints_without_the_lock(void **state)
{
    ash_frame_t frame;

    (void)state;
    machine_start(BASE, MIB);
    assert_int_equal(ash_frames_alloc(1, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &frame), 0);
    ash_frames_report(count_print);
    assert_int_equal(printed, 1 + 1 + ASH_MAX_ORDER + 1 + 1 + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(textbook_example),
        cmocka_unit_test(merges_up_to_the_largest_order),
        cmocka_unit_test(order_of_a_size),
        cmocka_unit_test(bad_requests_change_nothing),
        cmocka_unit_test(exhaustion_and_back),
        cmocka_unit_test(zeroed_frames_are_zero),
        cmocka_unit_test(owners_and_references),
        cmocka_unit_test(owner_names),
        cmocka_unit_test(zones_fall_back_downwards),
        cmocka_unit_test(blocks_do_not_merge_across_zones),
        cmocka_unit_test(adoption_is_all_or_nothing),
        cmocka_unit_test(starts_are_refused),
        cmocka_unit_test(metadata_is_12_bytes_a_frame),
        cmocka_unit_test(report_prints_without_the_lock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
