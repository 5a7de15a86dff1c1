/* SPDX-License-Identifier: MIT */
/*
 * The early memory map: which physical memory is RAM, and which of it is spoken for.
 *
 * A value with fixed capacity, filled by one CPU before there is any allocator: the MMU may be
 * off. The boot code adds RAM, reserves what must not be given out, and takes what it needs
 * (translation tables, the metadata of the frame allocator); `frames` gets the rest.
 * Both lists stay sorted by address, their ranges disjoint and not adjacent. Callers may read
 * them, and change them through the functions below only.
 *
 * Everything here: early code, one context, no lock, no barrier, no cache operation. Cost is
 * linear in the number of ranges.
 */
#ifndef ASHLAR_REGIONS_H
#define ASHLAR_REGIONS_H

#include "errors.h"
#include "types.h"

#define ASH_REGIONS_RAM      16
#define ASH_REGIONS_RESERVED 64

/** One past the highest physical address that a frame number can name (16 TiB). */
#define ASH_REGIONS_LIMIT ((uint64_t)UINT32_MAX << ASH_PAGE_SHIFT)

struct ash_regions {
    unsigned ram_count, reserved_count;
    struct ash_range ram[ASH_REGIONS_RAM];           /**< whole pages */
    struct ash_range reserved[ASH_REGIONS_RESERVED]; /**< whole pages, RAM or not */
};

/** Makes the map empty. */
void ash_regions_init(struct ash_regions *regions);

/**
 * Adds RAM. The range is rounded inwards to pages (nothing is added if no page is left) and
 * merged with RAM that it touches or overlaps.
 * Errors: ASH_EINVAL (size 0), ASH_ERANGE (wraps, or ends above ASH_REGIONS_LIMIT), ASH_ENOMEM
 * (the table is full).
 */
int ash_regions_add(struct ash_regions *regions, struct ash_range range);

/**
 * Reserves a range: rounded outwards to pages, any overlap with RAM or reserved ranges allowed.
 * Errors as ash_regions_add.
 */
int ash_regions_reserve(struct ash_regions *regions, struct ash_range range);

/**
 * Takes `size` bytes (rounded up to pages) of free RAM aligned to `align` (a power of two, rounded
 * up to a page), at the highest place that lies wholly in `within`, and reserves them. The contents
 * are whatever they were.
 * Errors: ASH_EINVAL (size 0, align no power of two), ASH_ERANGE (size or `within` wraps),
 * ASH_ENOMEM (no such place, or the table is full).
 */
int ash_regions_take_in(struct ash_regions *regions, uint64_t size, uint64_t align,
                        struct ash_range within, ash_pa_t *base);

/** The same anywhere below `limit` (exclusive). */
int ash_regions_take(struct ash_regions *regions, uint64_t size, uint64_t align, uint64_t limit,
                     ash_pa_t *base);

/**
 * Iterates over free RAM (RAM that is not reserved), upwards. Start with *cursor = 0; each call
 * that returns true has put the next maximal free range into *range and moved *cursor past it.
 */
bool ash_regions_next_free(const struct ash_regions *regions, uint64_t *cursor,
                           struct ash_range *range);

/** True if the whole range is RAM, reserved or not. False for size 0 and for ranges that wrap. */
bool ash_regions_is_ram(const struct ash_regions *regions, struct ash_range range);

/** True if any byte of the range is reserved. */
bool ash_regions_is_reserved(const struct ash_regions *regions, struct ash_range range);

#endif
