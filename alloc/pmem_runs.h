/* SPDX-License-Identifier: MIT */
/*
 * A region as a row of runs: each quantum of the region belongs to exactly one run, free or in use.
 *
 * One tag a quantum, out of line. The first tag of a run says what it is, the last one repeats its
 * length, so that neighbours find each other in constant time; all tags between are zero. No lock:
 * the caller holds the region's.
 */
#ifndef ALLOC_PMEM_RUNS_H
#define ALLOC_PMEM_RUNS_H

#include "ashlar/types.h"

enum pmem_state {
    PMEM_INSIDE, /**< not the first quantum of its run */
    PMEM_FREE,
    PMEM_USED,
    PMEM_CHANGING, /**< on its way to or from its owner: its view is being changed */
};

struct pmem_tag {
    uint32_t quanta; /**< length of the run; in its first and its last tag */
    uint16_t refs;   /**< references besides the owner's */
    uint8_t state;   /**< enum pmem_state */
    uint8_t flags;   /**< the view that the owner was given */
};

struct pmem_runs {
    struct pmem_tag *tags;
    uint32_t quanta; /**< of the region */
    uint32_t free;   /**< quanta in free runs */
};

/** One free run. tags has room for `quanta` tags, not 0, of any content. */
void pmem_runs_init(struct pmem_runs *runs, struct pmem_tag *tags, uint32_t quanta);

/** Cuts [at, at + quanta) out of the free run that starts at `run`; it becomes CHANGING. */
void pmem_runs_take(struct pmem_runs *runs, uint32_t run, uint32_t at, uint32_t quanta);

/** Makes the run that starts at `at` free, joined with free neighbours. */
void pmem_runs_give(struct pmem_runs *runs, uint32_t at);

/** First quantum of the run that holds quantum `index`. Cost: linear in the runs below it. */
uint32_t pmem_runs_holding(const struct pmem_runs *runs, uint32_t index);

/** First quantum of the first run that starts at or behind `index`; runs->quanta if none. */
uint32_t pmem_runs_from(const struct pmem_runs *runs, uint32_t index);

/** Quanta of the longest free run. */
uint32_t pmem_runs_longest(const struct pmem_runs *runs);

/** All rules above hold. */
bool pmem_runs_sound(const struct pmem_runs *runs);

#endif
