/* SPDX-License-Identifier: MIT */
/*
 * How the frame allocator starts: lays out the metadata, gives it the free ranges of the memory
 * map, and later adopts reserved frames. Never looks at the contents of frames.
 */
#include "alloc/frames.h"

/** The smallest order whose block holds `count` frames, at most ASH_MAX_ORDER. */
static unsigned order_for(uint64_t count)
{
    unsigned order = 0;

    while (order < ASH_MAX_ORDER && (uint64_t)1 << order < count) {
        order++;
    }
    return order;
}

/** Gives each range of RAM its window of indices; the number of indices used. */
static uint64_t lay_out(const struct ash_regions *regions)
{
    uint64_t next = 0;

    for (unsigned i = 0; i < regions->ram_count; i++) {
        struct frames_range *range = &frames_state.range[i];
        uint64_t first = regions->ram[i].base.value >> ASH_PAGE_SHIFT;
        uint64_t count = regions->ram[i].size >> ASH_PAGE_SHIFT;
        unsigned top = order_for(count);
        uint64_t mask = ((uint64_t)1 << top) - 1;
        uint64_t window = first & ~mask;

        next = (next + mask) & ~mask;
        range->first = (uint32_t)first;
        range->count = (uint32_t)count;
        range->delta = (uint32_t)(window - next);
        range->top = top;
        next += ((first + count + mask) & ~mask) - window;
    }
    frames_state.range_count = regions->ram_count;
    return next;
}

/** Takes and clears the metadata. The links need no clearing: a link is written before it is read.
 */
static int place_metadata(struct ash_regions *regions, uint64_t indices, uint64_t limit)
{
    uint64_t links = (indices + FRAMES_HEADS) * sizeof(struct frames_links);
    uint64_t words = indices * sizeof(uint32_t);
    uint64_t bits = ASH_CHECK >= 2 ? (indices + 31) / 32 * sizeof(uint32_t) : 0;
    ash_pa_t base;
    int error;

    if (indices > UINT32_MAX - FRAMES_HEADS) {
        return ASH_ENOMEM;
    }
    error = ash_regions_take(regions, links + words + bits, ASH_PAGE_SIZE, limit, &base);
    if (error != 0) {
        return error;
    }
    frames_state.heads = (uint32_t)indices;
    frames_state.links = port_ptr(base);
    frames_state.words = port_ptr(ash_pa(base.value + links));
#if ASH_CHECK >= 2
    frames_state.poisoned = port_ptr(ash_pa(base.value + links + words));
#endif
    port_zero(frames_state.words, (size_t)(words + bits));
    for (uint32_t head = 0; head < FRAMES_HEADS; head++) {
        frames_state.links[frames_state.heads + head] = (struct frames_links){
            .next = frames_state.heads + head,
            .prev = frames_state.heads + head,
        };
    }
    return 0;
}

/** Frees [first, end), which lies in one range and one zone, as the largest blocks that fit; the
 *  lowest will be given out first. */
static void seed(uint32_t first, uint32_t end, unsigned zone)
{
    const struct frames_range *range;
    uint32_t index = frames_index(first, &range);
    uint32_t place = zone << FRAMES_ZONE_SHIFT | (uint32_t)(range - frames_state.range)
                                                     << FRAMES_RANGE_SHIFT;

    frames_state.zone[zone].total += end - first;
    while (first < end) {
        unsigned order = first == 0 ? range->top : (unsigned)__builtin_ctz(first);

        if (order > range->top) {
            order = range->top;
        }
        while (end - first < (uint32_t)1 << order) {
            order--;
        }
        frames_insert(index, place, order, frames_state.links[frames_list(zone, order)].prev);
        first += (uint32_t)1 << order;
        index += (uint32_t)1 << order;
    }
}

static uint32_t limit_number(ash_pa_t limit)
{
    return limit.value < ASH_REGIONS_LIMIT ? ash_pa_frame(limit).number : UINT32_MAX;
}

int ash_frames_init(struct ash_regions *regions, const struct ash_frames_config *config)
{
    uint64_t cursor = 0;
    struct ash_range range;
    int error;

    if (config->direct_limit.value < config->dma_limit.value ||
        !ash_is_aligned(config->direct_limit.value | config->dma_limit.value, ASH_PAGE_SIZE)) {
        return ASH_EINVAL;
    }
    spinlock_retire(&frames_state.lock);
    port_zero(&frames_state, sizeof(frames_state));
    spinlock_init(&frames_state.lock, ASH_LOCK_FRAMES, "frames");
    error = place_metadata(regions, lay_out(regions), config->direct_limit.value);
    if (error != 0) {
        frames_state.range_count = 0;
        return error;
    }
    frames_state.limit[ASH_ZONE_DMA] = limit_number(config->dma_limit);
    frames_state.limit[ASH_ZONE_NORMAL] = limit_number(config->direct_limit);
    frames_state.limit[ASH_ZONE_HIGH] = UINT32_MAX;
    while (ash_regions_next_free(regions, &cursor, &range)) {
        uint32_t first = ash_pa_frame(range.base).number;
        uint32_t end = first + (uint32_t)(range.size >> ASH_PAGE_SHIFT);

        while (first < end) {
            unsigned zone = frames_zone_of(first);
            uint32_t part = end < frames_state.limit[zone] ? end : frames_state.limit[zone];

            seed(first, part, zone);
            first = part;
        }
    }
    return 0;
}

/** Adopts [first, end) with the lock held. */
static int adopt(uint32_t first, uint32_t end, unsigned owner)
{
    for (uint32_t number = first; number < end; number++) {
        const struct frames_range *range;
        uint32_t index = frames_index(number, &range);

        if (index == FRAMES_NO_INDEX) {
            return ASH_ERANGE;
        }
        if (frames_head(index, range) != FRAMES_NO_INDEX) {
            return ASH_EBUSY;
        }
    }
    for (uint32_t number = first; number < end; number++) {
        const struct frames_range *range;
        uint32_t index = frames_index(number, &range);
        unsigned zone = frames_zone_of(number);

        frames_state.words[index] = FRAMES_USED | zone << FRAMES_ZONE_SHIFT |
                                    (uint32_t)(range - frames_state.range) << FRAMES_RANGE_SHIFT |
                                    owner << FRAMES_OWNER_SHIFT;
        frames_state.links[index] = (struct frames_links){.next = 1};
        frames_state.zone[zone].total++;
        frames_count_used(zone, 1);
    }
    return 0;
}

int ash_frames_adopt(struct ash_range range, unsigned owner)
{
    unsigned long saved;
    uint64_t end;
    int error;

    if (range.size == 0 || owner >= ASH_OWNERS) {
        return ASH_EINVAL;
    }
    if (!ash_is_aligned(range.base.value | range.size, ASH_PAGE_SIZE)) {
        return ASH_EALIGN;
    }
    if (!ash_range_end(range.base.value, range.size, &end) || end > ASH_REGIONS_LIMIT) {
        return ASH_ERANGE;
    }
    saved = spinlock_acquire(&frames_state.lock);
    error = adopt(ash_pa_frame(range.base).number, ash_pa_frame(ash_pa(end)).number, owner);
    spinlock_release(&frames_state.lock, saved);
    return error;
}
