/* SPDX-License-Identifier: MIT */
/*
 * Page frames: one buddy allocator over all RAM of the memory map.
 *
 * A block is 2^order frames, naturally aligned. Every block carries an owner tag and a use count,
 * out of line: 12 bytes of metadata a frame, nothing in the frames themselves.
 *
 * Unless a function says otherwise: any context and any CPU once ash_frames_init has returned,
 * interrupts included; interrupts are masked and the frames lock is held for a time that depends on
 * ASH_MAX_ORDER only, not on the amount of memory. No barriers or cache operations.
 *
 * Misuse (double free, a frame that was never given out, the inside of a block, another order) goes
 * to ash_fault_hook and changes nothing (ASH_CHECK >= 1).
 */
#ifndef ASHLAR_FRAMES_H
#define ASHLAR_FRAMES_H

#include "config.h"
#include "errors.h"
#include "print.h"
#include "regions.h"
#include "types.h"
#include "usage.h"

/** Frames that share a property. */
enum ash_zone {
    ASH_ZONE_DMA,    /**< below dma_limit: reachable by the weakest device; directly mapped */
    ASH_ZONE_NORMAL, /**< below direct_limit: directly mapped */
    ASH_ZONE_HIGH,   /**< the rest: reached through temporary windows only */
    ASH_ZONE_COUNT,
};

/**
 * Flags of an allocation: one zone, one owner, and how long the frames will stay. The zone is the
 * least special one that the caller can use; when it is exhausted the allocator falls back to the
 * more special ones.
 */
#define ASH_FRAMES_NORMAL    0x00u /**< directly mapped: NORMAL, then DMA (the default) */
#define ASH_FRAMES_DMA       0x40u /**< DMA only */
#define ASH_FRAMES_HIGH      0xc0u /**< any: HIGH, then NORMAL, then DMA */
#define ASH_FRAMES_ZONE_MASK 0xc0u
/**
 * The frames can be had back soon, or their contents moved away: pages of programs, caches, buffers
 * of one request. They come from other parts of memory than those that stay (the default), so that
 * a few that stay do not break up all large blocks.
 */
#define ASH_FRAMES_MOVABLE 0x20u
#define ASH_FRAMES_ZERO    0x10000u /**< zeroed; linear in the size. Not HIGH: ash_window_zero() */
/** Who the frames are for: an enum ash_owner, or a product's own number. (Of a number that is too
 *  large, a flag that there is not.) */
#define ASH_FRAMES_OWNER(owner) ((unsigned)(owner) < ASH_OWNERS ? (unsigned)(owner) : 0x80000000u)

enum ash_owner {
    ASH_OWNER_NONE, /**< nobody said */
    ASH_OWNER_BOOT, /**< taken before the allocator ran, and adopted */
    ASH_OWNER_TABLES,
    ASH_OWNER_POOL,
    ASH_OWNER_HEAP,
    ASH_OWNER_PMEM,
    ASH_OWNER_DMA,
    ASH_OWNER_VMAP,
    ASH_OWNER_STACK,
    ASH_OWNER_SPACE, /**< tables of spaces */
    ASH_OWNER_USER,  /**< pages of programs */
    ASH_OWNER_TEST,
    ASH_OWNER_FIRST = 16, /**< the first number for products */
    ASH_OWNERS = 32,
};

struct ash_frames_config {
    ash_pa_t dma_limit;    /**< RAM below it is zone DMA; 0: no such zone */
    ash_pa_t direct_limit; /**< RAM at or above it is zone HIGH. At least dma_limit */
};

/**
 * Takes over all free RAM of the map. The metadata is taken from the map (the highest place below
 * direct_limit), so that it and all other reserved ranges are never given out. Run once, by one
 * CPU, before any other function here; a second call starts again from the new map. Not in
 * interrupts. Errors: ASH_EINVAL (direct_limit below dma_limit, or a limit that is no multiple of a
 * page), ASH_ENOMEM (no room for the metadata). Cost: 4 bytes cleared a frame, and one step per
 * block of the largest order.
 */
