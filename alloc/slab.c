/* SPDX-License-Identifier: MIT */
/*
 * Object caches: taking an object and giving it back. Owns magazines and the lists of free objects;
 * asks for frames only through slab_grow(), with no lock held.
 */
#include "alloc/slab.h"

#define BATCH (ASH_SLAB_ROUNDS / 2) /* objects that go between a magazine and slabs at a time */

static inline bool is_fresh(uint32_t first)
{
    return (first & SLAB_FRESH) != 0;
}

#if ASH_CHECK >= 2
static void fill(uint8_t *from, size_t size, uint8_t value)
{
    for (size_t i = 0; i < size; i++) {
        from[i] = value;
    }
}

static bool is_filled(const uint8_t *from, size_t size, uint8_t value)
{
    for (size_t i = 0; i < size; i++) {
        if (from[i] != value) {
            return false;
        }
    }
    return true;
}

/* What lies behind an object: padding and red zone. */
static uint8_t *red(const struct ash_slab *cache, void *object)
{
    return (uint8_t *)object + cache->config.size;
}

static size_t red_size(const struct ash_slab *cache)
{
    return cache->stride - cache->config.size;
}

static void check_red(struct ash_slab *cache, void *object, const void *caller)
{
    if (!is_filled(red(cache, object), red_size(cache), SLAB_RED)) {
        fill(red(cache, object), red_size(cache), SLAB_RED); /* told once */
        slab_fault(ASH_FAULT_OVERRUN, "object was written beyond its end", object, caller);
    }
}
#endif

/* The first object of a slab, with the lock held. */
static uint32_t take_first(struct ash_slab *cache, struct slab *slab)
{
    uint32_t index = slab->first & ~SLAB_FRESH;

    slab->first = is_fresh(slab->first) ? slab->first + 1 : slab->state[index];
    slab->taken++;
    cache->taken++;
    if (cache->taken > cache->most) {
        cache->most = cache->taken;
    }
    return index;
}

static struct ash_slab_round round_of(const struct ash_slab *cache, struct slab *slab,
                                      uint32_t index)
{
    slab->state[index] = SLAB_CACHED;
    return (struct ash_slab_round)
    {
        .object = slab->base + index * cache->stride,
#if ASH_CHECK >= 1
        .state = &slab->state[index],
#endif
    };
}

/* An object from a slab, and if it was used before more of that slab for the magazine. */
static struct ash_slab_round take(struct ash_slab *cache, struct ash_slab_magazine *magazine,
                                  bool *fresh)
{
    struct slab *slab = cache->partial != NULL ? cache->partial : cache->empty;
    struct ash_slab_round taken = {0};

    if (slab == NULL) {
        return taken;
    }
    slab_unlink(slab);
    *fresh = is_fresh(slab->first);
    taken = round_of(cache, slab, take_first(cache, slab));
    while (!is_fresh(slab->first) && magazine->count < BATCH - 1) {
        magazine->round[magazine->count++] = round_of(cache, slab, take_first(cache, slab));
    }
    if (slab->first != (SLAB_FRESH | cache->count)) {
        slab_link(&cache->partial, slab);
    }
    return taken;
}

static __attribute__((noinline)) struct ash_slab_round alloc_slowly(struct ash_slab *cache,
                                                                    bool *fresh)
{
    for (;;) {
        unsigned long saved = spinlock_acquire(&cache->lock);
        struct ash_slab_magazine *magazine = &cache->magazine[port_cpu()];
        struct ash_slab_round taken;

        *fresh = false;
        if (magazine->count > 0) { /* an interrupt has filled it, or this is another CPU */
            taken = magazine->round[--magazine->count];
        } else {
            taken = take(cache, magazine, fresh);
        }
        spinlock_release(&cache->lock, saved);
        if (taken.object != NULL || !slab_grow(cache)) {
            return taken;
        }
    }
}

#if ASH_CHECK >= 2
static void check_taken(struct ash_slab *cache, void *object, bool fresh, const void *caller)
{
    if (fresh) {
        fill(red(cache, object), red_size(cache), SLAB_RED);
        return;
    }
    check_red(cache, object, caller);
    if (cache->config.construct == NULL && !is_filled(object, cache->config.size, SLAB_POISON)) {
        slab_fault(ASH_FAULT_OVERRUN, "free object was written to", object, caller);
    }
}
#endif

