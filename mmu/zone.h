/* SPDX-License-Identifier: MIT */
/*
 * Zones: where a frozen map may still change.
 */
#ifndef ASHLAR_MMU_ZONE_H
#define ASHLAR_MMU_ZONE_H

#include "mmu/walk.h"

/** Whether one zone holds the whole range. */
bool mmu_zone_holds(const struct ash_mmu *map, const struct mmu_range *range);

/** Whether what is mapped in the range may change now. */
static inline bool mmu_zone_allows(const struct ash_mmu *map, const struct mmu_range *range)
{
    return !map->frozen || mmu_zone_holds(map, range);
}

/** The same of the blocks, and of the runs with the contiguous hint, that the range begins and ends
 *  in: they change as a whole, so none of them may reach out of the zone. */
bool mmu_zone_allows_parts(const struct ash_mmu *map, const struct mmu_range *range);

#endif
