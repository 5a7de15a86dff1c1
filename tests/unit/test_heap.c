/* SPDX-License-Identifier: MIT */
/*
 * The heap: sizes and alignments, resizing, random operations against a model of live blocks, and
 * every way in which frames can run out.
 */
#include "alloc/heap.h"
#include "ashlar/heap.h"
#include "tests/unit/heap_machine.h"

#define BASE 0x40000000ull

static void every_size_and_alignment(void **state)
{
    (void)state;
    for (size_t align = 0; align <= 65536; align = align == 0 ? 1 : align * 2) {
        for (size_t size = 0; size < 5000; size = size < 70 ? size + 1 : size + 611) {
            uint8_t *a = ash_heap_alloc_aligned(&ash_heap_default, size, align);
            uint8_t *b = ash_heap_alloc_aligned(&ash_heap_default, size, align);
            size_t at_least = align < ASH_HEAP_ALIGN ? ASH_HEAP_ALIGN : align;

            assert_non_null(a);
            assert_non_null(b);
            assert_ptr_not_equal(a, b);
            assert_int_equal((uintptr_t)a % at_least, 0);
            assert_int_equal((uintptr_t)b % at_least, 0);
            assert_true(ash_heap_usable(&ash_heap_default, a) >= size);
            assert_true(ash_heap_usable(&ash_heap_default, a) < size + 4 * ASH_HEAP_ALIGN);
            memset(a, 1, ash_heap_usable(&ash_heap_default, a));
            memset(b, 2, ash_heap_usable(&ash_heap_default, b));
            assert_true(size == 0 || (a[0] == 1 && a[size - 1] == 1));
            if (size % 7 == 0) {
                assert_int_equal(ash_heap_verify(&ash_heap_default), 0);
            }
            ash_heap_free(&ash_heap_default, a);
            ash_heap_free(&ash_heap_default, b);
        }
    }
}

static void classes_cover_all_sizes(void **state)
{
    unsigned previous = heap_class(1);

    (void)state;
    for (uint32_t units = 2; units <= HEAP_SIZE; units++) {
        unsigned class = heap_class(units);
        unsigned up = heap_class_up(units);

        assert_true(class < ASH_HEAP_CLASSES);
        assert_true(class == previous || class == previous + 1);
        /* Rounded up: the next class, unless the size is the least of its own. */
        assert_int_equal(up, class == previous ? class + 1 : class);
        previous = class;
    }
    assert_int_equal(previous, ASH_HEAP_CLASSES - 1);
}

static void limits(void **state)
{
    void *all;
    struct ash_heap_stats stats;

    (void)state;
    assert_null(ash_heap_alloc_aligned(&ash_heap_default, 1, 3));
    assert_null(ash_heap_alloc_aligned(&ash_heap_default, 1, SIZE_MAX));
    ash_heap_stats(&ash_heap_default, &stats);
    assert_int_equal(stats.failures, 0); /* bad arguments are no failures to find memory */
    for (size_t k = 0; k < 100; k++) {
        assert_null(ash_heap_alloc(&ash_heap_default, SIZE_MAX - k));
        assert_null(ash_heap_alloc_aligned(&ash_heap_default, SIZE_MAX / 2 - k, 64));
        assert_null(ash_heap_alloc_aligned(&ash_heap_default, k, (SIZE_MAX >> 1) + 1));
        assert_null(ash_heap_realloc(&ash_heap_default, NULL, SIZE_MAX - k));
    }
    assert_null(ash_heap_alloc(&ash_heap_default, ASH_HEAP_MAX + 1));
    assert_null(ash_heap_alloc_aligned(&ash_heap_default, ASH_HEAP_MAX, 4096));
    ash_heap_stats(&ash_heap_default, &stats);
    assert_int_equal(stats.failures, 402);
    all = ash_heap_alloc(&ash_heap_default, ASH_HEAP_MAX);
    assert_non_null(all);
    memset(all, 0x11, ASH_HEAP_MAX);
    assert_int_equal(ash_heap_verify(&ash_heap_default), 0);
    assert_null(ash_heap_realloc(&ash_heap_default, all, ASH_HEAP_MAX + 1));
    ash_heap_free(&ash_heap_default, all);
    ash_heap_free(&ash_heap_default, NULL);
    assert_int_equal(ash_heap_usable(&ash_heap_default, NULL), 0);
}

