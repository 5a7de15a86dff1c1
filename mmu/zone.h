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

#endif
