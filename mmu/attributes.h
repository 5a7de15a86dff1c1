/* SPDX-License-Identifier: MIT */
/*
 * Attributes, in the one place that builds them: what must not exist cannot be built. The accesses
 * of a format are a table (format.c).
 */
#ifndef ASHLAR_MMU_ATTRIBUTES_H
#define ASHLAR_MMU_ATTRIBUTES_H

#include "mmu/descriptor.h"

#define MMU_AP_SHIFT     6  /* in the lower half of a descriptor */
#define MMU_ACCESS_SHIFT 18 /* bits [55:50], in the upper one */
#define MMU_TYPE_SHIFT   8  /* a memory type of the interface is a MAIR index at this bit */

#define MMU_ATTR_ACCESS (ASH_MMU_WRITE | ASH_MMU_EXEC | ASH_MMU_USER)
#define MMU_ATTR_STATE  (ASH_MMU_OLD | ASH_MMU_CLEAN)
/* Of these any may be with any. */
#define MMU_ATTR_PLAIN (ASH_MMU_TYPE_MASK | ASH_MMU_WRITE | ASH_MMU_USER | ASH_MMU_PAGES)

static inline uint64_t mmu_leaf_plain(const struct ash_mmu *map, ash_mmu_attr_t attr)
{
    return map->format->access[attr & MMU_ATTR_ACCESS] |
           (attr & ASH_MMU_TYPE_MASK) >> (MMU_TYPE_SHIFT - MMU_INDEX_SHIFT) |
           (map->global ? 0 : MMU_NOT_GLOBAL);
}

/** mmu_leaf_encode() for all attributes. */
int mmu_leaf_special(const struct ash_mmu *map, ash_mmu_attr_t attr, uint64_t *bits);

/** The descriptor of a page or block but for output address and type. ASH_EINVAL, ASH_EPERM. */
static inline int mmu_leaf_encode(const struct ash_mmu *map, ash_mmu_attr_t attr, uint64_t *bits)
{
    if (attr & ~MMU_ATTR_PLAIN) {
        return mmu_leaf_special(map, attr, bits);
    }
    *bits = mmu_leaf_plain(map, attr);
    return 0;
}

/** What a page or block allows, and its state. */
static inline ash_mmu_attr_t mmu_leaf_decode(const struct ash_mmu *map, uint64_t descriptor)
{
    uint32_t low = (uint32_t)descriptor, high = (uint32_t)(descriptor >> 32);
    uint32_t access = high >> MMU_ACCESS_SHIFT & 0x3f, ap = low >> MMU_AP_SHIFT & 3;
    ash_mmu_attr_t attr = map->format->access_of[access << 2 | ap];

    if ((low & MMU_ACCESSED) == 0) {
        attr |= ASH_MMU_OLD;
    }
    return attr | (low & (uint32_t)MMU_INDEX) << (MMU_TYPE_SHIFT - MMU_INDEX_SHIFT);
}

/** What the page or block that covers va, found at this level, says. No block exceeds 1 GiB. */
static inline void mmu_leaf_describe(const struct ash_mmu *map, uint64_t descriptor, unsigned level,
                                     uintptr_t va, struct ash_mmu_mapping *mapping)
{
    uint32_t size = (uint32_t)ASH_PAGE_SIZE << mmu_shift(level);

    mapping->va = ash_va(va & ~(uintptr_t)(size - 1));
    mapping->pa = mmu_output(descriptor);
    mapping->size = size;
    mapping->level = level;
    mapping->attr = mmu_leaf_decode(map, descriptor);
    mapping->descriptor = descriptor;
}

#endif
