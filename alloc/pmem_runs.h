/* SPDX-License-Identifier: MIT */
/*
 * A region as a row of quanta, each of them free or in exactly one run that is in use.
 *
 * What is free, the tree knows (pmem_tree.h); what a run in use is, its first tag says. There is
 * one tag a quantum, out of line. A run in use consists of aligned blocks, as the tree has it: the
 * tag of the first quantum of each block but the first tells how far behind the run's start it is,
 * so that a run is found from inside. All other tags are zero. No lock: the caller holds the
 * region's.
 */
#ifndef ALLOC_PMEM_RUNS_H
#define ALLOC_PMEM_RUNS_H

#include "alloc/pmem_tree.h"

enum pmem_state {
    PMEM_INSIDE, /**< not the first quantum of a run in use */
    PMEM_USED,
    PMEM_LEAVING,  /**< its owner has freed it; references hold it */
    PMEM_CHANGING, /**< on its way to or from its owner: its view is being changed */
};

struct pmem_tag {
    uint32_t quanta; /**< length of the run; PMEM_INSIDE: 0, or quanta behind its start */
    uint16_t refs;   /**< references besides the owner's */
    uint8_t state;   /**< enum pmem_state */
    uint8_t marks;   /**< the owner and the view that it was given: pmem's */
};

struct pmem_runs {
    struct pmem_tree tree;
    struct pmem_tag *tags;
    uint32_t first;  /**< leaf of the tree that is the first quantum */
    uint32_t quanta; /**< of the region */
    uint32_t free;   /**< quanta in no run */
};

/** Levels of the tree for a region of `quanta` quanta, the first of which is number `number` of all
 *  memory; *first: its leaf. Blocks in the tree are aligned as they are in memory. */
unsigned pmem_runs_levels(uint64_t number, uint32_t quanta, uint32_t *first);

/** All free. tags: one a quantum, nodes: pmem_tree_bytes(levels), both of any content. */
void pmem_runs_init(struct pmem_runs *runs, uint64_t number, uint32_t quanta, struct pmem_tag *tags,
                    uint8_t *nodes);

/** The lowest free block of 2^order quanta, aligned in memory to its size, at or behind quantum
 *  `from`; or PMEM_NONE. Cost: levels. */
static inline uint32_t pmem_runs_find(const struct pmem_runs *runs, uint32_t from, unsigned order)
{
    uint32_t leaf = pmem_tree_find(&runs->tree, from == 0 ? 0 : runs->first + from, order);

    return leaf == PMEM_NONE ? PMEM_NONE : leaf - runs->first;
}

/** The free quanta on both sides of the free quantum `at`: [*begin, *end). Cost: levels. */
void pmem_runs_around(const struct pmem_runs *runs, uint32_t at, uint32_t *begin, uint32_t *end);

/** [at, at + quanta), inside the region, is free. Cost: levels. */
bool pmem_runs_are_free(const struct pmem_runs *runs, uint32_t at, uint32_t quanta);

/** [at, at + quanta), all of it free, becomes a run in that state. Cost: levels. */
void pmem_runs_take(struct pmem_runs *runs, uint32_t at, uint32_t quanta, enum pmem_state state);

/** The run in use that starts at `at` becomes free. Cost: levels. */
void pmem_runs_give(struct pmem_runs *runs, uint32_t at);

/** First quantum of the run in use that has quantum `index`; PMEM_NONE if it is free. Cost: levels.
 */
uint32_t pmem_runs_holding(const struct pmem_runs *runs, uint32_t index);

/** What begins at or behind `index`: a run in use, or free quanta that `index` may lie within;
 *  false if nothing does. *at is where, *quanta how long it is. Cost: levels. */
bool pmem_runs_from(const struct pmem_runs *runs, uint32_t index, uint32_t *at, uint32_t *quanta);

/** Quanta of the longest free run. Cost: levels for each free run. */
uint32_t pmem_runs_longest(const struct pmem_runs *runs);

/** All rules above hold. Cost: linear in the region. */
bool pmem_runs_sound(const struct pmem_runs *runs);

#endif
