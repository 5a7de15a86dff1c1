/* SPDX-License-Identifier: MIT */
/*
 * Several heaps: in memory of every size, beside each other, and what they tell of their blocks,
 * owners and figures.
 */
#include <stdlib.h>

#include "alloc/heap.h"
#include "ashlar/heap.h"
#include "tests/unit/heap_machine.h"

static struct ash_heap region;
static _Alignas(16) char memory[300000];

static void regions_of_every_size(void **state)
{
    static char guarded[4200];
    struct ash_heap_stats stats;
    unsigned worked = 0;

    (void)state;
    assert_int_equal(ash_heap_init(NULL, "x", memory, sizeof(memory)), ASH_EINVAL);
    assert_int_equal(ash_heap_init(&region, "x", NULL, 1), ASH_EINVAL);
    assert_int_equal(ash_heap_init(&region, "x", memory, SIZE_MAX), ASH_ENOMEM);
    assert_int_equal(ash_heap_init(&region, "x", (void *)(UINTPTR_MAX - 2), 1), ASH_ENOMEM);
    for (size_t size = 0; size < 4096; size = size < 300 ? size + 1 : size + 97) {
        for (size_t offset = 0; offset < 17; offset++) {
            char *from = guarded + 32 + offset;
            unsigned blocks = 0;
            void *last = NULL;
            void *block;
            int error;

            memset(guarded, 0x5a, sizeof(guarded));
            error = ash_heap_init(&region, "small", from, size);
            if (error == 0) {
                while ((block = ash_heap_alloc(&region, 10)) != NULL) {
                    assert_true((char *)block >= from && (char *)block + 10 <= from + size);
                    assert_true(ash_heap_contains(&region, block));
                    memset(block, 1, ash_heap_usable(&region, block));
                    memcpy(block, &last, sizeof(last));
                    last = block;
                    blocks++;
                }
                assert_int_not_equal(blocks, 0);
                assert_int_equal(ash_heap_destroy(&region), ASH_EBUSY);
                assert_int_equal(ash_heap_verify(&region), 0);
                for (; blocks > 0; blocks--) {
                    memcpy(&block, last, sizeof(block));
                    ash_heap_free(&region, last);
                    last = block;
                }
                ash_heap_stats(&region, &stats);
                assert_int_equal(stats.failures, 1);
                assert_int_equal(stats.total_bytes, size);
                block = ash_heap_alloc(&region, stats.largest_free); /* all of it, again */
                assert_non_null(block);
                assert_null(ash_heap_alloc(&region, 1));
                ash_heap_free(&region, block);
                assert_int_equal(ash_heap_destroy(&region), 0);
                worked++;
            } else {
                assert_int_equal(error, ASH_ENOMEM);
                assert_true(size < 2 * HEAP_UNIT * HEAP_LEAST + sizeof(struct heap_chunk) + 16);
            }
            for (size_t i = 0; i < sizeof(guarded); i++) {
                assert_true(guarded[i] == 0x5a ||
                            (guarded + i >= from && guarded + i < from + size));
            }
        }
    }
    assert_int_not_equal(worked, 0);
}

static void heaps_are_apart(void **state)
{
    struct ash_heap grown;
    char *a;
    char *b;

    (void)state;
    assert_int_equal(ash_heap_init(&region, "region", memory, sizeof(memory)), 0);
    assert_int_equal(ash_heap_init_frames(NULL, "grown"), ASH_EINVAL);
    assert_int_equal(ash_heap_init_frames(&grown, "grown"), 0);
    a = ash_heap_alloc(&region, 1000);
    b = ash_heap_alloc(&grown, 1000);
    assert_true(a >= memory && a < memory + sizeof(memory));
    assert_true(ash_heap_contains(&region, a + 999) && !ash_heap_contains(&region, b));
    assert_true(ash_heap_contains(&grown, b) && !ash_heap_contains(&grown, a));
    assert_false(ash_heap_contains(&ash_heap_default, b));
#if ASH_CHECK >= 1
    ash_heap_free(&region, b);
    machine_expect_fault(ASH_FAULT_FOREIGN, "heap");
    ash_heap_free(&grown, a);
    machine_expect_fault(ASH_FAULT_FOREIGN, "heap");
#endif
    assert_null(ash_heap_alloc(&region, 300000));
    ash_heap_free(&region, a);
    ash_heap_free(&grown, b);
    assert_int_equal(ash_frames_owned(ASH_OWNER_HEAP), 0);
    assert_int_equal(ash_heap_destroy(&region), 0);
    assert_int_equal(ash_heap_destroy(&grown), 0);
}

