/* SPDX-License-Identifier: MIT */
/*
 * Reading a map: one address, or every mapping of a range.
 */
#include "mmu/walk.h"

static void describe(const struct ash_mmu *map, uint64_t descriptor, unsigned level, uintptr_t page,
                     struct ash_mmu_mapping *mapping)
{
    unsigned shift = mmu_shift(level);

    mapping->va = ash_va(map->base.value + (page >> shift << shift << ASH_PAGE_SHIFT));
    mapping->pa = mmu_output(descriptor);
    mapping->size = (uint64_t)ASH_PAGE_SIZE << shift;
    mapping->level = level;
    mapping->attr = mmu_leaf_decode(descriptor);
    mapping->descriptor = descriptor;
}

int ash_mmu_query(const struct ash_mmu *map, ash_va_t va, struct ash_mmu_mapping *mapping)
{
    uintptr_t page = (va.value - map->base.value) >> ASH_PAGE_SHIFT;
    const uint64_t *table = map->root;

    if (va.value < map->base.value || page >= map->pages) {
        return ASH_ERANGE;
    }
    for (unsigned level = map->start;; level++) {
        uint64_t descriptor =
            port_entry_load(&table[(page >> mmu_shift(level)) & (MMU_ENTRIES - 1)]);

        if (!mmu_is_valid(descriptor)) {
            return ASH_ENOENT;
        }
        if (!mmu_is_table(descriptor, level)) {
            describe(map, descriptor, level, page, mapping);
            return 0;
        }
        table = port_ptr(mmu_output(descriptor));
    }
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
            mmu_walk_next(&walk, mmu_walk_alike(entry, mmu_walk_room(&walk), 0));
        } else if (mmu_is_table(descriptor, walk.level)) {
            mmu_walk_down(&walk, entry, descriptor);
        } else {
            describe(map, descriptor, walk.level, walk.page, &mapping);
            verdict = visitor(arg, &mapping);
            if (verdict != 0) {
                return verdict;
            }
            mmu_walk_next(&walk, 1);
        }
    }
    return 0;
}
