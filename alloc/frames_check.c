/* SPDX-License-Identifier: MIT */
/*
 * How the frame allocator checks itself: its metadata against itself, and at ASH_CHECK 2 the poison
 * in free frames. Changes nothing but poison.
 */
#include "alloc/frames.h"

/** What the walk over all blocks adds up. */
struct sums {
    uint32_t used[ASH_ZONE_COUNT];
    uint32_t free[ASH_ZONE_COUNT];
};

/** What is wrong with the block that starts at `index`, or NULL. */
static const char *block_error(uint32_t index, const struct frames_range *range, bool deep)
{
    uint32_t word = frames_state.words[index];
    uint32_t number = index + range->delta;
    uint32_t place = frames_zone_of(number) << FRAMES_ZONE_SHIFT |
                     (uint32_t)(range - frames_state.range) << FRAMES_RANGE_SHIFT;
    unsigned order = FRAMES_ORDER(word);
    uint32_t size = (uint32_t)1 << order;

    if (order > range->top || (index & (size - 1)) != 0 ||
        number - range->first > range->count - size || size > range->count) {
        return "block does not fit its order";
    }
    if ((word & FRAMES_PLACE) != place ||
        frames_zone_of(number + size - 1) != frames_zone_of(number)) {
        return "block is in the wrong zone or range";
    }
    if ((word & FRAMES_STATE) == FRAMES_USED) {
        if (FRAMES_OWNER(word) >= ASH_OWNERS || frames_state.links[index].next == 0) {
            return "allocated block without owner or reference";
        }
        if (word != (FRAMES_USED | place | order | FRAMES_OWNER(word) << FRAMES_OWNER_SHIFT)) {
            return "state of a block is damaged";
        }
    } else if (word != (FRAMES_FREE | place | order)) {
        return "block is neither free nor allocated";
    } else if (order < range->top && frames_state.words[index ^ size] == word) {
        return "free buddies are not merged";
    }
    for (uint32_t i = 1; deep && i < size; i++) {
        if (frames_state.words[index + i] != 0) {
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
            uint32_t index = range->first + offset - range->delta;
            uint32_t word = frames_state.words[index];

            step = 1;
            if (word == 0) {
                continue;
            }
            finding->number = range->first + offset;
            finding->what = block_error(index, range, deep);
            if (finding->what != NULL) {
                return false;
            }
            step = (uint32_t)1 << FRAMES_ORDER(word);
            if ((word & FRAMES_STATE) == FRAMES_USED) {
                sums->used[FRAMES_ZONE(word)] += step;
            } else {
                sums->free[FRAMES_ZONE(word)] += step;
            }
        }
    }
    return true;
}

/** Follows one free list; adds its frames to *frames. */
static bool list_consistent(unsigned zone, unsigned order, uint32_t *frames)
{
    uint32_t list = frames_list(zone, order);
    uint32_t prev = list;
    uint32_t index = frames_state.links[list].next;
    bool nonempty = (frames_state.zone[zone].nonempty >> order & 1u) != 0;

    if (nonempty != (index != list)) {
        return false;
    }
    while (index != list) {
        if (index >= frames_state.heads || frames_state.links[index].prev != prev ||
            (frames_state.words[index] & ~(0x1fu << FRAMES_RANGE_SHIFT)) !=
                (FRAMES_FREE | zone << FRAMES_ZONE_SHIFT | order) ||
            *frames > frames_state.zone[zone].total) {
            return false;
        }
        *frames += (uint32_t)1 << order;
        prev = index;
        index = frames_state.links[index].next;
    }
    return frames_state.links[list].prev == prev;
}

bool frames_consistent(bool deep, struct frames_finding *finding)
{
    struct sums sums = {0};

    if (!blocks_consistent(deep, &sums, finding)) {
        return false;
    }
    for (unsigned zone = 0; zone < ASH_ZONE_COUNT && frames_state.range_count != 0; zone++) {
        const struct frames_zone *figures = &frames_state.zone[zone];
        uint32_t listed = 0;

        finding->number = frames_state.range[0].first;
        finding->what = "free list is broken";
        for (unsigned order = 0; order <= ASH_MAX_ORDER; order++) {
            if (!list_consistent(zone, order, &listed)) {
                return false;
            }
        }
        finding->what = "figures of a zone do not add up";
        if (listed != sums.free[zone] || sums.used[zone] != figures->used ||
            sums.free[zone] + sums.used[zone] != figures->total || figures->high < figures->used) {
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
