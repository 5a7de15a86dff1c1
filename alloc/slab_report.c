/* SPDX-License-Identifier: MIT */
/*
 * The list of all object caches, their figures, and how one checks itself. Changes no cache.
 */
#include "alloc/slab.h"
#include "port/outside.h"

static struct ash_slab *caches;
static struct ash_spinlock caches_lock = ASH_SPINLOCK(ASH_LOCK_SLABS, "object caches");

void slab_enlist(struct ash_slab *cache)
{
    unsigned long saved = spinlock_acquire(&caches_lock);

    cache->next = caches;
    cache->link = &caches;
    if (caches != NULL) {
        caches->link = &cache->next;
    }
    caches = cache;
    spinlock_release(&caches_lock, saved);
}

void slab_delist(struct ash_slab *cache)
{
    unsigned long saved = spinlock_acquire(&caches_lock);

    *cache->link = cache->next;
    if (cache->next != NULL) {
        cache->next->link = cache->link;
    }
    spinlock_release(&caches_lock, saved);
}

/** The n-th cache, or NULL. The list's lock is held. */
static struct ash_slab *nth(unsigned n)
{
    struct ash_slab *cache = caches;

    while (cache != NULL && n > 0) {
        cache = cache->next;
        n--;
    }
    return cache;
}

static uint32_t in_magazines(const struct ash_slab *cache)
{
    uint32_t count = 0;

    for (unsigned cpu = 0; cpu < ASH_CPUS; cpu++) {
        count += port_load_relaxed(&cache->magazine[cpu].count);
    }
    return count;
}

void ash_slab_stats(struct ash_slab *slab, struct ash_slab_stats *stats)
{
    unsigned long saved = spinlock_acquire(&slab->lock);

    stats->name = slab->config.name;
    stats->size = slab->config.size;
    stats->stride = slab->stride;
    stats->order = slab->order;
    stats->per_slab = slab->count;
    stats->slabs = slab->slabs;
    stats->cached = in_magazines(slab);
    stats->used = slab->taken > stats->cached ? slab->taken - stats->cached : 0;
    stats->high_water = slab->most;
    stats->failures = port_load_relaxed(&slab->failures);
    stats->owner = slab->config.owner;
    spinlock_release(&slab->lock, saved);
}

static bool nth_stats(unsigned n, struct ash_slab_stats *stats)
{
    unsigned long saved = spinlock_acquire(&caches_lock);
    struct ash_slab *cache = nth(n);

    if (cache != NULL) {
        ash_slab_stats(cache, stats);
    }
    spinlock_release(&caches_lock, saved);
    return cache != NULL;
}

