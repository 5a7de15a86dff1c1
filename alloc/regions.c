/* SPDX-License-Identifier: MIT */
/*
 * The early memory map. Owns the two sorted lists and the search for free places; never touches
 * the memory that they describe, and calls nothing (the MMU may be off, there is no C library).
 */
#include "ashlar/regions.h"

static uint64_t range_end(struct ash_range range)
{
    return range.base.value + range.size;
}

/** Joins [base, end) into a sorted list whose ranges neither overlap nor touch. */
static int list_join(struct ash_range *list, unsigned *count, unsigned capacity, uint64_t base,
                     uint64_t end)
{
    unsigned first = 0;
    unsigned last; /* exclusive: what [first, last) holds touches the new range */

    while (first < *count && range_end(list[first]) < base) {
        first++;
    }
    last = first;
    while (last < *count && list[last].base.value <= end) {
        if (list[last].base.value < base) {
            base = list[last].base.value;
        }
        if (range_end(list[last]) > end) {
            end = range_end(list[last]);
        }
        last++;
    }
    if (last == first) {
        if (*count == capacity) {
            return ASH_ENOMEM;
        }
        for (unsigned i = *count; i > first; i--) {
            list[i] = list[i - 1];
        }
        *count += 1;
    } else {
        for (unsigned i = last; i < *count; i++) {
            list[first + 1 + i - last] = list[i];
        }
        *count -= last - first - 1;
    }
    list[first].base = ash_pa(base);
    list[first].size = end - base;
    return 0;
}

void ash_regions_init(struct ash_regions *regions)
{
    regions->ram_count = 0;
    regions->reserved_count = 0;
}

int ash_regions_add(struct ash_regions *regions, struct ash_range range)
{
    uint64_t base;
    uint64_t end;

    if (range.size == 0) {
        return ASH_EINVAL;
    }
    if (!ash_range_end(range.base.value, range.size, &end) || end > ASH_REGIONS_LIMIT) {
        return ASH_ERANGE;
    }
    end = ash_align_down(end, ASH_PAGE_SIZE);
    if (!ash_align_up(range.base.value, ASH_PAGE_SIZE, &base) || base >= end) {
        return 0;
    }
    return list_join(regions->ram, &regions->ram_count, ASH_REGIONS_RAM, base, end);
}

int ash_regions_reserve(struct ash_regions *regions, struct ash_range range)
{
    uint64_t end;

    if (range.size == 0) {
        return ASH_EINVAL;
    }
    if (!ash_range_end(range.base.value, range.size, &end) ||
        !ash_align_up(end, ASH_PAGE_SIZE, &end) || end > ASH_REGIONS_LIMIT) {
        return ASH_ERANGE;
    }
    return list_join(regions->reserved, &regions->reserved_count, ASH_REGIONS_RESERVED,
                     ash_align_down(range.base.value, ASH_PAGE_SIZE), end);
}

/** The highest aligned place for `size` bytes in [low, high) that is not reserved. */
static bool place_between(const struct ash_regions *regions, uint64_t low, uint64_t high,
                          uint64_t size, uint64_t align, uint64_t *place)
{
    unsigned below = regions->reserved_count;

    while (high > low) {
        uint64_t gap = low;

        while (below > 0 && regions->reserved[below - 1].base.value >= high) {
            below--;
        }
        if (below > 0 && range_end(regions->reserved[below - 1]) > gap) {
            gap = range_end(regions->reserved[below - 1]);
        }
        if (high > gap && high - gap >= size) {
            *place = ash_align_down(high - size, align);
            if (*place >= gap) {
                return true;
            }
        }
        high = below > 0 ? regions->reserved[below - 1].base.value : low;
    }
    return false;
}

int ash_regions_take_in(struct ash_regions *regions, uint64_t size, uint64_t align,
                        struct ash_range within, ash_pa_t *base)
{
    uint64_t end;

    if (size == 0 || !ash_is_power_of_two(align)) {
        return ASH_EINVAL;
    }
    if (!ash_align_up(size, ASH_PAGE_SIZE, &size) ||
        !ash_range_end(within.base.value, within.size, &end)) {
        return ASH_ERANGE;
    }
    if (align < ASH_PAGE_SIZE) {
        align = ASH_PAGE_SIZE;
    }
    for (unsigned i = regions->ram_count; i > 0; i--) {
        const struct ash_range *ram = &regions->ram[i - 1];
        uint64_t low = ram->base.value;
        uint64_t high = range_end(*ram);
        uint64_t place;

        if (low < within.base.value && !ash_align_up(within.base.value, ASH_PAGE_SIZE, &low)) {
            continue;
        }
        if (high > end) {
            high = ash_align_down(end, ASH_PAGE_SIZE);
        }
        if (place_between(regions, low, high, size, align, &place)) {
            int error = ash_regions_reserve(regions, (struct ash_range){ash_pa(place), size});

            if (error == 0) {
                *base = ash_pa(place);
            }
            return error;
        }
    }
    return ASH_ENOMEM;
}

int ash_regions_take(struct ash_regions *regions, uint64_t size, uint64_t align, uint64_t limit,
                     ash_pa_t *base)
{
    return ash_regions_take_in(regions, size, align, (struct ash_range){ash_pa(0), limit}, base);
}

bool ash_regions_next_free(const struct ash_regions *regions, uint64_t *cursor,
                           struct ash_range *range)
{
    unsigned next = 0; /* the first reserved range that ends above `start` */

    for (unsigned i = 0; i < regions->ram_count; i++) {
        uint64_t start = regions->ram[i].base.value;
        uint64_t end = range_end(regions->ram[i]);

        if (start < *cursor) {
            start = *cursor;
        }
        while (start < end) {
            while (next < regions->reserved_count && range_end(regions->reserved[next]) <= start) {
                next++;
            }
            if (next == regions->reserved_count || regions->reserved[next].base.value > start) {
                break;
            }
            start = range_end(regions->reserved[next]);
        }
        if (start < end) {
            if (next < regions->reserved_count && regions->reserved[next].base.value < end) {
                end = regions->reserved[next].base.value;
            }
            range->base = ash_pa(start);
            range->size = end - start;
            *cursor = end;
            return true;
        }
    }
    return false;
}

bool ash_regions_is_ram(const struct ash_regions *regions, struct ash_range range)
{
    uint64_t end;

    if (range.size == 0 || !ash_range_end(range.base.value, range.size, &end)) {
        return false;
    }
    for (unsigned i = 0; i < regions->ram_count; i++) {
        if (range.base.value >= regions->ram[i].base.value && end <= range_end(regions->ram[i])) {
            return true;
        }
    }
    return false;
}

bool ash_regions_is_reserved(const struct ash_regions *regions, struct ash_range range)
{
    for (unsigned i = 0; i < regions->reserved_count && range.size != 0; i++) {
        uint64_t base = regions->reserved[i].base.value;

        /* Compared as distances, so that a range that wraps cannot hide. */
        if (range.base.value >= base ? range.base.value - base < regions->reserved[i].size
                                     : base - range.base.value < range.size) {
            return true;
        }
    }
    return false;
}
