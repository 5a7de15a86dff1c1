/* SPDX-License-Identifier: MIT */
/*
 * Streaming mappings: every misuse, and which barriers and cache operations each call does.
 */
#include "ashlar/dma.h"
#include "tests/unit/pmem_machine.h"

#define BUFFER_AT (ZONE_AT + 0x10000)
#define TO        ASH_DMA_TO_DEVICE
#define FROM      ASH_DMA_FROM_DEVICE
#define BOTH      ASH_DMA_BIDIRECTIONAL

static struct ash_dma_device device;

static void start(bool coherent)
{
    machine_start();
    device =
        (struct ash_dma_device){.mask = UINT32_MAX, .bus_offset = 0x1000000, .coherent = coherent};
    assert_int_equal(ash_dma_init(&device), 0);
    sim_forget();
}

static void finish(void)
{
    assert_int_equal(ash_dma_exit(&device), 0);
    assert_int_equal(support_faults.count, 0);
    assert_false(sim_irq_masked);
}

static const void *pointer(size_t offset)
{
    return (const char *)port_ptr(ash_pa(BUFFER_AT)) + offset;
}

/* One expected operation on [offset, offset + size) of the buffer; DMB and DSB have no range. */
struct step {
    enum sim_op op;
    size_t offset, size;
};

/* The trace holds exactly these, in this order; DMB ISH belongs to counters. */
static void assert_steps(const struct step *steps, size_t count)
{
    size_t seen = 0;

    for (unsigned i = 0; i < sim_traced; i++) {
        const struct sim_event *event = &sim_trace[i];

        if (event->op == SIM_DMB_ISH) {
            continue;
        }
        assert_true(seen < count);
        assert_int_equal(event->op, steps[seen].op);
        if (steps[seen].size != 0) {
            assert_int_equal(event->address, (uintptr_t)pointer(steps[seen].offset));
            assert_int_equal(event->value, steps[seen].size);
        }
        seen++;
    }
    assert_int_equal(seen, count);
    sim_forget();
}

#define STEPS(...)                                                                                 \
    do {                                                                                           \
        static const struct step steps_[] = {__VA_ARGS__};                                         \
        assert_steps(steps_, sizeof(steps_) / sizeof(steps_[0]));                                  \
    } while (0)
#define NO_STEPS() assert_steps(NULL, 0)

static void to_the_device(void **state)
{
    struct ash_dma_mapping map = {0};

    (void)state;
    start(false);
    /* Any start and length: cleaning writes whole lines back and destroys nothing. */
    assert_int_equal(ash_dma_map(&device, ash_pa(BUFFER_AT + 5), 1000, TO, &map), 0);
    assert_int_equal(map.bus.value, BUFFER_AT + 5 + 0x1000000);
    STEPS({SIM_CACHE_CLEAN, 5, 1000});
    assert_int_equal(ash_dma_sync_for_cpu(&map, 3, 7, TO), 0);
    STEPS({SIM_DMB_SY, 0, 0});
    assert_int_equal(ash_dma_sync_for_device(&map, 3, 7, TO), 0);
    STEPS({SIM_CACHE_CLEAN, 8, 7});
    assert_int_equal(ash_dma_unmap(&map), 0);
    STEPS({SIM_DMB_SY, 0, 0});
    finish();
}

static void device_writes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        enum ash_dma_direction direction = i == 0 ? FROM : BOTH;
        struct ash_dma_mapping map = {0};

        start(false);
        assert_int_equal(ash_dma_map(&device, ash_pa(BUFFER_AT + 64), 1024, direction, &map), 0);
        STEPS({SIM_CACHE_CLEAN_INVALIDATE, 64, 1024});
        assert_int_equal(ash_dma_sync_for_cpu(&map, 128, 256, direction), 0);
        STEPS({SIM_DMB_SY, 0, 0}, {SIM_CACHE_INVALIDATE, 192, 256});
        assert_int_equal(ash_dma_sync_for_device(&map, 128, 256, direction), 0);
        STEPS({SIM_CACHE_CLEAN_INVALIDATE, 192, 256});
        assert_int_equal(ash_dma_unmap(&map), 0);
        STEPS({SIM_DMB_SY, 0, 0}, {SIM_CACHE_INVALIDATE, 64, 1024});
        finish();
    }
}

