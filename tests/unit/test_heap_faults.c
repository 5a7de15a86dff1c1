/* SPDX-License-Identifier: MIT */
/*
 * What the heap detects: pointers that must not be freed, and headers, footers and links that were
 * overwritten. Nothing may change then, and whatever is not damaged goes on working.
 */
#include "alloc/heap.h"
#include "ashlar/heap.h"
#include "tests/unit/frames_machine.h"

#define BASE 0x40000000ull

static int start(void **state)
{
    (void)state;
    machine_start(BASE, 8 * MIB);
    return 0;
}

static int finish(void **state)
{
    struct ash_heap_stats stats;

    (void)state;
    assert_int_equal(ash_heap_verify(), 0);
    ash_heap_stats(&stats);
    assert_int_equal(stats.frames_bytes, 0);
    assert_int_equal(support_faults.count, 0);
    return 0;
}

static void *get(size_t size)
{
    void *block = ash_heap_alloc(size, 0);

    assert_non_null(block);
    return block;
}

static heap_block *block_of(void *memory)
{
    return (heap_block *)memory - 1;
}

#if ASH_CHECK >= 1
/** All calls that take a block must tell the hook the same, and change nothing. */
static void expect_refused(void *block, enum ash_fault_kind kind)
{
    struct ash_heap_stats before;
    struct ash_heap_stats after;

    ash_heap_stats(&before);
    ash_heap_free(block);
    assert_non_null(support_faults.last.caller);
    machine_expect_fault(kind, "heap");
    assert_null(ash_heap_realloc(block, 100));
    machine_expect_fault(kind, "heap");
    assert_int_equal(ash_heap_usable(block), 0);
    machine_expect_fault(kind, "heap");
    ash_heap_stats(&after);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_false(sim_irq_masked);
}

static void double_frees_are_told(void **state)
{
    void *blocks[5];

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        blocks[i] = get(100);
    }
    ash_heap_free(blocks[1]);
    expect_refused(blocks[1], ASH_FAULT_DOUBLE_FREE); /* a free block of its own */
    ash_heap_free(blocks[2]);
    expect_refused(blocks[2], ASH_FAULT_DOUBLE_FREE); /* merged with the one before */
    ash_heap_free(blocks[0]);
    expect_refused(blocks[0], ASH_FAULT_DOUBLE_FREE); /* took in the one behind */
    expect_refused(blocks[1], ASH_FAULT_DOUBLE_FREE);
    ash_heap_free(blocks[4]);
    expect_refused(blocks[4], ASH_FAULT_DOUBLE_FREE);
    assert_int_equal(ash_heap_verify(), 0);
    ash_heap_free(blocks[3]);
    expect_refused(blocks[3], ASH_FAULT_FOREIGN); /* its chunk is gone */
}

static void double_free_after_reuse_is_told(void **state)
{
    char *first = get(40);
    char *second = get(40);
    char *wall = get(40);
    char *large;

    (void)state;
    ash_heap_free(second);
    ash_heap_free(first);
    large = get(80); /* where both were; it is full of the caller's bytes */
    assert_ptr_equal(large, first);
    memset(large, 0xff, 80);
    expect_refused(second, ASH_FAULT_MISALIGNED);
    ash_heap_free(large);
    ash_heap_free(wall);
}

static void foreign_pointers_are_told(void **state)
{
    static char outside[64];
    ash_frame_t frame;
    char *block = get(64);
    char *far;

    (void)state;
    assert_int_equal(ash_frames_alloc(0, 0, &frame), 0);
    far = get(100000); /* another chunk: the frame lies between the two */
    expect_refused(outside, ASH_FAULT_FOREIGN);
    expect_refused(&frame, ASH_FAULT_FOREIGN);
    expect_refused((void *)8, ASH_FAULT_FOREIGN);
    expect_refused((void *)UINTPTR_MAX, ASH_FAULT_FOREIGN);
    expect_refused((char *)port_ptr(ash_frame_pa(frame)) + 64, ASH_FAULT_FOREIGN);
    ash_frames_free(frame, 0);
    ash_heap_free(block);
    expect_refused(block, ASH_FAULT_FOREIGN);
    ash_heap_free(far);
}

