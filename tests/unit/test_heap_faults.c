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
    assert_int_equal(ash_heap_verify(&ash_heap_default), 0);
    ash_heap_stats(&ash_heap_default, &stats);
    assert_int_equal(stats.total_bytes, 0);
    assert_int_equal(support_faults.count, 0);
    return 0;
}

static void *get(size_t size)
{
    void *block = ash_heap_alloc(&ash_heap_default, size);

    assert_non_null(block);
    return block;
}

#if ASH_CHECK >= 1
static uint32_t *header_of(void *memory)
{
    return heap_header(memory);
}

/** Headers that are right but for chance look wrong: of the words that a test writes, one in 64 is
 *  sealed all the same. */
static bool is_sealed(uint32_t *header)
{
    return heap_is_sealed((heap_node *)(void *)(header + 1), *header);
}

/** All calls that take a block must tell the hook the same, and change nothing. */
static void expect_refused(void *block, enum ash_fault_kind kind)
{
    struct ash_heap_stats before;
    struct ash_heap_stats after;

    ash_heap_stats(&ash_heap_default, &before);
    ash_heap_free(&ash_heap_default, block);
    assert_non_null(support_faults.last.caller);
    machine_expect_fault(kind, "heap");
    assert_null(ash_heap_realloc(&ash_heap_default, block, 100));
    machine_expect_fault(kind, "heap");
    assert_int_equal(ash_heap_usable(&ash_heap_default, block), 0);
    machine_expect_fault(kind, "heap");
    ash_heap_stats(&ash_heap_default, &after);
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
    ash_heap_free(&ash_heap_default, blocks[1]);
    expect_refused(blocks[1], ASH_FAULT_DOUBLE_FREE); /* a free block of its own */
    ash_heap_free(&ash_heap_default, blocks[2]);
    expect_refused(blocks[2], ASH_FAULT_DOUBLE_FREE); /* merged with the one before */
    ash_heap_free(&ash_heap_default, blocks[0]);
    expect_refused(blocks[0], ASH_FAULT_DOUBLE_FREE); /* took in the one behind */
    expect_refused(blocks[1], ASH_FAULT_DOUBLE_FREE);
    ash_heap_free(&ash_heap_default, blocks[4]);
    expect_refused(blocks[4], ASH_FAULT_DOUBLE_FREE);
    assert_int_equal(ash_heap_verify(&ash_heap_default), 0);
    ash_heap_free(&ash_heap_default, blocks[3]);
    expect_refused(blocks[3], ASH_FAULT_FOREIGN); /* its chunk is gone */
}

static void double_free_after_reuse_is_told(void **state)
{
    char *first = get(40);
    char *second = get(40);
    char *wall = get(40);
    char *large;

    (void)state;
    ash_heap_free(&ash_heap_default, second);
    ash_heap_free(&ash_heap_default, first);
    large = get(80); /* where both were; it is full of the caller's bytes */
    assert_ptr_equal(large, first);
    memset(large, 0xff, 80);
    expect_refused(second, ASH_FAULT_MISALIGNED);
    ash_heap_free(&ash_heap_default, large);
    ash_heap_free(&ash_heap_default, wall);
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
    ash_heap_free(&ash_heap_default, block);
    expect_refused(block, ASH_FAULT_FOREIGN);
    ash_heap_free(&ash_heap_default, far);
}

/* A full chunk between two others: its end is sealed as a used block is. */
static void ends_of_chunks_are_no_blocks(void **state)
{
    char *chunks[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        chunks[i] = get(100000);
    }
    for (unsigned i = 0; i < 3; i++) {
        struct heap_chunk *chunk = heap_chunk_of(&ash_heap_default, chunks[i]);

        chunks[i] = ash_heap_realloc(&ash_heap_default, chunks[i],
                                     chunk->units * HEAP_UNIT - sizeof(uint32_t));
        assert_ptr_equal(heap_after(heap_first(chunk)), heap_end(chunk));
        expect_refused(heap_end(chunk), ASH_FAULT_FOREIGN);
    }
    for (unsigned i = 0; i < 3; i++) {
        ash_heap_free(&ash_heap_default, chunks[i]);
    }
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
    ash_heap_free(&ash_heap_default, end);
    for (size_t i = 0; i < 300; i++) {
        expect_refused(end + i, ASH_FAULT_DOUBLE_FREE); /* inside a free block */
    }
    ash_heap_free(&ash_heap_default, block);
}

/** Overwrites a word that `block` depends on, and puts it back. */
static void expect_damage_told(uint32_t *word, uint32_t value, void *block)
{
    uint32_t was = *word;

    assert_int_equal(ash_heap_verify(&ash_heap_default), 0);
    *word = value;
    if (is_sealed(word)) { /* nothing to be told */
        *word = was;
        return;
    }
    ash_heap_free(&ash_heap_default, block);
    assert_int_not_equal(support_faults.last.kind, ASH_FAULT_FOREIGN);
    assert_int_equal(support_faults.count, 1);
    machine_forget_faults();
    assert_int_equal(ash_heap_verify(&ash_heap_default), ASH_ECORRUPT);
    machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
    *word = was;
    assert_int_equal(ash_heap_verify(&ash_heap_default), 0);
}

