/* SPDX-License-Identifier: MIT */
/*
 * What the sources of the heap share: the form of a block, the segregated lists, and the steps that
 * the calls are made of.
 *
 * A block is named by its user's memory, which is aligned to a unit; the word of 32 bits before
 * that is its header: size in units (header included, the next header not), used, owner, check
 * bits, and whether the block before it is free. A free block has two links in its memory, and in
 * its last word, the footer, its size again. A used block has neither: its last word is the user's.
 *
 * A chunk is its own words, then blocks, then the end: a header of its own, and the chunk's
 * address. A chunk of frames with one free block in it goes back.
 *
 * Lists are rings through a head, newest first. The classes: sizes below 32 units have one each;
 * above, each power of two is divided into 16. (Two-level segregated fit: M. Masmano et al., "TLSF:
 * a new dynamic memory allocator for real-time systems", ECRTS 2004.)
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

/* The header of a used block. Bit 31 stays out of the check bits, so that it changes in one
 * instruction: the sum and the product that they are made from carry nothing from there to the bits
 * below. The header of a free block has the size only, and from bit 20 on its complement: what is
 * written over it by chance is right once in 8192 times. */
#define HEAP_SIZE        0x0007ffffu
#define HEAP_USED        0x00080000u
#define HEAP_OWNER       0x01f00000u
#define HEAP_OWNER_SHIFT 20u
#define HEAP_CHECK       0x7e000000u
#define HEAP_BEFORE_FREE 0x80000000u
#define HEAP_NOT_SHIFT   20u
/** 1 modulo 64: check bits that are added appear in the product unchanged. Every run of 6 bits from
 *  bit 1 up has a bit that is set, so that every single bit of a header matters. */
#define HEAP_FACTOR 0x9e377941u

#define HEAP_CLASS_SHIFT 4u

#define HEAP_POISON 0x6b6b6b6bu
/** Order of the chunks that a heap grows by, unless a request needs more. */
#define HEAP_CHUNK_ORDER (ASH_HEAP_ORDER < 4 ? ASH_HEAP_ORDER : 4)

typedef struct ash_heap_link heap_node;

struct heap_chunk {
    struct heap_chunk *next;
    struct heap_chunk **link; /* what points here; of a chunk that goes back, as its frame */
    ash_frame_t frame;
    uint32_t order;  /* of those frames, plus 1; 0: memory that was given */
    uint32_t units;  /* of all its blocks */
    uint32_t header; /* of the first block */
};

/** Where a heap gets chunks from and gives them back to. */
struct heap_source {
    /** Gets chunks until there is a block of `units`, and returns its class, with the lock let go
     *  meanwhile. ASH_HEAP_CLASSES: that failed, and the lock is released. */
    unsigned (*grow)(struct ash_heap *heap, uint32_t units, unsigned long saved);
    /** Lists a free block, or gives its chunk back if that is all of it; releases the lock. */
    void (*shrink)(struct ash_heap *heap, heap_node *block, uint32_t units, unsigned long saved);
};

/** A request that is refused, and what is told about it once the lock is released. */
struct heap_finding {
    enum ash_fault_kind kind;
    const char *what;
    const void *address;
};

/* -- blocks -- */

static inline uint32_t *heap_header(heap_node *block)
{
    return (uint32_t *)(void *)block - 1;
}

static inline uint32_t heap_units(uint32_t header)
{
    return header & HEAP_SIZE;
}

static inline heap_node *heap_at(heap_node *block, size_t units)
{
    return (heap_node *)(void *)((char *)block + units * HEAP_UNIT);
}

static inline heap_node *heap_after(heap_node *block)
{
    return heap_at(block, heap_units(*heap_header(block)));
}

/** The last word of the block before this one. */
static inline uint32_t *heap_footer(heap_node *block)
{
    return (uint32_t *)(void *)block - 2;
}

/** The block before, which is free. */
static inline heap_node *heap_before(heap_node *block)
{
    return (heap_node *)(void *)((char *)block - *heap_footer(block) * HEAP_UNIT);
}

/** The first block of a chunk. */
static inline heap_node *heap_first(struct heap_chunk *chunk)
{
    return (heap_node *)(void *)(&chunk->header + 1);
}

static inline heap_node *heap_end(struct heap_chunk *chunk)
{
    return heap_at(heap_first(chunk), chunk->units);
}

/** Units of blocks in a chunk of `size` bytes, its own words aside; too few for one: not a chunk.
 */
static inline uint32_t heap_chunk_units(size_t size)
{
    return (uint32_t)((size - sizeof(struct heap_chunk) - sizeof(struct heap_chunk *)) / HEAP_UNIT);
}

/** Bytes of the smallest chunk, and of the largest. */
#define HEAP_CHUNK_LEAST                                                                           \
    (sizeof(struct heap_chunk) + sizeof(struct heap_chunk *) + HEAP_LEAST * HEAP_UNIT)
#define HEAP_CHUNK_MOST (ASH_PAGE_SIZE << ASH_HEAP_ORDER)

