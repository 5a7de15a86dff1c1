/* SPDX-License-Identifier: MIT */
/*
 * Zones: where a frozen map may still change.
 */
#ifndef ASHLAR_MMU_ZONE_H
#define ASHLAR_MMU_ZONE_H

#include "mmu/walk.h"

/** Whether what is mapped in the range may change now. */
bool mmu_zone_allows(const struct ash_mmu *map, const struct mmu_range *range);

#endif
