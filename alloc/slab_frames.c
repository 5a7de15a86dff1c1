/* SPDX-License-Identifier: MIT */
/*
 * The memory of object caches: slabs and the descriptors of slabs, from frames and back to them.
 */
#include "alloc/slab.h"

#include "ashlar/pool.h"
#include "port/outside.h"

#define OBJECTS_WANTED 8u /* of a slab, as long as that takes no more than ... */
#define ORDER_WANTED   3u
#define OBJECTS_MOST   1000u /* of a slab: what is known of it fits into a page */

static uint32_t objects_of(unsigned order, size_t stride)
{
    return (uint32_t)(((ASH_PAGE_SIZE << order) - sizeof(uint32_t)) / stride);
}

static size_t slot_size(uint32_t count)
{
    size_t size = sizeof(struct slab) + count * sizeof(uint32_t);

    return (size + 63) & ~(size_t)63; /* cache lines of their own */
}

/* How many descriptors a page of them has. Where fewer objects a slab let one more fit in, and
 * memory for an object is less then, slabs have fewer. */
static void fit_slots(struct ash_slab *cache)
{
    uint32_t slots = (uint32_t)(ASH_PAGE_SIZE / slot_size(cache->count));
    size_t room = ASH_PAGE_SIZE / (slots + 1) & ~(size_t)63;

    if (room > sizeof(struct slab)) {
        uint32_t count = (uint32_t)((room - sizeof(struct slab)) / sizeof(uint32_t));
        size_t now = slab_bytes(cache) + ASH_PAGE_SIZE / slots;

        if ((slab_bytes(cache) + room) * cache->count < now * count) {
            cache->count = count;
            slots++;
        }
    }
    cache->slot_size = slot_size(cache->count);
    cache->slots = slots;
}

int ash_slab_create(struct ash_slab *slab, const struct ash_slab_config *config)
{
    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }

    size_t align = config->align == 0 ? _Alignof(max_align_t) : config->align;
    uint64_t stride;
    uint32_t count;
    unsigned order;

    if (config->size == 0 || !ash_is_power_of_two(align) || align > ASH_PAGE_SIZE ||
        config->owner >= ASH_OWNERS) {
        return ASH_EINVAL;
    }
    if (align < sizeof(uint32_t)) {
        align = sizeof(uint32_t);
    }
    if (config->size > ASH_PAGE_SIZE << ASH_MAX_ORDER ||
        !ash_align_up(config->size + SLAB_RED_ZONE, align, &stride)) {
        return ASH_ERANGE;
    }
    order = ash_frames_order((size_t)stride + sizeof(uint32_t));
    if (order > ASH_MAX_ORDER) {
        return ASH_ERANGE;
    }
    while (order < ORDER_WANTED && order < ASH_MAX_ORDER &&
           objects_of(order, (size_t)stride) < OBJECTS_WANTED) {
        order++;
    }
    count = objects_of(order, (size_t)stride);
    count = count < OBJECTS_MOST ? count : OBJECTS_MOST;
    *slab = (struct ash_slab){
        .lock = ASH_SPINLOCK(ASH_LOCK_SLAB, config->name),
        .inverse = ASH_POOL_INVERSE(stride >> ASH_POOL_SHIFT(stride)),
        .shift = ASH_POOL_SHIFT(stride),
        .count = count,
        .stride = (size_t)stride,
        .order = order,
        .config = *config,
    };
    fit_slots(slab);
    slab_enlist(slab);
    return 0;
}

static bool take_frames(const struct ash_slab *cache, unsigned order, unsigned flags,
                        ash_frame_t *frame)
{
    flags |= ASH_FRAMES_NORMAL | ASH_FRAMES_OWNER(cache->config.owner);
    return ash_frames_alloc(order, flags, frame) == 0;
}

/* A descriptor without a slab, or NULL. The lock is held. */
static struct slab *take_slot(struct ash_slab *cache)
{
    struct slab *slab = cache->spare;

    if (slab != NULL) {
        slab_unlink(slab);
        return slab;
    }
    if (cache->rows == 0 || cache->next_slot == slab_row_slots(cache, cache->rows - 1)) {
        return NULL;
    }
    slab =
        (struct slab *)(void *)(cache->row[cache->rows - 1] + cache->next_slot * cache->slot_size);
    slab->number = (cache->rows - 1) << 16 | cache->next_slot++;
    return slab;
}