/** Units of a block for `size` bytes; for more than ASH_HEAP_MAX more than there are. */
static inline uint32_t heap_units_for(size_t size)
{
    size_t units = (size + sizeof(uint32_t) + HEAP_UNIT - 1) >> HEAP_UNIT_SHIFT;

    units = units < HEAP_LEAST ? HEAP_LEAST : units;
    return size >> (ASH_PAGE_SHIFT + ASH_HEAP_ORDER) != 0 ? HEAP_SIZE + 1 : (uint32_t)units;
}

/** Bytes that the user may use. */
static inline size_t heap_usable(uint32_t header)
{
    return heap_units(header) * HEAP_UNIT - sizeof(uint32_t);
}

/* -- check bits -- */

/** The check bits that the header of a used block has too much; 0 if it is right. */
static inline uint32_t heap_excess(const heap_node *block, uint32_t header)
{
    return (header + (uint32_t)(uintptr_t)block) * HEAP_FACTOR & HEAP_CHECK;
}

/** The header of a used block with its check bits, which it has not yet. */
static inline uint32_t heap_sealed(const heap_node *block, uint32_t header)
{
#if ASH_CHECK >= 1
    return header | (-heap_excess(block, header) & HEAP_CHECK);
#else
    (void)block;
    return header;
#endif
}

static inline bool heap_is_sealed(const heap_node *block, uint32_t header)
{
#if ASH_CHECK >= 1
    return heap_excess(block, header) == 0;
#else
    (void)block;
    (void)header;
    return true;
#endif
}

/** The header of a free block: never 0, which is what is written over it most. */
static inline uint32_t heap_free_header(uint32_t units)
{
#if ASH_CHECK >= 1
    return units + (~units << HEAP_NOT_SHIFT);
#else
    return units;
#endif
}

/** The units that the header of a free block tells; more than HEAP_SIZE if it is wrong. */
static inline uint32_t heap_free_units(uint32_t header)
{
#if ASH_CHECK >= 1
    return header + (header << HEAP_NOT_SHIFT) + ((uint32_t)1 << HEAP_NOT_SHIFT);
#else
    return header;
#endif
}

/** Units from `low`; beyond all bounds if the address is lower or no multiple of a unit. */
static inline uintptr_t heap_place(uintptr_t low, const void *address)
{
    uintptr_t bytes = (uintptr_t)address - low;

    return bytes >> HEAP_UNIT_SHIFT | bytes << (8 * sizeof(bytes) - HEAP_UNIT_SHIFT);
}

#if ASH_CHECK >= 1
/** True if this is a used block, and the next header is within the heap's memory. Touches nothing
 *  outside of that. */
static inline bool heap_is_used(const struct ash_heap *heap, heap_node *block)
{
    uintptr_t place = heap_place(heap->low, block);
    uint32_t header;

    if (place >= heap->span) {
        return false;
    }
    header = *heap_header(block);
    return heap_is_sealed(block, header) && (header & HEAP_USED) != 0 &&
           (uintptr_t)heap_units(header) - 1 < heap->span - place;
}

/** True if both neighbours in the list of a free block agree that it stands between them. */
static inline bool heap_is_linked(const struct ash_heap *heap, const heap_node *block)
{
    const heap_node *next = block->next;
    const heap_node *prev = block->prev;

    return heap_place(heap->link_low, next) < heap->link_span &&
           heap_place(heap->link_low, prev) < heap->link_span && next->prev == block &&
           prev->next == block;
}

/** True if the block before this one, which should be free, is. */
static inline bool heap_is_before(const struct ash_heap *heap, heap_node *block)
{
    uint32_t units = *heap_footer(block);
    heap_node *before = heap_before(block);

    return units <= heap_place(heap->low, block) &&
           *heap_header(before) == heap_free_header(units) && heap_is_linked(heap, before);
}

#endif

/* -- lists -- */

/** The class in whose list a free block of this size stands. */
static inline unsigned heap_class(uint32_t units)
{
    unsigned shift =
        31 - HEAP_CLASS_SHIFT - (unsigned)__builtin_clz(units | 1u << HEAP_CLASS_SHIFT);

    return (shift << HEAP_CLASS_SHIFT) + (units >> shift);
}

/** The first class whose blocks all have this size. (A shift to the right rounds down, and minus
 * the size rounded down is the size rounded up.) */
static inline unsigned heap_class_up(uint32_t units)
{
    unsigned shift =
        31 - HEAP_CLASS_SHIFT - (unsigned)__builtin_clz(units | 1u << HEAP_CLASS_SHIFT);

    return (shift << HEAP_CLASS_SHIFT) - (unsigned)((int32_t)-units >> shift);
}

#define HEAP_BIT(n) (0x80000000u >> (n))

/** Notes that a list that was empty has a block, or that one that had is empty. */
static inline void heap_flip(struct ash_heap *heap, unsigned class)
{
    unsigned word = class / 32;
    uint32_t was = heap->classes[word];
    uint32_t bits = was ^ HEAP_BIT(class % 32);

    heap->classes[word] = bits;
    if ((was & bits) == 0) { /* they differ by one bit, so one of them is 0 */
        heap->words ^= HEAP_BIT(word);
    }
}

