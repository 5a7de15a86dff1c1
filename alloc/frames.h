/* SPDX-License-Identifier: MIT */
/*
 * What the sources of the frame allocator share: its state and the encoding of its metadata.
 *
 * Each frame has an index into two arrays: a word (state, order, owner ...) and a pair of links.
 * The word of a block's first frame describes the block; the words of its other frames are 0, as
 * are those of frames that were never given to the allocator. So a merge is decided by comparing
 * one word, and only words need clearing at start.
 *
 * Each range of RAM owns a window of indices which begins at a multiple of its largest block, so
 * that the buddy of a block has the index (index ^ size): no buddy lies outside the window, and
 * no bounds are checked. The list heads are the last entries of the links, so that a list has no
 * special first or last element.
 */
#ifndef ALLOC_FRAMES_H
#define ALLOC_FRAMES_H

#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "port/spinlock.h"

/* The word: order [4:0], zone [6:5], state [8:7], range [13:9], owner [23:16]. */
#define FRAMES_ORDER(word) ((word)&0x1fu)
#define FRAMES_ZONE_SHIFT  5u
#define FRAMES_ZONE(word)  (((word) >> FRAMES_ZONE_SHIFT) & 3u)
#define FRAMES_FREE        0x080u
#define FRAMES_USED        0x100u
#define FRAMES_STATE       0x180u
#define FRAMES_RANGE_SHIFT 9u
#define FRAMES_RANGE(word) (((word) >> FRAMES_RANGE_SHIFT) & 0x1fu)
#define FRAMES_OWNER_SHIFT 16u
#define FRAMES_OWNER(word) (((word) >> FRAMES_OWNER_SHIFT) & 0xffu)
/** What stays with a frame for good: its zone and range. */
#define FRAMES_PLACE ((3u << FRAMES_ZONE_SHIFT) | (0x1fu << FRAMES_RANGE_SHIFT))

#define FRAMES_NO_INDEX UINT32_MAX
#define FRAMES_HEADS    (ASH_ZONE_COUNT * (ASH_MAX_ORDER + 1u))
#define FRAMES_POISON   0xa5a5a5a5u

struct frames_links {
    uint32_t next; /* free: the next block in its list; used: the number of references */
    uint32_t prev; /* free: the block before it */
};

struct frames_range {
    uint32_t first; /* frame number */
    uint32_t count; /* frames */
    uint32_t delta; /* frame number minus index, modulo 2^32 */
    unsigned top;   /* order of the largest block that may lie here */
};

struct frames_zone {
    uint32_t nonempty; /* bit n: the list of order n is not empty */
    uint32_t total, used, high;
    uint32_t failures;
};

struct frames_state {
    struct ash_spinlock lock;
    uint32_t *words;
    struct frames_links *links;
    uint32_t heads; /* index of the first list head; also the number of indices below it */
    unsigned range_count;
    struct frames_zone zone[ASH_ZONE_COUNT];
    struct frames_range range[ASH_REGIONS_RAM];
    uint32_t limit[ASH_ZONE_COUNT]; /* the first frame number above the zone */
#if ASH_CHECK >= 2
    uint32_t *poisoned; /* one bit a frame: it was filled with poison when it was freed */
#endif
};

extern struct frames_state frames_state;

/* frames.c */

/** The index of a frame and its range; FRAMES_NO_INDEX if no range holds it. */
uint32_t frames_index(uint32_t number, const struct frames_range **range);
/** The index of the block that holds a frame, or FRAMES_NO_INDEX. */
uint32_t frames_head(uint32_t index, const struct frames_range *range);
/** Makes a free block of it: sets its word, and inserts it behind entry `after` of its list. */
void frames_insert(uint32_t index, uint32_t place, unsigned order, uint32_t after);

static inline uint32_t frames_list(unsigned zone, unsigned order)
{
    return frames_state.heads + zone * (ASH_MAX_ORDER + 1u) + order;
}

static inline unsigned frames_zone_of(uint32_t number)
{
    return number < frames_state.limit[ASH_ZONE_DMA]      ? ASH_ZONE_DMA
           : number < frames_state.limit[ASH_ZONE_NORMAL] ? ASH_ZONE_NORMAL
                                                          : ASH_ZONE_HIGH;
}

static inline void frames_count_used(unsigned zone, uint32_t frames)
{
    struct frames_zone *figures = &frames_state.zone[zone];

    figures->used += frames;
    if (figures->used > figures->high) {
        figures->high = figures->used;
    }
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
