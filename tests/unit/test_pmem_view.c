/* SPDX-License-Identifier: MIT */
/*
 * Views of blocks: what the map says, in which order the map, the cache and the contents change
 * (arm-rules 3, 21, 24), and that a change that fails changes nothing.
 */
#include "tests/unit/pmem_machine.h"

/* Index of the last such operation, or -1. */
static int last_of(enum sim_op op)
{
    int last = -1;

    for (int i = sim_find(op, 0); i >= 0; i = sim_find(op, (unsigned)i + 1)) {
        last = i;
    }
    return last;
}

static void assert_cache_operation(int index, const void *start, uint64_t size)
{
    assert_true(index >= 0);
    assert_int_equal(sim_trace[index].address, (uintptr_t)start);
    assert_int_equal(sim_trace[index].value, size);
}

static unsigned cache_operations(void)
{
    return sim_count[SIM_CACHE_CLEAN] + sim_count[SIM_CACHE_INVALIDATE] +
           sim_count[SIM_CACHE_CLEAN_INVALIDATE];
}

static void cached_blocks_are_cleaned_zeros(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_pmem_block block;

    (void)state;
    sim_forget();
    assert_int_equal(ash_pmem_alloc(dma, 3 * Q, 0, ASH_PMEM_CACHED, &block), 0);
    assert_true(bytes_are(block.ptr, 0, 3 * Q));
    assert_int_equal(((unsigned char *)block.ptr)[3 * Q], SIM_POISON);
    assert_int_equal(sim_count[SIM_ENTRY_STORE], 0);
    assert_int_equal(cache_operations(), 1);
    assert_cache_operation(sim_find(SIM_CACHE_CLEAN, 0), block.ptr, 3 * Q);
    assert_view(DMA_AT, DMA_IN, false);
    memset(block.ptr, 0x11, 3 * Q);
    sim_forget();
    assert_int_equal(ash_pmem_free(&block), 0);
    assert_int_equal(sim_count[SIM_ENTRY_STORE], 0);
    assert_int_equal(ash_pmem_alloc(dma, 3 * Q, 0, ASH_PMEM_UNINIT, &block), 0);
    assert_true(bytes_are(block.ptr, 0x11, 3 * Q));
    assert_int_equal(cache_operations(), 0);
    assert_int_equal(ash_pmem_free(&block), 0);
    assert_int_equal(ash_pmem_alloc(dma, 3 * Q, 0, 0, &block), 0);
    assert_true(bytes_are(block.ptr, 0, 3 * Q));
    assert_int_equal(ash_pmem_free(&block), 0);
    assert_all_free(dma);
}

static void uncached_blocks_have_no_other_view(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_pmem_block block;
    int drop;

    (void)state;
    sim_forget();
    assert_int_equal(ash_pmem_alloc(dma, 3 * Q, 4 * Q, ASH_PMEM_UNCACHED, &block), 0);
    assert_int_equal(block.pa.value, ZONE_AT + 4 * Q);
    assert_int_equal(block.flags, ASH_PMEM_UNCACHED);
    assert_view(DMA_AT, Q, false);
    assert_view(block.pa.value, 3 * Q, true);
    assert_view(block.pa.value + 3 * Q, DMA_IN - 4 * Q, false);
    assert_true(bytes_are(block.ptr, 0, 3 * Q));
    assert_int_equal(machine_takes_left, UINT32_MAX - machine_takes); /* none for the re-typing */

    /* The entries first, all of it complete; then the lines; then, behind the zeros, the barrier.
     */
    drop = sim_find(SIM_CACHE_CLEAN_INVALIDATE, 0);
    assert_int_equal(cache_operations(), 1);
    assert_cache_operation(drop, block.ptr, 3 * Q);
    assert_in_range(sim_count[SIM_ENTRY_STORE], 6, 7); /* break and make, page by page */
    assert_true(last_of(SIM_ENTRY_STORE) < drop);
    assert_true(sim_tlbi_count() > 0);
    assert_true(last_of(SIM_DSB_ISH) < drop && last_of(SIM_ISB) < drop);
    assert_true(last_of(SIM_DSB_SY) > drop);
    assert_at_rest(dma);
}

