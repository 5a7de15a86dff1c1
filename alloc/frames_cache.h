/* SPDX-License-Identifier: MIT */
/*
 * The caches of single frames: each CPU keeps some that were freed, so that most requests for a
 * single frame touch nothing that CPUs share. Here is what happens in each operation.
 *
 * A cached frame lies in the largest range and in the zone NORMAL; its word has FRAMES_CACHED set,
 * so that it is free to all who ask. A cache has a lock, which others take only when memory is
 * short or caches are switched off. In it the lock of frames is taken, to fill and to empty it.
 */
#ifndef ALLOC_FRAMES_CACHE_H
#define ALLOC_FRAMES_CACHE_H

#include "alloc/frames.h"

#if ASH_FRAMES_CACHED > 0
#define FRAMES_CACHE_MOST  (ASH_FRAMES_CACHED / 2u) /* in the cache of a group */
#define FRAMES_CACHE_BATCH (FRAMES_CACHE_MOST / 2u) /* that come and go with one lock */

struct frames_cache {
    uint32_t frame[FRAMES_CACHE_MOST]; /* their numbers, the one freed last is the last */
    uint32_t count;
    uintptr_t words; /* where the word of frame number 0 would be */
    struct ash_spinlock lock;
};

/** What a CPU has to know to serve itself. */
struct frames_cpu {
    _Alignas(64) struct frames_cache *group[2]; /* what stays, and what is movable */
    uint32_t delta; /* of the largest range, and the index behind its last frame: */
    uint32_t end;   /* what may be cached. 0: caches are off */
    uint32_t *words;
    struct frames_cache all[2];
};

extern struct frames_cpu frames_cpus[ASH_CPUS];

/** Fills the cache, which is empty, and takes a frame. Comes with the cache's lock and lets it go.
 */
int frames_cache_fill(struct frames_cache *cache, unsigned flags, ash_frame_t *out,
                      unsigned long saved);
/** What is left to do when the cache is full or off, or another CPU freed the frame meanwhile.
 * Comes with the cache's lock and lets it go. */
void frames_cache_spill(struct frames_cache *cache, uint32_t number, unsigned long saved,
                        const void *caller);
/** Gives back all that all CPUs keep. No lock is held. */
void frames_cache_drain(void);
/** How many frames of the zone NORMAL are in caches. */
uint32_t frames_cache_count(void);
/** Makes all caches, empty. */
void frames_cache_start(void);

static inline struct frames_cpu *frames_cpu(void)
{
#if ASH_CPUS > 1
    return &frames_cpus[port_cpu()];
#else
    return frames_cpus;
#endif
}

/** The cache of the group that flags or a word name. */
static inline struct frames_cache *frames_cache_of(const struct frames_cpu *cpu, uint32_t word)
{
    return cpu->group[FRAMES_LISTS(word) & FRAMES_MOVABLE];
}

/** The word of a frame that is in the cache. */
static inline uint32_t *frames_cache_word(const struct frames_cache *cache, uint32_t number)
{
    return (uint32_t *)(cache->words + (uintptr_t)number * sizeof(uint32_t));
}

/** Whether flags, or a block's word, are those of a frame that is cached or may be: of the zone
 *  NORMAL, and the word also that it is single, not shared, in the largest range. */
static inline bool frames_cache_serves(uint32_t word)
{
    return word >> (FRAMES_LISTS_SHIFT + 1) == 0;
}

static inline int frames_cache_alloc(unsigned flags, ash_frame_t *out)
{
    unsigned long saved = port_irq_save();
    struct frames_cpu *cpu = frames_cpu();
    struct frames_cache *cache = frames_cache_of(cpu, flags);
    uint32_t count, number;

    if (ASH_CPUS > 1 && __atomic_load_n(&cpu->end, __ATOMIC_RELAXED) == 0) {
        port_irq_restore(saved); /* no lock more than needed, where they cost */
        return frames_alloc(0, flags, out);
    }

    spinlock_take(&cache->lock);
    if (__builtin_sub_overflow(cache->count, 1u, &count)) {
        return frames_cache_fill(cache, flags, out, saved);
    }
    cache->count = count;
    number = cache->frame[count];
    /* The word of such a frame is just these flags. */
    __atomic_store_n(frames_cache_word(cache, number), flags, __ATOMIC_RELAXED);
    spinlock_release(&cache->lock, saved);
    *out = (ash_frame_t){number};
    return 0;
}

/** Marks a used frame as cached; false if another CPU freed it at the same time. */
static inline bool frames_cache_mark(uint32_t *at, uint32_t word)
{
#if ASH_CPUS > 1 && ASH_CHECK >= 1
    return port_exchange32(at, word, word | FRAMES_CACHED);
#else
    __atomic_store_n(at, word | FRAMES_CACHED, __ATOMIC_RELAXED);
    return true;
#endif
}

/** Frees a single frame, to the cache if this CPU may keep it. */
static inline void frames_cache_free(uint32_t number, const void *caller)
{
    unsigned long saved = port_irq_save();
    struct frames_cpu *cpu = frames_cpu();
    uint32_t index = number - cpu->delta;

    if (index < __atomic_load_n(&cpu->end, __ATOMIC_RELAXED)) {
        uint32_t *at = &cpu->words[index];
        /* Whoever dropped another reference before is done with the frame. */
        uint32_t word =
            ASH_CPUS > 1 ? port_load_acquire(at) : __atomic_load_n(at, __ATOMIC_RELAXED);

        if (frames_cache_serves(word)) {
            struct frames_cache *cache = frames_cache_of(cpu, word);
            uint32_t count;

            spinlock_take(&cache->lock);
            count = cache->count;
            /* Others switch caches off, and empty them after that. */
            if (count == FRAMES_CACHE_MOST ||
                (ASH_CPUS > 1 && __atomic_load_n(&cpu->end, __ATOMIC_RELAXED) == 0) ||
                !frames_cache_mark(at, word)) {
                frames_cache_spill(cache, number, saved, caller);
                return;
            }
            cache->frame[count] = number;
            cache->count = count + 1;
            spinlock_release(&cache->lock, saved);
            return;
        }
    }
    port_irq_restore(saved);
    frames_free(number, 0, caller);
}

#else

static inline bool frames_cache_serves(uint32_t word)
{
    (void)word;
    return false;
}

static inline int frames_cache_alloc(unsigned flags, ash_frame_t *out)
{
    (void)flags;
    (void)out;
    return ASH_ENOMEM;
}

static inline void frames_cache_free(uint32_t number, const void *caller)
{
    frames_free(number, 0, caller);
}

static inline void frames_cache_drain(void)
{
}

static inline uint32_t frames_cache_count(void)
{
    return 0;
}

static inline void frames_cache_start(void)
{
}
#endif

#endif
