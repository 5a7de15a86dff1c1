/* SPDX-License-Identifier: MIT */
/*
 * What the sources of the frame allocator share: its state and the encoding of its metadata.
 *
 * Each frame has an index into two arrays: a word (state, order, owner ...) and a pair of links.
 * The word of a block's first frame describes the block. The words of its other frames are those of
 * blocks that merged into it (free ones), or of no block: a block is found from the largest order
 * downwards, and a merge compares one word, because the buddy of a block always starts a block or
 * was never given to the allocator.
 *
 * Each range of RAM owns a window of indices which begins at a multiple of its largest block, so
 * that the buddy of a block has the index (index ^ size). The largest range owns the first window.
 * The list heads are the last entries of the links, so that a list has no special first or last
 * element.
 */
#ifndef ALLOC_FRAMES_H
#define ALLOC_FRAMES_H

#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "port/spinlock.h"

/*
 * The word: owner [4:0] (free: 0), lists [7:5], order [12:8], state [15:13], range [31:27].
 * Lists and owner are where the flags of an allocation have them. The state of an allocated block
 * with one reference is 0, so that free compares one byte, state and order, with the order that its
 * caller names; and the word of a single frame from the lists that were asked for is the flags.
 */
#define FRAMES_OWNER_MASK  (ASH_OWNERS - 1u)
#define FRAMES_OWNER(word) ((word)&FRAMES_OWNER_MASK)
#define FRAMES_LISTS_SHIFT 5u
#define FRAMES_LISTS_MASK  ((FRAMES_LISTS_COUNT - 1u) << FRAMES_LISTS_SHIFT)
#define FRAMES_LISTS(word) (((word)&FRAMES_LISTS_MASK) >> FRAMES_LISTS_SHIFT)
#define FRAMES_ORDER_SHIFT 8u
#define FRAMES_ORDER(word) (((word) >> FRAMES_ORDER_SHIFT) & 0x1fu)
#define FRAMES_ORDER_ONE   (1u << FRAMES_ORDER_SHIFT)
#define FRAMES_FREE        0x2000u
#define FRAMES_SHARED      0x4000u /* allocated, more than one reference: links.next counts */
#define FRAMES_CACHED      0x8000u /* free, kept by a CPU */
#define FRAMES_RANGE_SHIFT 27u
#define FRAMES_RANGE(word) ((word) >> FRAMES_RANGE_SHIFT)
/** State and order. */
#define FRAMES_SHAPE(word) (((word) >> FRAMES_ORDER_SHIFT) & 0xffu)
/** Of a frame that starts no block and never did. */
#define FRAMES_NOTHING 0xff00u
/** What stays with a block while it is split and merged: its lists and range. */
#define FRAMES_PLACE (FRAMES_LISTS_MASK | (0x1fu << FRAMES_RANGE_SHIFT))
/** Flags from here on ask for more than lists and owner, or for nothing that there is. */
#define FRAMES_PLAIN 0x100u

/*
 * Free blocks are kept by zone, and in each zone by how long what is allocated there stays. Bit 0
 * of a key, which names lists, is set for what is movable.
 */
#define FRAMES_LISTS_COUNT 8u
#define FRAMES_MOVABLE     (ASH_FRAMES_MOVABLE >> FRAMES_LISTS_SHIFT)
#define FRAMES_ZONE(key)   ((key) >> 1 ^ 1u)    /* 3 is no zone */
#define FRAMES_KEY(zone)   (((zone) ^ 1u) << 1) /* the converse */

#define FRAMES_NO_INDEX UINT32_MAX
#define FRAMES_ORDERS   (ASH_MAX_ORDER + 1u)
#define FRAMES_HEADS    (FRAMES_LISTS_COUNT * FRAMES_ORDERS)
#define FRAMES_POISON   0xa5a5a5a5u

struct frames_links {
    uint32_t next; /* free: the next block in its list; shared: the number of references */
    uint32_t prev; /* free: the block before it */
};

struct frames_range {
    uint32_t end;   /* index behind the last frame */
    uint32_t first; /* frame number */
    uint32_t count; /* frames */
    unsigned top;   /* order of the largest block that may lie here */
};

struct frames_zone {
    uint32_t free;    /* frames */
    uint32_t floor;   /* with less than this free there is something to note */
    uint32_t ceiling; /* and with this much */
    uint32_t least;   /* that were ever free */
    uint32_t total;
    uint32_t failures;
    struct ash_frames_marks marks;
    unsigned level;   /* enum ash_frames_level that was told last */
    unsigned pending; /* bit n: level n is to be told */
};

struct frames_lists {
    uint32_t nonempty; /* bit n: the list of order n is not empty */
    uint32_t heads;    /* index of the head of order 0; the others follow */
    struct frames_zone *zone;
};

struct frames_state {
    /* By pointers: so they are found once in an operation, not once for each member. */
    struct frames_lists *lists[FRAMES_LISTS_COUNT];
    uint32_t delta[ASH_REGIONS_RAM]; /* of each range, frame number minus index, modulo 2^32 */
    uint32_t *words;
    struct frames_links *links;
    struct frames_range range[ASH_REGIONS_RAM];
    struct ash_spinlock lock;
    uint32_t heads; /* index of the first list head; also the number of indices below it */
    unsigned range_count;
    struct frames_zone zone[ASH_ZONE_COUNT + 1]; /* the last is none */
    struct frames_lists all_lists[FRAMES_LISTS_COUNT];
    uint32_t limit[ASH_ZONE_COUNT]; /* the first frame number above the zone */
#if ASH_CHECK >= 2
    uint32_t *poisoned; /* one bit a frame: it was filled with poison when it was freed */
#endif
};

