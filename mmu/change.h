/* SPDX-License-Identifier: MIT */
/*
 * How an entry may change: the one decision, pure. Rules: DDI 0487 D8.16.1 and D8.17, DDI 0406C
 * B3.10.1; arm-rules 1, 3, 7, 9, 15, 25-27.
 */
#ifndef ASHLAR_MMU_CHANGE_H
#define ASHLAR_MMU_CHANGE_H

#include "mmu/descriptor.h"

enum mmu_change {
    MMU_KEEP,       /* there is nothing to do */
    MMU_STORE,      /* store; a barrier makes it visible */
    MMU_INVALIDATE, /* store, then invalidate what TLBs hold of the old entry */
    MMU_BREAK,      /* break-before-make: invalid, invalidate, then store */
    MMU_REFUSE,     /* never: no table may hold the new descriptor */
};

#define MMU_ACCESS      (MMU_USER | MMU_READ_ONLY | MMU_NO_EXEC | MMU_GUARDED | MMU_DIRTY_BIT)
#define MMU_HOLE_NEEDED (MMU_OUTPUT | MMU_INDEX | MMU_SHAREABLE | MMU_NOT_GLOBAL | MMU_CONTIGUOUS)

/** For any two descriptors of a level. */
enum mmu_change mmu_change(uint64_t old, uint64_t new, unsigned level);

/** The same where both are pages, or both blocks, and may exist. */
static inline enum mmu_change mmu_change_leaf(uint64_t old, uint64_t new)
{
    uint64_t difference = old ^ new;

    if (difference == 0) {
        return MMU_KEEP;
    }
    if (difference & MMU_HOLE_NEEDED) {
        return MMU_BREAK;
    }
    /* Access flag and dirty state may differ in a contiguous run, and what is ignored. */
    if ((old & MMU_CONTIGUOUS) && (difference & MMU_ACCESS)) {
        return MMU_BREAK;
    }
    /* An entry without AF is in no TLB, so setting it needs no invalidation; clearing does. */
    if ((difference & MMU_ACCESS) || (difference & old & MMU_ACCESSED)) {
        return MMU_INVALIDATE;
    }
    return MMU_STORE;
}

#endif
