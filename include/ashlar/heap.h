/* SPDX-License-Identifier: MIT */
/*
 * Heaps: memory of any size, in constant time. One heap, ash_heap_default, grows from frames and is
 * what the C library's malloc family is; others lie in memory that their user gives, or grow too.
 *
 * Segregated good fit: a request takes the first block of the smallest class whose blocks are all
 * large enough (16 classes to each power of two), so the cost of a call depends neither on the
 * number of blocks nor on the amount of memory. Costs 4 bytes a block.
 *
 * Any context and any CPU, unless a call says otherwise; interrupts are masked while the heap's
 * lock is held, for a constant time. No barriers or cache operations. Contents are not zeroed.
 *
 * The word before each block is its header, with check bits made from its contents and address. A
 * double free, a pointer that never came from this heap or points inside a block, and a header or a
 * free block's link that was overwritten go to ash_fault_hook and change nothing (ASH_CHECK >= 1).
 * At ASH_CHECK 2 free memory is poisoned, and every call checks the whole heap.
 */
#ifndef ASHLAR_HEAP_H
#define ASHLAR_HEAP_H

#include "config.h"
#include "errors.h"
#include "frames.h"
#include "lock.h"
#include "print.h"
#include "types.h"
#include "usage.h"

/** The alignment of every block, bytes: 8 on 32-bit processors, 16 on 64-bit ones. */
#define ASH_HEAP_ALIGN (2 * sizeof(void *))

/** The order of the largest chunk that a heap grows by or divides its memory into. */
#define ASH_HEAP_ORDER (ASH_MAX_ORDER < 10 ? ASH_MAX_ORDER : 10)

/** The largest request that can succeed, bytes: the largest chunk without its own words. A request
 *  with a larger alignment than ASH_HEAP_ALIGN needs room for that as well. */
#define ASH_HEAP_MAX                                                                               \
    ((ASH_PAGE_SIZE << ASH_HEAP_ORDER) - (sizeof(void *) == 8 ? 3 : 4) * ASH_HEAP_ALIGN - 4)

/** A link of a list of free blocks. */
struct ash_heap_link {
    _Alignas(2 * sizeof(void *)) struct ash_heap_link *next;
    struct ash_heap_link *prev;
};

#define ASH_HEAP_CLASSES 256u

/** One heap. Public only so that it can be defined statically: its members are the module's. */
struct ash_heap {
    /** Bit 31 - n % 32 of word n / 32: list n is not empty. The last word stays 0. */
    uint32_t classes[ASH_HEAP_CLASSES / 32 + 1];
    uint32_t words;      /**< bit 31 - n: word n of `classes` is not 0 */
    uint32_t used;       /**< units in blocks that are out */
    uint32_t high_water; /**< the most ever used, as of the last time that it became less */
    uint32_t blocks;     /**< that are out (not beside `used`, or gcc adds to both by NEON) */
    uint32_t whole; /**< units from which on a free block may be a whole chunk that goes back */
#if ASH_CHECK >= 1
    uintptr_t low;                 /**< the lowest place of a block */
    uintptr_t span;                /**< units from there to the highest end of one */
    uintptr_t link_low, link_span; /**< the same for what links point to: blocks and lists */
#endif
    struct ash_spinlock lock;
    uint32_t failures;
    size_t bytes; /**< of all chunks */
    struct heap_chunk *chunk;
    const struct heap_source *source; /**< what it grows from; NULL: it does not */
    const char *name;
    struct ash_heap *next; /**< in the list of heaps */
    bool listed;
    struct ash_heap_link list[ASH_HEAP_CLASSES];
};

/** The heap that serves malloc: it grows from frames from its first use on. */
extern struct ash_heap ash_heap_default;

/**
 * Makes a heap of `size` bytes of memory, which is the heap's until ash_heap_destroy; more than the
 * largest chunk becomes several that no block spans. `name` is kept.
 * Errors: ASH_EINVAL (no heap or no memory), ASH_ENOMEM (no room for one block, or the memory
 * wraps).
 * Context: not in interrupts. Cost: 256 lists emptied; linear in the number of chunks.
 */
int ash_heap_init(struct ash_heap *heap, const char *name, void *memory, size_t size);

/**
 * Makes a heap that grows from frames as it needs them and gives whole free chunks back at once.
 * It holds none at first. Errors: ASH_EINVAL (no heap). Context: not in interrupts.
 */