/* One more row of descriptors. Another CPU may have made it meanwhile. */
static bool add_row(struct ash_slab *cache)
{
    uint32_t row = port_load_relaxed(&cache->rows);
    unsigned order = slab_row_order(row);
    bool added = false;
    ash_frame_t frame;
    unsigned long saved;

    if (row == ASH_SLAB_ROWS || !take_frames(cache, order, ASH_FRAMES_ZERO, &frame)) {
        return false;
    }
    saved = spinlock_acquire(&cache->lock);
    if (cache->rows == row) {
        port_dmb_ish(); /* whoever finds the row without the lock finds it zeroed */
        cache->row[row] = port_ptr(ash_frame_pa(frame));
        cache->row_frame[row] = frame;
        cache->next_slot = 0;
        cache->rows = row + 1;
        added = true;
    }
    spinlock_release(&cache->lock, saved);
    if (!added) {
        ash_frames_free(frame, order);
    }
    return true;
}

/* Makes an empty slab of a descriptor and memory. The lock is held. */
static void begin(struct ash_slab *cache, struct slab *slab, ash_frame_t frame)
{
    uint8_t *base = port_ptr(ash_frame_pa(frame));
    uint32_t page = (uint32_t)((uintptr_t)base >> ASH_PAGE_SHIFT);
    uint32_t pages = (uint32_t)1 << cache->order;
    uint64_t old = cache->span;
    uint32_t first = (uint32_t)old, end = first + (uint32_t)(old >> 32);

    slab->base = base;
    slab->frame = frame;
    slab->taken = 0;
    slab->first = SLAB_FRESH;
    *slab_label(cache, base) = slab_code((uintptr_t)base, slab->number);
    slab_link(&cache->empty, slab);
    cache->slabs++;
    first = old == 0 || page < first ? page : first;
    end = old == 0 || page + pages > end ? page + pages : end;
    port_store64_relaxed(&cache->span, (uint64_t)(end - first) << 32 | first);
}

bool slab_grow(struct ash_slab *cache)
{
    ash_frame_t frame;
    bool taken = take_frames(cache, cache->order, 0, &frame);

    while (taken) {
        unsigned long saved = spinlock_acquire(&cache->lock);
        struct slab *slab = take_slot(cache);

        if (slab != NULL) {
            begin(cache, slab, frame);
        }
        spinlock_release(&cache->lock, saved);
        if (slab != NULL) {
            return true;
        }
        if (!add_row(cache)) {
            ash_frames_free(frame, cache->order);
            taken = false;
        }
    }
    (void)port_fetch_add_relaxed(&cache->failures, 1);
    return false;
}

uint32_t slab_shrink_once(struct ash_slab *cache, ash_frame_t *frame, uint32_t *lost)
{
    unsigned long saved = spinlock_acquire(&cache->lock);
    struct ash_slab_magazine *magazine = &cache->magazine[port_cpu()];
    struct slab *empty;

    *lost = slab_flush(cache, magazine, magazine->count);
    empty = cache->empty;
    if (empty != NULL) {
        *frame = empty->frame;
        slab_unlink(empty);
        empty->base = NULL;
        slab_link(&cache->spare, empty);
        cache->slabs--;
    }
    spinlock_release(&cache->lock, saved);
    return empty != NULL ? (uint32_t)1 << cache->order : 0;
}

void slab_give_frames(ash_frame_t frame, uint32_t frames, uint32_t lost, const void *caller)
{
    if (frames > 0) {
        ash_frames_free(frame, (unsigned)__builtin_ctz(frames));
    }
    if (lost > 0) {
        slab_fault(ASH_FAULT_CORRUPT, "label of a slab was overwritten", NULL, caller);
    }
}

uint32_t ash_slab_shrink(struct ash_slab *slab)
{
    uint32_t count = 0, frames, lost;

    do {
        ash_frame_t frame = {0};

        frames = slab_shrink_once(slab, &frame, &lost);
        slab_give_frames(frame, frames, lost, __builtin_return_address(0));
        count += frames;
    } while (frames > 0);
    return count;
}

int ash_slab_destroy(struct ash_slab *slab)
{
    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }

    unsigned long saved = spinlock_acquire(&slab->lock);
    bool busy;

    for (unsigned cpu = 0; cpu < ASH_CPUS; cpu++) {
        (void)slab_flush(slab, &slab->magazine[cpu], slab->magazine[cpu].count);
    }
    busy = slab->taken != 0;
    spinlock_release(&slab->lock, saved);
    if (busy) {
        return ASH_EBUSY;
    }
    (void)ash_slab_shrink(slab);
    slab_delist(slab);
    for (uint32_t row = 0; row < slab->rows; row++) {
        ash_frames_free(slab->row_frame[row], slab_row_order(row));
    }
    spinlock_retire(&slab->lock);
    *slab = (struct ash_slab){0};
    return 0;
}