/* Where the magazine is empty. */
static __attribute__((noinline)) void *alloc_new(struct ash_slab *cache, const void *caller)
{
    bool fresh;
    struct ash_slab_round taken = alloc_slowly(cache, &fresh);

    (void)caller;
    if (taken.object == NULL) {
        return NULL;
    }
#if ASH_CHECK >= 1
    port_store_relaxed(taken.state, SLAB_OUT);
#endif
#if ASH_CHECK >= 2
    check_taken(cache, taken.object, fresh, caller);
#endif
    if (fresh && cache->config.construct != NULL) {
        cache->config.construct(taken.object, cache->config.arg);
    }
    return taken.object;
}

void *ash_slab_alloc(struct ash_slab *slab)
{
    unsigned long saved = port_irq_save();
    struct ash_slab_magazine *magazine = &slab->magazine[port_cpu()];
    struct ash_slab_round taken;

    if (magazine->count == 0) {
        port_irq_restore(saved);
        return alloc_new(slab, __builtin_return_address(0));
    }
    taken = magazine->round[--magazine->count];
    port_irq_restore(saved);
#if ASH_CHECK >= 1
    port_store_relaxed(taken.state, SLAB_OUT);
#endif
#if ASH_CHECK >= 2
    check_taken(slab, taken.object, false, __builtin_return_address(0));
#endif
    return taken.object;
}

uint32_t slab_flush(struct ash_slab *cache, struct ash_slab_magazine *magazine, uint32_t count)
{
    uint32_t lost = 0;

    for (uint32_t i = 0; i < count; i++) {
        void *object = magazine->round[--magazine->count].object;
        struct slab *slab = slab_of(cache, object);
        uint32_t index;

        if (slab == NULL) {
            lost++; /* the object stays taken */
            continue;
        }
        if (slab->first != (SLAB_FRESH | cache->count)) {
            slab_unlink(slab);
        }
        index = (uint32_t)slab_index(cache, slab, object);
        slab->state[index] = slab->first;
        slab->first = index;
        slab->taken--;
        cache->taken--;
        slab_link(slab->taken == 0 ? &cache->empty : &cache->partial, slab);
    }
    return lost;
}

static __attribute__((noinline)) void free_slowly(struct ash_slab *cache,
                                                  struct ash_slab_round given, const void *caller)
{
    unsigned long saved = spinlock_acquire(&cache->lock);
    struct ash_slab_magazine *magazine = &cache->magazine[port_cpu()];
    uint32_t lost = magazine->count == ASH_SLAB_ROUNDS ? slab_flush(cache, magazine, BATCH) : 0;

    magazine->round[magazine->count++] = given;
    spinlock_release(&cache->lock, saved);
    if (lost > 0) {
        slab_fault(ASH_FAULT_CORRUPT, "label of a slab was overwritten", given.object, caller);
    }
}

#if ASH_CHECK >= 1
/** What is wrong with giving this pointer back. */
static __attribute__((noinline, cold)) void refuse(const struct slab *slab, bool inside,
                                                   const void *object, const void *caller)
{
    if (slab == NULL) {
        slab_fault(ASH_FAULT_FOREIGN, "object of another cache, or none", object, caller);
    } else if (inside) {
        slab_fault(ASH_FAULT_MISALIGNED, "pointer into an object", object, caller);
    } else {
        slab_fault(ASH_FAULT_DOUBLE_FREE, "object is free", object, caller);
    }
}

/** Makes an object no longer be out; false if it is not. One of several succeeds. */
static inline bool claim(uint32_t *state)
{
    while (!port_exchange32_relaxed(state, SLAB_OUT, SLAB_CACHED)) {
        if (port_load_relaxed(state) != SLAB_OUT) {
            return false;
        }
    }
    return true;
}
#endif

void ash_slab_free(struct ash_slab *slab, void *object)
{
    struct ash_slab_round given = {.object = object};
    struct ash_slab_magazine *magazine;
    unsigned long saved;

    if (object == NULL) {
        return;
    }
#if ASH_CHECK >= 1
    struct slab *home = slab_of(slab, object);
    size_t index = home != NULL ? slab_index(slab, home, object) : SIZE_MAX;

    if (index >= slab->count || !claim(&home->state[index])) {
        refuse(home, index >= slab->count, object, __builtin_return_address(0));
        return;
    }
    given.state = &home->state[index];
#endif
#if ASH_CHECK >= 2
    check_red(slab, object, __builtin_return_address(0));
    if (slab->config.construct == NULL) {
        fill(object, slab->config.size, SLAB_POISON);
    }
#endif
    saved = port_irq_save();
    magazine = &slab->magazine[port_cpu()];
    if (magazine->count < ASH_SLAB_ROUNDS) {
        magazine->round[magazine->count++] = given;
        port_irq_restore(saved);
    } else {
        port_irq_restore(saved);
        free_slowly(slab, given, __builtin_return_address(0));
    }
}
