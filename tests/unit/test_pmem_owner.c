/* SPDX-License-Identifier: MIT */
/*
 * Who has a block: owners, references, and what is told of it.
 */
#include "tests/unit/pmem_machine.h"

static void references_are_counted(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_pmem_block block;

    (void)state;
    assert_int_equal(ash_pmem_alloc(dma, Q, 0, ASH_PMEM_UNCACHED, &block), 0);
    assert_fault(ash_pmem_put(&block), ASH_FAULT_DOUBLE_FREE);
    for (unsigned i = 0; i < UINT16_MAX; i++) {
        assert_int_equal(ash_pmem_get(&block), 0);
    }
    assert_int_equal(ash_pmem_get(&block), ASH_EBUSY);
    for (unsigned i = 0; i < UINT16_MAX; i++) {
        assert_int_equal(ash_pmem_put(&block), 0);
    }
    assert_fault(ash_pmem_put(&block), ASH_FAULT_DOUBLE_FREE);
    assert_int_equal(ash_pmem_free(&block), 0);
    assert_int_equal(support_faults.count, 0);
    /* The next owner starts without references. */
    assert_int_equal(ash_pmem_alloc(dma, Q, 0, 0, &block), 0);
    assert_int_equal(ash_pmem_free(&block), 0);
    assert_all_free(dma);
}

/* A block that is freed while it is held stays as it is, and leaves with the last reference. */
static void a_held_block_leaves_last(void **state)
{
    static const uint32_t views[] = {ASH_PMEM_CACHED, ASH_PMEM_UNCACHED, ASH_PMEM_ORDERED};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct ash_pmem *dma = machine_dma();
        struct ash_pmem_block block, other, found;
        struct ash_pmem_stats stats;

        assert_int_equal(
            ash_pmem_alloc(dma, 3 * Q, 0, views[i] | ASH_PMEM_OWNER(ASH_OWNER_TEST), &block), 0);
        memset(block.ptr, 0x37, 3 * Q);
        assert_int_equal(ash_pmem_get(&block), 0);
        assert_int_equal(ash_pmem_get(&block), 0);
        assert_int_equal(ash_pmem_free(&block), 0);
        ash_pmem_stats(dma, &stats);
        assert_int_equal(stats.blocks, 1);
        assert_int_equal(stats.leaving, 1);
        assert_int_equal(ash_pmem_owned(ASH_OWNER_TEST), 3 * Q);
        assert_at_rest(dma);
        /* It is not free: neither a second time, nor for others. */
        assert_fault(ash_pmem_free(&block), ASH_FAULT_DOUBLE_FREE);
        assert_int_equal(ash_pmem_release(ASH_OWNER_TEST), 0);
        assert_int_equal(ash_pmem_alloc_at(dma, 0, Q, 0, &other), ASH_EBUSY);
        assert_int_equal(ash_pmem_lookup(block.pa, &found), 0);
        assert_true(bytes_are(block.ptr, 0x37, 3 * Q));
        assert_memory(block.pa.value, 3 * Q, views[i]);
        /* Whoever holds it uses it as before. */
        assert_int_equal(ash_pmem_get(&block), 0);
        assert_int_equal(ash_pmem_flush(&block, 0, Q), 0);
        assert_int_equal(ash_pmem_put(&block), 0);
        assert_int_equal(ash_pmem_put(&block), 0);
        assert_int_equal(ash_pmem_alloc_at(dma, 2 * Q, Q, 0, &other), ASH_EBUSY);
        assert_int_equal(ash_pmem_put(&block), 0);
        assert_fault(ash_pmem_put(&block), ASH_FAULT_DOUBLE_FREE);
        assert_fault(ash_pmem_get(&block), ASH_FAULT_DOUBLE_FREE);
        assert_int_equal(ash_pmem_owned(ASH_OWNER_TEST), 0);
        assert_all_free(dma);
    }
}