/* More than the largest chunk becomes several. */
static void large_regions(void **state)
{
    size_t size = (2 * ASH_PAGE_SIZE << ASH_HEAP_ORDER) + 50;
    char *large = malloc(size);
    struct ash_heap_stats stats;
    void *blocks[3];

    (void)state;
    assert_int_equal(ash_heap_init(&region, "large", large, size), 0);
    ash_heap_stats(&region, &stats);
    assert_int_equal(stats.chunks, 2);
    assert_true(stats.free_bytes > size - 200);
    blocks[0] = ash_heap_alloc(&region, ASH_HEAP_MAX);
    blocks[1] = ash_heap_alloc(&region, ASH_HEAP_MAX);
    assert_non_null(blocks[0]);
    assert_non_null(blocks[1]);
    assert_null(ash_heap_alloc(&region, 1000));
    ash_heap_free(&region, blocks[0]);
    ash_heap_free(&region, blocks[1]);
    assert_int_equal(ash_heap_verify(&region), 0);
    assert_int_equal(ash_heap_destroy(&region), 0);
    free(large);
}

static void owners_of_blocks(void **state)
{
    struct ash_heap_owned owned[ASH_OWNERS];
    char *blocks[ASH_OWNERS];

    (void)state;
    for (unsigned i = 0; i < ASH_OWNERS; i++) {
        blocks[i] = ash_heap_alloc(&ash_heap_default, 100 * i);
        assert_int_equal(ash_heap_set_owner(&ash_heap_default, blocks[i], i), 0);
    }
    assert_int_equal(ash_heap_set_owner(&ash_heap_default, blocks[0], ASH_OWNERS), ASH_EINVAL);
    assert_int_equal(ash_heap_set_owner(&ash_heap_default, NULL, 1), ASH_EINVAL);
    for (unsigned i = 0; i < ASH_OWNERS; i++) { /* it stays, whatever happens to the block */
        blocks[i] = ash_heap_realloc(&ash_heap_default, blocks[i], i % 2 == 0 ? 5000 : 50);
        assert_non_null(blocks[i]);
    }
    assert_int_equal(ash_heap_set_owner(&ash_heap_default, blocks[1], 2), 0);
    ash_heap_owned(&ash_heap_default, owned);
    for (unsigned i = 0; i < ASH_OWNERS; i++) {
        assert_int_equal(owned[i].blocks, i == 1 ? 0 : i == 2 ? 2 : 1);
        assert_true(owned[i].bytes >= (i == 1 ? 0 : i % 2 == 0 ? 5000u : 50u));
    }
    assert_int_equal(ash_heap_verify(&ash_heap_default), 0);
    for (unsigned i = 0; i < ASH_OWNERS; i++) {
        ash_heap_free(&ash_heap_default, blocks[i]);
    }
}

struct seen {
    struct ash_heap_block blocks[8];
    unsigned count;
};

static void see(const struct ash_heap_block *block, void *arg)
{
    struct seen *seen = arg;

    assert_true(seen->count < 8);
    seen->blocks[seen->count++] = *block;
}

