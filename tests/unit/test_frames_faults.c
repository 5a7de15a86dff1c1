/* SPDX-License-Identifier: MIT */
/*
 * What the frame allocator detects: misuse by its callers (nothing may change), metadata that was
 * tampered with, and at ASH_CHECK 2 writes to free frames.
 */
#include "alloc/frames.h"
#include "tests/unit/frames_machine.h"

#define BASE  0x40000000ull
#define FIRST (uint32_t)(BASE >> 12)

static int start(void **state)
{
    (void)state;
    machine_start(BASE, MIB);
    return 0;
}

#if ASH_CHECK >= 1
static ash_frame_t frame_at(uint32_t offset)
{
    return (ash_frame_t){FIRST + offset};
}

/** Each of the calls that name a frame must tell the hook the same. */
static void expect_everywhere(ash_frame_t frame, enum ash_fault_kind kind)
{
    uint32_t free = machine_free();
    uint64_t address = ash_frame_pa(frame).value;

    ash_frames_free(frame, 0);
    assert_int_equal(support_faults.last.address, address);
    assert_non_null(support_faults.last.caller);
    machine_expect_fault(kind, "frames");
    ash_frames_put(frame);
    machine_expect_fault(kind, "frames");
    ash_frames_get(frame);
    machine_expect_fault(kind, "frames");
    assert_int_equal(machine_free(), free);
    assert_int_equal(ash_frames_verify(), 0);
    assert_false(sim_irq_masked);
}

static void double_frees_are_told(void **state)
{
    ash_frame_t a;
    ash_frame_t b;

    (void)state;
    assert_int_equal(ash_frames_alloc(0, 0, &a), 0);
    assert_int_equal(ash_frames_alloc(0, 0, &b), 0);
    ash_frames_free(a, 0);
    expect_everywhere(a, ASH_FAULT_DOUBLE_FREE); /* a free block of its own */
    ash_frames_free(b, 0);
    expect_everywhere(b, ASH_FAULT_DOUBLE_FREE);             /* now inside a merged one */
    expect_everywhere(frame_at(200), ASH_FAULT_DOUBLE_FREE); /* never out, but free */
}

static void foreign_frames_are_told(void **state)
{
    (void)state;
    expect_everywhere(frame_at(256), ASH_FAULT_FOREIGN); /* reserved */
    expect_everywhere((ash_frame_t){FIRST - 1}, ASH_FAULT_FOREIGN);
    expect_everywhere((ash_frame_t){0}, ASH_FAULT_FOREIGN);
    expect_everywhere((ash_frame_t){1u << 31}, ASH_FAULT_FOREIGN);
    expect_everywhere(ASH_FRAME_NONE, ASH_FAULT_FOREIGN);
}

static void frames_inside_a_block_are_told(void **state)
{
    ash_frame_t block;

    (void)state;
    assert_int_equal(ash_frames_alloc(3, 0, &block), 0);
    for (uint32_t i = 1; i < 8; i++) {
        expect_everywhere((ash_frame_t){block.number + i}, ASH_FAULT_MISALIGNED);
    }
    ash_frames_free(block, 3);
    assert_int_equal(support_faults.count, 0);
}

static void another_order_is_told(void **state)
{
    ash_frame_t block;
    uint32_t free;

    (void)state;
    assert_int_equal(ash_frames_alloc(3, 0, &block), 0);
    free = machine_free();
    for (unsigned order = 0; order <= ASH_MAX_ORDER + 1; order++) {
        if (order != 3) {
            ash_frames_free(block, order);
            machine_expect_fault(ASH_FAULT_MISALIGNED, "frames");
        }
    }
    ash_frames_free(block, UINT32_MAX);
    machine_expect_fault(ASH_FAULT_MISALIGNED, "frames");
    assert_int_equal(machine_free(), free);
    ash_frames_free(block, 3);
    assert_int_equal(machine_free(), 256);
    assert_int_equal(support_faults.count, 0);
}

static void the_last_reference_frees_once(void **state)
{
    ash_frame_t block;

    (void)state;
    assert_int_equal(ash_frames_alloc(0, 0, &block), 0);
    ash_frames_get(block);
    ash_frames_free(block, 0);
    ash_frames_free(block, 0);
    assert_int_equal(support_faults.count, 0);
    ash_frames_free(block, 0);
    machine_expect_fault(ASH_FAULT_DOUBLE_FREE, "frames");
    assert_int_equal(machine_free(), 256);
}
#endif

/** Verify must find what was done to *word, and be content when it is undone. */
static void expect_found(uint32_t *word, uint32_t value)
{
    uint32_t was = *word;

    assert_int_equal(ash_frames_verify(), 0);
    *word = value;
    assert_int_equal(ash_frames_verify(), ASH_ECORRUPT);
    machine_expect_fault(ASH_FAULT_CORRUPT, "frames");
    *word = was;
    assert_int_equal(ash_frames_verify(), 0);
    assert_int_equal(support_faults.count, 0);
}

