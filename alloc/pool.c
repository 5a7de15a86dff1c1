/* SPDX-License-Identifier: MIT */
/*
 * Pools: taking a block and giving it back. Owns the free list inside the blocks; never asks
 * another allocator for anything.
 */
#include "alloc/pool.h"

#if ASH_CHECK >= 1
static void set_out(struct ash_pool *pool, uint32_t index, bool out)
{
    uint32_t bit = (uint32_t)1 << index % 32;

    pool->out[index / 32] = (pool->out[index / 32] & ~bit) | (out ? bit : 0);
}

/** Why the block must not be given back, or NULL. */
static const char *free_error(const struct ash_pool *pool, const void *block,
                              enum ash_fault_kind *kind)
{
    size_t index = pool_index(pool, block);

    if (index < pool->fresh && pool_is_out(pool, (uint32_t)index)) {
        return NULL;
    }
    if (index < pool->count) {
        *kind = ASH_FAULT_DOUBLE_FREE;
        return "block is free";
    }
    if ((uintptr_t)block - (uintptr_t)pool->blocks < pool->count * pool->stride) {
        *kind = ASH_FAULT_MISALIGNED;
        return "pointer into a block";
    }
    *kind = ASH_FAULT_FOREIGN;
    return "block of another pool, or none";
}

/** True if a link read from a free block can be one. */
static bool is_link(const struct ash_pool *pool, const void *link)
{
    size_t index = pool_index(pool, link);

    return link == NULL || (index < pool->fresh && !pool_is_out(pool, (uint32_t)index));
}
#endif

#if ASH_CHECK >= 2
static void poison(const struct ash_pool *pool, uint8_t *block)
{
    for (size_t i = sizeof(void *); i < pool->stride; i++) {
        block[i] = POOL_POISON;
    }
}

static bool poison_intact(const struct ash_pool *pool, const uint8_t *block)
{
    for (size_t i = sizeof(void *); i < pool->stride; i++) {
        if (block[i] != POOL_POISON) {
            return false;
        }
    }
    return true;
}
#endif

/** Lets go of the lock; at ASH_CHECK 2 checks the pool first. */
static void release(struct ash_pool *pool, unsigned long saved)
{
#if ASH_CHECK >= 2
    const char *error = pool_error(pool);

    spinlock_release(&pool->lock, saved);
    if (error != NULL) {
        pool_fault(ASH_FAULT_CORRUPT, error, pool->blocks, NULL);
    }
#else
    spinlock_release(&pool->lock, saved);
#endif
}

#if ASH_CHECK >= 1
/** Why the first free block must not be given out, or NULL. */
static const char *take_error(struct ash_pool *pool, uint8_t *block, enum ash_fault_kind *kind)
{
#if ASH_CHECK >= 2
    if (!poison_intact(pool, block)) {
        poison(pool, block); /* told once */
        *kind = ASH_FAULT_OVERRUN;
        return "free block was written to";
    }
#endif
    if (!is_link(pool, pool_next(block))) {
        *kind = ASH_FAULT_CORRUPT;
        return "link of a free block was overwritten";
    }
    return NULL;
}
#endif

/** A block that was never out, if there is one. The lock is held, and let go of. */
static __attribute__((noinline)) void *take_fresh(struct ash_pool *pool, unsigned long saved)
{
    uint32_t index = pool->fresh;
    bool first_use = index == 0 && pool->order == 0; /* created pools are listed already */

    if (index == pool->count) {
        pool->failures++;
        spinlock_release(&pool->lock, saved);
        return NULL;
    }
    pool->fresh++;
    pool->used++;
#if ASH_CHECK >= 1
    set_out(pool, index, true);
#endif
    release(pool, saved);
    if (first_use) {
        pool_enlist(pool);
    }
    return pool_block(pool, index);
}

void *ash_pool_alloc(struct ash_pool *pool)
{
    unsigned long saved = spinlock_acquire(&pool->lock);
    uint8_t *block = pool->free;

    if (block == NULL) {
        return take_fresh(pool, saved);
    }
#if ASH_CHECK >= 1
    enum ash_fault_kind kind = ASH_FAULT_CORRUPT;
    const char *error = take_error(pool, block, &kind);

    if (error != NULL) {
        spinlock_release(&pool->lock, saved);
        pool_fault(kind, error, block, __builtin_return_address(0));
        return NULL;
    }
    set_out(pool, (uint32_t)pool_index(pool, block), true);
#endif
    pool->free = pool_next(block);
    pool->used++;
    release(pool, saved);
    return block;
}

void ash_pool_free(struct ash_pool *pool, void *block)
{
    unsigned long saved;

    if (block == NULL) {
        return;
    }
    saved = spinlock_acquire(&pool->lock);
#if ASH_CHECK >= 1
    enum ash_fault_kind kind = ASH_FAULT_FOREIGN;
    const char *error = free_error(pool, block, &kind);

    if (error != NULL) {
        spinlock_release(&pool->lock, saved);
        pool_fault(kind, error, block, __builtin_return_address(0));
        return;
    }
    set_out(pool, (uint32_t)pool_index(pool, block), false);
#endif
#if ASH_CHECK >= 2
    poison(pool, block);
#endif
    *(uintptr_t *)block = pool_code(block, (uintptr_t)pool->free);
    pool->free = block;
    pool->used--;
    release(pool, saved);
}
