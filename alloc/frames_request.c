/* SPDX-License-Identifier: MIT */
/*
 * Requests with conditions: alignment, boundary, highest address. A block of the buddy allocator is
 * aligned to its size, so nothing is searched: the conditions name an order and a zone.
 */
#include "alloc/frames.h"

/** The highest address of the zone's frames; false if it has none. */
static bool zone_last(unsigned zone, uint64_t *last)
{
    bool any = false;

    for (unsigned i = 0; i < frames_state.range_count; i++) {
        const struct frames_range *range = &frames_state.range[i];
        uint64_t end = (uint64_t)range->first + range->count;
        uint64_t limit = frames_state.limit[zone];
        uint64_t from = zone == ASH_ZONE_DMA ? 0 : frames_state.limit[zone - 1];

        end = end < limit ? end : limit;
        if (end > from && end > range->first && (!any || (end << ASH_PAGE_SHIFT) - 1 > *last)) {
            *last = (end << ASH_PAGE_SHIFT) - 1;
            any = true;
        }
    }
    return any;
}

int ash_frames_zone_of_mask(uint64_t mask, unsigned *flags)
{
    static const unsigned zones[ASH_ZONE_COUNT] = {ASH_FRAMES_DMA, ASH_FRAMES_NORMAL,
                                                   ASH_FRAMES_HIGH};
    bool found = false;

    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        uint64_t last = 0;

        if (!zone_last(zone, &last)) {
            continue;
        }
        if (last > mask) { /* and so are the zones above */
            break;
        }
        *flags = zones[zone];
        found = true;
    }
    return found ? 0 : ASH_ERANGE;
}

int ash_frames_request(const struct ash_frames_request *request, ash_frame_t *out, unsigned *order)
{
    unsigned flags = request->flags, reachable = 0;
    unsigned size_order = ash_frames_order(request->size);
    unsigned have = size_order;
    int error;

    if (request->size == 0 || (request->align != 0 && !ash_is_power_of_two(request->align)) ||
        (request->boundary != 0 &&
         (!ash_is_power_of_two(request->boundary) || request->boundary < request->size))) {
        return ASH_EINVAL;
    }
    if (request->mask != 0) {
        error = ash_frames_zone_of_mask(request->mask, &reachable);
        if (error != 0) {
            return error;
        }
        /* The more special of the two. */
        if (FRAMES_ZONE(FRAMES_LISTS(reachable)) < FRAMES_ZONE(FRAMES_LISTS(flags))) {
            flags = (flags & ~ASH_FRAMES_ZONE_MASK) | reachable;
        }
    }
    while (have <= ASH_MAX_ORDER && (uint64_t)ASH_PAGE_SIZE << have < request->align) {
        have++;
    }
    error = ash_frames_alloc(have, flags, out);
    if (error == 0) {
        if (have > size_order) {
            unsigned long saved = spinlock_acquire(&frames_state.lock);

            frames_trim(frames_index(out->number), have, size_order);
            frames_release(saved);
        }
        *order = size_order;
    }
    return error;
}