static void chunks_come_and_go(void **state)
{
    uint32_t free = machine_free();
    struct ash_heap_stats stats;
    void *small = ash_heap_alloc(&ash_heap_default, 10);
    void *large = ash_heap_alloc(&ash_heap_default, 100000);
    void *larger;

    (void)state;
    assert_int_equal(free - machine_free(), 16 + 32);
    larger = ash_heap_alloc(&ash_heap_default, 30000); /* fits behind `large` */
    assert_int_equal(free - machine_free(), 16 + 32);
    ash_heap_stats(&ash_heap_default, &stats);
    assert_int_equal(stats.chunks, 2);
    assert_int_equal(stats.total_bytes, 48 * 4096);
    assert_int_equal(stats.blocks, 3);
    assert_true(stats.used_bytes >= 130010 && stats.used_bytes < 130100);
    assert_true(stats.largest_free > 60000);
    ash_heap_free(&ash_heap_default, large);
    assert_int_equal(free - machine_free(), 16 + 32);
    ash_heap_free(&ash_heap_default, larger);
    assert_int_equal(free - machine_free(), 16);
    ash_heap_free(&ash_heap_default, small);
    assert_int_equal(machine_free(), free);
}

/* Where no class is sure to fit, the first block of the request's own class is taken if it fits:
 * 64 and 65 units are one class. */
static void own_class_is_tried_last(void **state)
{
    size_t units_64 = 64 * ASH_HEAP_ALIGN - 4;
    size_t units_65 = 65 * ASH_HEAP_ALIGN - 4;
    char *smaller = ash_heap_alloc(&ash_heap_default, units_64);
    char *wall = ash_heap_alloc(&ash_heap_default, 8);
    char *larger = ash_heap_alloc(&ash_heap_default, units_65);
    char *end = ash_heap_alloc(&ash_heap_default, 8);
    struct ash_heap_stats stats;
    char *rest;
    char *block;

    (void)state;
    ash_heap_stats(&ash_heap_default, &stats);
    rest = ash_heap_alloc(&ash_heap_default,
                          stats.free_bytes - 4); /* all of it, as one block of its class */
    ash_heap_stats(&ash_heap_default, &stats);
    assert_int_equal(stats.free_bytes, 0);
    assert_int_equal(stats.chunks, 1);
    ash_heap_free(&ash_heap_default, smaller);
    block = ash_heap_alloc(&ash_heap_default, units_65); /* does not fit */
    ash_heap_stats(&ash_heap_default, &stats);
    assert_int_equal(stats.chunks, 2);
    ash_heap_free(&ash_heap_default, block);
    assert_ptr_equal(ash_heap_alloc(&ash_heap_default, units_64), smaller);
    ash_heap_free(&ash_heap_default, larger);
    assert_ptr_equal(ash_heap_alloc(&ash_heap_default, units_65), larger);
    ash_heap_stats(&ash_heap_default, &stats);
    assert_int_equal(stats.chunks, 1);
    ash_heap_free(&ash_heap_default, larger);
    ash_heap_free(&ash_heap_default, rest);
    ash_heap_free(&ash_heap_default, smaller);
    ash_heap_free(&ash_heap_default, wall);
    ash_heap_free(&ash_heap_default, end);
}

static void fill(uint8_t *block, size_t size, uint8_t mark)
{
    for (size_t i = 0; i < size; i++) {
        block[i] = (uint8_t)(mark + i);
    }
}

static void check_filled(const uint8_t *block, size_t size, uint8_t mark)
{
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(block[i], (uint8_t)(mark + i));
    }
}