static void overwritten_headers_are_told(void **state)
{
    char *before = get(40);
    char *block = get(40);
    char *after = get(40);
    uint32_t *header = header_of(block);
    uint32_t *next = header_of(after);
    static const uint32_t values[] = {0, 1, 0x41414141, UINT32_MAX, 0xa5a5a5a5};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        expect_damage_told(header, values[i], block);
        expect_damage_told(next, values[i], block); /* the block ran over its end */
    }
    for (unsigned bit = 0; bit < 32; bit++) {
        expect_damage_told(header, *header ^ 1u << bit, block);
        if (bit != 31) { /* what it says of the block before: that block's free does not look */
            expect_damage_told(next, *next ^ 1u << bit, block);
        }
    }
    /* The header of another block: right in itself, but at the wrong place. */
    expect_damage_told(header, *header_of(before), block);
    ash_heap_free(&ash_heap_default, before);
    ash_heap_free(&ash_heap_default, block);
    ash_heap_free(&ash_heap_default, after);
}

/* Equal blocks at different places have different headers (two may be equal by chance, not all). */
static void headers_depend_on_their_place(void **state)
{
    char *blocks[8];
    unsigned different = 0;

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        blocks[i] = get(40);
        different += i > 1 && *header_of(blocks[i]) != *header_of(blocks[i - 1]);
    }
    assert_int_not_equal(different, 0);
    for (unsigned i = 0; i < 8; i++) {
        ash_heap_free(&ash_heap_default, blocks[i]);
    }
}

static void damaged_neighbours_are_told(void **state)
{
    char *before = get(40);
    char *block = get(40);
    char *after = get(40);
    char *wall = get(40);
    heap_node *nodes[2] = {(heap_node *)(void *)before, (heap_node *)(void *)after};
    uint32_t *footer = heap_footer((heap_node *)(void *)block);
    heap_node was;
    static const uint32_t values[] = {0, 1, 2, 0x41414141, UINT32_MAX};

    (void)state;
    ash_heap_free(&ash_heap_default, before);
    ash_heap_free(&ash_heap_default, after);
    for (unsigned i = 0; i < 5; i++) { /* the footer */
        expect_damage_told(footer, values[i], block);
    }
    for (unsigned side = 0; side < 2; side++) {
        expect_damage_told(heap_header(nodes[side]), 0x41414141, block);
        was = *nodes[side];
        for (unsigned i = 0; i < 4; i++) {
            heap_node *const wrong[] = {(heap_node *)0x41414141, (heap_node *)(void *)block,
                                        (heap_node *)(void *)wall, (heap_node *)(uintptr_t)-4};

            for (unsigned end = 0; end < 2; end++) {
                *(end == 0 ? &nodes[side]->next : &nodes[side]->prev) = wrong[i];
                ash_heap_free(&ash_heap_default, block);
                machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
                assert_int_equal(ash_heap_verify(&ash_heap_default), ASH_ECORRUPT);
                machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
                *nodes[side] = was;
                assert_int_equal(ash_heap_verify(&ash_heap_default), 0);
            }
        }
    }
    ash_heap_free(&ash_heap_default, block);
    ash_heap_free(&ash_heap_default, wall);
}

/* What runs over an end is a zero, most often: a free block's header of 0 is noticed by all. */
static void zeroed_headers_are_told(void **state)
{
    char *before = get(400);
    char *block = get(400);
    char *wall = get(400);
    uint32_t *header = header_of(block);
    uint32_t was;

    (void)state;
    ash_heap_free(&ash_heap_default, block);
    was = *header;
    *header = 0;
    ash_heap_free(&ash_heap_default, before);
    machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
    assert_null(ash_heap_realloc(&ash_heap_default, before, 600));
    machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
    assert_null(ash_heap_alloc(&ash_heap_default, 400));
    machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
    assert_null(ash_heap_alloc_aligned(&ash_heap_default, 400 - 6 * ASH_HEAP_ALIGN, 32));
    machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
    *header = was;
    ash_heap_free(&ash_heap_default, before);
    ash_heap_free(&ash_heap_default, wall);
}

