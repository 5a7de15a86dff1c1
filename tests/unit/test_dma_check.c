/* SPDX-License-Identifier: MIT */
/*
 * The checker of dma: every misuse that it knows is told once, with where it is, and changes
 * nothing; what is no misuse is not told.
 */
#include "ashlar/dma.h"
#include "ashlar/dma_list.h"
#include "tests/unit/pmem_machine.h"

#define TO   ASH_DMA_TO_DEVICE
#define FROM ASH_DMA_FROM_DEVICE
#define BOTH ASH_DMA_BIDIRECTIONAL

#define AT   (ZONE_AT + 0x100000) /* outside of the region */
#define LINE 64u

static struct ash_pmem *region;
static struct ash_dma_device device, other;
static struct ash_dma_mapping map, second;

static void start(void)
{
    if (ASH_CHECK < 1) {
        skip();
    }
    region = machine_dma();
    device = (struct ash_dma_device){.name = "device", .mask = UINT32_MAX};
    other = (struct ash_dma_device){.name = "other", .mask = UINT32_MAX};
    map = second = (struct ash_dma_mapping){.device = NULL};
    assert_int_equal(ash_dma_init(&device), 0);
    assert_int_equal(ash_dma_init(&other), 0);
}

static void finish(void)
{
    struct ash_dma_stats stats;

    assert_int_equal(ash_dma_exit(&device), 0);
    assert_int_equal(ash_dma_exit(&other), 0);
    ash_dma_stats(&device, &stats);
    assert_int_equal(stats.live, 0);
    assert_int_equal(stats.recorded, 0);
    assert_int_equal(support_faults.count, 0);
    assert_false(sim_irq_masked);
}

static int maps(struct ash_dma_device *by, uint64_t pa, size_t size,
                enum ash_dma_direction direction, struct ash_dma_mapping *mapping)
{
    return ash_dma_map(by, ash_pa(pa), size, direction, mapping);
}