int ash_frames_init(struct ash_regions *regions, const struct ash_frames_config *config);

/**
 * Allocates 2^order frames; *out is the first. The block's use count is 1.
 * Errors: ASH_EINVAL (order above ASH_MAX_ORDER, no such zone or owner, ZERO with HIGH),
 * ASH_ENOMEM; at ASH_CHECK 2 ASH_ECORRUPT (the block was written to after it was freed:
 * ash_fault_hook was told, once). Cost: O(ASH_MAX_ORDER).
 */
int ash_frames_alloc(unsigned order, unsigned flags, ash_frame_t *out);

/**
 * Drops the caller's reference of the block at `frame`, allocated with this order; with the last
 * reference the block becomes free and is merged with its free buddies.
 * Cost: O(ASH_MAX_ORDER).
 */
void ash_frames_free(ash_frame_t frame, unsigned order);

/**
 * Whether each CPU may keep up to ASH_FRAMES_CACHED single frames that were freed (they may, after
 * the start): most requests for one then touch nothing that CPUs share. The price is one operation
 * in ASH_FRAMES_CACHED / 4 that moves that many frames: switch it off where the worst case counts.
 * What is kept counts as free, and is given back when a request finds nothing else. Cost: of
 * switching off, a free of each frame that is kept; the locks are let go in between.
 */
void ash_frames_cache(bool on);

/** One more reference of the allocated block that starts at `frame`. O(1). */
void ash_frames_get(ash_frame_t frame);

/** Drops a reference, as ash_frames_free does, for a caller that does not know the order. */
void ash_frames_put(ash_frame_t frame);

/**
 * Turns reserved frames (early translation tables, the device tree) into allocated blocks of order
 * 0 with one reference each, so that they can be freed. All or nothing.
 * Errors: ASH_EINVAL (size 0, owner), ASH_EALIGN (not whole pages), ASH_ERANGE (wraps, not RAM),
 * ASH_EBUSY (one of them is free or allocated), so that nothing is adopted twice.
 * Context: not in interrupts. Cost: linear in the range, with the lock held.
 */
int ash_frames_adopt(struct ash_range range, unsigned owner);

/** The smallest order whose blocks hold `size` bytes; more than ASH_MAX_ORDER if there is none. */
static inline unsigned ash_frames_order(size_t size)
{
    size_t pages = size <= ASH_PAGE_SIZE ? 0 : (size - 1) >> ASH_PAGE_SHIFT;

    return pages == 0 ? 0 : 8u * (unsigned)sizeof(long) - (unsigned)__builtin_clzl(pages);
}

enum ash_frame_state {
    ASH_FRAME_ABSENT,   /**< not RAM */
    ASH_FRAME_RESERVED, /**< RAM that was reserved when the allocator started */
    ASH_FRAME_FREE,
    ASH_FRAME_USED,
};

struct ash_frame_info {
    enum ash_frame_state state;
    enum ash_zone zone;   /**< FREE, USED */
    ash_frame_t head;     /**< FREE, USED: first frame of the block that holds the frame */
    unsigned order;       /**< FREE, USED: of that block */
    bool movable;         /**< FREE, USED: it lies where ASH_FRAMES_MOVABLE ones are taken from */
    enum ash_owner owner; /**< USED */
    uint32_t count;       /**< USED: references */
};

/** Everything known about one frame, whatever the number. O(ASH_MAX_ORDER). */
void ash_frames_query(ash_frame_t frame, struct ash_frame_info *info);

struct ash_frames_stats {
    uint32_t total;      /**< frames given to the allocator, adopted ones included */
    uint32_t free;       /**< frames */
    uint32_t high_water; /**< most frames ever allocated at once, those that CPUs kept included */
    uint32_t failures;   /**< requests that found nothing here and in the zones they may fall to */
    uint32_t blocks[ASH_MAX_ORDER + 1]; /**< free blocks of each order */
    int largest;                        /**< order of the largest free block, or -1 */
};

