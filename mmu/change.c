/* SPDX-License-Identifier: MIT */
/*
 * How an entry may change: decided from the old and the new descriptor alone.
 */
#include "mmu/change.h"

#define LEAF_KNOWN  (MMU_TYPE | MMU_HOLE_NEEDED | MMU_ACCESS | MMU_ACCESSED | MMU_SOFTWARE)
#define TABLE_KNOWN (MMU_TYPE | MMU_OUTPUT | MMU_TABLE_IGNORED)
#define LAST_NORMAL (1ull << MMU_INDEX_SHIFT) /* MAIR indices 0 and 1 are Normal memory ... */
#define LAST_INDEX  (3ull << MMU_INDEX_SHIFT) /* ... 2 and 3 Device, and there are no others */

static bool may_exist(uint64_t descriptor, unsigned level)
{
    uint64_t never = descriptor & MMU_NO_EXEC;

    if (!mmu_is_valid(descriptor)) {
        return true;
    }
    if (mmu_is_table(descriptor, level)) {
        return (descriptor & ~TABLE_KNOWN) == 0;
    }
    if ((descriptor & ~LEAF_KNOWN) || level == 0 ||
        (descriptor & MMU_TYPE) != mmu_leaf_type(level) ||
        (descriptor & MMU_OUTPUT & (mmu_leaf_step(level) - 1))) {
        return false;
    }
    if ((descriptor & MMU_INDEX) > LAST_INDEX) {
        return false;
    }
    if ((descriptor & (MMU_READ_ONLY | MMU_DIRTY_BIT)) != MMU_READ_ONLY ||
        (descriptor & MMU_INDEX) > LAST_NORMAL) {
        return never == MMU_NO_EXEC;
    }
    return (descriptor & MMU_USER) == 0 || (never & MMU_PXN);
}

enum mmu_change mmu_change(uint64_t old, uint64_t new, unsigned level)
{
    uint64_t difference = old ^ new;

    if (!may_exist(new, level)) {
        return MMU_REFUSE;
    }
    if (difference == 0) {
        return MMU_KEEP;
    }
    if (!mmu_is_valid(old)) {
        return MMU_STORE;
    }
    if (!mmu_is_valid(new)) {
        return MMU_INVALIDATE;
    }
    if (mmu_is_table(old, level) != mmu_is_table(new, level)) {
        return MMU_BREAK;
    }
    if (mmu_is_table(old, level)) {
        return difference & ~MMU_TABLE_IGNORED ? MMU_BREAK : MMU_STORE;
    }
    return mmu_change_leaf(old, new);
}