static void freed_blocks_are_cached_again(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_pmem_block block;

    (void)state;
    assert_int_equal(ash_pmem_alloc(dma, 3 * Q, 0, ASH_PMEM_UNCACHED, &block), 0);
    memset(block.ptr, 0x22, 3 * Q);
    sim_forget();
    assert_int_equal(ash_pmem_free(&block), 0);
    /* What was written uncached is in memory before the first cacheable entry can be used. */
    assert_true(sim_find(SIM_DSB_SY, 0) >= 0);
    assert_true(sim_find(SIM_DSB_SY, 0) < sim_find(SIM_ENTRY_STORE, 0));
    assert_int_equal(cache_operations(), 0);
    assert_true(sim_tlbi_count() > 0);
    assert_all_free(dma);

    sim_forget();
    assert_int_equal(ash_pmem_alloc(dma, 3 * Q, 0, ASH_PMEM_UNCACHED | ASH_PMEM_UNINIT, &block), 0);
    assert_true(bytes_are(block.ptr, 0x22, 3 * Q));
    /* Lines of the last owner are dropped all the same. */
    assert_true(last_of(SIM_CACHE_CLEAN_INVALIDATE) > last_of(SIM_ENTRY_STORE));
    assert_int_equal(block.flags, ASH_PMEM_UNCACHED);
    assert_int_equal(ash_pmem_free(&block), 0);
    assert_all_free(dma);
}

/* Ordered: Device memory, and the same steps. */
static void ordered_blocks_have_no_other_view(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_pmem_block block;
    int drop;

    (void)state;
    sim_forget();
    assert_int_equal(ash_pmem_alloc(dma, 3 * Q, 0, ASH_PMEM_ORDERED, &block), 0);
    assert_int_equal(block.flags, ASH_PMEM_ORDERED);
    assert_memory(block.pa.value, 3 * Q, ASH_PMEM_ORDERED);
    assert_view(block.pa.value + 3 * Q, DMA_IN - 3 * Q, false);
    assert_true(bytes_are(block.ptr, 0, 3 * Q));
    drop = sim_find(SIM_CACHE_CLEAN_INVALIDATE, 0);
    assert_int_equal(cache_operations(), 1);
    assert_cache_operation(drop, block.ptr, 3 * Q);
    assert_true(last_of(SIM_ENTRY_STORE) < drop && last_of(SIM_DSB_SY) > drop);
    sim_forget();
    assert_int_equal(ash_pmem_clean(&block, 0, Q), 0);
    assert_int_equal(ash_pmem_invalidate(&block, 0, Q), 0);
    assert_int_equal(cache_operations(), 0);
    assert_int_equal(sim_count[SIM_DSB_SY], 2);
    assert_int_equal(ash_pmem_free(&block), 0);
    assert_all_free(dma);
}

static void large_blocks_change_in_steps(void **state)
{
    static const uint64_t sizes[] = {1, 63, 64, 65, 127, 128, 129, 400, 512};

    (void)state;
    machine_start();
    ash_mmu_freeze(&machine_map);
    struct ash_pmem *all = machine_region("all", ZONE_AT, ZONE_IN);

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct ash_pmem_block block;

        assert_int_equal(ash_pmem_alloc(all, sizes[i] * Q, 0, ASH_PMEM_UNCACHED, &block), 0);
        assert_view(ZONE_AT, sizes[i] * Q, true);
        assert_view(ZONE_AT + sizes[i] * Q, ZONE_IN - sizes[i] * Q, false);
#if ASH_CPUS > 1
        assert_int_equal(machine_lock.next, machine_lock.serving);
#endif
        assert_int_equal(ash_pmem_free(&block), 0);
        assert_all_free(all);
    }
}

