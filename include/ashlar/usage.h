/* SPDX-License-Identifier: MIT */
/*
 * Usage: the same figures for every allocator, so that one report and one check serve them all.
 *
 * Each module describes what it manages, one struct ash_usage a piece (a zone of frames, a pool, an
 * object cache, a heap, a pmem region, a bounce buffer), to a visitor: ash_frames_usage(),
 * ash_pools_usage(), ash_slabs_usage(), ash_heaps_usage(), ash_pmem_usage(), ash_dma_usage(). A
 * product lists those that it links.
 */
#ifndef ASHLAR_USAGE_H
#define ASHLAR_USAGE_H

#include "types.h"

/** All sizes in bytes. */
struct ash_usage {
    const char *module; /**< "frames", "pool", "slab", "heap", "pmem", "dma" */
    const char *name;   /**< of this zone, pool, cache, heap or region */
    uint64_t total;     /**< that it manages now */
    uint64_t used;      /**< that its users hold */
    uint64_t free; /**< that can still be handed out without growing: what is kept in caches too */
    uint64_t largest; /**< the largest request that can be met now without growing; at most free */
    uint64_t limit; /**< no request is ever larger than this, whatever is free; 0: no such limit */
    uint64_t high_water; /**< most that was ever used at once */
    uint64_t failures;   /**< valid requests that found no room */
    uint64_t blocks;     /**< that its users hold, as a number */
};

/** Is given one description at a time, with no lock held; it keeps no pointer to it. */
typedef void (*ash_usage_visit)(const struct ash_usage *usage, void *arg);

/** Describes all that a module manages. Not in interrupts. */
typedef void (*ash_usage_walk)(ash_usage_visit visit, void *arg);

/**
 * How far the free memory is cut up: from 0 (requests can be as large as ever) to 100: of what is
 * free, up to the limit, the share that the largest request leaves, rounded down. 0 if nothing is
 * free.
 */
static inline unsigned ash_usage_fragmentation(const struct ash_usage *usage)
{
    uint64_t whole = usage->limit != 0 && usage->limit < usage->free ? usage->limit : usage->free;

    return usage->largest >= whole ? 0 : (unsigned)((whole - usage->largest) * 100 / whole);
}

#endif
