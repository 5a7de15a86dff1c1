/* SPDX-License-Identifier: MIT */
/*
 * Pools: taking a block and giving it back. Owns the list of free blocks; never asks another
 * allocator for anything.
 *
 * Lock-free (ASH_POOL_LOCK_FREE): the head of the list is one word of 64 bits, half of which counts
 * the blocks taken. Between reading the head and exchanging it the first block may be taken by
 * somebody else, and its link become anything; but then the count has changed and the exchange
 * fails, for even if the same block is the first again, it was taken meanwhile (arm-rules 40: ABA).
 * So giving a block back need not count. Order: a block's contents and its link before the exchange
 * that gives it back (release), and after the one that takes it (acquire). That a link is read
 * after the head that named it is due to the address, which comes from there.
 *
 * Otherwise the same with interrupts masked and plain stores, and the count is of the blocks that
 * were given back.
 */
#include "alloc/pool.h"

#if ASH_POOL_LOCK_FREE
static inline unsigned long pool_enter(void)
{
    return 0;
}

static inline void pool_leave(unsigned long saved)
{
    (void)saved;
}

static inline union ash_pool_list load(const struct ash_pool *pool)
{
    return (union ash_pool_list){.word = port_load64_relaxed(&pool->list.word)};
}

static inline uint64_t word_of(uint32_t first, uint32_t count)
{
    return (uint64_t)count << 32 | first;
}

static inline bool take_exchange(struct ash_pool *pool, union ash_pool_list list, uint32_t next)
{
    return port_exchange64_acquire(&pool->list.word, list.word, word_of(next, list.count + 1));
}

static inline bool give_exchange(struct ash_pool *pool, union ash_pool_list list, uint32_t place)
{
    return port_exchange64_release(&pool->list.word, list.word, word_of(place, list.count));
}

#if ASH_CHECK >= 1
/** Makes the block at a place no longer be out; false if it is not. One of several succeeds. */
static inline bool claim(uint32_t *state, uint32_t place)
{
    while (!port_exchange32_relaxed(state, POOL_OUT, place)) {
        if (port_load_relaxed(state) != POOL_OUT) {
            return false;
        }
    }
    return true;
}
#endif
#else
static inline unsigned long pool_enter(void)
{
    return port_irq_save();
}

static inline void pool_leave(unsigned long saved)
{
    port_irq_restore(saved);
}

static inline union ash_pool_list load(const struct ash_pool *pool)
{
    return (union ash_pool_list){.first = pool->list.first, .count = pool->list.count};
}

static inline bool take_exchange(struct ash_pool *pool, union ash_pool_list list, uint32_t next)
{
    pool->list.first = next;
    if (!pool_is_fresh(list.first)) {
        pool->list.count = list.count - 1;
    }
    return true;
}

static inline bool give_exchange(struct ash_pool *pool, union ash_pool_list list, uint32_t place)
{
    pool->list.first = place;
    pool->list.count = list.count + 1;
    return true;
}

#if ASH_CHECK >= 1
static inline bool claim(const uint32_t *state, uint32_t place)
{
    (void)place;
    return *state == POOL_OUT;
}
#endif
#endif

#if ASH_CHECK >= 1
/** What is wrong with giving this pointer back. */
static __attribute__((noinline, cold)) void refuse(const struct ash_pool *pool, const void *block,
                                                   unsigned long saved, const void *caller)
{
    pool_leave(saved);
    if (pool_index(pool, block) < pool->count) {
        pool_fault(ASH_FAULT_DOUBLE_FREE, "block is free", block, caller);
    } else if ((uintptr_t)block - (uintptr_t)pool->blocks < pool->count * pool->stride) {
        pool_fault(ASH_FAULT_MISALIGNED, "pointer into a block", block, caller);
    } else if (block != NULL) {
        pool_fault(ASH_FAULT_FOREIGN, "block of another pool, or none", block, caller);
    }
}
#endif

#if ASH_CHECK >= 2
static void poison(const struct ash_pool *pool, uint8_t *block)
{
    for (size_t i = 0; i < pool->stride; i++) {
        block[i] = POOL_POISON;
    }
}

static bool poison_intact(const struct ash_pool *pool, const uint8_t *block)
{
    for (size_t i = 0; i < pool->stride; i++) {
        if (block[i] != POOL_POISON) {
            return false;
        }
    }
    return true;
}

#endif

/** Ends an operation; at ASH_CHECK 2 the pool is checked first. */
static inline void finish(const struct ash_pool *pool, unsigned long saved)
{
#if ASH_CHECK >= 2
    struct pool_walk walk;
    const char *error = pool_walk(pool, &walk);

    pool_leave(saved);
    if (error != NULL) {
        pool_fault(ASH_FAULT_CORRUPT, error, pool->blocks, NULL);
    }
#else
    (void)pool;
    pool_leave(saved);
#endif
}

static __attribute__((noinline, cold)) void *none(struct ash_pool *pool, unsigned long saved)
{
    pool_leave(saved);
    (void)port_fetch_add_relaxed(&pool->failures, 1);
    return NULL;
}

void *ash_pool_alloc(struct ash_pool *pool)
{
    unsigned long saved = pool_enter();
    union ash_pool_list list;
    uint32_t place;
    void *block;

    for (;;) {
        list = load(pool);
        place = list.first;
        if (pool_is_fresh(place)) {
            if (place == pool->end) {
                return none(pool, saved);
            }
            if (take_exchange(pool, list, place + pool->step)) {
                place -= POOL_FRESH;
                break;
            }
        } else if (take_exchange(pool, list, port_load_relaxed(pool_link(pool, place)))) {
            break;
        }
    }
#if ASH_CHECK >= 2
    /* Whoever checks the list and sees this sees that the head has changed, too: an exchange with
     * acquire order alone may be seen after what follows it (DDI 0487 B2.3). */
    port_store_release(pool_link(pool, place), POOL_OUT);
#elif ASH_CHECK >= 1
    port_store_relaxed(pool_link(pool, place), POOL_OUT);
#endif
    block = pool_at(pool, place);
    finish(pool, saved);
#if ASH_CHECK >= 2
    if (!pool_is_fresh(list.first) && !poison_intact(pool, block)) {
        pool_fault(ASH_FAULT_OVERRUN, "free block was written to", block,
                   __builtin_return_address(0));
        ash_pool_free(pool, block); /* with new poison: told once */
        return NULL;
    }
#endif
    return block;
}

void ash_pool_free(struct ash_pool *pool, void *block)
{
    unsigned long saved;
    union ash_pool_list list;
    uint32_t place;
    uint32_t *link;

#if ASH_CHECK >= 1
    size_t index = pool_index(pool, block);

    saved = pool_enter();
    place = (uint32_t)index;
    if (index >= pool->count || !claim(&pool->state[index], place)) {
        refuse(pool, block, saved, __builtin_return_address(0));
        return;
    }
    link = &pool->state[index];
#else
    if (block == NULL) {
        return;
    }
    saved = pool_enter();
    place = pool_place(pool, block);
    link = pool_link(pool, place);
#endif
#if ASH_CHECK >= 2
    poison(pool, block);
#endif
    do {
        list = load(pool);
        port_store_relaxed(link, list.first);
    } while (!give_exchange(pool, list, place));
    finish(pool, saved);
}
