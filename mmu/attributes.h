/* SPDX-License-Identifier: MIT */
/*
 * Attributes, in the one place that builds them: what must not exist cannot be built. The accesses
 * of a format are a table (format.c).
 */
#ifndef ASHLAR_MMU_ATTRIBUTES_H
#define ASHLAR_MMU_ATTRIBUTES_H

#include "mmu/descriptor.h"

#define MMU_AP_SHIFT    6  /* in the lower half of a descriptor */
#define MMU_NEVER_SHIFT 21 /* PXN and XN in the upper one */
#define MMU_TYPE_SHIFT  8  /* a memory type of the interface is a MAIR index at this bit */
#define MMU_ATTR_ACCESS (ASH_MMU_WRITE | ASH_MMU_EXEC | ASH_MMU_USER)
#define MMU_ATTR_KNOWN  (ASH_MMU_TYPE_MASK | MMU_ATTR_ACCESS | ASH_MMU_PAGES | ASH_MMU_GUARDED)

/** The descriptor of a page or block but for output address and type. ASH_EINVAL, ASH_EPERM. */
static inline int mmu_leaf_encode(const struct ash_mmu *map, ash_mmu_attr_t attr, uint64_t *bits)
{
    uint64_t leaf = map->format->access[attr & MMU_ATTR_ACCESS];

    if (attr & ~MMU_ATTR_KNOWN) {
        return ASH_EINVAL;
    }
    if (attr & (ASH_MMU_EXEC | ASH_MMU_GUARDED)) {
        if (leaf == 0 || (attr & ASH_MMU_EXEC) == 0 ||
            (attr & ASH_MMU_TYPE_MASK) >= ASH_MMU_DEVICE) {
            return ASH_EPERM;
        }
        if (attr & ASH_MMU_GUARDED) {
            leaf |= map->format->guarded;
        }
    }
    leaf |= (attr & ASH_MMU_TYPE_MASK) >> (MMU_TYPE_SHIFT - MMU_INDEX_SHIFT);
    *bits = leaf | (map->global ? 0 : MMU_NOT_GLOBAL);
    return 0;
}

/** What a page or block allows. */
static inline ash_mmu_attr_t mmu_leaf_decode(const struct ash_mmu *map, uint64_t descriptor)
{
    uint32_t low = (uint32_t)descriptor, high = (uint32_t)(descriptor >> 32);
    uint32_t never = high >> MMU_NEVER_SHIFT & 3, ap = low >> MMU_AP_SHIFT & 3;
    ash_mmu_attr_t attr = map->format->access_of[never << 2 | ap];

    if (high & (uint32_t)(MMU_GUARDED >> 32)) {
        attr |= ASH_MMU_GUARDED;
    }
    return attr | (low & (uint32_t)MMU_INDEX) << (MMU_TYPE_SHIFT - MMU_INDEX_SHIFT);
}

#endif
