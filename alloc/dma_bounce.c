/* SPDX-License-Identifier: MIT */
/*
 * Bounce buffers: slots of memory that a device reaches, in runs that lie together, each for the
 * copy of one mapping. It owns which slots are in use; what is copied when is dma_map's business.
 *
 * A slot is cached memory and holds nothing else, so its lines are maintained like those of any
 * mapping, and between two calls none of them is dirty.
 */
#include "alloc/dma_limits.h"
#include "port/outside.h"
#include "port/port.h"
#include "port/spinlock.h"

#define SLOT ((uint64_t)ASH_DMA_SLOT)
#define BITS 32u

/* The longest run of free slots. */
static uint32_t bounce_longest(const struct ash_dma_bounce *bounce)
{
    uint32_t longest = 0, run = 0;

    for (uint32_t slot = 0; slot < bounce->slots; slot++) {
        run = (bounce->used[slot / BITS] >> slot % BITS & 1) != 0 ? 0 : run + 1;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void bounce_describe(void *self, struct ash_usage *usage)
{
    struct ash_dma_bounce *bounce = self;
    unsigned long saved = spinlock_acquire(&bounce->lock);

    *usage = (struct ash_usage){
        .module = "dma",
        .name = bounce->name,
        .total = bounce->slots * SLOT,
        .used = bounce->busy * SLOT,
        .free = (bounce->slots - bounce->busy) * SLOT,
        .largest = bounce_longest(bounce) * SLOT,
        .high_water = bounce->most * SLOT,
        .failures = bounce->failures,
        .blocks = bounce->live,
    };
    spinlock_release(&bounce->lock, saved);
}

/* Runs start at multiples of this. */
static uint64_t bounce_step(const struct ash_dma_device *device)
{
    uint64_t step = SLOT;

    step = device->alignment > step ? device->alignment : step;
    return device->keep + 1 > step ? device->keep + 1 : step;
}

int ash_dma_bounce_create(struct ash_dma_bounce *bounce, const char *name, struct ash_pmem *region,
                          uint64_t size, const struct ash_dma_device *device)
{
    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }

    struct ash_pmem_request request = {.size = size, .align = bounce_step(device)};
    int error;

    if (size == 0 || !dma_is_sound(device)) {
        return ASH_EINVAL;
    }
    if (bounce->slots != 0) {
        return ASH_EEXIST;
    }
    if (size > ASH_DMA_BOUNCE_MAX) {
        return ASH_ERANGE;
    }
    error = dma_block(device, region, &request, &bounce->block);
    if (error != 0) {
        return error;
    }
    spinlock_init(&bounce->lock, ASH_LOCK_DMA, name);
    bounce->name = name;
    port_zero(bounce->used, sizeof(bounce->used));
    bounce->busy = bounce->most = bounce->live = bounce->devices = bounce->failures = 0;
    bounce->mapped = bounce->copied = 0;
    bounce->slots = (uint32_t)(bounce->block.size / SLOT);
    dma_enlist(&bounce->member, bounce, bounce_describe);
    return 0;
}

int ash_dma_bounce_destroy(struct ash_dma_bounce *bounce)
{
    int error;

    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }
    if (bounce->slots == 0) {
        return ASH_EINVAL;
    }
    if (port_load_acquire(&bounce->devices) != 0) {
        return ASH_EBUSY;
    }
    error = ash_pmem_free(&bounce->block);
    if (error != 0) {
        return error;
    }
    dma_delist(&bounce->member);
    spinlock_retire(&bounce->lock);
    bounce->slots = 0;
    return 0;
}

void ash_dma_bounce_stats(struct ash_dma_bounce *bounce, struct ash_dma_bounce_stats *stats)
{
    unsigned long saved = spinlock_acquire(&bounce->lock);

    *stats = (struct ash_dma_bounce_stats){
        .size = bounce->slots * SLOT,
        .used = bounce->busy * SLOT,
        .most = bounce->most * SLOT,
        .mapped = bounce->mapped,
        .copied = bounce->copied,
        .failures = bounce->failures,
    };
    spinlock_release(&bounce->lock, saved);
}

static void bounce_count_devices(struct ash_dma_bounce *bounce, int change)
{
    (void)port_fetch_add(&bounce->devices, (uint32_t)change);
}

int dma_bounce_join(struct ash_dma_device *device)
{
    struct ash_dma_bounce *bounce = device->bounce;

    if (bounce->slots == 0) {
        return ASH_EINVAL;
    }
    if (!dma_reaches(device, bounce->block.pa, bounce->block.size)) {
        return ASH_ERANGE;
    }
    if (!ash_is_aligned(bounce->block.pa.value, bounce_step(device))) {
        return ASH_EALIGN;
    }
    bounce_count_devices(bounce, 1);
    return 0;
}

void dma_bounce_leave(struct ash_dma_device *device)
{
    bounce_count_devices(device->bounce, -1);
}

/* The longest range of the buffer that crosses no boundary of the device. */
static uint64_t bounce_span(const struct ash_dma_device *device)
{
    uint64_t size = device->bounce->slots * SLOT, boundary = device->boundary, first, second;

    if (boundary == 0) {
        return size;
    }
    first = boundary - (device->bounce->block.pa.value & (boundary - 1));
    if (first >= size) {
        return size;
    }
    second = size - first < boundary ? size - first : boundary;
    return first > second ? first : second;
}