/* What the CPU was given may be dirty: nothing of it is thrown away. */
static void what_the_cpu_holds_is_written_back(void **state)
{
    struct ash_dma_mapping map = {0};

    (void)state;
    start(false);
    assert_int_equal(ash_dma_map(&device, ash_pa(BUFFER_AT), 1024, BOTH, &map), 0);
    assert_int_equal(ash_dma_sync_for_cpu(&map, 256, 256, BOTH), 0);
    sim_forget();
    assert_int_equal(ash_dma_sync_for_cpu(&map, 192, 128, BOTH), 0);
    STEPS({SIM_DMB_SY, 0, 0}, {SIM_CACHE_INVALIDATE, 192, 64},
          {SIM_CACHE_CLEAN_INVALIDATE, 256, 64});
    assert_int_equal(ash_dma_sync_for_cpu(&map, 448, 128, BOTH), 0);
    STEPS({SIM_DMB_SY, 0, 0}, {SIM_CACHE_CLEAN_INVALIDATE, 448, 64},
          {SIM_CACHE_INVALIDATE, 512, 64});
    assert_int_equal(ash_dma_unmap(&map), 0);
    STEPS({SIM_DMB_SY, 0, 0}, {SIM_CACHE_INVALIDATE, 0, 192},
          {SIM_CACHE_CLEAN_INVALIDATE, 192, 384}, {SIM_CACHE_INVALIDATE, 576, 448});
    finish();
}

static void coherent_devices_need_barriers_only(void **state)
{
    static const enum ash_dma_direction directions[] = {TO, FROM, BOTH};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct ash_dma_mapping map = {0};

        start(true);
        assert_int_equal(ash_dma_map(&device, ash_pa(BUFFER_AT + 3), 7, directions[i], &map), 0);
        STEPS({SIM_DSB_SY, 0, 0});
        assert_int_equal(ash_dma_sync_for_cpu(&map, 1, 2, directions[i]), 0);
        STEPS({SIM_DMB_SY, 0, 0});
        assert_int_equal(ash_dma_sync_for_device(&map, 1, 2, directions[i]), 0);
        STEPS({SIM_DSB_SY, 0, 0});
        assert_int_equal(ash_dma_unmap(&map), 0);
        STEPS({SIM_DMB_SY, 0, 0});
        finish();
    }
}

static void refused(uint64_t pa, size_t size, enum ash_dma_direction direction, int expected)
{
    struct ash_dma_mapping map = {0};

    assert_int_equal(ash_dma_map(&device, ash_pa(pa), size, direction, &map), expected);
    assert_null(map.device);
    NO_STEPS();
}

static void mappings_are_checked(void **state)
{
    struct ash_dma_mapping map = {0};

    (void)state;
    start(false);
    refused(BUFFER_AT, 0, TO, ASH_EINVAL);
    refused(BUFFER_AT, 64, (enum ash_dma_direction)0, ASH_EINVAL);
    refused(BUFFER_AT, 64, (enum ash_dma_direction)4, ASH_EINVAL);
    /* The rule of cache lines, for each edge and both directions that write. */
    for (unsigned i = 0; i < 2; i++) {
        enum ash_dma_direction direction = i == 0 ? FROM : BOTH;

        refused(BUFFER_AT + 1, 63, direction, ASH_EALIGN);
        refused(BUFFER_AT + 32, 64, direction, ASH_EALIGN);
        refused(BUFFER_AT, 65, direction, ASH_EALIGN);
        refused(BUFFER_AT, 32, direction, ASH_EALIGN);
    }
    /* No memory there, wholly or at the end. */
    refused(0x70000000, 64, FROM, ASH_ERANGE);
    refused(ZONE_AT + ZONE_IN - 64, 128, FROM, ASH_ERANGE);
    refused(UINT64_MAX - 63, 64, FROM, ASH_ERANGE);
    refused(UINT64_MAX - 63, 128, FROM, ASH_ERANGE);

    assert_int_equal(ash_dma_map(&device, ash_pa(BUFFER_AT), 64, TO, &map), 0);
    MISUSE(ash_dma_map(&device, ash_pa(BUFFER_AT), 64, TO, &map), ASH_EBUSY);
    MISUSE(ash_dma_exit(&device), ASH_EBUSY);
    assert_int_equal(ash_dma_unmap(&map), 0);
    finish();
    sim_forget();
    refused(BUFFER_AT, 64, TO, ASH_EINVAL);
}

