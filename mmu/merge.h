/* SPDX-License-Identifier: MIT */
/*
 * Merging as a consequence of a mapping.
 */
#ifndef ASHLAR_MMU_MERGE_H
#define ASHLAR_MMU_MERGE_H

#include "mmu/walk.h"

/** After a mapping of the range: merges tables at its two ends that it has filled, where their
 *  entries form a block. Tables in between are either blocks already or cannot be. Not in a frozen
 *  map. */
void mmu_merge_filled(struct ash_mmu *map, const struct mmu_range *range);

#endif
