/* SPDX-License-Identifier: MIT */
/*
 * The caches of single frames: how they are filled, emptied, switched on and off. Decides how many
 * frames move at a time; never which blocks they come from.
 */
#include "alloc/frames_cache.h"

#if ASH_FRAMES_CACHED > 0

/* Before the start all caches are empty, and nothing may be cached. */
#define EMPTY                                                                                      \
    {                                                                                              \
        .lock = ASH_SPINLOCK(ASH_LOCK_FRAMES_CACHE, "cached frames")                               \
    }
#define CPU(n)                                                                                     \
    [n] = {.group = {&frames_cpus[n].all[0], &frames_cpus[n].all[1]}, .all = {EMPTY, EMPTY}}

struct frames_cpu frames_cpus[ASH_CPUS] = {
    CPU(0),
#if ASH_CPUS > 1
    CPU(1),
#endif
#if ASH_CPUS > 2
    CPU(2),
#endif
#if ASH_CPUS > 3
    CPU(3),
#endif
#if ASH_CPUS > 4
    CPU(4),
#endif
#if ASH_CPUS > 5
    CPU(5),
#endif
#if ASH_CPUS > 6
    CPU(6),
#endif
#if ASH_CPUS > 7
    CPU(7),
#endif
};

/** With less than this free, a cache takes no more than it was asked for. */
#define SHORT (ASH_CPUS * ASH_FRAMES_CACHED)

/** Tells of marks that were crossed, with no lock held. */
static void tell(void)
{
    if (__atomic_load_n(&frames_state.zone[ASH_ZONE_NORMAL].pending, __ATOMIC_RELAXED) != 0) {
        frames_tell();
    }
}

static __attribute__((noinline)) int fill(struct frames_cache *cache, unsigned flags,
                                          ash_frame_t *out, unsigned long saved)
{
    uint32_t numbers[FRAMES_CACHE_BATCH];
    unsigned count = 0;

    spinlock_take(&frames_state.lock);
    if (frames_state.zone[ASH_ZONE_NORMAL].free >= SHORT) {
        count = frames_take_singles(flags, numbers, FRAMES_CACHE_BATCH);
    }
    spinlock_drop(&frames_state.lock);
    /* The first one is for the caller; the next one that is wanted is the one taken next. */
    for (unsigned i = count; i-- > 1;) {
        __atomic_store_n(frames_cache_word(cache, numbers[i]),
                         FRAMES_CACHED | (flags & ASH_FRAMES_MOVABLE), __ATOMIC_RELAXED);
        cache->frame[cache->count++] = numbers[i];
    }
    spinlock_release(&cache->lock, saved);
    tell();
    if (count == 0) {
        return frames_alloc(0, flags, out);
    }
    *out = (ash_frame_t){numbers[0]};
    return 0;
}

int frames_cache_fill(struct frames_cache *cache, unsigned flags, ash_frame_t *out,
                      unsigned long saved)
{
    if (__atomic_load_n(&frames_cpus[0].end, __ATOMIC_RELAXED) == 0) {
        spinlock_release(&cache->lock, saved);
        return frames_alloc(0, flags, out);
    }
    return fill(cache, flags, out, saved);
}

/** Gives back the `count` frames that came first. The cache's lock is held. */
static void give_back(struct frames_cache *cache, unsigned count)
{
    spinlock_take(&frames_state.lock);
    for (unsigned i = 0; i < count; i++) {
        uint32_t index = cache->frame[i] - frames_state.delta[0];

        frames_merge(index, frames_state.words[index] & ~FRAMES_CACHED);
    }
    spinlock_drop(&frames_state.lock);
    cache->count -= count;
    for (unsigned i = 0; i < cache->count; i++) {
        cache->frame[i] = cache->frame[i + count];
    }
}

void frames_cache_spill(struct frames_cache *cache, uint32_t number, unsigned long saved,
                        const void *caller)
{
    uint32_t *at = frames_cache_word(cache, number);
    uint32_t word = __atomic_load_n(at, __ATOMIC_RELAXED);

    bool on = __atomic_load_n(&frames_cpus[0].end, __ATOMIC_RELAXED) != 0;

    if (on && cache->count == FRAMES_CACHE_MOST) {
        give_back(cache, FRAMES_CACHE_BATCH);
    }
    if (on && frames_cache_serves(word) && frames_cache_mark(at, word)) {
        cache->frame[cache->count++] = number;
        spinlock_release(&cache->lock, saved);
        tell();
    } else { /* off, or freed twice, and that at the same time */
        spinlock_release(&cache->lock, saved);
        frames_free(number, 0, caller);
    }
}

void frames_cache_drain(void)
{
    for (unsigned i = 0; i < 2 * ASH_CPUS; i++) {
        struct frames_cache *cache = &frames_cpus[i / 2].all[i % 2];
        unsigned long saved = spinlock_acquire(&cache->lock);

        if (cache->count > 0) {
            give_back(cache, cache->count);
        }
        spinlock_release(&cache->lock, saved);
    }
    tell();
}

uint32_t frames_cache_count(void)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < 2 * ASH_CPUS; i++) {
        struct frames_cache *cache = &frames_cpus[i / 2].all[i % 2];
        unsigned long saved = spinlock_acquire(&cache->lock);

        count += cache->count;
        spinlock_release(&cache->lock, saved);
    }
    return count;
}

void ash_frames_cache(bool on)
{
    for (unsigned i = 0; i < ASH_CPUS; i++) {
        __atomic_store_n(&frames_cpus[i].end, on ? frames_state.range[0].end : 0, __ATOMIC_RELAXED);
    }
    if (!on) {
        frames_cache_drain();
    }
}

void frames_cache_start(void)
{
    for (unsigned i = 0; i < ASH_CPUS; i++) {
        struct frames_cpu *cpu = &frames_cpus[i];

        cpu->words = frames_state.words;
        cpu->delta = frames_state.delta[0];
        for (unsigned group = 0; group < 2; group++) {
            struct frames_cache *cache = &cpu->all[group];

            spinlock_retire(&cache->lock);
            spinlock_init(&cache->lock, ASH_LOCK_FRAMES_CACHE, "cached frames");
            cache->count = 0;
            cache->words =
                (uintptr_t)frames_state.words - (uintptr_t)frames_state.delta[0] * sizeof(uint32_t);
        }
    }
    ash_frames_cache(true);
}

#else

void ash_frames_cache(bool on)
{
    (void)on;
}
#endif
