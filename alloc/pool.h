/* SPDX-License-Identifier: MIT */
/*
 * What the sources of the pools share: places and blocks, and how a block's index is found.
 */
#ifndef ALLOC_POOL_H
#define ALLOC_POOL_H

#include "alloc/stride.h"
#include "ashlar/fault.h"
#include "ashlar/pool.h"
#include "port/port.h"

#define POOL_POISON 0x5au
/** The state of a block that is out: no place, and an immediate operand of AArch32. */
#define POOL_OUT 0xff000000u
/** With this bit a place stands for the block there and all behind it, which were never out. */
#define POOL_FRESH ASH_POOL_FRESH

static inline bool pool_is_fresh(uint32_t place)
{
    return (place & POOL_FRESH) != 0;
}

/** The index of the block that starts at an address; for any other at least the number of blocks.
 */
static inline size_t pool_index(const struct ash_pool *pool, const void *block)
{
    return stride_index((uintptr_t)block - (uintptr_t)pool->blocks, pool->inverse, pool->shift);
}

/** The block at a place without ASH_POOL_FRESH, and the other way round (from ASH_CHECK 1 on a
 * place is an index). */
static inline void *pool_at(const struct ash_pool *pool, uint32_t place)
{
#if ASH_CHECK >= 1
    return pool->blocks + place * pool->stride;
#elif UINTPTR_MAX > UINT32_MAX
    return pool->blocks + place;
#else
    (void)pool;
    return (void *)place;
#endif
}

#if ASH_CHECK == 0
static inline uint32_t pool_place(const struct ash_pool *pool, const void *block)
{
#if UINTPTR_MAX > UINT32_MAX
    return (uint32_t)((const uint8_t *)block - pool->blocks);
#else
    (void)pool;
    return (uint32_t)block;
#endif
}
#endif

/** Where the free block at a place has the place of the next. At ASH_CHECK 0 it may be read when
 * the block is out already, and holds what its owner has written: whoever reads it finds out later.
 */
static inline uint32_t *pool_link(const struct ash_pool *pool, uint32_t place)
{
#if ASH_CHECK >= 1
    return &pool->state[place];
#else
    return (uint32_t *)pool_at(pool, place);
#endif
}

/** How many blocks lie before a place (or one for blocks that were never out). */
static inline uint32_t pool_before(const struct ash_pool *pool, uint32_t place)
{
    return pool->count - (pool->end - (place | POOL_FRESH)) / pool->step;
}

/** Tells the hook. No lock is held. */
static inline void pool_fault(enum ash_fault_kind kind, const char *what, const void *block,
                              const void *caller)
{
    const struct ash_fault fault = {
        .kind = kind,
        .module = "pool",
        .what = what,
        .address = (uintptr_t)block,
        .caller = caller,
    };

    ash_fault_hook(&fault);
}

/* pool_check.c */

struct pool_walk {
    uint64_t list;     /* the head where this walk began */
    uint32_t place;    /* where it is */
    uint32_t passed;   /* blocks up to there */
    uint32_t begun;    /* walks */
    uint32_t free;     /* blocks in the list that were out before */
    uint32_t fresh;    /* blocks that were ever out, by the end of the list */
    const char *error; /* what is wrong with the list, or NULL */
};

/**
 * Follows the list of free blocks: what is wrong with it, or NULL. A list that changes meanwhile is
 * followed anew, and after some times nothing is said of it: the numbers are those of the last walk
 * that found its end.
 */
const char *pool_walk(const struct ash_pool *pool, struct pool_walk *walk);

/** The same in parts: the next `steps` blocks at most. True when it is done. Whatever becomes of
 *  the pool in between, only memory of the pool as it is now is read. */
void pool_walk_begin(const struct ash_pool *pool, struct pool_walk *walk);
bool pool_walk_on(const struct ash_pool *pool, struct pool_walk *walk, uint32_t steps);

/* pool_report.c */

/** Puts a created pool into the list, or takes it out. */
void pool_enlist(struct ash_pool *pool);
void pool_delist(struct ash_pool *pool);

#endif
