/* SPDX-License-Identifier: MIT */
/*
 * Blocks of the frame allocator by the number of a frame: which block holds it, its references, and
 * what is wrong with a frame that was named to be freed.
 */
#include "alloc/frames_cache.h"

uint32_t frames_index(uint32_t number)
{
    for (unsigned i = 0; i < frames_state.range_count; i++) {
        const struct frames_range *range = &frames_state.range[i];

        if (number - range->first < range->count) {
            return number - frames_state.delta[i];
        }
    }
    return FRAMES_NO_INDEX;
}

/* From the largest order down: what is inside of a block may have started one before. */
uint32_t frames_head(uint32_t index)
{
    unsigned range = 0;

    while (range < frames_state.range_count - 1 && index >= frames_state.range[range].end) {
        range++;
    }
    for (unsigned order = frames_state.range[range].top + 1; order-- > 0;) {
        uint32_t head = index & ~(((uint32_t)1 << order) - 1);
        uint32_t word = frames_glance(head);

        if (word != FRAMES_NOTHING && FRAMES_ORDER(word) >= order) {
            return head;
        }
    }
    return FRAMES_NO_INDEX;
}

/** Lets the lock go and tells the hook why the frame, which has this index, cannot be freed or
 *  shared. */
static void complain(uint32_t index, uint32_t number, unsigned long saved, const void *caller)
{
    uint32_t head = index == FRAMES_NO_INDEX ? FRAMES_NO_INDEX : frames_head(index);
    enum ash_fault_kind kind = ASH_FAULT_MISALIGNED;
    const char *what = head == index ? "block has another order" : "frame is inside a block";

    if (head == FRAMES_NO_INDEX) {
        kind = ASH_FAULT_FOREIGN;
        what = "frame was never given out";
    } else if (!frames_is_used(frames_glance(head))) {
        kind = ASH_FAULT_DOUBLE_FREE;
        what = "frame is free";
    }
    spinlock_release(&frames_state.lock, saved);
    frames_fault(kind, what, number, caller);
}

void frames_free_otherwise(uint32_t offset, unsigned order, unsigned long saved, const void *caller)
{
    uint32_t number = offset + frames_state.delta[0];
    uint32_t index = frames_index(number);
    uint32_t word = index == FRAMES_NO_INDEX ? FRAMES_NOTHING : frames_glance(index);

    if (order == FRAMES_ANY_ORDER && frames_is_used(word)) {
        order = FRAMES_ORDER(word);
    }
    if (!frames_is_used(word) || FRAMES_ORDER(word) != order) {
        complain(index, number, saved, caller);
        return;
    }
    if ((word & FRAMES_SHARED) == 0) {
        frames_give(index, word, saved);
        return;
    }
    if (--frames_state.links[index].next == 1) {
        /* Whoever sees that it is not shared frees it without the lock, and it is used anew: all
         * that was done with it before comes first. */
        port_store_release(&frames_state.words[index], word & ~FRAMES_SHARED);
    }
    frames_release(saved);
}

void ash_frames_put(ash_frame_t frame)
{
    unsigned long saved = spinlock_acquire(&frames_state.lock);

    frames_free_otherwise(frame.number - frames_state.delta[0], FRAMES_ANY_ORDER, saved,
                          __builtin_return_address(0));
}

void ash_frames_get(ash_frame_t frame)
{
    unsigned long saved = spinlock_acquire(&frames_state.lock);
    uint32_t index = frames_index(frame.number);
    uint32_t word = index == FRAMES_NO_INDEX ? FRAMES_NOTHING : frames_glance(index);

    if (!frames_is_used(word)) {
        complain(index, frame.number, saved, __builtin_return_address(0));
        return;
    }
    frames_state.links[index].next = frames_references(index, word) + 1;
    __atomic_store_n(&frames_state.words[index], word | FRAMES_SHARED, __ATOMIC_RELAXED);
    spinlock_release(&frames_state.lock, saved);
}

void ash_frames_query(ash_frame_t frame, struct ash_frame_info *info)
{
    uint32_t index = frames_index(frame.number);
    unsigned long saved;
    uint32_t head;
    uint32_t word;

    *info = (struct ash_frame_info){.state = ASH_FRAME_ABSENT, .head = ASH_FRAME_NONE};
    if (index == FRAMES_NO_INDEX) {
        return;
    }
    info->state = ASH_FRAME_RESERVED;
    saved = spinlock_acquire(&frames_state.lock);
    head = frames_head(index);
    if (head != FRAMES_NO_INDEX) {
        word = frames_glance(head);
        info->zone = (enum ash_zone)FRAMES_ZONE(FRAMES_LISTS(word));
        info->movable = (FRAMES_LISTS(word) & FRAMES_MOVABLE) != 0;
        info->head = (ash_frame_t){frames_number(head, word)};
        info->order = FRAMES_ORDER(word);
        info->state = ASH_FRAME_FREE;
        if (frames_is_used(word)) {
            info->state = ASH_FRAME_USED;
            info->owner = (enum ash_owner)FRAMES_OWNER(word);
            info->count = frames_references(head, word);
        }
    }
    spinlock_release(&frames_state.lock, saved);
}
