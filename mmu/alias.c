/* SPDX-License-Identifier: MIT */
/*
 * A frame mapped with two memory types (arm-rules 24): found by comparing each run of neighbours
 * that is not write-back memory, of which there are few, with the whole map.
 */
#include "mmu/alias.h"

/* Neighbours in VA and PA of one type. */
struct run {
    const struct ash_mmu *map;
    uint64_t pa, size;
    uintptr_t next; /* page past it */
    ash_mmu_attr_t type;
    bool open;
    struct ash_mmu_mapping other; /* of the same memory, with another type */
};

static ash_mmu_attr_t type_of(const struct ash_mmu_mapping *mapping)
{
    return mapping->attr & ASH_MMU_TYPE_MASK;
}

/* Visitor: 1 when the run has ended, with what comes next not looked at. */
static int extend(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct run *run = arg;
    uintptr_t page = (mapping->va.value - run->map->base.value) >> ASH_PAGE_SHIFT;

    if (!run->open) {
        if (type_of(mapping) == ASH_MMU_NORMAL) {
            return 0;
        }
        run->open = true;
        run->pa = mapping->pa.value;
        run->size = 0;
        run->type = type_of(mapping);
    } else if (page != run->next || mapping->pa.value != run->pa + run->size ||
               type_of(mapping) != run->type) {
        return 1;
    }
    run->size += mapping->size;
    run->next = page + (uintptr_t)(mapping->size >> ASH_PAGE_SHIFT);
    return 0;
}

/* Visitor: 1 at a mapping of the run's memory with another type. */
static int compare(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct run *run = arg;

    if (type_of(mapping) == run->type || mapping->pa.value >= run->pa + run->size ||
        run->pa >= mapping->pa.value + mapping->size) {
        return 0;
    }
    run->other.va = mapping->va;
    run->other.level = mapping->level;
    run->other.descriptor = mapping->descriptor;
    return 1;
}

static int walk_from(struct run *run, uintptr_t page, ash_mmu_visitor visitor)
{
    const struct ash_mmu *map = run->map;

    return ash_mmu_walk(map, ash_va(map->base.value + (page << ASH_PAGE_SHIFT)),
                        (uint64_t)(map->pages - page) << ASH_PAGE_SHIFT, visitor, run);
}

bool mmu_alias_find(const struct ash_mmu *map, struct ash_mmu_mapping *found)
{
    struct run run;

    run.map = map;
    run.next = 0;
    do {
        run.open = false;
        walk_from(&run, run.next, extend);
        if (run.open && walk_from(&run, 0, compare) != 0) {
            found->va = run.other.va;
            found->level = run.other.level;
            found->descriptor = run.other.descriptor;
            return true;
        }
    } while (run.open && run.next < map->pages);
    return false;
}