static void owners_are_told_apart(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_pmem *other = machine_region("other", DMA_AT + DMA_IN, 8 * Q);
    struct ash_pmem_block mine[3], theirs, held;
    const unsigned me = ASH_OWNER_FIRST + 3, last = ASH_OWNERS - 1;

    (void)state;
    assert_int_equal(ash_pmem_alloc(dma, 2 * Q, 0, ASH_PMEM_OWNER(me), &mine[0]), 0);
    assert_int_equal(ash_pmem_alloc(dma, 5 * Q, 0, ASH_PMEM_OWNER(last), &theirs), 0);
    assert_int_equal(
        ash_pmem_alloc(dma, 7 * Q, 0, ASH_PMEM_OWNER(me) | ASH_PMEM_UNCACHED, &mine[1]), 0);
    assert_int_equal(ash_pmem_alloc(other, 8 * Q, 0, ASH_PMEM_OWNER(me), &mine[2]), 0);
    assert_int_equal(ash_pmem_alloc(dma, Q, 0, ASH_PMEM_OWNER(me), &held), 0);
    assert_int_equal(ash_pmem_get(&held), 0);
    assert_int_equal(ash_pmem_owned(me), 18 * Q);
    assert_int_equal(ash_pmem_owned(last), 5 * Q);
    assert_int_equal(ash_pmem_owned(ASH_OWNER_NONE), 0);
    assert_int_equal(ash_pmem_owned(ASH_OWNERS), 0);
    assert_int_equal(ash_pmem_release(ASH_OWNER_NONE), 0);
    assert_int_equal(ash_pmem_release(me), 4);
    assert_int_equal(ash_pmem_owned(me), Q); /* held */
    assert_int_equal(ash_pmem_owned(last), 5 * Q);
    assert_all_free(other);
    assert_at_rest(dma);
    for (unsigned i = 0; i < 3; i++) {
        assert_fault(ash_pmem_free(&mine[i]), ASH_FAULT_DOUBLE_FREE);
    }
    assert_int_equal(ash_pmem_put(&held), 0);
    assert_int_equal(ash_pmem_release(me), 0);
    assert_int_equal(ash_pmem_free(&theirs), 0);
    assert_all_free(dma);
}

/* Others' blocks are passed over with the lock let go in between. */
static void releasing_lets_go_of_the_lock(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_pmem_block blocks[96];

    (void)state;
    for (unsigned i = 0; i < 96; i++) {
        unsigned owner = ASH_OWNER_FIRST + (i == 95);

        assert_int_equal(ash_pmem_alloc(dma, Q, 0, ASH_PMEM_OWNER(owner), &blocks[i]), 0);
    }
#if ASH_CPUS > 1
    uint32_t before = dma->lock.next;
#endif
    assert_int_equal(ash_pmem_release(ASH_OWNER_FIRST + 2), 0);
#if ASH_CPUS > 1
    assert_int_equal(dma->lock.next - before, 2);
#endif
    assert_int_equal(ash_pmem_release(ASH_OWNER_FIRST + 1), 1);
    assert_int_equal(ash_pmem_release(ASH_OWNER_FIRST), 95);
    assert_all_free(dma);
}

static unsigned described;

static void describe(const struct ash_usage *usage, void *arg)
{
    const struct ash_pmem_stats *stats = arg;

    assert_false(sim_irq_masked);
    assert_string_equal(usage->module, "pmem");
    assert_string_equal(usage->name, described == 0 ? "dma" : "other");
    if (described++ == 0) {
        assert_int_equal(usage->total, DMA_IN);
        assert_int_equal(usage->used, 4 * Q);
        assert_int_equal(usage->free, DMA_IN - 4 * Q);
        assert_int_equal(usage->largest, stats->largest);
        assert_int_equal(usage->high_water, 6 * Q);
        assert_int_equal(usage->failures, 1);
        assert_int_equal(usage->blocks, 2);
    } else {
        assert_int_equal(usage->total, 8 * Q);
        assert_int_equal(usage->used, 0);
    }
}

static void usage_is_described(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_pmem_block blocks[3];
    struct ash_pmem_stats stats;

    (void)state;
    machine_region("other", DMA_AT + DMA_IN, 8 * Q);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ash_pmem_alloc(dma, 2 * Q, 0, 0, &blocks[i]), 0);
    }
    assert_int_equal(ash_pmem_alloc(dma, DMA_IN, 0, 0, &blocks[2]), ASH_ENOMEM);
    assert_int_equal(ash_pmem_free(&blocks[1]), 0);
    ash_pmem_stats(dma, &stats);
    assert_int_equal(stats.largest, DMA_IN - 6 * Q);
    described = 0;
    ash_pmem_usage(describe, &stats);
    assert_int_equal(described, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_are_counted), cmocka_unit_test(a_held_block_leaves_last),
        cmocka_unit_test(owners_are_told_apart),  cmocka_unit_test(releasing_lets_go_of_the_lock),
        cmocka_unit_test(usage_is_described),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
