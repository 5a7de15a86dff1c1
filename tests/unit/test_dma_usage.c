/* SPDX-License-Identifier: MIT */
/*
 * What is told of bounce buffers and of pools of coherent objects in the form that all allocators
 * share.
 */
#include "ashlar/dma_pool.h"
#include "tests/unit/pmem_machine.h"

#define SLOT   ((uint64_t)ASH_DMA_SLOT)
#define FAR_AT FIXED_AT /* what the device does not reach */
#define SLOTS  16u

static struct ash_pmem *region;
static struct ash_dma_device device;
static struct ash_dma_bounce bounce;
static struct ash_dma_pool pool;
static struct ash_usage told[4];
static unsigned told_count;

static void visit(const struct ash_usage *usage, void *arg)
{
    assert_ptr_equal(arg, told);
    assert_false(sim_irq_masked);
    assert_string_equal(usage->module, "dma");
    assert_true(told_count < 4);
    told[told_count++] = *usage;
}

/* What is told of the one with this name, which is told of once; how many there are. */
static const struct ash_usage *find(const char *name, unsigned count)
{
    const struct ash_usage *found = NULL;

    told_count = 0;
    ash_dma_usage(visit, told);
    assert_int_equal(told_count, count);
    for (unsigned i = 0; i < told_count; i++) {
        if (strcmp(told[i].name, name) == 0) {
            assert_null(found);
            found = &told[i];
        }
    }
    return found;
}

static void start(void)
{
    region = machine_dma();
    bounce = (struct ash_dma_bounce){.slots = 0};
    pool = (struct ash_dma_pool){.count = 0};
    device = (struct ash_dma_device){
        .name = "weak", .mask = 0x7fffffff, .bounce = &bounce, .bus_offset = 0x20000000};
    assert_null(find("copies", 0));
    assert_int_equal(ash_dma_bounce_create(&bounce, "copies", region, SLOTS * SLOT, &device), 0);
    assert_int_equal(ash_dma_init(&device), 0);
}

static void finish(void)
{
    assert_non_null(find("copies", 1));
    assert_int_equal(ash_dma_exit(&device), 0);
    assert_int_equal(ash_dma_bounce_destroy(&bounce), 0);
    assert_null(find("copies", 0));
    assert_int_equal(support_faults.count, 0);
    assert_all_free(region);
}

static void bounce_buffers_are_described(void **state)
{
    struct ash_dma_mapping mappings[SLOTS] = {0}, one = {0};
    const struct ash_usage *usage;
    int error;

    (void)state;
    start();
    usage = find("copies", 1);
    assert_int_equal(usage->total, SLOTS * SLOT);
    assert_int_equal(usage->used, 0);
    assert_int_equal(usage->free, SLOTS * SLOT);
    assert_int_equal(usage->largest, SLOTS * SLOT);
    assert_int_equal(usage->high_water, 0);
    assert_int_equal(usage->failures, 0);
    for (unsigned i = 0; i < SLOTS; i++) {
        error =
            ash_dma_map(&device, ash_pa(FAR_AT + i * SLOT), SLOT, ASH_DMA_TO_DEVICE, &mappings[i]);
        assert_int_equal(error, 0);
    }
    error = ash_dma_map(&device, ash_pa(FAR_AT + SLOTS * SLOT), 1, ASH_DMA_TO_DEVICE, &one);
    assert_int_equal(error, ASH_ENOMEM);
    usage = find("copies", 1);
    assert_int_equal(usage->used, SLOTS * SLOT);
    assert_int_equal(usage->free, 0);
    assert_int_equal(usage->largest, 0);
    assert_int_equal(usage->blocks, SLOTS);
    assert_int_equal(usage->failures, 1);
    /* Runs of 1, 3 and, at the end, 2 slots; a mapping of 2 counts as one. */
    for (unsigned i = 0; i < SLOTS; i++) {
        if (i == 1 || (i >= 5 && i < 8) || i >= SLOTS - 2) {
            assert_int_equal(ash_dma_unmap(&mappings[i]), 0);
        }
    }
    usage = find("copies", 1);
    assert_int_equal(usage->used, (SLOTS - 6) * SLOT);
    assert_int_equal(usage->largest, 3 * SLOT);
    assert_int_equal(usage->blocks, SLOTS - 6);
    assert_int_equal(ash_usage_fragmentation(usage), 50);
    error = ash_dma_map(&device, ash_pa(FAR_AT + 5 * SLOT), 2 * SLOT, ASH_DMA_TO_DEVICE, &one);
    assert_int_equal(error, 0);
    usage = find("copies", 1);
    assert_int_equal(usage->largest, 2 * SLOT);
    assert_int_equal(usage->blocks, SLOTS - 5);
    assert_int_equal(ash_dma_unmap(&one), 0);
    for (unsigned i = 0; i < SLOTS; i++) {
        if (mappings[i].device != NULL) {
            assert_int_equal(ash_dma_unmap(&mappings[i]), 0);
        }
    }
    usage = find("copies", 1);
    assert_int_equal(usage->used, 0);
    assert_int_equal(usage->blocks, 0);
    assert_int_equal(usage->high_water, SLOTS * SLOT);
    finish();
}

static void pools_of_objects_are_described(void **state)
{
    const struct ash_usage *usage;
    void *objects[3];
    ash_bus_t bus;

    (void)state;
    start();
    assert_int_equal(ash_dma_pool_create(&pool, "objects", &device, region, 40, 16, 0, 3), 0);
    for (unsigned i = 0; i < 3; i++) {
        objects[i] = ash_dma_pool_alloc(&pool, &bus);
        assert_non_null(objects[i]);
    }
    assert_null(ash_dma_pool_alloc(&pool, &bus));
    usage = find("objects", 2);
    assert_int_equal(usage->total, 3 * 48);
    assert_int_equal(usage->used, 3 * 48);
    assert_int_equal(usage->free, 0);
    assert_int_equal(usage->largest, 0);
    assert_int_equal(usage->limit, 48);
    assert_int_equal(usage->failures, 1);
    assert_int_equal(usage->blocks, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ash_dma_pool_free(&pool, objects[i]), 0);
    }
    usage = find("objects", 2);
    assert_int_equal(usage->used, 0);
    assert_int_equal(usage->free, 3 * 48);
    assert_int_equal(usage->largest, 48);
    assert_int_equal(usage->high_water, 3 * 48);
    assert_int_equal(ash_usage_fragmentation(usage), 0);
    assert_int_equal(ash_dma_pool_destroy(&pool), 0);
    assert_null(find("objects", 1));
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounce_buffers_are_described),
        cmocka_unit_test(pools_of_objects_are_described),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