static void pointers_into_blocks_are_told(void **state)
{
    char *block = get(200);
    char *end = get(65536 - 200 - 200); /* the rest of the chunk, but for a little */

    (void)state;
    memset(block, 0, 200);
    for (size_t i = 1; i < 200; i++) {
        expect_refused(block + i, ASH_FAULT_MISALIGNED);
    }
    ash_heap_free(end);
    for (size_t i = 0; i < 300; i++) {
        expect_refused(end + i, ASH_FAULT_DOUBLE_FREE); /* inside a free block */
    }
    ash_heap_free(block);
}

/** Overwrites a word that `block` depends on, and puts it back. */
static void expect_damage_told(uint32_t *word, uint32_t value, void *block)
{
    uint32_t was = *word;

    assert_int_equal(ash_heap_verify(), 0);
    *word = value;
    if (heap_is_sealed(word)) { /* by chance right, one in 2048: nothing to be told */
        *word = was;
        return;
    }
    ash_heap_free(block);
    assert_int_not_equal(support_faults.last.kind, ASH_FAULT_FOREIGN);
    assert_int_equal(support_faults.count, 1);
    machine_forget_faults();
    assert_int_equal(ash_heap_verify(), ASH_ECORRUPT);
    machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
    *word = was;
    assert_int_equal(ash_heap_verify(), 0);
}

static void overwritten_headers_are_told(void **state)
{
    char *before = get(40);
    char *block = get(40);
    char *after = get(40);
    uint32_t *header = block_of(block);
    uint32_t *next = block_of(after);
    static const uint32_t values[] = {0, 1, 0x41414141, UINT32_MAX, 0xa5a5a5a5};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        expect_damage_told(header, values[i], block);
        expect_damage_told(next, values[i], block); /* the block ran over its end */
    }
    for (unsigned bit = 0; bit < 32; bit++) {
        expect_damage_told(header, *header ^ 1u << bit, block);
        expect_damage_told(next, *next ^ 1u << bit, block);
    }
    /* The header of another block: right in itself, but at the wrong place. */
    expect_damage_told(header, *block_of(before), block);
    ash_heap_free(before);
    ash_heap_free(block);
    ash_heap_free(after);
}

/* Equal blocks at different places have different headers (two may be equal by chance, not all). */
static void headers_depend_on_their_place(void **state)
{
    char *blocks[8];
    unsigned different = 0;

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        blocks[i] = get(40);
        different += i > 1 && *block_of(blocks[i]) != *block_of(blocks[i - 1]);
    }
    assert_int_not_equal(different, 0);
    for (unsigned i = 0; i < 8; i++) {
        ash_heap_free(blocks[i]);
    }
}

static void damaged_neighbours_are_told(void **state)
{
    char *before = get(40);
    char *block = get(40);
    char *after = get(40);
    char *wall = get(40);
    struct heap_links *links[2] = {heap_links(block_of(before)), heap_links(block_of(after))};
    uint32_t *footers[2] = {block_of(block) - 1, block_of(wall) - 1};
    struct heap_links was;
    static const uint32_t values[] = {0, 1, 2, 0x41414141, UINT32_MAX};

    (void)state;
    ash_heap_free(before);
    ash_heap_free(after);
    for (unsigned side = 0; side < 2; side++) {
        for (unsigned i = side == 0 ? 1 : 0; i < 5;
             i++) { /* before: 0 means "first of the chunk" */
            expect_damage_told(footers[side], values[i], block);
        }
        expect_damage_told(block_of(side == 0 ? before : after), 0x41414141, block);
        was = *links[side];
        for (unsigned i = 0; i < 4; i++) {
            heap_block *const wrong[] = {(heap_block *)0x41414141, block_of(block), block_of(wall),
                                         (heap_block *)(uintptr_t)-4};

            for (unsigned end = 0; end < 2; end++) {
                *(end == 0 ? &links[side]->next : &links[side]->prev) = wrong[i];
                ash_heap_free(block);
                machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
                assert_int_equal(ash_heap_verify(), ASH_ECORRUPT);
                machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
                *links[side] = was;
            }
        }
        assert_int_equal(ash_heap_verify(), 0);
    }
    ash_heap_free(block);
    ash_heap_free(wall);
}