static void overlaps(void **state)
{
    static const struct {
        enum ash_dma_direction first, second;
        int at; /* of the second, in lines */
        unsigned lines;
        bool told;
    } rows[] = {
        {FROM, FROM, 0, 4, true},   {FROM, TO, 0, 4, true},     {TO, FROM, 0, 4, true},
        {BOTH, TO, 3, 4, true},     {TO, BOTH, -3, 4, true},    {FROM, FROM, 1, 1, true},
        {FROM, FROM, -1, 6, true},  {TO, TO, 0, 4, false},      {FROM, FROM, 4, 4, false},
        {FROM, BOTH, -4, 4, false}, {FROM, FROM, -5, 4, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t at = AT + (uint64_t)((int64_t)rows[i].at * LINE);
        struct ash_dma_device *by = i % 2 ? &other : &device;

        print_message("# row %u\n", i);
        start();
        assert_int_equal(maps(&device, AT, 4 * LINE, rows[i].first, &map), 0);
        if (rows[i].told) {
            sim_forget();
            assert_int_equal(maps(by, at, rows[i].lines * LINE, rows[i].second, &second),
                             ASH_EBUSY);
            assert_int_equal(support_faults.last.address, at);
            assert_misused(1);
            assert_int_equal(sim_count[SIM_CACHE_CLEAN_INVALIDATE], 0);
            assert_null(second.device);
            assert_int_equal(ash_dma_unmap(&map), 0);
            assert_int_equal(maps(by, at, rows[i].lines * LINE, rows[i].second, &second), 0);
        } else {
            assert_int_equal(maps(by, at, rows[i].lines * LINE, rows[i].second, &second), 0);
            assert_int_equal(ash_dma_unmap(&map), 0);
        }
        assert_int_equal(ash_dma_unmap(&second), 0);
        finish();
    }
}

static void buffers_overlap_too(void **state)
{
    struct ash_pmem_block behind, again;
    struct ash_dma_buffer buffer;
    uint64_t at;

    (void)state;
    start();
    assert_int_equal(ash_dma_alloc(&device, region, Q, &buffer), 0);
    assert_int_equal(ash_pmem_alloc(region, Q, 0, 0, &behind), 0);
    assert_int_equal(behind.pa.value, buffer.block.pa.value + Q);
    MISUSE(maps(&other, buffer.block.pa.value + Q - LINE, LINE, TO, &map), ASH_EBUSY);
    assert_int_equal(maps(&other, buffer.block.pa.value + Q, LINE, FROM, &map), 0);
    assert_int_equal(ash_dma_unmap(&map), 0);
    at = buffer.block.pa.value;
    assert_int_equal(ash_dma_free(&buffer), 0);
    assert_int_equal(ash_pmem_alloc(region, Q, 0, 0, &again), 0);
    assert_int_equal(again.pa.value, at);
    assert_int_equal(maps(&other, at, LINE, TO, &map), 0);
    /* A second free takes nobody else's record away. */
    assert_int_equal(ash_dma_free(&buffer), ASH_ECORRUPT);
    assert_int_equal(support_faults.last.kind, ASH_FAULT_FOREIGN);
    support_faults_reset();
    MISUSE(maps(&device, AT, LINE, FROM, &map), ASH_EBUSY); /* it is in use */
    assert_int_equal(ash_dma_unmap(&map), 0);
    assert_int_equal(ash_pmem_free(&again), 0);
    assert_int_equal(ash_pmem_free(&behind), 0);
    finish();
}

static void memory_that_no_device_may_write(void **state)
{
    struct ash_regions none = {.ram_count = 0};
    ash_mmu_attr_t plain = ASH_MMU_NORMAL | ASH_MMU_WRITE;

    (void)state;
    start();
    ash_dma_setup(&none, (struct ash_range){{AT + Q}, Q});
    MISUSE(maps(&device, AT + Q, LINE, FROM, &map), ASH_EPERM);
    MISUSE(maps(&device, AT + Q - LINE, 2 * LINE, BOTH, &map), ASH_EPERM);
    MISUSE(maps(&device, AT + 2 * Q - LINE, LINE, FROM, &map), ASH_EPERM);
    assert_int_equal(maps(&device, AT + Q, LINE, TO, &map), 0);
    assert_int_equal(ash_dma_unmap(&map), 0);
    assert_int_equal(maps(&device, AT, Q, FROM, &map), 0);
    assert_int_equal(maps(&device, AT + 2 * Q, Q, FROM, &second), 0);
    assert_int_equal(ash_dma_unmap(&map), 0);
    assert_int_equal(ash_dma_unmap(&second), 0);

    assert_int_equal(ash_mmu_protect(&machine_map, ash_va(AT + 4 * Q), Q, ASH_MMU_NORMAL), 0);
    MISUSE(maps(&device, AT + 4 * Q, LINE, FROM, &map), ASH_EPERM);
    MISUSE(maps(&device, AT + 3 * Q, Q + LINE, FROM, &map), ASH_EPERM);
    assert_int_equal(maps(&device, AT + 3 * Q, Q + LINE, TO, &map), 0);
    assert_int_equal(ash_dma_unmap(&map), 0);
    assert_int_equal(maps(&device, AT + 3 * Q, Q, FROM, &map), 0);
    assert_int_equal(ash_dma_unmap(&map), 0);
    assert_int_equal(ash_mmu_protect(&machine_map, ash_va(AT + 4 * Q), Q, plain), 0);
    finish();
}

/* What a driver does that does not look at the result of ash_dma_map. */
static void failed_maps_are_used(void **state)
{
    (void)state;
    start();
    assert_int_equal(maps(&device, AT + 1, LINE, FROM, &map), ASH_EALIGN);
    assert_int_equal(support_faults.count, 0);
    MISUSE(ash_dma_sync_for_cpu(&map, 0, LINE, FROM), ASH_ENOENT);
    MISUSE(ash_dma_sync_for_device(&map, 0, LINE, FROM), ASH_ENOENT);
    MISUSE(ash_dma_unmap(&map), ASH_ENOENT);
    finish();
}

static void records_match(void **state)
{
    struct ash_dma_mapping copy, whole;

    (void)state;
    start();
    assert_int_equal(maps(&device, AT, 4 * LINE, BOTH, &map), 0);
    whole = map;
    sim_forget();
    map.size = 8 * LINE;
    MISUSE(ash_dma_unmap(&map), ASH_ECORRUPT);
    MISUSE(ash_dma_sync_for_cpu(&map, 0, 8 * LINE, BOTH), ASH_ECORRUPT);
    map = whole;
    map.direction = TO;
    MISUSE(ash_dma_unmap(&map), ASH_ECORRUPT);
    map = whole;
    map.device = &other;
    MISUSE(ash_dma_sync_for_device(&map, 0, LINE, BOTH), ASH_ECORRUPT);
    map = whole;
    map.pa.value += LINE;
    MISUSE(ash_dma_unmap(&map), ASH_ECORRUPT);
    map = whole;
    copy = map;
    MISUSE(ash_dma_unmap(&copy), ASH_ECORRUPT);
    map.record = UINT32_MAX;
    MISUSE(ash_dma_unmap(&map), ASH_ECORRUPT);
    map = whole;
    assert_int_equal(sim_count[SIM_CACHE_INVALIDATE], 0);
    assert_int_equal(ash_dma_unmap(&map), 0);
    MISUSE(ash_dma_unmap(&copy), ASH_ECORRUPT);
    map = whole; /* as it was, when it is over */
    MISUSE(ash_dma_unmap(&map), ASH_ECORRUPT);
    finish();
}

static void leaks_are_listed(void **state)
{
    struct ash_dma_buffer buffer;
    struct ash_dma_stats stats;

    (void)state;
    start();
    assert_int_equal(maps(&device, AT, LINE, BOTH, &map), 0);
    assert_int_equal(maps(&other, AT + LINE, LINE, BOTH, &second), 0);
    assert_int_equal(ash_dma_alloc(&device, region, 2 * Q, &buffer), 0);
    ash_dma_stats(&device, &stats);
    assert_int_equal(stats.live, 2);
    assert_int_equal(stats.most, 2);
    assert_int_equal(stats.recorded, 3);
    support_printed[0] = 0;
    ash_dma_report(support_print);
    assert_non_null(strstr(support_printed, "device "));
    assert_non_null(strstr(support_printed, "other "));
    assert_non_null(strstr(support_printed, "64 bytes  both ways    device, by "));
    assert_non_null(strstr(support_printed, "8192 bytes  buffer       device, by "));
    assert_non_null(strstr(support_printed, "3 mappings and buffers noted, 0 not"));

    assert_int_equal(ash_dma_exit(&device), ASH_EBUSY);
    assert_int_equal(support_faults.last.address, buffer.block.pa.value);
    assert_misused(2);
    assert_int_equal(ash_dma_unmap(&map), 0);
    MISUSE(ash_dma_exit(&device), ASH_EBUSY);
    assert_int_equal(ash_dma_free(&buffer), 0);
    assert_int_equal(ash_dma_unmap(&second), 0);
    finish();
    support_printed[0] = 0;
    ash_dma_report(support_print);
    assert_null(strstr(support_printed, "device "));
    assert_non_null(strstr(support_printed, "0 mappings and buffers noted, 0 not"));
}

/* A table that is full makes nothing fail. */
static void records_run_out(void **state)
{
    static struct ash_dma_mapping many[ASH_DMA_RECORDS + 3];
    struct ash_dma_stats stats;

    (void)state;
    start();
    for (unsigned i = 0; i < ASH_DMA_RECORDS + 3; i++) {
        assert_int_equal(maps(&device, AT + i * LINE, LINE, FROM, &many[i]), 0);
    }
    ash_dma_stats(&device, &stats);
    assert_int_equal(stats.live, ASH_DMA_RECORDS + 3);
    assert_int_equal(stats.recorded, ASH_DMA_RECORDS);
    assert_int_equal(stats.unrecorded, 3);
    for (unsigned i = 0; i < ASH_DMA_RECORDS + 3; i++) {
        assert_int_equal(ash_dma_sync_for_cpu(&many[i], 0, LINE, FROM), 0);
        assert_int_equal(ash_dma_unmap(&many[i]), 0);
    }
    ash_dma_stats(&device, &stats);
    assert_int_equal(stats.recorded, 0);
    assert_int_equal(maps(&device, AT, LINE, FROM, &map), 0);
    ash_dma_stats(&device, &stats);
    assert_int_equal(stats.recorded, 1);
    assert_int_equal(ash_dma_unmap(&map), 0);
    finish();
}

/* A device that is made anew without an end has nothing left of before. */
static void devices_start_anew(void **state)
{
    (void)state;
    start();
    assert_int_equal(maps(&device, AT, LINE, FROM, &map), 0);
    device = (struct ash_dma_device){.name = "again", .mask = UINT32_MAX};
    assert_int_equal(ash_dma_init(&device), 0);
    assert_int_equal(maps(&device, AT, LINE, FROM, &second), 0);
    support_printed[0] = 0;
    ash_dma_report(support_print);
    assert_non_null(strstr(support_printed, "again "));
    assert_null(strstr(strstr(support_printed, "again ") + 1, "again  "));
    assert_int_equal(ash_dma_unmap(&second), 0);
    finish();
}

/* What the CPU wrote to memory that the device had, and to what it was given. */
static void written_by_the_cpu(void **state)
{
    struct ash_dma_bounce bounce = {.slots = 0};
    struct ash_dma_device weak = {
        .name = "weak", .mask = 0x7fffffff, .bus_offset = 0x20000000, .bounce = &bounce};
    unsigned char *bytes, *far;

    (void)state;
    start();
    bytes = port_ptr(ash_pa(AT));
    far = port_ptr(ash_pa(FIXED_AT));
    assert_int_equal(maps(&device, AT + 3, 1000, TO, &map), 0);
    bytes[2]++;
    bytes[1003]++;
    assert_int_equal(ash_dma_sync_for_cpu(&map, 100, 100, TO), 0);
    bytes[103]++;
    bytes[202]++;
    assert_int_equal(ash_dma_sync_for_cpu(&map, 300, 100, TO), 0);
    assert_int_equal(ash_dma_sync_for_device(&map, 100, 100, TO), 0);
    bytes[303]++;
    assert_int_equal(support_faults.count, 0);
    bytes[103]++;
    assert_int_equal(ash_dma_sync_for_cpu(&map, 500, 100, TO), 0);
    assert_misused(1);
    bytes[3]++;
    assert_int_equal(ash_dma_unmap(&map), 0);
    assert_misused(1);

    assert_int_equal(ash_dma_bounce_create(&bounce, "b", region, Q, &weak), 0);
    assert_int_equal(ash_dma_init(&weak), 0);
    assert_int_equal(maps(&weak, FIXED_AT, 1024, FROM, &map), 0);
    assert_int_equal(ash_dma_sync_for_cpu(&map, 0, LINE, FROM), 0);
    far[0]++;
    assert_int_equal(ash_dma_sync_for_device(&map, 0, LINE, FROM), 0);
    assert_int_equal(support_faults.count, 0);
    far[1023]++;
    assert_int_equal(ash_dma_unmap(&map), 0);
    assert_misused(1);
    assert_int_equal(ash_dma_exit(&weak), 0);
    assert_int_equal(ash_dma_bounce_destroy(&bounce), 0);
    finish();
}

/* One write at `offset` between map and unmap: is it told? */
static bool is_told(size_t size, enum ash_dma_direction direction, size_t offset)
{
    unsigned char *bytes = port_ptr(ash_pa(AT));
    bool told;

    assert_int_equal(maps(&device, AT, size, direction, &map), 0);
    bytes[offset] ^= 0x80;
    assert_int_equal(ash_dma_unmap(&map), 0);
    told = support_faults.count != 0;
    if (told) {
        assert_int_equal(support_faults.last.kind, ASH_FAULT_DMA);
        assert_int_equal(support_faults.last.address, AT);
        assert_int_equal(support_faults.count, 1);
    }
    support_faults_reset();
    return told;
}

/* At ASH_CHECK 1 the ends of what the device has, or all of it if that is not much; at 2 all. */
static void ends_are_looked_at(void **state)
{
    const size_t ends = ASH_DMA_SUMMED, large = 4 * Q;
    struct ash_dma_mapping mappings[2] = {{.device = NULL}};
    struct ash_dma_segment segments[2];
    struct ash_dma_list list = {.mappings = mappings, .segments = segments, .capacity = 2};
    const struct ash_range parts[] = {{{AT}, large}, {{AT + 2 * large}, large}};
    unsigned char *bytes;

    (void)state;
    start();
    bytes = port_ptr(ash_pa(AT));
    for (size_t at = 0; at < 2 * ends; at++) {
        assert_true(is_told(2 * ends, TO, at));
    }
    assert_true(is_told(large, TO, 0));
    assert_true(is_told(large, TO, ends - 1));
    assert_int_equal(is_told(large, TO, ends), ASH_CHECK >= 2);
    assert_int_equal(is_told(large, TO, large - ends - 1), ASH_CHECK >= 2);
    assert_true(is_told(large, TO, large - ends));
    assert_true(is_told(large, TO, large - 1));
    /* The device writes there itself. */
    assert_false(is_told(large, FROM, 0));
    assert_false(is_told(large, BOTH, large - 1));

    /* The ends of each part that the device has: what the CPU got makes two of one. */
    assert_int_equal(maps(&device, AT, large, TO, &map), 0);
    assert_int_equal(ash_dma_sync_for_cpu(&map, large / 2, LINE, TO), 0);
    bytes[large / 2 - 1]++;
    assert_int_equal(ash_dma_sync_for_device(&map, large / 2, LINE, TO), 0);
    assert_misused(1);
    assert_int_equal(ash_dma_sync_for_cpu(&map, large / 2, LINE, TO), 0);
    bytes[large / 2 + LINE]++;
    assert_int_equal(ash_dma_unmap(&map), 0);
    assert_misused(1);

    /* And of each part of a list. */
    assert_int_equal(ash_dma_map_list(&device, parts, 2, TO, &list), 0);
    bytes[large - 1]++;
    bytes[2 * large]++;
    assert_int_equal(ash_dma_unmap_list(&list), 0);
    assert_misused(2);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlaps),
        cmocka_unit_test(buffers_overlap_too),
        cmocka_unit_test(memory_that_no_device_may_write),
        cmocka_unit_test(failed_maps_are_used),
        cmocka_unit_test(records_match),
        cmocka_unit_test(leaks_are_listed),
        cmocka_unit_test(records_run_out),
        cmocka_unit_test(devices_start_anew),
        cmocka_unit_test(written_by_the_cpu),
        cmocka_unit_test(ends_are_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
