/* SPDX-License-Identifier: MIT */
/*
 * The heap, in 1 MiB that it is given; its own state counts as a part of that.
 */
#include "ashlar/heap.h"

static struct ash_heap heap;
static void *memory;

#define HEAP_BEGIN(bytes)                                                                          \
    (ash_heap_init(&heap, "bench", memory, (bytes) - sizeof(struct ash_heap)) == 0)
#define HEAP_ALLOC(size) ash_heap_alloc(&heap, size)
#define HEAP_FREE(block) ash_heap_free(&heap, block)
#define HEAP_ALIGN       ASH_HEAP_ALIGN
#include "bench/heap_load.h"

void bench_heap(void)
{
    unsigned order = ash_frames_order(ARENA);
    ash_frame_t frame;

    BENCH_CHECK(ash_frames_alloc(order, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &frame) == 0);
    memory = port_ptr(ash_frame_pa(frame));
    BENCH_CHECK(mixed("heap-alloc", "heap-free", "heap-failed", 50, 80) == 0);
    BENCH_CHECK(mixed("heap-low-alloc", "heap-low-free", "heap-low-failed", 35, 55) == 0);
    pairs("heap-pair-alloc", "heap-pair-free");
    smallest("heap-smallest-arena");
    BENCH_CHECK(ash_heap_verify(&heap) == 0 && ash_heap_destroy(&heap) == 0);
    ash_frames_free(frame, order);
}