/* Most bytes of a copy that lies `skip` bytes behind the start of its slots. */
static uint64_t bounce_room(const struct ash_dma_device *device, uint64_t skip)
{
    uint64_t boundary = device->boundary, span = bounce_span(device), whole;

    if (boundary == 0 || boundary > device->keep) {
        return span > skip ? span - skip : 0;
    }
    /* Where a boundary is, the bits say that the copy keeps. */
    whole = device->bounce->slots * SLOT;
    span = boundary - (skip & (boundary - 1));
    return whole <= skip ? 0 : span < whole - skip ? span : whole - skip;
}

uint64_t dma_bounce_limit(const struct ash_dma_device *device)
{
    return bounce_room(device, device->keep);
}

/* One past the last slot in use of [first, end); first if none is. */
static uint32_t bounce_last_used(const uint32_t *used, uint32_t first, uint32_t end)
{
    while (end > first) {
        uint32_t bits = (end - 1) % BITS + 1;
        uint32_t word = used[(end - 1) / BITS] << (BITS - bits);

        if (word != 0) {
            end -= (uint32_t)__builtin_clz(word);
            return end > first ? end : first;
        }
        end = end > bits ? end - bits : 0;
    }
    return first;
}

static void bounce_mark(uint32_t *used, uint32_t first, uint32_t count, bool set)
{
    for (uint32_t end = first + count; first < end;) {
        uint32_t bits = BITS - first % BITS < end - first ? BITS - first % BITS : end - first;
        uint32_t mask = UINT32_MAX >> (BITS - bits) << first % BITS;

        used[first / BITS] = set ? used[first / BITS] | mask : used[first / BITS] & ~mask;
        first += bits;
    }
}

/* The first free run for `size` bytes that lie `skip` bytes behind its start. */
static bool bounce_find(const struct ash_dma_device *device, uint64_t skip, uint64_t size,
                        uint32_t *found)
{
    const struct ash_dma_bounce *bounce = device->bounce;
    uint64_t base = bounce->block.pa.value, step = bounce_step(device) / SLOT;
    uint64_t count = (skip + size + SLOT - 1) / SLOT, first = 0;

    while (first + count <= bounce->slots) {
        uint64_t start = base + first * SLOT + skip;
        uint32_t end = bounce_last_used(bounce->used, (uint32_t)first, (uint32_t)(first + count));

        if (end != first) {
            first = end;
        } else if (device->boundary != 0 &&
                   ((start ^ (start + size - 1)) & -device->boundary) != 0) {
            /* Behind the boundary that is in the way. */
            first = (((start | (device->boundary - 1)) + 1) - base + SLOT - 1) / SLOT;
        } else {
            *found = (uint32_t)first;
            return true;
        }
        first = (first + step - 1) / step * step;
    }
    return false;
}

/* What is left of a run before and after the copy: no device sees what was there before. */
static void bounce_clear(const struct ash_dma_device *device, uint64_t pa, uint64_t size)
{
    if (size != 0) {
        port_zero(port_ptr(ash_pa(pa)), (size_t)size);
        if (!device->coherent) {
            port_cache_clean(port_ptr(ash_pa(pa)), (size_t)size);
        }
    }
}

int dma_bounce_take(struct ash_dma_device *device, ash_pa_t pa, size_t size, ash_pa_t *copy)
{
    struct ash_dma_bounce *bounce = device->bounce;
    uint64_t skip = pa.value & device->keep, start, end;
    unsigned long saved;
    uint32_t first = 0;
    bool found;

    if (device->alignment != 0 && !ash_is_aligned(skip, device->alignment)) {
        return ASH_EALIGN;
    }
    if (size > bounce_room(device, skip)) {
        return ASH_ERANGE;
    }
    saved = spinlock_acquire(&bounce->lock);
    found = bounce_find(device, skip, size, &first);
    if (found) {
        uint32_t count = (uint32_t)((skip + size + SLOT - 1) / SLOT);

        bounce_mark(bounce->used, first, count, true);
        bounce->busy += count;
        bounce->most = bounce->busy > bounce->most ? bounce->busy : bounce->most;
        bounce->live++;
        bounce->mapped++;
    } else {
        bounce->failures++;
    }
    spinlock_release(&bounce->lock, saved);
    if (!found) {
        return ASH_ENOMEM;
    }
    start = bounce->block.pa.value + first * SLOT;
    end = start + skip + size;
    bounce_clear(device, start, skip);
    bounce_clear(device, end, (start - end) % SLOT);
    *copy = ash_pa(start + skip);
    return 0;
}

void dma_bounce_give(struct ash_dma_device *device, ash_pa_t copy, size_t size, uint64_t copied)
{
    struct ash_dma_bounce *bounce = device->bounce;
    uint64_t skip = copy.value & device->keep;
    uint32_t first = (uint32_t)((copy.value - skip - bounce->block.pa.value) / SLOT);
    uint32_t count = (uint32_t)((skip + size + SLOT - 1) / SLOT);
    unsigned long saved = spinlock_acquire(&bounce->lock);

    bounce_mark(bounce->used, first, count, false);
    bounce->busy -= count;
    bounce->live--;
    bounce->copied += copied;
    spinlock_release(&bounce->lock, saved);
}
