/* SPDX-License-Identifier: MIT */
/*
 * All pools, and their figures. Static pools are found in a section of the image (pool.h), created
 * ones in a list. Changes no pool.
 */
#include "alloc/pool.h"
#include "port/outside.h"
#include "port/spinlock.h"

#define STEPS 64u /* free blocks that are passed with the list's lock held once */

/* Given by the linker if there is any static pool. */
extern struct ash_pool *const __start_ash_pools[] __attribute__((weak));
extern struct ash_pool *const __stop_ash_pools[] __attribute__((weak));

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

    *pool->link = pool->next;
    if (pool->next != NULL) {
        pool->next->link = pool->link;
    }
    spinlock_release(&pools_lock, saved);
}

static void fill(const struct ash_pool *pool, const struct pool_walk *walk,
                 struct ash_pool_stats *stats)
{
    stats->name = pool->name;
    stats->size = pool->stride;
    stats->count = pool->count;
    stats->failures = port_load_relaxed(&pool->failures);
    stats->used = walk->fresh - walk->free;
    stats->high_water = walk->fresh;
}

void ash_pool_stats(struct ash_pool *pool, struct ash_pool_stats *stats)
{
    struct pool_walk walk;

    (void)pool_walk(pool, &walk);
    fill(pool, &walk, stats);
}

/** The pool, if it is still there, or the n-th in the list, or NULL. The lock is held. */
static struct ash_pool *look_up(const struct ash_pool *wanted, size_t n)
{
    struct ash_pool *nth = NULL;

    for (struct ash_pool *pool = pools; pool != NULL; pool = pool->next) {
        if (pool == wanted) {
            return pool;
        }
        if (n-- == 0) {
            nth = pool;
        }
    }
    return nth;
}

/** Figures of the n-th created pool; false if there is none. The lock is let go on the way: a pool
 *  that ends meanwhile is left for the one in its place. */
static bool created_stats(size_t n, struct ash_pool_stats *stats)
{
    struct ash_pool *pool = NULL;
    struct pool_walk walk;
    bool done;

    do {
        unsigned long saved = spinlock_acquire(&pools_lock);
        struct ash_pool *found = look_up(pool, n);

        if (found != NULL && found != pool) {
            pool_walk_begin(found, &walk);
        }
        pool = found;
        done = pool == NULL || pool_walk_on(pool, &walk, STEPS);
        if (pool != NULL && done) {
            fill(pool, &walk, stats);
        }
        spinlock_release(&pools_lock, saved);
    } while (!done);
    return pool != NULL;
}

/** Figures of the n-th pool; false if there is none. */
static bool nth_stats(size_t n, struct ash_pool_stats *stats)
{
    size_t fixed =
        ((uintptr_t)__stop_ash_pools - (uintptr_t)__start_ash_pools) / sizeof(__start_ash_pools[0]);

    if (n < fixed) {
        ash_pool_stats(__start_ash_pools[n], stats);
        return true;
    }
    return created_stats(n - fixed, stats);
}

void ash_pools_report(ash_print_fn print)
{
    struct ash_pool_stats stats;

    if (!outside_locks(__func__)) {
        return;
    }
    print("pool                 size   blocks     used     most  failed\n");
    for (size_t n = 0; nth_stats(n, &stats); n++) {
        print("%-16s %8lu %8lu %8lu %8lu %7lu\n", stats.name, (unsigned long)stats.size,
              (unsigned long)stats.count, (unsigned long)stats.used,
              (unsigned long)stats.high_water, (unsigned long)stats.failures);
    }
}

void ash_pools_usage(ash_usage_visit visit, void *arg)
{
    struct ash_pool_stats stats;

    if (!outside_locks(__func__)) {
        return;
    }
    for (size_t n = 0; nth_stats(n, &stats); n++) {
        const struct ash_usage usage = {
            .module = "pool",
            .name = stats.name,
            .total = (uint64_t)stats.count * stats.size,
            .used = (uint64_t)stats.used * stats.size,
            .free = (uint64_t)(stats.count - stats.used) * stats.size,
            .largest = stats.used == stats.count ? 0 : stats.size,
            .limit = stats.size,
            .high_water = (uint64_t)stats.high_water * stats.size,
            .failures = stats.failures,
            .blocks = stats.used,
        };

        visit(&usage, arg);
    }
}