static void line_size_is_the_processors(void **state)
{
    struct ash_dma_mapping map = {0};

    (void)state;
    start(false);
    sim_line = 128;
    refused(BUFFER_AT + 64, 128, FROM, ASH_EALIGN);
    refused(BUFFER_AT, 64, FROM, ASH_EALIGN);
    sim_line = 16;
    assert_int_equal(ash_dma_map(&device, ash_pa(BUFFER_AT + 16), 48, FROM, &map), 0);
    assert_int_equal(ash_dma_unmap(&map), 0);
    finish();
}

static void constraints_hold(void **state)
{
    struct ash_dma_mapping map = {0};

    (void)state;
    start(true);
    ash_dma_exit(&device);
    device.bus_offset = 0;
    device.boundary = 0x1000;
    device.segment = 0x800;
    device.alignment = 16;
    assert_int_equal(ash_dma_init(&device), 0);
    refused(BUFFER_AT, 0x801, TO, ASH_ERANGE);
    refused(BUFFER_AT + 0x810, 0x7f1, TO, ASH_ERANGE);
    refused(BUFFER_AT + 8, 0x10, TO, ASH_EALIGN);
    assert_int_equal(ash_dma_map(&device, ash_pa(BUFFER_AT + 0x810), 0x7f0, TO, &map), 0);
    assert_int_equal(ash_dma_unmap(&map), 0);
    assert_int_equal(ash_dma_map(&device, ash_pa(BUFFER_AT + 0x800), 0x800, FROM, &map), 0);
    assert_int_equal(ash_dma_unmap(&map), 0);
    ash_dma_exit(&device);
    device.mask = 0x4fffffff;
    assert_int_equal(ash_dma_init(&device), ASH_EINVAL);
    device.mask = 0x3fffffff;
    assert_int_equal(ash_dma_init(&device), 0);
    sim_forget();
    refused(BUFFER_AT, 16, TO, ASH_ERANGE);
    finish();
}

