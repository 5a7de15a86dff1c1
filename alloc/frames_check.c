/* SPDX-License-Identifier: MIT */
/*
 * How the frame allocator checks itself: its metadata against itself, and at ASH_CHECK 2 the poison
 * in free frames. Changes nothing but poison.
 */
#include "alloc/frames.h"

/** What the walk over all blocks adds up. */
struct sums {
    uint32_t used[ASH_ZONE_COUNT];
    uint32_t free[FRAMES_LISTS_COUNT];
    uint32_t cached[ASH_ZONE_COUNT];
};

/** What is wrong with the block that starts at `index`, or NULL. */
static const char *block_error(uint32_t index, unsigned at, bool deep)
{
    const struct frames_range *range = &frames_state.range[at];
    uint32_t word = frames_glance(index);
    uint32_t number = index + frames_state.delta[at];
    unsigned zone = frames_zone_of(number);
    unsigned order = FRAMES_ORDER(word);
    uint32_t size = (uint32_t)1 << order;

    if (order > range->top || (index & (size - 1)) != 0 ||
        number - range->first > range->count - size || size > range->count) {
        return "block does not fit its order";
    }
    if (FRAMES_RANGE(word) != at || FRAMES_ZONE(FRAMES_LISTS(word)) != zone ||
        frames_zone_of(number + size - 1) != zone) {
        return "block is in the wrong zone or range";
    }
    if (frames_is_used(word)) {
        if (((word & FRAMES_SHARED) != 0 && frames_state.links[index].next < 2)) {
            return "shared block without references";
        }
        if ((word & ~(FRAMES_OWNER_MASK | FRAMES_SHARED)) !=
            (frames_word(at, FRAMES_LISTS(word), order) ^ FRAMES_FREE)) {
            return "state of a block is damaged";
        }
    } else if ((word & FRAMES_CACHED) != 0) {
        if ((word & ~(FRAMES_OWNER_MASK | ASH_FRAMES_MOVABLE)) != FRAMES_CACHED) {
            return "state of a cached frame is damaged";
        }
    } else if (word != frames_word(at, FRAMES_LISTS(word), order)) {
        return "block is neither free nor allocated";
    } else if (order < range->top && frames_glance(index ^ size) == word) {
        return "free buddies are not merged";
    }
    for (uint32_t i = 1; deep && i < size; i++) {
        if (frames_is_used(frames_glance(index + i))) {
            return "block inside a block";
        }
    }
    return NULL;
}

static bool blocks_consistent(bool deep, struct sums *sums, struct frames_finding *finding)
{
    for (unsigned i = 0; i < frames_state.range_count; i++) {
        const struct frames_range *range = &frames_state.range[i];
        uint32_t step;

        for (uint32_t offset = 0; offset < range->count; offset += step) {
            uint32_t index = range->first + offset - frames_state.delta[i];
            uint32_t word = frames_glance(index);

            step = 1;
            if (word == FRAMES_NOTHING) {
                continue;
            }
            finding->number = range->first + offset;
            finding->what = block_error(index, i, deep);
            if (finding->what != NULL) {
                return false;
            }
            step = (uint32_t)1 << FRAMES_ORDER(word);
            if (frames_is_used(word)) {
                sums->used[FRAMES_ZONE(FRAMES_LISTS(word))] += step;
            } else if ((word & FRAMES_CACHED) != 0) {
                sums->cached[FRAMES_ZONE(FRAMES_LISTS(word))] += step;
            } else {
                sums->free[FRAMES_LISTS(word)] += step;
            }
        }
    }
    return true;
}

/** Follows one free list; adds its frames to *frames. */
static bool list_consistent(unsigned lists, unsigned order, uint32_t *frames)
{
    uint32_t list = frames_list(lists, order);
    uint32_t prev = list;
    uint32_t index = frames_state.links[list].next;
    bool nonempty = (frames_state.lists[lists]->nonempty >> order & 1u) != 0;

    if (nonempty != (index != list)) {
        return false;
    }
    while (index != list) {
        if (index >= frames_state.heads || frames_state.links[index].prev != prev ||
            (frames_glance(index) & ~(~0u << FRAMES_RANGE_SHIFT)) != frames_word(0, lists, order) ||
            *frames > frames_state.lists[lists]->zone->total) {
            return false;
        }
        *frames += (uint32_t)1 << order;
        prev = index;
        index = frames_state.links[index].next;
    }
    return frames_state.links[list].prev == prev;
}