static void walks_show_all_blocks(void **state)
{
    void *blocks[4];
    struct seen seen = {.count = 0};

    (void)state;
    assert_int_equal(ash_heap_init(&region, "walk", memory, 10000), 0);
    for (unsigned i = 0; i < 4; i++) {
        blocks[i] = ash_heap_alloc(&region, 200);
    }
    assert_int_equal(ash_heap_set_owner(&region, blocks[2], ASH_OWNER_TEST), 0);
    ash_heap_free(&region, blocks[1]);
    ash_heap_walk(&region, see, &seen);
    assert_int_equal(seen.count, 5); /* the last is the rest */
    for (unsigned i = 0; i < 4; i++) {
        assert_ptr_equal(seen.blocks[i].memory, blocks[i]);
        assert_true(seen.blocks[i].size >= 200 && seen.blocks[i].size < 220);
        assert_int_equal(seen.blocks[i].used, i != 1);
        assert_int_equal(seen.blocks[i].owner, i == 2 ? ASH_OWNER_TEST : ASH_OWNER_NONE);
    }
    assert_false(seen.blocks[4].used);
    assert_int_equal(seen.blocks[4].size, 10000 - sizeof(struct heap_chunk) - sizeof(void *) -
                                              4 * (size_t)((char *)blocks[1] - (char *)blocks[0]) -
                                              4 - (10000 - sizeof(void *)) % HEAP_UNIT);
    for (unsigned i = 0; i < 4; i++) {
        ash_heap_free(&region, i == 1 ? NULL : blocks[i]);
    }
    assert_int_equal(ash_heap_destroy(&region), 0);
}

static struct ash_usage usages[4];
static unsigned usage_count;

static void see_usage(const struct ash_usage *usage, void *arg)
{
    assert_false(sim_irq_masked);
    assert_ptr_equal(arg, usages);
    usages[usage_count++] = *usage;
}

static void usage_and_report(void **state)
{
    void *block = ash_heap_alloc(&ash_heap_default, 1000);
    void *blocks[3];

    (void)state;
    assert_int_equal(ash_heap_init(&region, "second", memory, 100000), 0);
    for (unsigned i = 0; i < 3; i++) {
        blocks[i] = ash_heap_alloc(&region, 30000);
    }
    assert_null(ash_heap_alloc(&region, 30000));
    ash_heap_free(&region, blocks[1]);
    usage_count = 0;
    ash_heaps_usage(see_usage, usages);
    assert_int_equal(usage_count, 2);
    assert_string_equal(usages[0].module, "heap");
    assert_string_equal(usages[0].name, "second");
    assert_int_equal(usages[0].total, 100000);
    assert_int_equal(usages[0].blocks, 2);
    assert_int_equal(usages[0].failures, 1);
    assert_true(usages[0].used >= 60000 && usages[0].used < 60100);
    assert_true(usages[0].high_water >= 90000 && usages[0].high_water < 90100);
    assert_true(usages[0].free > 39000 && usages[0].used + usages[0].free < 100000);
    assert_true(usages[0].largest >= 30000 && usages[0].largest < usages[0].free);
    assert_int_equal(ash_usage_fragmentation(&usages[0]), 24);
    assert_string_equal(usages[1].name, "heap");
    support_printed[0] = 0;
    assert_int_equal(ash_heap_set_owner(&region, blocks[0], ASH_OWNER_TEST), 0);
    ash_heaps_report(support_print);
    assert_non_null(strstr(support_printed, "\nsecond            100000"));
    assert_non_null(strstr(support_printed, "owner test           30"));
    assert_non_null(strstr(support_printed, "owner none           30"));
    assert_non_null(strstr(support_printed, "\nheap "));
    ash_heap_free(&region, blocks[0]);
    ash_heap_free(&region, blocks[2]);
    assert_int_equal(ash_heap_destroy(&region), 0);
    ash_heap_free(&ash_heap_default, block);
    usage_count = 0;
    ash_heaps_usage(see_usage, usages);
    assert_int_equal(usage_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(regions_of_every_size, heap_start, heap_finish),
        cmocka_unit_test_setup_teardown(heaps_are_apart, heap_start, heap_finish),
        cmocka_unit_test_setup_teardown(large_regions, heap_start, heap_finish),
        cmocka_unit_test_setup_teardown(owners_of_blocks, heap_start, heap_finish),
        cmocka_unit_test_setup_teardown(walks_show_all_blocks, heap_start, heap_finish),
        cmocka_unit_test_setup_teardown(usage_and_report, heap_start, heap_finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
