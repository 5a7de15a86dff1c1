/* SPDX-License-Identifier: MIT */
/*
 * Ranges inside one table of pages, which are what most operations are about: the same checks,
 * stores and barriers as the walker's and the writer's, without a cursor. What would touch more
 * than that table and its link is left to them.
 */
#ifndef ASHLAR_MMU_SLOT_H
#define ASHLAR_MMU_SLOT_H

#include "mmu/walk.h"

/** Nothing was done: the range, or what it meets, is the general walk's business. */
#define MMU_ELSEWHERE 1

/** Whether one table of pages holds the whole range. */
static inline bool mmu_slot_holds(const struct mmu_range *range)
{
    return (range->page ^ (range->end - 1)) >> mmu_shift(2) == 0;
}

static inline unsigned mmu_slot_count(const struct mmu_range *range)
{
    return (unsigned)(range->end - range->page);
}

/** Maps `count` pages, the first with the descriptor `first`. As ash_mmu_map(). */
int mmu_slot_map(struct ash_mmu *map, uintptr_t page, unsigned count, uint64_t first);

/** As ash_mmu_unmap(), or MMU_ELSEWHERE. */
int mmu_slot_unmap(struct ash_mmu *map, uintptr_t page, unsigned count);

/** As ash_mmu_protect(), or MMU_ELSEWHERE: each entry becomes (old & keep) | bits. */
int mmu_slot_protect(struct ash_mmu *map, uintptr_t page, unsigned count, uint64_t keep,
                     uint64_t bits);

#endif
