/* SPDX-License-Identifier: MIT */
/*
 * Attributes, in the one place that builds them: what must not exist cannot be built.
 */
#include "mmu/descriptor.h"

#define TYPE_SHIFT 8 /* a memory type of the interface is a MAIR index at this bit */
#define KNOWN                                                                                      \
    (ASH_MMU_TYPE_MASK | ASH_MMU_WRITE | ASH_MMU_EXEC | ASH_MMU_USER | ASH_MMU_PAGES |             \
     ASH_MMU_GUARDED)

int mmu_leaf_encode(const struct ash_mmu *map, ash_mmu_attr_t attr, uint64_t *bits)
{
    uint64_t leaf = MMU_ACCESSED | MMU_INNER;

    if (attr & ~KNOWN) {
        return ASH_EINVAL;
    }
    leaf |= (uint64_t)((attr & ASH_MMU_TYPE_MASK) >> TYPE_SHIFT << MMU_INDEX_SHIFT);
    if (!map->global) {
        leaf |= MMU_NOT_GLOBAL;
    }
    if ((attr & ASH_MMU_WRITE) == 0) {
        leaf |= MMU_READ_ONLY;
    }
    if (attr & ASH_MMU_USER) {
        leaf |= MMU_USER;
    }
    if (attr & ASH_MMU_GUARDED) {
        leaf |= map->format->guarded;
    }
    if ((attr & (ASH_MMU_EXEC | ASH_MMU_GUARDED)) == ASH_MMU_GUARDED) {
        return ASH_EPERM;
    }
    if ((attr & ASH_MMU_EXEC) == 0) {
        leaf |= MMU_NO_EXEC;
    } else if ((attr & ASH_MMU_WRITE) || (attr & ASH_MMU_TYPE_MASK) >= ASH_MMU_DEVICE) {
        return ASH_EPERM;
    } else {
        leaf |= attr & ASH_MMU_USER ? MMU_PXN : map->format->privileged_exec;
    }
    *bits = leaf;
    return 0;
}

ash_mmu_attr_t mmu_leaf_decode(uint64_t descriptor)
{
    ash_mmu_attr_t attr = (ash_mmu_attr_t)((descriptor & MMU_INDEX) >> MMU_INDEX_SHIFT)
                          << TYPE_SHIFT;
    uint64_t never = descriptor & MMU_USER ? MMU_XN : MMU_PXN;

    if ((descriptor & MMU_READ_ONLY) == 0) {
        attr |= ASH_MMU_WRITE;
    }
    if (descriptor & MMU_USER) {
        attr |= ASH_MMU_USER;
    }
    if ((descriptor & never) == 0) {
        attr |= ASH_MMU_EXEC;
    }
    if (descriptor & MMU_GUARDED) {
        attr |= ASH_MMU_GUARDED;
    }
    return attr;
}

const char *ash_mmu_type_name(ash_mmu_attr_t attr)
{
    static const char *const names[] = {"normal", "uncached", "device", "strict"};

    return names[(attr & ASH_MMU_TYPE_MASK) >> TYPE_SHIFT];
}