static void damaged_free_blocks_are_not_given_out(void **state)
{
    char *block = get(40);
    char *wall = get(40);
    uint32_t *header = block_of(block);
    struct heap_links *links = heap_links(header);
    uint32_t was = *header;
    heap_block *next;

    (void)state;
    ash_heap_free(block);
    was = *header;
    *header ^= 1u << 31;
    assert_null(ash_heap_alloc(40, 0));
    machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
    *header = was;
    next = links->next;
    links->next = (heap_block *)0x41414141;
    assert_null(ash_heap_alloc(40, 0));
    machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
    links->next = next;
    assert_ptr_equal(ash_heap_alloc(40, 0), block);
    /* And a block does not grow into a damaged one. */
    ash_heap_free(block);
    block = get(24);
    links = heap_links(heap_after(block_of(wall)));
    next = links->prev;
    links->prev = block_of(wall);
    assert_null(ash_heap_realloc(wall, 400));
    machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
    links->prev = next;
    assert_ptr_equal(ash_heap_realloc(wall, 400), wall);
    ash_heap_free(block);
    ash_heap_free(wall);
}
#endif

#if ASH_CHECK >= 2
static void writes_to_free_blocks_are_told(void **state)
{
    char *block = get(200);
    char *wall = get(40);
    struct ash_heap_stats before;
    struct ash_heap_stats after;

    (void)state;
    ash_heap_free(block);
    ash_heap_stats(&before);
    for (size_t at = 2 * sizeof(void *); at < 200; at += 7) {
        block[at] ^= 1;
        assert_null(ash_heap_alloc(200, 0));
        machine_expect_fault(ASH_FAULT_OVERRUN, "heap");
    }
    ash_heap_stats(&after);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_ptr_equal(ash_heap_alloc(200, 0), block); /* told once */
    wall[1000] ^= 1;                                 /* in the free rest of the chunk */
    assert_null(ash_heap_realloc(wall, 2000));
    machine_expect_fault(ASH_FAULT_OVERRUN, "heap");
    assert_ptr_equal(ash_heap_realloc(wall, 2000), wall);
    ash_heap_free(block);
    ash_heap_free(wall);
}

static void each_operation_checks_everything(void **state)
{
    char *block = get(40);
    char *other = get(40);

    (void)state;
    *block_of(other) ^= 1u << 31;
    ash_heap_free(get(100));
    assert_int_equal(support_faults.count, 2);
    assert_int_equal(support_faults.last.kind, ASH_FAULT_CORRUPT);
    machine_forget_faults();
    *block_of(other) ^= 1u << 31;
    ash_heap_free(other);
    ash_heap_free(block);
}
#endif

static void verify_finds_tampering(void **state)
{
    char *block = get(40);
    struct heap_chunk *chunk =
        (struct heap_chunk *)(void *)((char *)block_of(block) - offsetof(struct heap_chunk, first));
    uint32_t *end = (uint32_t *)(void *)((char *)chunk + 65536) - 1;
    uint32_t *rest = heap_after(block_of(block));
    uint32_t *words[] = {end, rest, block_of(block), end - 1, &chunk->order};

    (void)state;
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        uint32_t was = *words[i];

        *words[i] ^= i < 4 ? 6u : 1u; /* in size and flags */
        assert_int_equal(ash_heap_verify(), ASH_ECORRUPT);
        machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
        *words[i] = was;
        assert_int_equal(ash_heap_verify(), 0);
    }
    chunk->next = chunk;
    assert_int_equal(ash_heap_verify(), ASH_ECORRUPT);
    machine_forget_faults();
    chunk->next = NULL;
    ash_heap_free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#if ASH_CHECK >= 1
        cmocka_unit_test_setup_teardown(double_frees_are_told, start, finish),
        cmocka_unit_test_setup_teardown(double_free_after_reuse_is_told, start, finish),
        cmocka_unit_test_setup_teardown(foreign_pointers_are_told, start, finish),
        cmocka_unit_test_setup_teardown(pointers_into_blocks_are_told, start, finish),
        cmocka_unit_test_setup_teardown(overwritten_headers_are_told, start, finish),
        cmocka_unit_test_setup_teardown(headers_depend_on_their_place, start, finish),
        cmocka_unit_test_setup_teardown(damaged_neighbours_are_told, start, finish),
        cmocka_unit_test_setup_teardown(damaged_free_blocks_are_not_given_out, start, finish),
#endif
#if ASH_CHECK >= 2
        cmocka_unit_test_setup_teardown(writes_to_free_blocks_are_told, start, finish),
        cmocka_unit_test_setup_teardown(each_operation_checks_everything, start, finish),
#endif
        cmocka_unit_test_setup_teardown(verify_finds_tampering, start, finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
