/* SPDX-License-Identifier: MIT */
/*
 * How the frame allocator starts: lays out the metadata, gives it the free ranges of the memory
 * map, and later adopts reserved frames. Never looks at the contents of frames.
 */
#include "alloc/frames_cache.h"
#include "port/outside.h"

/** The smallest order whose block holds `count` frames, at most ASH_MAX_ORDER. */
static unsigned order_for(uint64_t count)
{
    unsigned order = 0;

    while (order < ASH_MAX_ORDER && (uint64_t)1 << order < count) {
        order++;
    }
    return order;
}

/** Describes the ranges of RAM, the largest first: most frames are found at the first look. */
static void sort_ranges(const struct ash_regions *regions)
{
    struct frames_range *ranges = frames_state.range;

    for (unsigned i = 0; i < regions->ram_count; i++) {
        uint32_t count = (uint32_t)(regions->ram[i].size >> ASH_PAGE_SHIFT);
        unsigned place = i;

        for (; place > 0 && ranges[place - 1].count < count; place--) {
            ranges[place] = ranges[place - 1];
        }
        ranges[place].first = (uint32_t)(regions->ram[i].base.value >> ASH_PAGE_SHIFT);
        ranges[place].count = count;
        ranges[place].top = order_for(count);
    }
    frames_state.range_count = regions->ram_count;
}

/** Gives each range its window of indices; the number of indices used. */
static uint64_t lay_out(void)
{
    uint64_t next = 0;

    for (unsigned i = 0; i < frames_state.range_count; i++) {
        struct frames_range *range = &frames_state.range[i];
        uint64_t size = (uint64_t)1 << range->top;
        uint64_t window = ash_align_down(range->first, size);

        frames_state.delta[i] = (uint32_t)(window - next);
        next += range->first - window + range->count;
        range->end = (uint32_t)next;
        next = ash_align_down(next + size - 1, size);
    }
    return next;
}

/** How many words there are behind those of frames: as many as the largest block of the last range
 *  has, so that its buddy has a word, which is none of a block. No buddy is looked for at
 *  ASH_MAX_ORDER. */
static uint64_t words_behind(void)
{
    unsigned top = frames_state.range_count == 0
                       ? ASH_MAX_ORDER
                       : frames_state.range[frames_state.range_count - 1].top;

    return top == ASH_MAX_ORDER ? 0 : (uint64_t)1 << top;
}

/** Makes all words those of no block: a few one by one, and from then on by copying. */
static void fill_words(uint32_t count)
{
    uint32_t done = count < 64 ? count : 64;
    uint32_t part;

    for (uint32_t index = 0; index < done; index++) {
        frames_state.words[index] = FRAMES_NOTHING;
    }
    for (; done < count; done += part) {
        part = done < count - done ? done : count - done;
        port_copy(frames_state.words + done, frames_state.words, part * sizeof(uint32_t));
    }
}

/** Takes the metadata and makes it that of no block. The links need nothing: a link is written
 *  before it is read. */
static int place_metadata(struct ash_regions *regions, uint64_t indices, uint64_t limit)
{
    uint64_t links = (indices + FRAMES_HEADS) * sizeof(struct frames_links);
    uint64_t words = (indices + words_behind()) * sizeof(uint32_t);
    uint64_t bits = ASH_CHECK >= 2 ? (indices + 31) / 32 * sizeof(uint32_t) : 0;
    ash_pa_t base;
    int error;

    if (indices > UINT32_MAX / 2) {
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
    fill_words((uint32_t)(words / sizeof(uint32_t)));
#if ASH_CHECK >= 2
    port_zero(frames_state.poisoned, (size_t)bits);
#endif
    return 0;
}

/** Makes the lists, all empty. */
static void make_lists(void)
{
    for (unsigned i = 0; i < FRAMES_LISTS_COUNT; i++) {
        frames_state.lists[i]->heads = frames_state.heads + i * FRAMES_ORDERS;
        for (unsigned order = 0; order < FRAMES_ORDERS; order++) {
            uint32_t head = frames_list(i, order);

            frames_state.links[head].next = head;
            frames_state.links[head].prev = head;
        }
    }
}

/**
 * Frees [first, end), which lies in one range and one zone, as the largest blocks that fit; the
 * lowest will be given out first. Blocks that are as large as blocks get are for what is movable,
 * until others want them: others break up first what cannot become one such block anyway.
 */
static void seed(uint32_t first, uint32_t end, unsigned zone)
{
    uint32_t index = frames_index(first);
    unsigned range = 0;

    while (index >= frames_state.range[range].end) {
        range++;
    }
    frames_state.zone[zone].total += end - first;
    frames_state.zone[zone].free += end - first;
    frames_state.zone[zone].least += end - first;
    while (first < end) {
        unsigned top = frames_state.range[range].top;
        unsigned order = first == 0 ? top : (unsigned)__builtin_ctz(first);
        unsigned lists;

        if (order > top) {
            order = top;
        }
        while (end - first < (uint32_t)1 << order) {
            order--;
        }
        lists = FRAMES_KEY(zone) | (order == top ? FRAMES_MOVABLE : 0);
        frames_insert(index, frames_word(range, lists, order),
                      frames_state.links[frames_list(lists, order)].prev);
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

    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }
    if (config->direct_limit.value < config->dma_limit.value ||
        !ash_is_aligned(config->direct_limit.value | config->dma_limit.value, ASH_PAGE_SIZE)) {
        return ASH_EINVAL;
    }
    spinlock_retire(&frames_state.lock);
    port_zero(&frames_state, sizeof(frames_state));
    spinlock_init(&frames_state.lock, ASH_LOCK_FRAMES, "frames");
    for (unsigned i = 0; i < FRAMES_LISTS_COUNT; i++) {
        frames_state.lists[i] = &frames_state.all_lists[i];
        frames_state.lists[i]->zone = &frames_state.zone[FRAMES_ZONE(i)];
    }
    sort_ranges(regions);
    error = place_metadata(regions, lay_out(), config->direct_limit.value);
    if (error != 0) {
        frames_state.range_count = 0;
        frames_state.range[0].end = 0;
        return error;
    }
    make_lists();
    frames_cache_start();
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
    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        frames_note(&frames_state.zone[zone]);
    }
    return 0;
}

/** Adopts [first, end) with the lock held. */
static int adopt(uint32_t first, uint32_t end, unsigned owner)
{
    for (uint32_t number = first; number < end; number++) {
        uint32_t index = frames_index(number);

        if (index == FRAMES_NO_INDEX) {
            return ASH_ERANGE;
        }
        if (frames_head(index) != FRAMES_NO_INDEX) {
            return ASH_EBUSY;
        }
    }
    for (uint32_t number = first; number < end; number++) {
        uint32_t index = frames_index(number);
        unsigned zone = frames_zone_of(number);
        struct frames_zone *figures = &frames_state.zone[zone];
        unsigned range = 0;

        while (index >= frames_state.range[range].end) {
            range++;
        }
        frames_state.words[index] =
            (frames_word(range, FRAMES_KEY(zone), 0) ^ FRAMES_FREE) | ASH_FRAMES_OWNER(owner);
        figures->total++;
        /* The most that were used at once is one more only if all those are used now. */
        figures->least += figures->free != figures->least;
        frames_note(figures);
    }
    return 0;
}

int ash_frames_adopt(struct ash_range range, unsigned owner)
{
    unsigned long saved;
    uint64_t end;
    int error;

    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }
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