static void verify_finds_tampering(void **state)
{
    struct frames_state *f = &frames_state;
    struct frames_lists *lists = f->lists[FRAMES_KEY(ASH_ZONE_NORMAL)];
    ash_frame_t used;
    ash_frame_t other;
    uint32_t index;
    uint32_t free;

    (void)state;
    assert_int_equal(ash_frames_alloc(3, 0, &used), 0);
    assert_int_equal(ash_frames_alloc(0, 0, &other), 0);
    index = frames_index(used.number);
    free = index + 16; /* split off: order 4 */
    assert_int_equal(FRAMES_ORDER(f->words[free]), 4);
    for (unsigned bit = 0; bit < 32; bit++) {
        /* Another owner, another group (it may have been borrowed) or that it is shared (by as many
         * as the link says) is nothing that could be found. */
        if (1u << bit != ASH_FRAMES_MOVABLE && 1u << bit != FRAMES_SHARED &&
            FRAMES_OWNER(1u << bit) == 0) {
            expect_found(&f->words[index], f->words[index] ^ 1u << bit);
        }
        expect_found(&f->words[free], f->words[free] ^ 1u << bit);
    }
    expect_found(&f->words[index + 3], f->words[index + 3] & 0xffffu & ~FRAMES_NOTHING);
    expect_found(&f->words[index], FRAMES_NOTHING); /* a lost block */
    ash_frames_get(used);
    expect_found(&f->links[index].next, 1); /* shared by one */
    ash_frames_put(used);
    expect_found(&f->links[free].next, free); /* a circle */
    expect_found(&f->links[free].next, index);
    expect_found(&f->links[free].next, lists->heads + 5);
    expect_found(&f->links[free].prev, index);
    expect_found(&f->links[lists->heads + 4].prev, index);
    expect_found(&f->links[lists->heads + 4].next, lists->heads + 4);
    expect_found(&lists->nonempty, 0);
    expect_found(&lists->nonempty, lists->nonempty | 1u << (ASH_MAX_ORDER + 1));
    expect_found(&f->lists[FRAMES_KEY(ASH_ZONE_HIGH)]->nonempty, 1);
    expect_found(&f->zone[ASH_ZONE_NORMAL].free, 8);
    expect_found(&f->zone[ASH_ZONE_NORMAL].total, f->zone[ASH_ZONE_NORMAL].total + 1);
    expect_found(&f->zone[ASH_ZONE_NORMAL].least, f->zone[ASH_ZONE_NORMAL].free + 1);
    ash_frames_free(used, 3);
    ash_frames_free(other, 0);
}

static void verify_finds_unmerged_buddies(void **state)
{
    uint32_t index = frames_index(FIRST);
    ash_frame_t lower;
    ash_frame_t upper;

    (void)state;
    assert_int_equal(ash_frames_alloc(7, 0, &lower), 0);
    assert_int_equal(ash_frames_alloc(7, 0, &upper), 0);
    /* Both freed by hand, each into the list, neither merged. */
    for (unsigned half = 0; half < 2; half++) {
        frames_insert(index + half * 128, frames_state.words[index] | FRAMES_FREE,
                      frames_list(FRAMES_KEY(ASH_ZONE_NORMAL), 7));
    }
    frames_state.zone[ASH_ZONE_NORMAL].free = 256;
    assert_int_equal(ash_frames_verify(), ASH_ECORRUPT);
    machine_expect_fault(ASH_FAULT_CORRUPT, "frames");
}

#if ASH_CHECK >= 2
static void each_operation_checks_everything(void **state)
{
    ash_frame_t frame;

    (void)state;
    frames_state.zone[ASH_ZONE_NORMAL].total++;
    assert_int_equal(ash_frames_alloc(0, 0, &frame), 0);
    machine_expect_fault(ASH_FAULT_CORRUPT, "frames");
    ash_frames_free(frame, 0);
    machine_expect_fault(ASH_FAULT_CORRUPT, "frames");
    frames_state.zone[ASH_ZONE_NORMAL].total--;
}

static void writes_to_free_frames_are_told(void **state)
{
    ash_frame_t block;
    ash_frame_t again;
    uint8_t *memory;

    (void)state;
    assert_int_equal(ash_frames_alloc(2, 0, &block), 0);
    memory = port_ptr(ash_frame_pa(block));
    memset(memory, 0, 4 * ASH_PAGE_SIZE);
    ash_frames_free(block, 2);
    assert_int_equal(memory[0], 0xa5);
    memory[2 * ASH_PAGE_SIZE + 77] ^= 1;
    assert_int_equal(ash_frames_alloc(3, 0, &again), ASH_ECORRUPT);
    assert_int_equal(support_faults.last.address, ash_frame_pa(block).value + 0x2000);
    machine_expect_fault(ASH_FAULT_OVERRUN, "frames");
    assert_int_equal(machine_free(), 256);
    assert_int_equal(ash_frames_alloc(3, 0, &again), 0); /* told once */
    assert_int_equal(support_faults.count, 0);
    ash_frames_free(again, 3);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#if ASH_CHECK >= 1
        cmocka_unit_test_setup(double_frees_are_told, start),
        cmocka_unit_test_setup(foreign_frames_are_told, start),
        cmocka_unit_test_setup(frames_inside_a_block_are_told, start),
        cmocka_unit_test_setup(another_order_is_told, start),
        cmocka_unit_test_setup(the_last_reference_frees_once, start),
#endif
        cmocka_unit_test_setup(verify_finds_tampering, start),
        cmocka_unit_test_setup(verify_finds_unmerged_buddies, start),
#if ASH_CHECK >= 2
        cmocka_unit_test_setup(each_operation_checks_everything, start),
        cmocka_unit_test_setup(writes_to_free_frames_are_told, start),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