extern struct frames_state frames_state;

/* frames.c */

/** Makes a free block of it: sets its word, and inserts it behind entry `after` of its list. */
void frames_insert(uint32_t index, uint32_t word, uint32_t after);
/** Allocates or frees a block, past the caches. */
int frames_alloc(unsigned order, unsigned flags, ash_frame_t *out);
void frames_free(uint32_t number, unsigned order, const void *caller);
/** Gives back what a used block of order `have` has above its first 2^order frames. The lock is
 *  held. */
void frames_trim(uint32_t index, unsigned have, unsigned order);
/** Takes up to `most` single frames from the lists that the flags name: their numbers. The lock is
 *  held. 0 if there are none there, or the next one is not in the largest range. */
unsigned frames_take_singles(unsigned flags, uint32_t *numbers, unsigned most);
/** Makes a used block free and merges it. The lock is held. */
void frames_merge(uint32_t index, uint32_t word);
/** Makes the used block, whose last reference is gone, free and merges it. Comes with the lock and
 *  lets it go. */
void frames_give(uint32_t index, uint32_t word, unsigned long saved);
/** Lets go of the lock; at ASH_CHECK 2 checks everything first, and tells the hook afterwards. */
void frames_release(unsigned long saved);

/* frames_block.c */

/** The index of a frame; FRAMES_NO_INDEX if no range holds it. */
uint32_t frames_index(uint32_t number);
/** The index of the block that holds the frame with this index, or FRAMES_NO_INDEX. */
uint32_t frames_head(uint32_t index);
/** What ash_frames_free() does if it is not the last reference, not in the largest range or not a
 *  block of that order: frame number `offset + delta[0]`. Comes with the lock and lets it go. */
void frames_free_otherwise(uint32_t offset, unsigned order, unsigned long saved,
                           const void *caller);
#define FRAMES_ANY_ORDER UINT32_MAX
#define FRAMES_NO_ORDER  (ASH_MAX_ORDER + 1u) /* that no block has */

/** The word of a free block. */
static inline uint32_t frames_word(unsigned range, unsigned lists, unsigned order)
{
    return range << FRAMES_RANGE_SHIFT | FRAMES_FREE | order << FRAMES_ORDER_SHIFT |
           lists << FRAMES_LISTS_SHIFT;
}

/** The word of a frame that may at this moment go into a CPU's cache or come from it, which the
 * lock does not prevent. */
static inline uint32_t frames_glance(uint32_t index)
{
    return __atomic_load_n(&frames_state.words[index], __ATOMIC_RELAXED);
}

static inline bool frames_is_used(uint32_t word)
{
    return (word & (FRAMES_FREE | FRAMES_CACHED)) == 0;
}

static inline uint32_t frames_number(uint32_t index, uint32_t word)
{
    return index + frames_state.delta[FRAMES_RANGE(word)];
}

static inline uint32_t frames_references(uint32_t index, uint32_t word)
{
    return (word & FRAMES_SHARED) != 0 ? frames_state.links[index].next : 1;
}

static inline uint32_t frames_list(unsigned lists, unsigned order)
{
    return frames_state.lists[lists]->heads + order;
}

static inline unsigned frames_zone_of(uint32_t number)
{
    return number < frames_state.limit[ASH_ZONE_DMA]      ? ASH_ZONE_DMA
           : number < frames_state.limit[ASH_ZONE_NORMAL] ? ASH_ZONE_NORMAL
                                                          : ASH_ZONE_HIGH;
}

/** Tells the hook. The lock is not held. */
static inline void frames_fault(enum ash_fault_kind kind, const char *what, uint32_t number,
                                const void *caller)
{
    const struct ash_fault fault = {
        .kind = kind,
        .module = "frames",
        .what = what,
        .address = (uint64_t)number << ASH_PAGE_SHIFT,
        .caller = caller,
    };

    ash_fault_hook(&fault);
}

/* frames_marks.c */

/** Looks at the zone's figures: keeps the least, and what is to be told. The lock is held. */
void frames_note(struct frames_zone *zone);
/** Tells what is to be told. No lock is held. */
void frames_tell(void);

/* frames_check.c */

/** A contradiction in the metadata: what it is and the index it was found at. */
struct frames_finding {
    const char *what;
    uint32_t number;
};

/** Checks blocks, lists and sums, and with `deep` every frame as well. The lock is held. */
bool frames_consistent(bool deep, struct frames_finding *finding);

#if ASH_CHECK >= 2
/** Fills a block that becomes free with poison. The lock is held. */
void frames_poison(uint32_t index, uint32_t number, unsigned order);
/** The number of the first frame of a free block whose poison was overwritten, or UINT32_MAX.
 *  The block counts as not poisoned afterwards. The lock is held. */
uint32_t frames_poison_broken(uint32_t index, uint32_t number, unsigned order);
#endif

#endif