void ash_slabs_report(ash_print_fn print)
{
    struct ash_slab_stats stats;

    if (!outside_locks(__func__)) {
        return;
    }
    print("slabinfo - version: 2.1\n"
          "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
          " : tunables <limit> <batchcount> <sharedfactor>"
          " : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
    for (unsigned n = 0; nth_stats(n, &stats); n++) {
        print("%-17s %6lu %6lu %6lu %4lu %4lu : tunables %4u %4u %4u : slabdata %6lu %6lu %6u\n",
              stats.name, (unsigned long)stats.used, (unsigned long)stats.slabs * stats.per_slab,
              (unsigned long)stats.size, (unsigned long)stats.per_slab, 1ul << stats.order,
              ASH_SLAB_ROUNDS, ASH_SLAB_ROUNDS / 2, 0u, (unsigned long)stats.slabs,
              (unsigned long)stats.slabs, 0u);
    }
}

void ash_slabs_usage(ash_usage_visit visit, void *arg)
{
    struct ash_slab_stats stats;

    if (!outside_locks(__func__)) {
        return;
    }
    for (unsigned n = 0; nth_stats(n, &stats); n++) {
        uint64_t objects = (uint64_t)stats.slabs * stats.per_slab;
        const struct ash_usage usage = {
            .module = "slab",
            .name = stats.name,
            .total = objects * stats.size,
            .used = (uint64_t)stats.used * stats.size,
            .free = (objects - stats.used) * stats.size,
            .largest = objects > stats.used ? stats.size : 0,
            .limit = stats.size,
            .high_water = (uint64_t)stats.high_water * stats.size,
            .failures = stats.failures,
            .blocks = stats.used,
        };

        visit(&usage, arg);
    }
}

/** The n-th descriptor, or NULL if there are no more. */
static struct slab *descriptor(const struct ash_slab *cache, uint32_t *row, uint32_t *slot)
{
    struct slab *slab;

    if (*slot == slab_row_slots(cache, *row)) {
        ++*row;
        *slot = 0;
    }
    if (*row >= cache->rows || (*row + 1 == cache->rows && *slot == cache->next_slot)) {
        return NULL;
    }
    slab = (struct slab *)(void *)(cache->row[*row] + *slot * cache->slot_size);
    ++*slot;
    return slab;
}

uint32_t ash_slab_out(struct ash_slab *slab, void (*visit)(void *object, void *arg), void *arg)
{
    uint32_t row = 0, slot = 0, count = 0;
    struct slab *one;

    while (slab->rows > 0 && (one = descriptor(slab, &row, &slot)) != NULL) {
        for (uint32_t i = 0; i < slab->count && one->base != NULL; i++) {
            if (one->state[i] == SLAB_OUT && (ASH_CHECK >= 1)) {
                visit(one->base + i * slab->stride, arg);
                count++;
            }
        }
    }
    return count;
}

/** What is wrong with a slab, or NULL. */
static const char *slab_error(const struct ash_slab *cache, const struct slab *slab)
{
    uint32_t free = 0, taken = 0, place = slab->first;

    if (slab_of(cache, slab->base) != slab) {
        return "label of a slab was overwritten";
    }
    while ((place & SLAB_FRESH) == 0 && free <= cache->count) {
        if (place >= cache->count) {
            return "free list is broken";
        }
        place = slab->state[place];
        free++;
    }
    if ((place & ~SLAB_FRESH) > cache->count || free > cache->count) {
        return "free list is broken";
    }
    for (uint32_t i = 0; i < (place & ~SLAB_FRESH); i++) {
        taken += slab->state[i] == SLAB_OUT || slab->state[i] == SLAB_CACHED;
    }
    if (taken != slab->taken || taken + free != (place & ~SLAB_FRESH)) {
        return "objects do not add up";
    }
    return NULL;
}

int ash_slab_verify(struct ash_slab *slab)
{
    uint32_t row = 0, slot = 0, slabs = 0, taken = 0;
    const char *error = NULL;
    struct slab *one;

    while (error == NULL && slab->rows > 0 && (one = descriptor(slab, &row, &slot)) != NULL) {
        if (one->base != NULL) {
            error = slab_error(slab, one);
            slabs++;
            taken += one->taken;
        }
    }
    if (error == NULL && (slabs != slab->slabs || taken != slab->taken)) {
        error = "slabs do not add up";
    }
    for (struct slab *list = slab->partial; error == NULL && list != NULL; list = list->next) {
        if (list->taken == 0 || list->first == (SLAB_FRESH | slab->count)) {
            error = "slab in a wrong list";
        }
    }
    if (error != NULL) {
        slab_fault(ASH_FAULT_CORRUPT, error, slab, __builtin_return_address(0));
        return ASH_ECORRUPT;
    }
    return 0;
}

uint32_t ash_slabs_shrink(void)
{
    uint32_t count = 0;
    unsigned n = 0;
    struct ash_slab *cache;

    do {
        unsigned long saved = spinlock_acquire(&caches_lock);
        uint32_t frames = 0, lost = 0;
        ash_frame_t frame = {0};

        cache = nth(n);
        if (cache != NULL) { /* it cannot end while the list's lock is held */
            frames = slab_shrink_once(cache, &frame, &lost);
        }
        spinlock_release(&caches_lock, saved);
        slab_give_frames(frame, frames, lost, __builtin_return_address(0));
        count += frames;
        n += frames == 0;
    } while (cache != NULL);
    return count;
}
