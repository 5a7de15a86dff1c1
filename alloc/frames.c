/* SPDX-License-Identifier: MIT */
/*
 * Page frames: the buddy allocator itself. Allocates by splitting the smallest free block that is
 * large enough, frees by merging with free buddies, counts references. Never reads or writes the
 * frames themselves, except to zero or (ASH_CHECK 2) poison them on behalf of the caller.
 *
 * The buddy system: D. E. Knuth, The Art of Computer Programming, vol. 1, section 2.5.
 */
#include "alloc/frames.h"

struct frames_state frames_state = {.lock = ASH_SPINLOCK(ASH_LOCK_FRAMES, "frames")};

uint32_t frames_index(uint32_t number, const struct frames_range **range)
{
    for (unsigned i = 0; i < frames_state.range_count; i++) {
        const struct frames_range *candidate = &frames_state.range[i];

        if (number - candidate->first < candidate->count) {
            *range = candidate;
            return number - candidate->delta;
        }
    }
    return FRAMES_NO_INDEX;
}

uint32_t frames_head(uint32_t index, const struct frames_range *range)
{
    for (unsigned order = 0; order <= range->top; order++) {
        uint32_t head = index & ~(((uint32_t)1 << order) - 1);
        uint32_t word = frames_state.words[head];

        if (word != 0) {
            return FRAMES_ORDER(word) >= order ? head : FRAMES_NO_INDEX;
        }
    }
    return FRAMES_NO_INDEX;
}

void frames_insert(uint32_t index, uint32_t place, unsigned order, uint32_t after)
{
    struct frames_links *links = frames_state.links;
    uint32_t before = links[after].next;

    links[index] = (struct frames_links){.next = before, .prev = after};
    links[after].next = index;
    links[before].prev = index;
    frames_state.words[index] = FRAMES_FREE | place | order;
    frames_state.zone[FRAMES_ZONE(place)].nonempty |= (uint32_t)1 << order;
}

static void remove_free(uint32_t index, unsigned zone, unsigned order)
{
    struct frames_links *links = frames_state.links;
    uint32_t next = links[index].next;
    uint32_t prev = links[index].prev;

    links[next].prev = prev;
    links[prev].next = next;
    if (next == prev) { /* both are the head: the list is empty now */
        frames_state.zone[zone].nonempty &= ~((uint32_t)1 << order);
    }
}

/** The zone that serves a request: the first from `zone` downwards with a large enough block. */
static unsigned zone_with(unsigned zone, unsigned order)
{
    while (frames_state.zone[zone].nonempty >> order == 0) {
        if (zone == 0) {
            return ASH_ZONE_COUNT;
        }
        zone--;
    }
    return zone;
}

/** Takes 2^order frames off the free block, and puts the rest of it back. */
static void split(uint32_t index, unsigned order, unsigned owner)
{
    uint32_t word = frames_state.words[index];
    uint32_t place = word & FRAMES_PLACE;
    unsigned have = FRAMES_ORDER(word);

    remove_free(index, FRAMES_ZONE(word), have);
    while (have > order) {
        have--;
        frames_insert(index + ((uint32_t)1 << have), place, have,
                      frames_list(FRAMES_ZONE(word), have));
    }
    frames_state.words[index] = FRAMES_USED | place | order | owner << FRAMES_OWNER_SHIFT;
    frames_state.links[index].next = 1;
    frames_count_used(FRAMES_ZONE(word), (uint32_t)1 << order);
}

/** Makes the used block free, merged with its buddies as far as they are free. */
static void merge(uint32_t index)
{
    uint32_t word = frames_state.words[index];
    uint32_t place = word & FRAMES_PLACE;
    unsigned order = FRAMES_ORDER(word);
    unsigned zone = FRAMES_ZONE(word);
    unsigned top = frames_state.range[FRAMES_RANGE(word)].top;

    frames_state.zone[zone].used -= (uint32_t)1 << order;
    frames_state.words[index] = 0;
    while (order < top) {
        uint32_t buddy = index ^ (uint32_t)1 << order;

        if (frames_state.words[buddy] != (FRAMES_FREE | place | order)) {
            break;
        }
        remove_free(buddy, zone, order);
        frames_state.words[buddy] = 0;
        index &= buddy;
        order++;
    }
    frames_insert(index, place, order, frames_list(zone, order));
}

/** Lets go of the lock; at ASH_CHECK 2 checks everything first, and tells the hook afterwards. */
static void release(unsigned long saved)
{
#if ASH_CHECK >= 2
    struct frames_finding finding;
    bool consistent = frames_consistent(false, &finding);

    spinlock_release(&frames_state.lock, saved);
    if (!consistent) {
        frames_fault(ASH_FAULT_CORRUPT, finding.what, finding.number, NULL);
    }
#else
    spinlock_release(&frames_state.lock, saved);
#endif
}

static uint32_t number_of(uint32_t index)
{
    return index + frames_state.range[FRAMES_RANGE(frames_state.words[index])].delta;
}

