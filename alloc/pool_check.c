/* SPDX-License-Identifier: MIT */
/*
 * How a pool checks itself. Changes no pool.
 */
#include "alloc/pool.h"

#define WALKS 8u /* that are begun at most */

static bool is_block(const struct ash_pool *pool, uint32_t place)
{
    return !pool_is_fresh(place) && pool_index(pool, pool_at(pool, place)) < pool->count;
}

static void begin(const struct ash_pool *pool, struct pool_walk *walk)
{
    walk->list = port_load64_relaxed(&pool->list.word);
    walk->place = (uint32_t)walk->list;
    walk->passed = 0;
    walk->error = NULL;
    walk->begun++;
}

void pool_walk_begin(const struct ash_pool *pool, struct pool_walk *walk)
{
    *walk = (struct pool_walk){0};
    begin(pool, walk);
}

/** What the end of a walk says of the list. */
static const char *end(const struct ash_pool *pool, struct pool_walk *walk)
{
    if (walk->place != pool->end && !is_block(pool, walk->place ^ POOL_FRESH)) {
        return "free list is broken";
    }
    walk->free = walk->passed;
    walk->fresh = pool_before(pool, walk->place);
    return walk->free > walk->fresh ? "free list is longer than the pool" : NULL;
}

bool pool_walk_on(const struct ash_pool *pool, struct pool_walk *walk, uint32_t steps)
{
    while (walk->error == NULL && is_block(pool, walk->place) && walk->passed < pool->count) {
        if (steps-- == 0) {
            return false;
        }
        walk->place = port_load_relaxed(pool_link(pool, walk->place));
        walk->passed++;
#if ASH_CHECK >= 1
        if (walk->place == POOL_OUT) {
            walk->error = "block that is out is in the free list";
        }
#endif
    }
    if (walk->error == NULL) {
        walk->error = end(pool, walk);
    }
    port_dmb_ish(); /* what was read on the way was read before the head once more */
    if (port_load64_relaxed(&pool->list.word) == walk->list) {
        return true;
    }
    walk->error = NULL;
    if (walk->begun == WALKS) {
        return true;
    }
    begin(pool, walk);
    return false;
}

const char *pool_walk(const struct ash_pool *pool, struct pool_walk *walk)
{
    pool_walk_begin(pool, walk);
    while (!pool_walk_on(pool, walk, UINT32_MAX)) {
    }
    return walk->error;
}

int ash_pool_verify(struct ash_pool *pool)
{
    struct pool_walk walk = {0};
    const char *error = pool_walk(pool, &walk);

#if !ASH_POOL_LOCK_FREE
    if (error == NULL && walk.free != pool->list.count) {
        error = "blocks are missing from the free list";
    }
#endif
#if ASH_CHECK >= 1
    uint32_t out = 0;

    for (uint32_t i = 0; i < pool->count; i++) {
        out += pool->state[i] == POOL_OUT;
    }
    if (error == NULL && walk.free + out != walk.fresh) {
        error = "blocks out do not add up";
    }
#endif
    if (error != NULL) {
        pool_fault(ASH_FAULT_CORRUPT, error, pool->blocks, __builtin_return_address(0));
        return ASH_ECORRUPT;
    }
    return 0;
}