int ash_heap_init_frames(struct ash_heap *heap, const char *name);

/**
 * Ends a heap that nobody uses any more; its memory is the caller's again.
 * Errors: ASH_EBUSY (blocks are out). Context: not in interrupts.
 */
int ash_heap_destroy(struct ash_heap *heap);

/**
 * `size` bytes aligned to ASH_HEAP_ALIGN. Size 0 gives a block of its own that may be freed.
 * NULL: no memory, or more than ASH_HEAP_MAX. O(1); growth costs an allocation of frames.
 */
void *ash_heap_alloc(struct ash_heap *heap, size_t size);

/** The same, aligned to `align` (a power of two; 0 and anything below ASH_HEAP_ALIGN mean
 *  ASH_HEAP_ALIGN). NULL also if it is no power of two. */
void *ash_heap_alloc_aligned(struct ash_heap *heap, size_t size, size_t align);

/** Frees a block. NULL is ignored. O(1). */
void ash_heap_free(struct ash_heap *heap, void *block);

/**
 * Gives a block another size: in place if it shrinks or if enough free memory follows; else it
 * moves, contents up to the smaller size and the owner kept, and has the alignment ASH_HEAP_ALIGN.
 * NULL as block allocates. NULL: as ash_heap_alloc, and the old block is as it was. Size 0 is a
 * size like any other. Cost: O(1); a move copies, with the lock not held.
 */
void *ash_heap_realloc(struct ash_heap *heap, void *block, size_t size);

/** Bytes that may be used in the block; at least what was asked for. 0 for NULL. O(1). */
size_t ash_heap_usable(struct ash_heap *heap, void *block);

/** True if the address lies in the heap's memory. Cost: linear in the number of chunks, with the
 *  lock held. */
bool ash_heap_contains(struct ash_heap *heap, const void *address);

/**
 * Notes who a block is for: an enum ash_owner or a product's own number below ASH_OWNERS; it starts
 * as ASH_OWNER_NONE. Errors: ASH_EINVAL (no such owner, or no block of this heap, which
 * ash_fault_hook is told). O(1).
 */
int ash_heap_set_owner(struct ash_heap *heap, void *block, unsigned owner);

struct ash_heap_stats {
    const char *name;
    size_t total_bytes;  /**< of memory: held from frames, or given */
    size_t used_bytes;   /**< in blocks that are out, headers included */
    size_t free_bytes;   /**< in free blocks */
    size_t largest_free; /**< the largest request that is sure to be met without growing */
    size_t high_water;   /**< the most used_bytes ever */
    size_t blocks;       /**< blocks that are out */
    size_t chunks;       /**< pieces that the memory consists of */
    uint32_t failures;   /**< requests that found no memory */
};

/** A consistent copy of the figures. Cost: linear in the number of chunks, with the lock held. */
void ash_heap_stats(struct ash_heap *heap, struct ash_heap_stats *stats);

struct ash_heap_block {
    void *memory;
    size_t size; /**< bytes that may be used */
    bool used;
    unsigned owner; /**< of a used block */
};

/** Is given one block at a time, in the order of addresses within a chunk, with the heap's lock
 *  held: it calls nothing of this heap. */
typedef void (*ash_heap_visit)(const struct ash_heap_block *block, void *arg);

/** Shows all blocks, used and free. Not in interrupts. Cost: linear, with the lock held: tests and
 *  debugging. */
void ash_heap_walk(struct ash_heap *heap, ash_heap_visit visit, void *arg);

/** What one owner holds. */
struct ash_heap_owned {
    size_t blocks;
    size_t bytes; /**< usable */
};

/** What each of the ASH_OWNERS owners holds. Not in interrupts. Cost: as ash_heap_walk. */
void ash_heap_owned(struct ash_heap *heap, struct ash_heap_owned owned[ASH_OWNERS]);

/** Checks every block of every chunk and all free lists. 0, or ASH_ECORRUPT after ash_fault_hook
 * was told what. Cost: linear, with the lock held: tests and debugging. */
int ash_heap_verify(struct ash_heap *heap);

/** Describes every heap that was ever used (usage.h). Not in interrupts, no lock held. */
void ash_heaps_usage(ash_usage_visit visit, void *arg);

/** Prints a line for each heap, and one for each owner that holds blocks of it: what is left when
 *  nothing should be is a leak. Not in interrupts, no lock held. Cost: as ash_heap_walk. */
void ash_heaps_report(ash_print_fn print);

#endif