int ash_frames_alloc(unsigned order, unsigned flags, ash_frame_t *out)
{
    /* The default, 0, is NORMAL. */
    unsigned wanted = (flags & ASH_FRAMES_ZONE_MASK) ^ 1u;
    unsigned owner = flags >> 8;
    unsigned long saved;
    unsigned zone;
    uint32_t index;
    uint32_t number;

    if (order > ASH_MAX_ORDER || wanted >= ASH_ZONE_COUNT || owner >= ASH_OWNERS ||
        ((flags & ASH_FRAMES_ZERO) != 0 && wanted == ASH_ZONE_HIGH)) {
        return ASH_EINVAL;
    }
    saved = spinlock_acquire(&frames_state.lock);
    zone = zone_with(wanted, order);
    if (zone == ASH_ZONE_COUNT) {
        frames_state.zone[wanted].failures++;
        spinlock_release(&frames_state.lock, saved);
        return ASH_ENOMEM;
    }
    index = order + (unsigned)__builtin_ctz(frames_state.zone[zone].nonempty >> order);
    index = frames_state.links[frames_list(zone, index)].next;
    number = number_of(index);
#if ASH_CHECK >= 2
    uint32_t broken = frames_poison_broken(index, number, order);

    if (broken != UINT32_MAX) {
        spinlock_release(&frames_state.lock, saved);
        frames_fault(ASH_FAULT_OVERRUN, "free frame was written to", broken,
                     __builtin_return_address(0));
        return ASH_ECORRUPT;
    }
#endif
    split(index, order, owner);
    release(saved);
    *out = (ash_frame_t){number};
    if ((flags & ASH_FRAMES_ZERO) != 0) {
        port_zero(port_ptr(ash_frame_pa(*out)), ASH_PAGE_SIZE << order);
    }
    return 0;
}

#define ANY_ORDER UINT32_MAX

/**
 * The index of the used block that starts at `number`, with the lock held. If there is none, or it
 * has another order, lets the lock go, tells the hook why, and returns FRAMES_NO_INDEX.
 */
static uint32_t used_block(uint32_t number, unsigned order, unsigned long saved, const void *caller)
{
    const struct frames_range *range;
    uint32_t index = frames_index(number, &range);
#if ASH_CHECK >= 1
    uint32_t word = index == FRAMES_NO_INDEX ? 0 : frames_state.words[index];
    enum ash_fault_kind kind = ASH_FAULT_FOREIGN;
    const char *what = "frame was never given out";

    if ((word & FRAMES_STATE) == FRAMES_USED) {
        if (order == ANY_ORDER || order == FRAMES_ORDER(word)) {
            return index;
        }
        kind = ASH_FAULT_MISALIGNED;
        what = "block has another order";
    } else if (index != FRAMES_NO_INDEX) {
        uint32_t head = frames_head(index, range);

        if (head != FRAMES_NO_INDEX && (frames_state.words[head] & FRAMES_STATE) == FRAMES_FREE) {
            kind = ASH_FAULT_DOUBLE_FREE;
            what = "frame is free";
        } else if (head != FRAMES_NO_INDEX) {
            kind = ASH_FAULT_MISALIGNED;
            what = "frame is inside a block";
        }
    }
    spinlock_release(&frames_state.lock, saved);
    frames_fault(kind, what, number, caller);
    return FRAMES_NO_INDEX;
#else
    (void)order;
    (void)caller;
    if (index == FRAMES_NO_INDEX) {
        spinlock_release(&frames_state.lock, saved);
    }
    return index;
#endif
}

/** Drops a reference, and frees the block with the last. */
static void drop(ash_frame_t frame, unsigned order, const void *caller)
{
    unsigned long saved = spinlock_acquire(&frames_state.lock);
    uint32_t index = used_block(frame.number, order, saved, caller);

    if (index == FRAMES_NO_INDEX) {
        return;
    }
    if (--frames_state.links[index].next == 0) {
#if ASH_CHECK >= 2
        frames_poison(index, frame.number, FRAMES_ORDER(frames_state.words[index]));
#endif
        merge(index);
    }
    release(saved);
}

void ash_frames_free(ash_frame_t frame, unsigned order)
{
    drop(frame, order, __builtin_return_address(0));
}

void ash_frames_put(ash_frame_t frame)
{
    drop(frame, ANY_ORDER, __builtin_return_address(0));
}

void ash_frames_get(ash_frame_t frame)
{
    unsigned long saved = spinlock_acquire(&frames_state.lock);
    uint32_t index = used_block(frame.number, ANY_ORDER, saved, __builtin_return_address(0));

    if (index == FRAMES_NO_INDEX) {
        return;
    }
    frames_state.links[index].next++;
    spinlock_release(&frames_state.lock, saved);
}

void ash_frames_query(ash_frame_t frame, struct ash_frame_info *info)
{
    const struct frames_range *range;
    uint32_t index = frames_index(frame.number, &range);
    unsigned long saved;
    uint32_t head;
    uint32_t word;

    *info = (struct ash_frame_info){.state = ASH_FRAME_ABSENT, .head = ASH_FRAME_NONE};
    if (index == FRAMES_NO_INDEX) {
        return;
    }
    info->state = ASH_FRAME_RESERVED;
    saved = spinlock_acquire(&frames_state.lock);
    head = frames_head(index, range);
    if (head != FRAMES_NO_INDEX) {
        word = frames_state.words[head];
        info->zone = (enum ash_zone)FRAMES_ZONE(word);
        info->head = (ash_frame_t){head + range->delta};
        info->order = FRAMES_ORDER(word);
        info->state = ASH_FRAME_FREE;
        if ((word & FRAMES_STATE) == FRAMES_USED) {
            info->state = ASH_FRAME_USED;
            info->owner = (enum ash_owner)FRAMES_OWNER(word);
            info->count = frames_state.links[head].next;
        }
    }
    spinlock_release(&frames_state.lock, saved);
}
