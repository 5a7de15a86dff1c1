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

/** One walk from this first place on. */
static const char *walk_from(const struct ash_pool *pool, uint32_t place, struct pool_walk *walk)
{
    uint32_t free = 0;

    while (is_block(pool, place) && free < pool->count) {
        place = port_load_relaxed(pool_link(pool, place));
        free++;
#if ASH_CHECK >= 1
        if (place == POOL_OUT) {
            return "block that is out is in the free list";
        }
#endif
    }
    if (place != pool->end && !is_block(pool, place ^ POOL_FRESH)) {
        return "free list is broken";
    }
    walk->free = free;
    walk->fresh = pool_before(pool, place);
    return free > walk->fresh ? "free list is longer than the pool" : NULL;
}

const char *pool_walk(const struct ash_pool *pool, struct pool_walk *walk)
{
    *walk = (struct pool_walk){0};
    for (unsigned n = 0; n < WALKS; n++) {
        uint64_t list = port_load64_relaxed(&pool->list.word);
        const char *error = walk_from(pool, (uint32_t)list, walk);

        port_dmb_ish(); /* what was read on the way was read before the head once more */
        if (port_load64_relaxed(&pool->list.word) == list) {
            return error;
        }
    }
    return NULL;
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