static void damaged_free_blocks_are_not_given_out(void **state)
{
    char *block = get(40);
    char *wall = get(40);
    uint32_t *header = header_of(block);
    heap_node *node = (heap_node *)(void *)block;
    uint32_t was;
    heap_node *next;

    (void)state;
    ash_heap_free(&ash_heap_default, block);
    was = *header;
    for (unsigned bit = 0; bit < 32; bit++) {
        if (bit == 12) { /* of the size, the 12 lowest bits stand there twice */
            bit = 19;
        }
        *header ^= 1u << bit;
        assert_null(ash_heap_alloc(&ash_heap_default, 40));
        machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
        *header = was;
    }
    next = node->next;
    node->next = (heap_node *)0x41414141;
    assert_null(ash_heap_alloc(&ash_heap_default, 40));
    machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
    node->next = next;
    next = node->prev;
    node->prev = node;
    assert_null(ash_heap_alloc(&ash_heap_default, 40));
    machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
    node->prev = next;
    assert_ptr_equal(ash_heap_alloc(&ash_heap_default, 40), block);
    /* And a block does not grow into a damaged one. */
    ash_heap_free(&ash_heap_default, block);
    block = get(24);
    node = heap_after((heap_node *)(void *)wall);
    next = node->prev;
    node->prev = (heap_node *)(void *)wall;
    assert_null(ash_heap_alloc_aligned(&ash_heap_default, 8, 32));
    machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
    assert_null(ash_heap_realloc(&ash_heap_default, wall, 400));
    machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
    node->prev = next;
    assert_ptr_equal(ash_heap_realloc(&ash_heap_default, wall, 400), wall);
    ash_heap_free(&ash_heap_default, block);
    ash_heap_free(&ash_heap_default, wall);
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
    ash_heap_free(&ash_heap_default, block);
    ash_heap_stats(&ash_heap_default, &before);
    for (size_t at = 2 * sizeof(void *); at < 200; at += 7) {
        block[at] ^= 1;
        assert_null(ash_heap_alloc(&ash_heap_default, 200));
        machine_expect_fault(ASH_FAULT_OVERRUN, "heap");
    }
    ash_heap_stats(&ash_heap_default, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_ptr_equal(ash_heap_alloc(&ash_heap_default, 200), block); /* told once */
    wall[1000] ^= 1; /* in the free rest of the chunk */
    assert_null(ash_heap_realloc(&ash_heap_default, wall, 2000));
    machine_expect_fault(ASH_FAULT_OVERRUN, "heap");
    assert_ptr_equal(ash_heap_realloc(&ash_heap_default, wall, 2000), wall);
    ash_heap_free(&ash_heap_default, block);
    ash_heap_free(&ash_heap_default, wall);
}

static void each_operation_checks_everything(void **state)
{
    char *block = get(40);
    char *other = get(40);

    (void)state;
    *header_of(other) ^= 1u << 31;
    ash_heap_free(&ash_heap_default, get(100));
    assert_int_equal(support_faults.count, 2);
    assert_int_equal(support_faults.last.kind, ASH_FAULT_CORRUPT);
    machine_forget_faults();
    *header_of(other) ^= 1u << 31;
    ash_heap_free(&ash_heap_default, other);
    ash_heap_free(&ash_heap_default, block);
}
#endif

static void verify_finds_tampering(void **state)
{
    heap_node *block = get(40);
    struct heap_chunk *chunk = heap_chunk_of(&ash_heap_default, block);
    heap_node *end = heap_end(chunk);
    uint32_t *words[] = {heap_header(end),       heap_header(heap_after(block)),
                         heap_header(block),     heap_footer(end),
                         &chunk->order,          &chunk->units,
                         (uint32_t *)(void *)end};

    (void)state;
    assert_ptr_equal(heap_first(chunk), block);
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        uint32_t was = *words[i];

        *words[i] ^= i < 4 ? HEAP_USED | 2 : 1u; /* in size and flags */
        assert_int_equal(ash_heap_verify(&ash_heap_default), ASH_ECORRUPT);
        machine_expect_fault(ASH_FAULT_CORRUPT, "heap");
        *words[i] = was;
        assert_int_equal(ash_heap_verify(&ash_heap_default), 0);
    }
    chunk->next = chunk;
    assert_int_equal(ash_heap_verify(&ash_heap_default), ASH_ECORRUPT);
    machine_forget_faults();
    chunk->next = NULL;
    ash_heap_free(&ash_heap_default, block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#if ASH_CHECK >= 1
        cmocka_unit_test_setup_teardown(double_frees_are_told, start, finish),
        cmocka_unit_test_setup_teardown(double_free_after_reuse_is_told, start, finish),
        cmocka_unit_test_setup_teardown(foreign_pointers_are_told, start, finish),
        cmocka_unit_test_setup_teardown(ends_of_chunks_are_no_blocks, start, finish),
        cmocka_unit_test_setup_teardown(pointers_into_blocks_are_told, start, finish),
        cmocka_unit_test_setup_teardown(overwritten_headers_are_told, start, finish),
        cmocka_unit_test_setup_teardown(headers_depend_on_their_place, start, finish),
        cmocka_unit_test_setup_teardown(damaged_neighbours_are_told, start, finish),
        cmocka_unit_test_setup_teardown(zeroed_headers_are_told, start, finish),
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
