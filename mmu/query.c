/* SPDX-License-Identifier: MIT */
/*
 * Reading a map: one address, or every mapping of a range.
 */
#include "mmu/attributes.h"
#include "mmu/walk.h"

int ash_mmu_query(const struct ash_mmu *map, ash_va_t va, struct ash_mmu_mapping *mapping)
{
    uintptr_t page = (va.value - map->base.value) >> ASH_PAGE_SHIFT;
    struct mmu_path path;

    if (page >= map->pages) { /* also below the base, which is 0 or ends at the top */
        return ASH_ERANGE;
    }
    mmu_path_find(&path, map, page, 3);
    if (!mmu_is_valid(path.last)) {
        return ASH_ENOENT;
    }
    if (path.level == 3) { /* most are: with a constant, it costs less */
        mmu_leaf_describe(map, path.last, 3, va.value, mapping);
    } else {
        mmu_leaf_describe(map, path.last, path.level, va.value, mapping);
    }
    return 0;
}

int ash_mmu_walk(const struct ash_mmu *map, ash_va_t va, uint64_t size, ash_mmu_visitor visitor,
                 void *arg)
{
    struct mmu_range range;
    struct mmu_walk walk;
    int error = mmu_range_check(map, va, size, &range);

    if (error != 0) {
        return error;
    }
    mmu_walk_start(&walk, map, &range);
    while (walk.page < walk.end) {
        uint64_t *entry = mmu_walk_entry(&walk);
        uint64_t descriptor = port_entry_load(entry);
        struct ash_mmu_mapping mapping;
        int verdict;

        if (!mmu_is_valid(descriptor)) {
            mmu_walk_next(&walk, mmu_entries_valid(entry, mmu_walk_room(&walk), 0));
        } else if (mmu_is_table(descriptor, walk.level)) {
            mmu_walk_down(&walk, entry, descriptor);
        } else {
            mmu_leaf_describe(map, descriptor, walk.level,
                              map->base.value + (walk.page << ASH_PAGE_SHIFT), &mapping);
            verdict = visitor(arg, &mapping);
            if (verdict != 0) {
                return verdict;
            }
            mmu_walk_next(&walk, 1);
        }
    }
    return 0;
}
