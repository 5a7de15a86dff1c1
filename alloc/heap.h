/* SPDX-License-Identifier: MIT */
/*
 * What the sources of the heap share: the form of a block, and the segregated lists.
 *
 * A block begins with its header, a word of 32 bits: check bits, size in units, two flags. The
 * user's memory follows it and is aligned to a unit, so blocks lie 4 bytes below multiples of a
 * unit. A free block has two links behind its header, and in its last word, the footer, its size
 * again. A used block has neither: its last word is the user's.
 *
 * A chunk is a block of frames: its own words, then blocks, then the end, a used header of size 0.
 * The first block counts as having a free block before it, whose footer is 0: that is how an empty
 * chunk is told without a search.
 *
 * The classes: sizes below 32 units have one each; above, each power of two is divided into 32.
 * (Two-level segregated fit: M. Masmano et al., "TLSF: a new dynamic memory allocator for real-time
 * systems", ECRTS 2004.)
 */
#ifndef ALLOC_HEAP_H
#define ALLOC_HEAP_H

#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "ashlar/heap.h"
#include "port/spinlock.h"

#define HEAP_UNIT_SHIFT (sizeof(void *) == 8 ? 4u : 3u)
#define HEAP_UNIT       ((size_t)1 << HEAP_UNIT_SHIFT)
/** Units of the smallest block: header, two links, footer. */
#define HEAP_LEAST 2u

/* The header: check bits, size in units, used, before-is-free. */
#define HEAP_BEFORE_FREE 1u
#define HEAP_USED        2u
#define HEAP_SIZE_SHIFT  2u
#define HEAP_SIZE_BITS   (ASH_PAGE_SHIFT + ASH_MAX_ORDER - 3u)
#define HEAP_CHECK_MASK  (~(uint32_t)0 << (HEAP_SIZE_SHIFT + HEAP_SIZE_BITS))

#define HEAP_COLUMNS 32u
#define HEAP_ROWS    (HEAP_SIZE_BITS - 4u)
#define HEAP_CLASSES (HEAP_ROWS * HEAP_COLUMNS)

#define HEAP_POISON 0x6b6b6b6bu
/** Order of the chunks that the heap grows by, unless a request needs more. */
#define HEAP_CHUNK_ORDER (ASH_MAX_ORDER < 4 ? ASH_MAX_ORDER : 4)

/** Where a block begins: the place of its header. */
typedef uint32_t heap_block;

struct heap_links {
    heap_block *next, *prev;
};

struct heap_chunk {
    struct heap_chunk *next, *prev;
    ash_frame_t frame;
    uint32_t order;
    uint32_t zero;    /* the footer before the first block */
    heap_block first; /* the header of the first block */
};

struct heap {
    struct ash_spinlock lock;
    uint32_t rows;               /* bit n: row n is not empty */
    uint32_t columns[HEAP_ROWS]; /* bit n: the list of column n is not empty */
    heap_block *list[HEAP_CLASSES];
    struct heap_chunk *chunks;
    uintptr_t low, high; /* all chunks that ever were lie between them */
    struct ash_heap_stats figures;
};

/** A request that is refused, and what is told about it once the lock is released. */
struct heap_finding {
    enum ash_fault_kind kind;
    const char *what;
    const void *address;
};

static inline uint32_t heap_sealed(const heap_block *block, uint32_t payload)
{
#if ASH_CHECK >= 1
    uint32_t mixed = (payload ^ (uint32_t)((uintptr_t)block >> 2)) * 0x9e3779b1u;

    return payload | (mixed & HEAP_CHECK_MASK);
#else
    (void)block;
    return payload;
#endif
}

static inline void heap_write(heap_block *block, uint32_t units, uint32_t flags)
{
    *block = heap_sealed(block, units << HEAP_SIZE_SHIFT | flags);
}

/** True if the header's check bits are right. */
static inline bool heap_is_sealed(const heap_block *block)
{
    return *block == heap_sealed(block, *block & ~HEAP_CHECK_MASK);
}

static inline uint32_t heap_units(const heap_block *block)
{
    return (*block & ~HEAP_CHECK_MASK) >> HEAP_SIZE_SHIFT;
}

static inline heap_block *heap_at(heap_block *block, size_t units)
{
    return block + units * (HEAP_UNIT / sizeof(*block));
}

static inline heap_block *heap_after(heap_block *block)
{
    return heap_at(block, heap_units(block));
}

/** The block before, if HEAP_BEFORE_FREE is set and this is not the first of its chunk. */
static inline heap_block *heap_before(heap_block *block)
{
    return block - block[-1] * (HEAP_UNIT / sizeof(*block));
}

static inline bool heap_is_first(const heap_block *block)
{
    return (*block & HEAP_BEFORE_FREE) != 0 && block[-1] == 0;
}

static inline void *heap_memory(heap_block *block)
{
    return block + 1;
}

static inline struct heap_links *heap_links(heap_block *block)
{
    return heap_memory(block);
}

/** The class in whose list a free block of this size stands. */
static inline unsigned heap_class(uint32_t units)
{
    unsigned log;

    if (units < HEAP_COLUMNS) {
        return units;
    }
    log = 31u - (unsigned)__builtin_clz(units);
    return (log - 5 + 1) * HEAP_COLUMNS + ((units >> (log - 5)) & (HEAP_COLUMNS - 1));
}

/** The smallest size of a class, in units. */
static inline uint32_t heap_class_units(unsigned class)
{
    unsigned row = class / HEAP_COLUMNS;

    return row == 0 ? class : (HEAP_COLUMNS + class % HEAP_COLUMNS) << (row - 1);
}

/* heap_blocks.c: all with the lock held */

/** A free block of at least `units`, still in its list; NULL if there is none. */
heap_block *heap_find(const struct heap *heap, uint32_t units);
/**
 * Makes a used block of `units`, `gap` units into the free block (0, or at least HEAP_LEAST), and
 * returns it; what remains before and behind stays free. NULL and *finding: something is corrupt.
 */
heap_block *heap_take(struct heap *heap, heap_block *block, uint32_t gap, uint32_t units,
                      struct heap_finding *finding);
/**
 * Frees a used block, merged with its neighbours. False and *finding: something is corrupt, and
 * nothing was changed. *empty is the chunk if nothing else was left in it (it is then no longer
 * the heap's), or NULL.
 */
bool heap_release(struct heap *heap, heap_block *block, struct heap_chunk **empty,
                  struct heap_finding *finding);
/** Gives a used block another size in place; false if that is not possible, or with *finding->what
 *  not NULL if something is corrupt. */
bool heap_resize(struct heap *heap, heap_block *block, uint32_t units,
                 struct heap_finding *finding);
/** Makes a chunk of a block of frames; its one free block. */
heap_block *heap_add_chunk(struct heap *heap, ash_frame_t frame, unsigned order);

/* heap_check.c: all with the lock held */

/** What is wrong with the whole heap. False, and the finding. */
bool heap_consistent(struct heap *heap, struct heap_finding *finding);
/** False, and the finding, if `memory` is no used block or its neighbourhood is broken. */
bool heap_check_used(struct heap *heap, const void *memory, struct heap_finding *finding);
/** The same for a block that should be free and in its list. */
bool heap_check_free(const struct heap *heap, heap_block *block, struct heap_finding *finding);

#if ASH_CHECK >= 2
/** Fills the bytes between two places. */
void heap_poison(void *from, const void *to);
/** True if they are still filled. */
bool heap_poison_intact(const void *from, const void *to);
#endif

#endif