static void resizing_keeps_contents(void **state)
{
    uint8_t *block = ash_heap_realloc(&ash_heap_default, NULL, 100);
    uint8_t *wall;
    uint8_t *moved;
    struct ash_heap_stats before;
    struct ash_heap_stats after;

    (void)state;
    fill(block, 100, 7);
    assert_ptr_equal(ash_heap_realloc(&ash_heap_default, block, 3000),
                     block); /* free memory follows */
    check_filled(block, 100, 7);
    fill(block, 3000, 7);
    assert_ptr_equal(ash_heap_realloc(&ash_heap_default, block, 500), block); /* shrinks */
    wall = ash_heap_alloc(&ash_heap_default, 16);
    assert_true(wall > block && wall < block + 3000); /* in what was cut off */
    check_filled(block, 500, 7);
    ash_heap_stats(&ash_heap_default, &before);
    assert_ptr_equal(
        ash_heap_realloc(&ash_heap_default, block, ash_heap_usable(&ash_heap_default, block)),
        block);
    ash_heap_stats(&ash_heap_default, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    moved = ash_heap_realloc(&ash_heap_default, block, 4000);
    assert_ptr_not_equal(moved, block);
    check_filled(moved, 500, 7);
    block = ash_heap_realloc(&ash_heap_default, moved, 0);
    assert_ptr_equal(block, moved);
    ash_heap_free(&ash_heap_default, wall);
    ash_heap_free(&ash_heap_default, block);
}

#define BLOCKS 700u

static struct {
    uint8_t *memory;
    size_t size;
    uint8_t mark;
} live[BLOCKS];

/** Sizes from 16 bytes to 8 KiB, each power of two as likely as the others; now and then a large
 * one. */
static size_t random_size(void)
{
    unsigned log = 4 + support_random_below(9);

    if (support_random_below(200) == 0) {
        return support_random_below(300000);
    }
    return support_random_below(1u << log);
}

static void random_operations_agree_with_the_model(void **state)
{
    size_t blocks = 0;
    unsigned failed = 0;

    (void)state;
    memset(live, 0, sizeof(live));
    support_seed(0x1234567);
    for (unsigned step = 0; step < (ASH_CHECK >= 2 ? 6000 : 60000); step++) {
        bool rising = step / 3000 % 2 == 0;
        unsigned slot = support_random_below(BLOCKS);
        size_t size = random_size();
        size_t align = support_random_below(8) == 0 ? 1u << support_random_below(14) : 0;
        uint8_t *moved;

        if (live[slot].memory == NULL) {
            if (!rising && support_random_below(4) != 0) {
                continue;
            }
            live[slot].memory = ash_heap_alloc_aligned(&ash_heap_default, size, align);
            if (live[slot].memory == NULL) {
                failed++;
                continue;
            }
            assert_true(align == 0 || (uintptr_t)live[slot].memory % align == 0);
            assert_int_equal((uintptr_t)live[slot].memory % ASH_HEAP_ALIGN, 0);
            blocks++;
        } else {
            check_filled(live[slot].memory, live[slot].size, live[slot].mark);
            if (support_random_below(4) != 0) {
                ash_heap_free(&ash_heap_default, live[slot].memory);
                live[slot].memory = NULL;
                blocks--;
                continue;
            }
            moved = ash_heap_realloc(&ash_heap_default, live[slot].memory, size);
            if (moved == NULL) {
                check_filled(live[slot].memory, live[slot].size, live[slot].mark);
                failed++;
                continue;
            }
            check_filled(moved, size < live[slot].size ? size : live[slot].size, live[slot].mark);
            live[slot].memory = moved;
        }
        live[slot].size = size;
        live[slot].mark = (uint8_t)support_random();
        fill(live[slot].memory, size, live[slot].mark);
        if (step % 500 == 0) {
            struct ash_heap_stats stats;

            ash_heap_stats(&ash_heap_default, &stats);
            assert_int_equal(stats.blocks, blocks);
            assert_true(stats.high_water >= stats.used_bytes);
            assert_int_equal(ash_heap_verify(&ash_heap_default), 0);
        }
    }
    for (unsigned slot = 0; slot < BLOCKS; slot++) {
        if (live[slot].memory != NULL) {
            check_filled(live[slot].memory, live[slot].size, live[slot].mark);
            ash_heap_free(&ash_heap_default, live[slot].memory);
        }
    }
    assert_true(failed < 60000);
}

/** A program that stops at nothing: what cannot be had is done without. Number of failures. */
static unsigned scenario(void)
{
    static const size_t sizes[] = {100, 3000, 40000, 60000, 5, 130000, 64, 20000, 70000, 1};
    uint8_t *blocks[10];
    unsigned failures = 0;

    for (unsigned i = 0; i < 10; i++) {
        blocks[i] = ash_heap_alloc_aligned(&ash_heap_default, sizes[i], i % 3 == 0 ? 256 : 0);
        if (blocks[i] == NULL) {
            failures++;
        } else {
            fill(blocks[i], sizes[i], (uint8_t)i);
        }
        assert_int_equal(ash_heap_verify(&ash_heap_default), 0);
    }
    for (unsigned i = 0; i < 10; i += 2) {
        uint8_t *larger =
            blocks[i] != NULL ? ash_heap_realloc(&ash_heap_default, blocks[i], sizes[i] * 2) : NULL;

        if (larger == NULL) {
            failures++;
        } else {
            blocks[i] = larger;
        }
        assert_int_equal(ash_heap_verify(&ash_heap_default), 0);
    }
    for (unsigned i = 0; i < 10; i++) {
        if (blocks[i] != NULL) {
            check_filled(blocks[i], sizes[i], (uint8_t)i);
            ash_heap_free(&ash_heap_default, blocks[i]);
        }
    }
    return failures;
}

/** Everything but n blocks of this order is taken away. */
static void leave(unsigned n, unsigned order)
{
    ash_frame_t frame;
    ash_frame_t kept[64];

    machine_start(BASE, 16 * MIB);
    for (unsigned i = 0; i < 2 * n; i++) {
        assert_int_equal(ash_frames_alloc(order, 0, &kept[i]), 0);
    }
    for (unsigned rest = ASH_MAX_ORDER + 1; rest-- > 0;) {
        while (ash_frames_alloc(rest, 0, &frame) == 0) {
        }
    }
    for (unsigned i = 0; i < 2 * n; i += 2) { /* every other one, so that none merge */
        ash_frames_free(kept[i], order);
    }
    assert_int_equal(machine_free(), n << order);
}

static void every_frame_allocation_may_fail(void **state)
{
    unsigned previous = UINT32_MAX;

    (void)state;
    for (unsigned order = 0; order <= 6; order += 2) {
        for (unsigned n = 0; n <= 20; n++) {
            unsigned failures;

            leave(n, order);
            failures = scenario();
            assert_true(n != 0 || failures == 15);
            assert_int_equal(machine_free(), n << order);
            assert_int_equal(ash_heap_verify(&ash_heap_default), 0);
            heap_finish(NULL);
            if (order == 6 && n == 20) {
                assert_int_equal(failures, 0);
            }
            previous = failures < previous ? failures : previous;
        }
    }
    assert_int_equal(previous, 0);
}

static void smaller_chunks_when_frames_are_scarce(void **state)
{
    struct ash_heap_stats stats;
    void *block;

    (void)state;
    leave(3, 0);
    block = ash_heap_alloc(&ash_heap_default, 1000);
    assert_non_null(block);
    ash_heap_stats(&ash_heap_default, &stats);
    assert_int_equal(stats.total_bytes, 4096);
    assert_null(ash_heap_alloc(&ash_heap_default, 4096));
    ash_heap_free(&ash_heap_default, block);
}

static struct ash_heap grown;

static void growth_in_place_counts(void **state)
{
    struct ash_heap_stats stats;
    void *block;

    (void)state;
    assert_int_equal(ash_heap_init_frames(&grown, "grown"), 0);
    block = ash_heap_alloc(&grown, 16);
    block = ash_heap_realloc(&grown, block, 40000);
    ash_heap_stats(&grown, &stats);
    assert_true(stats.used_bytes > 40000);
    assert_int_equal(stats.high_water, stats.used_bytes);
    ash_heap_free(&grown, block);
    assert_int_equal(ash_heap_destroy(&grown), 0);
}

static void *freed_meanwhile;

static void free_meanwhile(void)
{
    ash_heap_free(&grown, freed_meanwhile);
}

/* While the heap asks for frames, an interrupt frees a block that is large enough. */
static void frames_that_nobody_needs_go_back(void **state)
{
    uint32_t free = machine_free();
    void *blocks[3];
    struct ash_heap_stats stats;

    (void)state;
    assert_int_equal(ash_heap_init_frames(&grown, "grown"), 0);
    for (unsigned i = 0; i < 3; i++) {
        blocks[i] = ash_heap_alloc(&grown, 20000);
    }
    freed_meanwhile = blocks[1];
    support_behind_frames = free_meanwhile;
    assert_ptr_equal(ash_heap_alloc(&grown, 19000), blocks[1]);
    ash_heap_stats(&grown, &stats);
    assert_int_equal(stats.chunks, 1);
    for (unsigned i = 0; i < 3; i++) {
        ash_heap_free(&grown, blocks[i]);
    }
    assert_int_equal(ash_heap_destroy(&grown), 0);
    assert_int_equal(machine_free(), free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(limits, heap_start, heap_finish),
        cmocka_unit_test_setup_teardown(classes_cover_all_sizes, heap_start, heap_finish),
        cmocka_unit_test_setup_teardown(every_size_and_alignment, heap_start, heap_finish),
        cmocka_unit_test_setup_teardown(chunks_come_and_go, heap_start, heap_finish),
        cmocka_unit_test_setup_teardown(own_class_is_tried_last, heap_start, heap_finish),
        cmocka_unit_test_setup_teardown(resizing_keeps_contents, heap_start, heap_finish),
        cmocka_unit_test_setup_teardown(random_operations_agree_with_the_model, heap_start,
                                        heap_finish),
        cmocka_unit_test_setup_teardown(every_frame_allocation_may_fail, heap_start, heap_finish),
        cmocka_unit_test_setup_teardown(growth_in_place_counts, heap_start, heap_finish),
        cmocka_unit_test_setup_teardown(frames_that_nobody_needs_go_back, heap_start, heap_finish),
        cmocka_unit_test_setup_teardown(smaller_chunks_when_frames_are_scarce, heap_start,
                                        heap_finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