/**
 * Figures of one zone; exact if nobody allocates meanwhile. ASH_EINVAL: no such zone.
 * Context: not in interrupts. Cost: linear in the number of blocks and of reserved frames; the lock
 * is let go at least every 64 of them.
 */
int ash_frames_stats(enum ash_zone zone, struct ash_frames_stats *stats);

/** How much is free, against marks. */
enum ash_frames_level {
    ASH_FRAMES_ENOUGH, /**< at least `high` again */
    ASH_FRAMES_LOW,    /**< less than `low` */
    ASH_FRAMES_MIN,    /**< less than `min` */
};

struct ash_frames_marks {
    uint32_t min, low, high; /**< frames; min <= low <= high */
    /** Is told each level once: low and min on the way down, enough on the way up. */
    void (*crossed)(enum ash_zone zone, enum ash_frames_level level, void *arg);
    void *arg;
};

/**
 * From now on `crossed` is told when the free frames of the zone pass a mark; NULL: nobody is. If
 * they are below one now, it is told before this returns. Frames that CPUs keep do not count here.
 * Errors: ASH_EINVAL (no such zone, no function, marks not in order).
 * Context of `crossed`: that of the allocation or free that passed the mark, before it returns: in
 * interrupts, or with locks of its caller held, if that was so. No lock of frames is held; it may
 * allocate and free, but not wait: it wakes those who do.
 */
int ash_frames_watch(enum ash_zone zone, const struct ash_frames_marks *marks);

/** What a device, or anybody, needs of its memory. */
struct ash_frames_request {
    size_t size;       /**< bytes */
    uint64_t align;    /**< of the address, in bytes, a power of two; 0: any */
    uint64_t boundary; /**< no multiple of it lies inside, a power of two; 0: none */
    uint64_t mask;     /**< the highest address that may be used; 0: any */
    unsigned flags;    /**< as those of ash_frames_alloc */
};

/**
 * Allocates a block as requested; *out is its first frame, to be freed with *order. What a larger
 * alignment costs beyond the size is given back at once.
 * Errors: those of ash_frames_alloc; ASH_EINVAL (size 0, no power of two, boundary smaller than the
 * size), ASH_ERANGE (the mask excludes part of each zone: such memory comes from a pmem region).
 * Cost: O(ASH_MAX_ORDER).
 */
int ash_frames_request(const struct ash_frames_request *request, ash_frame_t *out, unsigned *order);

/**
 * The zone flags for memory that a device with this mask reaches: *flags is ASH_FRAMES_HIGH, NORMAL
 * or DMA. ASH_ERANGE: the mask excludes part of each zone that has frames.
 */
int ash_frames_zone_of_mask(uint64_t mask, unsigned *flags);

/** Frames that an owner holds; ASH_OWNERS: all owners. Context and cost as ash_frames_stats. */
uint32_t ash_frames_owned(unsigned owner);

/** Names an owner (ASH_OWNER_FIRST ... ASH_OWNERS - 1); the string is kept. ASH_EINVAL. */
int ash_frames_name_owner(unsigned owner, const char *name);
/** The name of an owner; "?" if it has none. */
const char *ash_frames_owner_name(unsigned owner);

/**
 * Prints the blocks that an owner holds: address, frames, references; the number of them. Context
 * and cost as ash_frames_stats; no lock held, neither by the caller nor while it prints.
 */
uint32_t ash_frames_leaks(unsigned owner, ash_print_fn print);

/** Describes each zone that has frames (usage.h). Context and cost as ash_frames_stats; no lock
 * held. */
void ash_frames_usage(ash_usage_visit visit, void *arg);

/** Prints zones, free blocks by order, and frames by owner. Not in interrupts, no lock held. */
void ash_frames_report(ash_print_fn print);

/**
 * Checks all metadata against itself. 0, or ASH_ECORRUPT after ash_fault_hook was told what.
 * Context: tests and debugging; the lock is held for a time linear in memory.
 */
int ash_frames_verify(void);

#endif
