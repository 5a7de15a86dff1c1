/* SPDX-License-Identifier: MIT */
/*
 * A frame mapped with two memory types (arm-rules 24): found by comparing runs of neighbours that
 * are not write-back memory, of which there are few, with the whole map; some at a time.
 */
#include "mmu/alias.h"

#define RUNS 16u

/* Neighbours in VA and PA of one type. */
struct run {
    uint64_t pa, size;
    uintptr_t end; /* page past it, from the map's base */
    ash_mmu_attr_t type;
};

struct search {
    const struct ash_mmu *map;
    struct run run[RUNS];
    unsigned count;
    uintptr_t next; /* page that was not looked at for runs yet */
    struct ash_mmu_mapping *found;
};

static ash_mmu_attr_t type_of(const struct ash_mmu_mapping *mapping)
{
    return mapping->attr & ASH_MMU_TYPE_MASK;
}

/* Visitor: 1 when there is no room for another run. */
static int collect(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct search *search = arg;
    uintptr_t page = (mapping->va.value - search->map->base.value) >> ASH_PAGE_SHIFT;
    uintptr_t end = page + (uintptr_t)(mapping->size >> ASH_PAGE_SHIFT);
    struct run *last = search->count > 0 ? &search->run[search->count - 1] : NULL;

    if (type_of(mapping) != ASH_MMU_NORMAL) {
        if (last != NULL && last->end == page && last->type == type_of(mapping) &&
            last->pa + last->size == mapping->pa.value) {
            last->size += mapping->size;
            last->end = end;
        } else if (search->count == RUNS) {
            return 1;
        } else {
            last = &search->run[search->count++];
            last->pa = mapping->pa.value;
            last->size = mapping->size;
            last->end = end;
            last->type = type_of(mapping);
        }
    }
    search->next = end;
    return 0;
}

/* Visitor: 1 at a mapping of some run's memory with another type. */
static int compare(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct search *search = arg;

    for (unsigned i = 0; i < search->count; i++) {
        const struct run *run = &search->run[i];

        if (mapping->pa.value < run->pa + run->size &&
            run->pa < mapping->pa.value + mapping->size && type_of(mapping) != run->type) {
            search->found->va = mapping->va;
            search->found->level = mapping->level;
            search->found->descriptor = mapping->descriptor;
            return 1;
        }
    }
    return 0;
}

static int walk_from(struct search *search, uintptr_t page, ash_mmu_visitor visitor)
{
    const struct ash_mmu *map = search->map;

    return ash_mmu_walk(map, ash_va(map->base.value + (page << ASH_PAGE_SHIFT)),
                        (uint64_t)(map->pages - page) << ASH_PAGE_SHIFT, visitor, search);
}

bool mmu_alias_find(const struct ash_mmu *map, struct ash_mmu_mapping *found)
{
    struct search search;
    bool more;

    search.map = map;
    search.next = 0;
    search.found = found;
    do {
        search.count = 0;
        more = walk_from(&search, search.next, collect) != 0;
        if (search.count > 0 && walk_from(&search, 0, compare) != 0) {
            return true;
        }
    } while (more);
    return false;
}