static void sync_misuse_is_refused(void **state)
{
    static const enum ash_dma_direction directions[] = {TO, FROM, BOTH};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        enum ash_dma_direction own = directions[i];
        struct ash_dma_mapping map = {0}, before;

        start(false);
        MISUSE(ash_dma_unmap(&map), ASH_ENOENT);
        MISUSE(ash_dma_sync_for_cpu(&map, 0, 64, own), ASH_ENOENT);
        MISUSE(ash_dma_sync_for_device(&map, 0, 64, own), ASH_ENOENT);
        NO_STEPS();

        assert_int_equal(ash_dma_map(&device, ash_pa(BUFFER_AT), 512, own, &map), 0);
        assert_int_equal(ash_dma_sync_for_cpu(&map, 64, 128, own), 0);
        before = map;
        sim_forget();
        int (*const calls[])(struct ash_dma_mapping *, size_t, size_t, enum ash_dma_direction) = {
            ash_dma_sync_for_cpu, ash_dma_sync_for_device};

        for (unsigned c = 0; c < 2; c++) {
            assert_int_equal(calls[c](&map, 64, 0, own), ASH_EINVAL);
            assert_int_equal(calls[c](&map, 64, 64, (enum ash_dma_direction)0), ASH_EINVAL);
            assert_int_equal(calls[c](&map, 64, 64, (enum ash_dma_direction)4), ASH_EINVAL);
            MISUSE(calls[c](&map, 0, 576, own), ASH_ERANGE);
            MISUSE(calls[c](&map, 512, 64, own), ASH_ERANGE);
            MISUSE(calls[c](&map, 576, 64, own), ASH_ERANGE);
            MISUSE(calls[c](&map, 64, SIZE_MAX - 63, own), ASH_ERANGE);
            MISUSE(calls[c](&map, SIZE_MAX - 63, 128, own), ASH_ERANGE);
            if (own != BOTH) {
                MISUSE(calls[c](&map, 64, 64, own == TO ? FROM : TO), ASH_EPERM);
                MISUSE(calls[c](&map, 64, 64, BOTH), ASH_EPERM);
            }
            if (own != TO) {
                MISUSE(calls[c](&map, 65, 63, own), ASH_EALIGN);
                MISUSE(calls[c](&map, 64, 63, own), ASH_EALIGN);
            }
        }
        MISUSE(ash_dma_sync_for_device(&map, 0, 64, own), ASH_ENOTOWNER);
        MISUSE(ash_dma_sync_for_device(&map, 192, 64, own), ASH_ENOTOWNER);
        MISUSE(ash_dma_sync_for_device(&map, 0, 512, own), ASH_ENOTOWNER);
        NO_STEPS();
        assert_memory_equal(&map, &before, sizeof(map));

        /* What was given back is not the CPU's any more. */
        assert_int_equal(ash_dma_sync_for_device(&map, 64, 64, own), 0);
        MISUSE(ash_dma_sync_for_device(&map, 64, 64, own), ASH_ENOTOWNER);
        assert_int_equal(ash_dma_sync_for_device(&map, 128, 64, own), 0);
        MISUSE(ash_dma_sync_for_device(&map, 128, 64, own), ASH_ENOTOWNER);
        assert_int_equal(ash_dma_unmap(&map), 0);
        sim_forget();
        MISUSE(ash_dma_unmap(&map), ASH_ENOENT);
        MISUSE(ash_dma_sync_for_cpu(&map, 0, 64, own), ASH_ENOENT);
        NO_STEPS();
        finish();
    }
}

static void bidirectional_allows_each_direction(void **state)
{
    static const enum ash_dma_direction directions[] = {TO, FROM, BOTH};
    struct ash_dma_mapping map = {0};

    (void)state;
    start(false);
    assert_int_equal(ash_dma_map(&device, ash_pa(BUFFER_AT), 512, BOTH, &map), 0);
    sim_forget();
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ash_dma_sync_for_cpu(&map, 0, 512, directions[i]), 0);
        assert_int_equal(ash_dma_sync_for_device(&map, 0, 512, directions[i]), 0);
        STEPS({SIM_DMB_SY, 0, 0}, {SIM_CACHE_INVALIDATE, 0, 512},
              {SIM_CACHE_CLEAN_INVALIDATE, 0, 512});
    }
    assert_int_equal(ash_dma_unmap(&map), 0);
    finish();
}

