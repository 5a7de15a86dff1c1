/* SPDX-License-Identifier: MIT */
/*
 * How tests of the heap start and end: with frames that it grows from, and with nothing left.
 */
#ifndef ASHLAR_UNIT_HEAP_MACHINE_H
#define ASHLAR_UNIT_HEAP_MACHINE_H

#include "ashlar/heap.h"
#include "tests/unit/frames_machine.h"

/** 8 MiB of RAM. */
static inline int heap_start(void **state)
{
    (void)state;
    machine_start(0x40000000ull, 8 * MIB);
    return 0;
}

/** Nothing is allocated and all frames are back. */
static inline int heap_finish(void **state)
{
    struct ash_heap_stats stats;

    (void)state;
    assert_int_equal(ash_heap_verify(&ash_heap_default), 0);
    ash_heap_stats(&ash_heap_default, &stats);
    assert_int_equal(stats.blocks, 0);
    assert_int_equal(stats.used_bytes, 0);
    assert_int_equal(stats.free_bytes, 0);
    assert_int_equal(stats.chunks, 0);
    assert_int_equal(stats.total_bytes, 0);
    assert_int_equal(stats.largest_free, 0);
    assert_int_equal(ash_frames_owned(ASH_OWNER_HEAP), 0);
    assert_int_equal(ash_frames_verify(), 0);
    assert_int_equal(support_faults.count, 0);
    assert_false(sim_irq_masked);
    return 0;
}

#endif