static void outside_the_zone_is_refused(void **state)
{
    struct ash_pmem_block block = {.size = 77}, cached;
    struct ash_pmem_stats stats;

    (void)state;
    machine_start();
    struct ash_pmem *fixed = machine_region("fixed", FIXED_AT, FIXED_IN);

    ash_mmu_freeze(&machine_map);
    sim_forget();
    assert_int_equal(ash_pmem_alloc(fixed, Q, 0, ASH_PMEM_UNCACHED, &block), ASH_EBUSY);
    assert_int_equal(ash_pmem_alloc_at(fixed, Q, Q, ASH_PMEM_UNCACHED, &block), ASH_EBUSY);
    assert_int_equal(sim_count[SIM_ENTRY_STORE], 0);
    assert_int_equal(cache_operations(), 0);
    assert_int_equal(block.size, 77);
    ash_pmem_stats(fixed, &stats);
    assert_int_equal(stats.failures, 0); /* there was room */
    assert_int_equal(stats.high_water, 0);
    assert_all_free(fixed);
    assert_int_equal(ash_pmem_alloc(fixed, FIXED_IN, 0, 0, &cached), 0);
    assert_int_equal(ash_pmem_free(&cached), 0);
    assert_all_free(fixed);
}

/* The zone ends in the middle of the region: the first steps succeed and are taken back. */
static void half_in_the_zone_is_refused(void **state)
{
    struct ash_pmem_block block;

    (void)state;
    machine_start();
    sim_add_ram(ash_pa(ZONE_AT + ZONE_IN), ZONE_IN);
    machine_add(ZONE_AT + ZONE_IN, ZONE_IN, ASH_MMU_NORMAL | ASH_MMU_WRITE);
    ash_mmu_freeze(&machine_map);
    struct ash_pmem *region = machine_region("half", ZONE_AT + ZONE_IN - 200 * Q, 400 * Q);

    for (uint64_t quanta = 201; quanta <= 400; quanta += 9) {
        assert_int_equal(ash_pmem_alloc(region, quanta * Q, 0, ASH_PMEM_UNCACHED, &block),
                         ASH_EBUSY);
        assert_all_free(region);
    }
    assert_int_equal(ash_pmem_alloc(region, 200 * Q, 0, ASH_PMEM_UNCACHED, &block), 0);
    assert_view(ZONE_AT + ZONE_IN - 200 * Q, 200 * Q, true);
    assert_int_equal(ash_pmem_free(&block), 0);
    assert_all_free(region);
}

/* Before the map is frozen blocks may be split, and tables may run out: at every one of them. */
static void failing_tables_change_nothing(void **state)
{
    struct ash_pmem_block block;
    int error = ASH_ENOMEM;
    unsigned n;

    (void)state;
    for (n = 0; error != 0; n++) {
        machine_start();
        struct ash_pmem *fixed = machine_region("fixed", FIXED_AT, FIXED_IN);

        assert_true(n < 10);
        machine_takes_left = n;
        error = ash_pmem_alloc(fixed, FIXED_IN - 2 * Q, 0, ASH_PMEM_UNCACHED, &block);
        machine_takes_left = UINT32_MAX;
        if (error != 0) {
            assert_int_equal(error, ASH_ENOMEM);
            assert_all_free(fixed);
            assert_int_equal(ash_pmem_alloc(fixed, FIXED_IN - 2 * Q, 0, ASH_PMEM_UNCACHED, &block),
                             0);
        }
        assert_view(FIXED_AT, FIXED_IN - 2 * Q, true);
        /* Giving back takes no tables, so it cannot fail. */
        machine_takes_left = 0;
        assert_int_equal(ash_pmem_free(&block), 0);
        assert_all_free(fixed);
    }
    assert_true(n > 1);
}

