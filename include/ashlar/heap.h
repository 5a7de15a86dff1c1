/* SPDX-License-Identifier: MIT */
/*
 * The heap: memory of any size, over frames. The C library's malloc family is this heap.
 *
 * Two-level segregated fit: a request takes the first block of the smallest class whose blocks are
 * all large enough, so the cost of a call depends neither on the number of blocks nor on the amount
 * of memory. It grows by chunks of frames; a chunk that becomes empty goes back at once.
 *
 * Any context and any CPU; interrupts are masked while the heap's lock is held. No barriers or
 * cache operations. Contents are not zeroed.
 *
 * The word before each block is its header, with check bits made from its contents and address. A
 * double free, a pointer that never came from here or points inside a block, and a header or a free
 * block's link that was overwritten go to ash_fault_hook and change nothing (ASH_CHECK >= 1).
 */
#ifndef ASHLAR_HEAP_H
#define ASHLAR_HEAP_H

#include "config.h"
#include "errors.h"
#include "print.h"
#include "types.h"

/** The alignment of every block, bytes: 8 on 32-bit processors, 16 on 64-bit ones. */
#define ASH_HEAP_ALIGN (2 * sizeof(void *))

/** The largest request that can succeed, bytes: the largest block of frames without the chunk's own
 *  words. A request with a larger alignment than ASH_HEAP_ALIGN needs room for that as well. */
#define ASH_HEAP_MAX ((ASH_PAGE_SIZE << ASH_MAX_ORDER) - 8 * sizeof(void *))

/**
 * `size` bytes aligned to `align` (a power of two; anything below ASH_HEAP_ALIGN, 0 included, means
 * ASH_HEAP_ALIGN). Size 0 gives a block of its own that may be freed.
 * NULL: no memory, more than ASH_HEAP_MAX, or align no power of two.
 */
void *ash_heap_alloc(size_t size, size_t align);

/** Frees a block. NULL is ignored. */
void ash_heap_free(void *block);

/**
 * Gives a block another size, in place where that is possible; else it moves, contents up to the
 * smaller size kept and the alignment ASH_HEAP_ALIGN. NULL as block allocates.
 * NULL: as ash_heap_alloc, and the old block is as it was. Size 0 is a size like any other.
 * Cost: as ash_heap_alloc; a move copies, with the lock not held.
 */
void *ash_heap_realloc(void *block, size_t size);

/** Bytes that may be used in the block; at least what was asked for. 0 for NULL. */
size_t ash_heap_usable(void *block);

struct ash_heap_stats {
    size_t frames_bytes; /**< held from frames */
    size_t used_bytes;   /**< in blocks that are out, headers included */
    size_t free_bytes;   /**< in free blocks */
    size_t largest_free; /**< bytes of the largest free block (rounded down to its class) */
    size_t high_water;   /**< the most used_bytes ever */
    size_t blocks;       /**< blocks that are out */
    size_t chunks;       /**< chunks of frames */
    uint32_t failures;   /**< requests that found no memory */
};

/** A consistent copy of the figures. O(1). */
void ash_heap_stats(struct ash_heap_stats *stats);

/** Prints them. Not in interrupts. */
void ash_heap_report(ash_print_fn print);

/** Checks every block of every chunk and all free lists. 0, or ASH_ECORRUPT after ash_fault_hook
 * was told what. Cost: linear, with the lock held: tests and debugging. */
int ash_heap_verify(void);

#endif