/** Finds a class whose blocks all have `units`, and which has one. False: there is none. */
static inline bool heap_search(const struct ash_heap *heap, uint32_t units, unsigned *class)
{
    unsigned least = heap_class_up(units);
    unsigned word = least / 32;
    uint32_t bits = heap->classes[word] << least % 32;

    if (bits != 0) {
        *class = least + (unsigned)__builtin_clz(bits);
        return true;
    }
    bits = heap->words << word << 1;
    if (bits == 0) {
        return false;
    }
    word += 1 + (unsigned)__builtin_clz(bits);
    *class = word * 32 + (unsigned)__builtin_clz(heap->classes[word]);
    return true;
}

/** True if the list of a class has a block, and the first has `units`. */
static inline bool heap_fits(struct ash_heap *heap, unsigned class, uint32_t units)
{
    return (heap->classes[class / 32] & HEAP_BIT(class % 32)) != 0 &&
           heap_units(*heap_header(heap->list[class].next)) >= units;
}

/** Makes a free block and lists it; what follows it must know. */
static inline void heap_insert(struct ash_heap *heap, heap_node *block, uint32_t units)
{
    unsigned class = heap_class(units);
    heap_node *head = &heap->list[class];
    heap_node *next = head->next;

    *heap_header(block) = heap_free_header(units);
    *heap_footer(heap_at(block, units)) = units;
    block->next = next;
    block->prev = head;
    head->next = block;
    next->prev = block;
    if (next == head) {
        heap_flip(heap, class);
    }
}

/** Takes a free block out of its list. */
static inline void heap_remove(struct ash_heap *heap, const heap_node *block)
{
    heap_node *next = block->next;
    heap_node *prev = block->prev;

    prev->next = next;
    next->prev = prev;
    if (next == prev) { /* the head of a list that is empty now */
        heap_flip(heap, (unsigned)(next - heap->list));
    }
}

/* -- parts of calls: with the lock held -- */

static inline void heap_count(struct ash_heap *heap, uint32_t units)
{
    uint32_t used = heap->used + units;

    heap->used = used;
    if (used > heap->high_water) {
        heap->high_water = used;
    }
}

/** Makes a used block of the first `units` of `have`, which nothing else claims; what follows
 * thinks that they are free. What is left over becomes a free block if it is large enough. Returns
 * the units that the block has. */
static inline uint32_t heap_cut(struct ash_heap *heap, heap_node *block, uint32_t have,
                                uint32_t units, uint32_t flags)
{
    uint32_t rest = have - units;

    if (rest >= HEAP_LEAST) {
        heap_insert(heap, heap_at(block, units), rest);
    } else {
        *heap_header(heap_at(block, have)) &= ~HEAP_BEFORE_FREE;
        units = have;
    }
    *heap_header(block) = heap_sealed(block, units | HEAP_USED | flags);
    return units;
}

/** Lets go of the lock; at ASH_CHECK 2 checks everything first (heap_check.c). */
#if ASH_CHECK >= 2
void heap_unlock(struct ash_heap *heap, unsigned long saved);
#else
static inline void heap_unlock(struct ash_heap *heap, unsigned long saved)
{
    spinlock_release(&heap->lock, saved);
}
#endif

/* heap.c: with the lock held */

/** The class of the request's own size, if its first block fits where no other is sure to; else the
 *  heap grows, with the lock let go meanwhile, until there is one. ASH_HEAP_CLASSES: that failed,
 * and the lock is released. */
unsigned heap_search_else(struct ash_heap *heap, uint32_t units, unsigned long saved);
/** Makes a chunk of memory, at least HEAP_CHUNK_LEAST and at most HEAP_CHUNK_MOST bytes. */
void heap_add_chunk(struct ash_heap *heap, struct heap_chunk *chunk, size_t size);

/* heap_check.c: with the lock held */

/** What is wrong with the whole heap. False, and the finding. */
bool heap_consistent(struct ash_heap *heap, struct heap_finding *finding);
/** The chunk whose blocks hold the address; NULL. */
struct heap_chunk *heap_chunk_of(const struct ash_heap *heap, const void *address);
/** Releases the lock and tells the hook what is wrong with a pointer that should be a used block's,
 *  or with the free blocks beside it. */
void heap_refuse(struct ash_heap *heap, void *memory, unsigned long saved, const void *caller);
/** The same for a free block that was found in its list. */
void heap_refuse_free(struct ash_heap *heap, heap_node *block, unsigned long saved,
                      const void *caller);

#if ASH_CHECK >= 2
/** Fills the bytes between two places. */
void heap_poison(void *from, const void *to);
/** Checks the poison of a free block up to `to`, and puts it in order, so that one write is told
 *  once. */
bool heap_poison_intact(heap_node *block, const void *to);
/** Tells the hook of such a write; releases the lock. */
void heap_refuse_written(struct ash_heap *heap, heap_node *block, unsigned long saved,
                         const void *caller);
#endif

/* heap_list.c: the list of heaps. Not with a heap's lock held. */

void heap_enlist(struct ash_heap *heap);

#endif
