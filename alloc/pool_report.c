/* SPDX-License-Identifier: MIT */
/*
 * The list of all pools, their figures, and how a pool checks itself. Changes no pool.
 */
#include "alloc/pool.h"

static struct ash_pool *pools;
static struct ash_spinlock pools_lock = ASH_SPINLOCK(ASH_LOCK_POOLS, "pools");

void pool_enlist(struct ash_pool *pool)
{
    unsigned long saved = spinlock_acquire(&pools_lock);

    pool->next = pools;
    pool->link = &pools;
    if (pools != NULL) {
        pools->link = &pool->next;
    }
    pools = pool;
    spinlock_release(&pools_lock, saved);
}

void pool_delist(struct ash_pool *pool)
{
    unsigned long saved = spinlock_acquire(&pools_lock);

    if (pool->link != NULL) {
        *pool->link = pool->next;
        if (pool->next != NULL) {
            pool->next->link = pool->link;
        }
        pool->link = NULL;
    }
    spinlock_release(&pools_lock, saved);
}

void ash_pool_stats(struct ash_pool *pool, struct ash_pool_stats *stats)
{
    unsigned long saved = spinlock_acquire(&pool->lock);

    stats->name = pool->name;
    stats->size = pool->stride;
    stats->count = pool->count;
    stats->used = pool->used;
    stats->high_water = pool->fresh;
    stats->failures = pool->failures;
    spinlock_release(&pool->lock, saved);
}

const char *pool_error(const struct ash_pool *pool)
{
    uint32_t listed = 0;

    for (const void *block = pool->free; block != NULL; block = pool_next(block)) {
        size_t index = pool_index(pool, block);

        if (index >= pool->fresh || listed == pool->fresh) {
            return "free list is broken";
        }
#if ASH_CHECK >= 1
        if (pool_is_out(pool, (uint32_t)index)) {
            return "block that is out is in the free list";
        }
#endif
        listed++;
    }
    if (listed + pool->used != pool->fresh || pool->fresh > pool->count) {
        return "blocks are missing from the free list";
    }
#if ASH_CHECK >= 1
    uint32_t out = 0;

    for (uint32_t i = 0; i < pool->fresh; i++) {
        out += pool_is_out(pool, i);
    }
    if (out != pool->used) {
        return "blocks out do not add up";
    }
#endif
    return NULL;
}

int ash_pool_verify(struct ash_pool *pool)
{
    unsigned long saved = spinlock_acquire(&pool->lock);
    const char *error = pool_error(pool);

    spinlock_release(&pool->lock, saved);
    if (error != NULL) {
        pool_fault(ASH_FAULT_CORRUPT, error, pool->blocks, __builtin_return_address(0));
        return ASH_ECORRUPT;
    }
    return 0;
}

/** Figures of the n-th pool of the list; false if there is none. */
static bool nth_stats(unsigned n, struct ash_pool_stats *stats)
{
    unsigned long saved = spinlock_acquire(&pools_lock);
    struct ash_pool *pool = pools;

    while (pool != NULL && n > 0) {
        pool = pool->next;
        n--;
    }
    if (pool != NULL) {
        ash_pool_stats(pool, stats);
    }
    spinlock_release(&pools_lock, saved);
    return pool != NULL;
}

void ash_pools_report(ash_print_fn print)
{
    struct ash_pool_stats stats;

    print("pool                 size   blocks     used     most  failed\n");
    for (unsigned n = 0; nth_stats(n, &stats); n++) {
        print("%-16s %8lu %8lu %8lu %8lu %7lu\n", stats.name, (unsigned long)stats.size,
              (unsigned long)stats.count, (unsigned long)stats.used,
              (unsigned long)stats.high_water, (unsigned long)stats.failures);
    }
}