static void without_a_map(void **state)
{
    struct ash_pmem_block block;

    (void)state;
    machine_start();
    ash_pmem_init(NULL, NULL);
    struct ash_pmem *region = machine_region("plain", ZONE_AT, 16 * Q);

    assert_int_equal(ash_pmem_add("b", (struct ash_range){{0x70000000}, Q}), ASH_EFAULT);
    assert_int_equal(ash_pmem_alloc(region, Q, 0, ASH_PMEM_UNCACHED, &block), ASH_ENOSYS);
    assert_all_free(region);
    assert_int_equal(ash_pmem_alloc(region, 16 * Q, 0, 0, &block), 0);
    assert_int_equal(ash_pmem_free(&block), 0);
    assert_all_free(region);
}

static void flush_stays_inside(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_pmem_block cached, uncached;

    (void)state;
    assert_int_equal(ash_pmem_alloc(dma, 2 * Q, 0, 0, &cached), 0);
    assert_int_equal(ash_pmem_alloc(dma, 2 * Q, 0, ASH_PMEM_UNCACHED, &uncached), 0);
    sim_forget();
    assert_int_equal(ash_pmem_flush(&cached, 2 * Q + 1, 0), ASH_ERANGE);
    assert_int_equal(ash_pmem_flush(&cached, 0, 2 * Q + 1), ASH_ERANGE);
    assert_int_equal(ash_pmem_flush(&cached, Q, Q + 1), ASH_ERANGE);
    assert_int_equal(ash_pmem_flush(&cached, Q, -Q), ASH_ERANGE);
    assert_int_equal(ash_pmem_flush(&cached, UINT64_MAX, 2), ASH_ERANGE);
    assert_int_equal(sim_traced, sim_count[SIM_DMB_ISH]);
    assert_int_equal(ash_pmem_flush(&cached, 100, 2 * Q - 100), 0);
    assert_int_equal(cache_operations(), 1);
    assert_cache_operation(sim_find(SIM_CACHE_CLEAN_INVALIDATE, 0), (char *)cached.ptr + 100,
                           2 * Q - 100);
    sim_forget();
    assert_int_equal(ash_pmem_clean(&cached, 3, Q), 0);
    assert_int_equal(cache_operations(), 1);
    assert_cache_operation(sim_find(SIM_CACHE_CLEAN, 0), (char *)cached.ptr + 3, Q);
    assert_int_equal(ash_pmem_clean(&cached, Q, Q + 1), ASH_ERANGE);
    /* Whole lines only: what else is in them would be lost. */
    sim_forget();
    assert_int_equal(ash_pmem_invalidate(&cached, 0, Q + 1), ASH_EALIGN);
    assert_int_equal(ash_pmem_invalidate(&cached, 4, port_cache_line()), ASH_EALIGN);
    assert_int_equal(ash_pmem_invalidate(&cached, Q, 2 * Q), ASH_ERANGE);
    assert_int_equal(cache_operations(), 0);
    assert_int_equal(ash_pmem_invalidate(&cached, Q, port_cache_line()), 0);
    assert_int_equal(cache_operations(), 1);
    assert_cache_operation(sim_find(SIM_CACHE_INVALIDATE, 0), (char *)cached.ptr + Q,
                           port_cache_line());
    sim_forget();
    assert_int_equal(ash_pmem_flush(&cached, 2 * Q, 0), 0);
    assert_int_equal(ash_pmem_flush(&uncached, 0, 2 * Q), 0);
    assert_int_equal(cache_operations(), 0);
    assert_int_equal(sim_count[SIM_DSB_SY], 2);
    assert_int_equal(ash_pmem_free(&cached), 0);
    assert_int_equal(ash_pmem_free(&uncached), 0);
    assert_all_free(dma);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cached_blocks_are_cleaned_zeros),
        cmocka_unit_test(uncached_blocks_have_no_other_view),
        cmocka_unit_test(freed_blocks_are_cached_again),
        cmocka_unit_test(ordered_blocks_have_no_other_view),
        cmocka_unit_test(large_blocks_change_in_steps),
        cmocka_unit_test(outside_the_zone_is_refused),
        cmocka_unit_test(half_in_the_zone_is_refused),
        cmocka_unit_test(failing_tables_change_nothing),
        cmocka_unit_test(without_a_map),
        cmocka_unit_test(flush_stays_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