/* A block that its owner frees stays until the last mapping in it ends. */
static void blocks_are_held(void **state)
{
    struct ash_dma_mapping map = {0}, second = {0};
    struct ash_pmem_block block, other;
    struct ash_pmem_stats stats;
    struct ash_pmem *region;

    (void)state;
    start(false);
    region = machine_region("held", DMA_AT, DMA_IN);
    assert_int_equal(ash_pmem_alloc(region, 2 * Q, 0, 0, &block), 0);
    assert_int_equal(ash_dma_map(&device, ash_pa(block.pa.value + 64), 128, FROM, &map), 0);
    assert_int_equal(ash_dma_map(&device, ash_pa(block.pa.value + Q), Q, TO, &second), 0);
    assert_int_equal(ash_pmem_free(&block), 0);
    assert_int_equal(ash_dma_unmap(&map), 0);
    assert_int_equal(ash_pmem_lookup(second.pa, &other), 0);
    assert_int_equal(ash_dma_unmap(&second), 0);
    assert_int_equal(ash_pmem_lookup(block.pa, &other), ASH_ENOENT);
    ash_pmem_stats(region, &stats);
    assert_int_equal(stats.free, DMA_IN);
    /* One that nobody frees stays its owner's. */
    assert_int_equal(ash_pmem_alloc(region, Q, 0, 0, &block), 0);
    assert_int_equal(ash_dma_map(&device, block.pa, Q, BOTH, &map), 0);
    assert_int_equal(ash_dma_unmap(&map), 0);
    assert_int_equal(ash_pmem_free(&block), 0);
    ash_pmem_stats(region, &stats);
    assert_int_equal(stats.free, DMA_IN);
    finish();
}

/* A mapping may lie in several blocks, not beside them. */
static void all_blocks_are_held(void **state)
{
    struct ash_dma_mapping map = {0};
    struct ash_pmem_block blocks[3], other;
    struct ash_pmem_stats stats;
    struct ash_pmem *region;

    (void)state;
    start(false);
    region = machine_region("held", DMA_AT, DMA_IN);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ash_pmem_alloc_at(region, 2 * i * Q, 2 * Q, 0, &blocks[i]), 0);
    }
    assert_int_equal(ash_dma_map(&device, ash_pa(DMA_AT + Q), 4 * Q, FROM, &map), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ash_pmem_free(&blocks[i]), 0);
        assert_int_equal(ash_pmem_lookup(blocks[i].pa, &other), 0);
    }
    assert_int_equal(ash_dma_unmap(&map), 0);
    ash_pmem_stats(region, &stats);
    assert_int_equal(stats.free, DMA_IN);
    assert_int_equal(ash_pmem_alloc_at(region, 0, Q, 0, &blocks[0]), 0);
    assert_int_equal(ash_pmem_alloc_at(region, 2 * Q, Q, 0, &blocks[1]), 0);
    assert_int_equal(ash_dma_map(&device, ash_pa(DMA_AT - Q), 2 * Q, FROM, &map), 0);
    assert_int_equal(map.holds, 1);
    assert_int_equal(ash_dma_unmap(&map), 0);
    assert_int_equal(ash_dma_map(&device, blocks[0].pa, 3 * Q, FROM, &map), ASH_ENOENT);
    assert_misused(true);
    assert_int_equal(ash_dma_map(&device, ash_pa(DMA_AT + DMA_IN - Q), Q, FROM, &map), ASH_ENOENT);
    assert_misused(true);
    for (unsigned i = 0; i < UINT16_MAX; i++) {
        assert_int_equal(ash_pmem_get(&blocks[1]), 0);
    }
    assert_int_equal(ash_dma_map(&device, blocks[1].pa, Q, FROM, &map), ASH_EBUSY);
    for (unsigned i = 0; i < UINT16_MAX; i++) {
        assert_int_equal(ash_pmem_put(&blocks[1]), 0);
    }
    /* What was refused holds nothing. */
    assert_int_equal(ash_pmem_free(&blocks[0]), 0);
    assert_int_equal(ash_pmem_free(&blocks[1]), 0);
    ash_pmem_stats(region, &stats);
    assert_int_equal(stats.free, DMA_IN);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_the_device),
        cmocka_unit_test(device_writes),
        cmocka_unit_test(what_the_cpu_holds_is_written_back),
        cmocka_unit_test(coherent_devices_need_barriers_only),
        cmocka_unit_test(mappings_are_checked),
        cmocka_unit_test(line_size_is_the_processors),
        cmocka_unit_test(constraints_hold),
        cmocka_unit_test(sync_misuse_is_refused),
        cmocka_unit_test(bidirectional_allows_each_direction),
        cmocka_unit_test(blocks_are_held),
        cmocka_unit_test(all_blocks_are_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
