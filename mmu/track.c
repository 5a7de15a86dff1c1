/* SPDX-License-Identifier: MIT */
/*
 * Accessed and written: state of pages and blocks that the processor keeps by itself (FEAT_HAFDBS),
 * or that faults make known. Every change of it is one atomic step (arm-rules 6).
 */
#include "mmu/attributes.h"
#include "mmu/writer.h"
#include "mmu/zone.h"

bool ash_mmu_written(const struct ash_mmu_mapping *mapping)
{
    return (mapping->descriptor & MMU_WRITTEN) ||
           (mapping->attr & (ASH_MMU_WRITE | ASH_MMU_CLEAN)) == ASH_MMU_WRITE;
}

/* What an entry becomes by an access; 0 if it must not. */
static uint64_t touched(const struct ash_mmu *map, uint64_t old, bool write)
{
    if (!write || (old & MMU_READ_ONLY) == 0) {
        return old | MMU_ACCESSED;
    }
    return old & map->format->writable ? (old | MMU_ACCESSED) & ~MMU_READ_ONLY : 0;
}

int ash_mmu_touch(struct ash_mmu *map, ash_va_t va, bool write)
{
    uintptr_t page = (va.value - map->base.value) >> ASH_PAGE_SHIFT;
    struct mmu_gather gather;
    struct mmu_place place;
    struct mmu_path path;
    uint64_t new;

    if (!map->track) {
        return ASH_EINVAL;
    }
    if (page >= map->pages) {
        return ASH_ERANGE;
    }
    mmu_path_find(&path, map, page, 3);
    place = (struct mmu_place){
        .entry = path.entry[path.level], .level = path.level, .page = page, .published = true};
    mmu_gather_start(&gather, map);
    do {
        if (!mmu_is_valid(path.last)) {
            return ASH_ENOENT;
        }
        new = touched(map, path.last, write);
        if (new == 0) {
            return ASH_EPERM;
        }
    } while (new != path.last && !mmu_gather_exchange(&gather, &place, &path.last, new));
    mmu_gather_flush(&gather);
    return 0;
}

/* What an entry becomes when its state is taken. */
static uint64_t harvested(const struct ash_mmu *map, uint64_t old, ash_mmu_attr_t clear)
{
    uint64_t new = old;

    if (clear & ASH_MMU_OLD) {
        new &= ~MMU_ACCESSED;
    }
    if (clear & ASH_MMU_CLEAN) {
        new &= ~MMU_WRITTEN;
        if ((old & MMU_READ_ONLY) == 0) {
            new |= MMU_READ_ONLY | map->format->writable;
        }
    }
    return new;
}

/* One page or block, under the cursor. */
static int harvest(struct mmu_gather *gather, const struct mmu_walk *walk, ash_mmu_attr_t clear,
                   ash_mmu_visitor visitor, void *arg)
{
    struct ash_mmu *map = gather->map;
    const struct mmu_place place = {
        .entry = mmu_walk_entry(walk), .level = walk->level, .page = walk->page, .published = true};
    struct ash_mmu_mapping mapping;
    uint64_t old, new;

    if (clear != 0) {
        mmu_gather_unfold(gather, &place);
    }
    old = port_entry_load(place.entry);
    do {
        new = harvested(map, old, clear);
    } while (new != old && !mmu_gather_exchange(gather, &place, &old, new));
    mmu_leaf_describe(map, old, walk->level, map->base.value + (walk->page << ASH_PAGE_SHIFT),
                      &mapping);
    if ((mapping.attr & ASH_MMU_OLD) && !ash_mmu_written(&mapping)) {
        return 0;
    }
    return visitor(arg, &mapping);
}

int ash_mmu_harvest(struct ash_mmu *map, ash_va_t va, uint64_t size, ash_mmu_attr_t clear,
                    ash_mmu_visitor visitor, void *arg)
{
    struct mmu_gather gather;
    struct mmu_range range;
    struct mmu_walk walk;
    int verdict = mmu_range_check(map, va, size, &range);

    if (verdict != 0) {
        return verdict;
    }
    if (!map->track || (clear & ~MMU_ATTR_STATE)) {
        return ASH_EINVAL;
    }
    if (clear != 0 && !mmu_zone_allows_parts(map, &range)) {
        return ASH_EBUSY;
    }
    mmu_gather_start(&gather, map);
    mmu_walk_start(&walk, map, &range);
    while (walk.page < walk.end && verdict == 0) {
        uint64_t *entry = mmu_walk_entry(&walk);
        uint64_t descriptor = port_entry_load(entry);

        if (!mmu_is_valid(descriptor)) {
            mmu_walk_next(&walk, mmu_entries_valid(entry, mmu_walk_room(&walk), 0));
        } else if (mmu_is_table(descriptor, walk.level)) {
            mmu_walk_down(&walk, entry, descriptor);
        } else {
            verdict = harvest(&gather, &walk, clear, visitor, arg);
            mmu_walk_next(&walk, 1);
        }
    }
    mmu_gather_flush(&gather);
    return verdict;
}
