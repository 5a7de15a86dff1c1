/* SPDX-License-Identifier: MIT */
/*
 * Mismatched aliases within a map.
 */
#ifndef ASHLAR_MMU_ALIAS_H
#define ASHLAR_MMU_ALIAS_H

#include "ashlar/mmu.h"

/** Whether some frame is mapped with two memory types; if so, va, level and descriptor of one of
 *  its mappings. The tables are sound. */
bool mmu_alias_find(const struct ash_mmu *map, struct ash_mmu_mapping *found);

#endif
