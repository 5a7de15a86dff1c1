/* SPDX-License-Identifier: MIT */
/*
 * What the sources of the pools share: how a block's index is found, and how links are encoded.
 *
 * A free block holds the address of the next one, combined with its own where links are checked:
 * one that was overwritten is most likely no block of the pool any more. Blocks given back come
 * first, so those never out begin where the most that were ever out at once end.
 */
#ifndef ALLOC_POOL_H
#define ALLOC_POOL_H

#include "ashlar/fault.h"
#include "ashlar/pool.h"
#include "port/spinlock.h"

#define POOL_POISON 0x5au

static inline void *pool_block(const struct ash_pool *pool, uint32_t index)
{
    return pool->blocks + index * pool->stride;
}

/** Encodes a link of the block, or decodes it. */
static inline uintptr_t pool_code(const void *block, uintptr_t link)
{
#if ASH_CHECK >= 1
    return link ^ (uintptr_t)block >> 2 ^ 0x9e3779b9u;
#else
    (void)block;
    return link;
#endif
}

static inline void *pool_next(const void *block)
{
    return (void *)pool_code(block, *(const uintptr_t *)block);
}

/**
 * The index of the block that starts at an address. For any other address it is at least the number
 * of blocks: stride = odd * 2^shift, so the product with the inverse of `odd` is quotient * 2^shift
 * exactly if the stride divides the offset, and rotating it right brings a remainder to the top.
 */
static inline size_t pool_index(const struct ash_pool *pool, const void *block)
{
    size_t product = ((uintptr_t)block - (uintptr_t)pool->blocks) * pool->inverse;
    unsigned bits = 8 * (unsigned)sizeof(size_t);

    return product >> pool->shift | product << ((bits - pool->shift) & (bits - 1));
}

static inline bool pool_is_out(const struct ash_pool *pool, uint32_t index)
{
    return (pool->out[index / 32] >> index % 32 & 1u) != 0;
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

/* pool_report.c */

/** Puts the pool into the list of all pools. Its lock is not held. */
void pool_enlist(struct ash_pool *pool);
/** Takes it out again, if it is there. */
void pool_delist(struct ash_pool *pool);
/** What is wrong with the pool, or NULL. Its lock is held. */
const char *pool_error(const struct ash_pool *pool);

#endif
