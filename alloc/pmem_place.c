/* SPDX-License-Identifier: MIT */
/*
 * Alignment, boundary and window of a contiguous block, decided from values alone. Addresses are
 * physical: a region need not be aligned itself.
 */
#include "alloc/pmem_place.h"

bool pmem_place(const struct pmem_limits *limits, uint64_t begin, uint64_t end, uint64_t *at)
{
    uint64_t place = begin > limits->begin ? begin : limits->begin;
    uint64_t stop = end < limits->end ? end : limits->end;
    uint64_t block_end;

    if (!ash_align_up(place, limits->align, &place) ||
        !ash_range_end(place, limits->size, &block_end)) {
        return false;
    }
    if (limits->boundary != 0 && ash_align_down(place, limits->boundary) !=
                                     ash_align_down(block_end - 1, limits->boundary)) {
        /* A block of at most `boundary` bytes fits behind the multiple that it would cross. With an
         * alignment above the boundary each aligned address is such a multiple: never here. */
        place = ash_align_down(block_end - 1, limits->boundary);
        if (!ash_align_up(place, limits->align, &place) ||
            !ash_range_end(place, limits->size, &block_end)) {
            return false;
        }
    }
    if (block_end > stop) {
        return false;
    }
    *at = place;
    return true;
}