/** The free lists hold what the blocks say, and nothing beyond the largest order. */
static bool lists_consistent(const struct sums *sums)
{
    for (unsigned lists = 0; lists < FRAMES_LISTS_COUNT; lists++) {
        uint32_t listed = 0;

        for (unsigned order = 0; order <= ASH_MAX_ORDER; order++) {
            if (!list_consistent(lists, order, &listed)) {
                return false;
            }
        }
        if (listed != sums->free[lists] ||
            frames_state.lists[lists]->nonempty >> ASH_MAX_ORDER >> 1 != 0) {
            return false;
        }
    }
    return true;
}

static bool zone_consistent(unsigned zone, const struct sums *sums)
{
    const struct frames_zone *figures = &frames_state.zone[zone];
    unsigned key = FRAMES_KEY(zone);
    uint32_t free = sums->free[key] + sums->free[key | FRAMES_MOVABLE];

    return free == figures->free &&
           free + sums->used[zone] + sums->cached[zone] == figures->total && figures->least <= free;
}

bool frames_consistent(bool deep, struct frames_finding *finding)
{
    struct sums sums = {0};

    if (frames_state.range_count == 0) {
        return true;
    }
    if (!blocks_consistent(deep, &sums, finding)) {
        return false;
    }
    finding->number = frames_state.range[0].first;
    finding->what = "free list is broken";
    if (!lists_consistent(&sums)) {
        return false;
    }
    finding->what = "figures of a zone do not add up";
    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        if (!zone_consistent(zone, &sums)) {
            return false;
        }
    }
    return true;
}

int ash_frames_verify(void)
{
    struct frames_finding finding;
    unsigned long saved = spinlock_acquire(&frames_state.lock);
    bool consistent = frames_consistent(true, &finding);

    spinlock_release(&frames_state.lock, saved);
    if (!consistent) {
        frames_fault(ASH_FAULT_CORRUPT, finding.what, finding.number, __builtin_return_address(0));
        return ASH_ECORRUPT;
    }
    return 0;
}

#if ASH_CHECK >= 2
static bool poison_intact(const uint32_t *page)
{
    for (size_t i = 0; i < ASH_PAGE_SIZE / sizeof(*page); i++) {
        if (page[i] != FRAMES_POISON) {
            return false;
        }
    }
    return true;
}

void frames_poison(uint32_t index, uint32_t number, unsigned order)
{
    for (uint32_t i = 0; i < (uint32_t)1 << order; i++) {
        uint32_t *page = port_ptr(ash_frame_pa((ash_frame_t){number + i}));

        if (frames_zone_of(number + i) == ASH_ZONE_HIGH || page == NULL) {
            continue;
        }
        for (size_t word = 0; word < ASH_PAGE_SIZE / sizeof(*page); word++) {
            page[word] = FRAMES_POISON;
        }
        frames_state.poisoned[(index + i) / 32] |= (uint32_t)1 << (index + i) % 32;
    }
}

uint32_t frames_poison_broken(uint32_t index, uint32_t number, unsigned order)
{
    uint32_t broken = UINT32_MAX;

    for (uint32_t i = 0; i < (uint32_t)1 << order; i++) {
        uint32_t *bits = &frames_state.poisoned[(index + i) / 32];
        uint32_t bit = (uint32_t)1 << (index + i) % 32;

        if ((*bits & bit) != 0 && broken == UINT32_MAX &&
            !poison_intact(port_ptr(ash_frame_pa((ash_frame_t){number + i})))) {
            broken = number + i;
        }
        *bits &= ~bit;
    }
    return broken;
}
#endif
