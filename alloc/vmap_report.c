/* SPDX-License-Identifier: MIT */
/*
 * Figures, the list of areas, and the check of areas against the map. Changes nothing.
 */
#include "alloc/vmap.h"
#include "port/outside.h"

void ash_vmap_stats(struct ash_vmap_stats *stats)
{
    if (!outside_interrupts(__func__)) {
        return;
    }

    unsigned long saved = spinlock_acquire(&vmap_state.lock);
    struct vmap_areas *areas = &vmap_state.areas;
    uintptr_t largest = vmap_areas_largest(areas);

    *stats = (struct ash_vmap_stats){
        .range = {ash_pa((uint64_t)vmap_state.first << ASH_PAGE_SHIFT),
                  (uint64_t)vmap_state.pages << ASH_PAGE_SHIFT},
        .free = (uint64_t)areas->free << ASH_PAGE_SHIFT,
        .largest = (uint64_t)largest << ASH_PAGE_SHIFT,
        .areas = areas->count - areas->free_count,
        .nodes = areas->node_frames,
    };
    spinlock_release(&vmap_state.lock, saved);
}

/* A copy of the first area at or behind `page`; false if there is none. */
static bool area_from(uintptr_t page, struct vmap_area *copy)
{
    unsigned long saved = spinlock_acquire(&vmap_state.lock);
    const struct vmap_area *area = vmap_areas_find(&vmap_state.areas, page);

    if (area != NULL) {
        *copy = *area;
    }
    spinlock_release(&vmap_state.lock, saved);
    return area != NULL;
}

void ash_vmap_report(ash_print_fn print)
{
    if (!outside_locks(__func__)) {
        return;
    }

    static const char *const names[] = {"free",  "changing", "frames", "memory",
                                        "stack", "device",   "windows"};
    struct vmap_area area;

    for (uintptr_t page = vmap_state.first; area_from(page, &area); page = area.page + area.pages) {
        uintptr_t guards = area.kind == VMAP_FREE ? 0 : 1;

        print("  0x%08llx %9llu KiB  %s%s%s\n",
              (unsigned long long)(area.page + guards) << ASH_PAGE_SHIFT,
              (unsigned long long)(area.pages - guards) << (ASH_PAGE_SHIFT - 10), names[area.kind],
              area.kind == VMAP_STACK ? " " : "", area.kind == VMAP_STACK ? area.stack.name : "");
    }
}

struct sum {
    uint64_t first, end; /* bytes of addresses */
    uint64_t mapped;     /* of these */
};

static int add(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct sum *sum = arg;
    uint64_t from = mapping->va.value, to = from + mapping->size;

    from = from > sum->first ? from : sum->first;
    to = to < sum->end ? to : sum->end;
    sum->mapped += to - from;
    return 0;
}

/* Bytes mapped in [page, page + pages). */
static uint64_t mapped(uintptr_t page, uintptr_t pages)
{
    struct sum sum = {
        .first = (uint64_t)page << ASH_PAGE_SHIFT,
        .end = (uint64_t)(page + pages) << ASH_PAGE_SHIFT,
    };
    unsigned long saved = spinlock_acquire(vmap_state.map_lock);

    (void)ash_mmu_walk(vmap_state.map, vmap_page_va(page), sum.end - sum.first, add, &sum);
    spinlock_release(vmap_state.map_lock, saved);
    return sum.mapped;
}

/* What is wrong with an area, or NULL. */
static const char *contradiction(const struct vmap_area *area)
{
    uint64_t bytes = (uint64_t)(area->pages - 1) << ASH_PAGE_SHIFT;

    switch (area->kind) {
    case VMAP_CHANGING:
        return NULL;
    case VMAP_FREE:
        return mapped(area->page, area->pages) != 0 ? "something is mapped in a free area" : NULL;
    default:
        break;
    }
    if (mapped(area->page, 1) != 0) {
        return "a guard page is mapped";
    }
    if (area->kind != VMAP_WINDOWS && mapped(area->page + 1, area->pages - 1) != bytes) {
        return "pages of an area are not mapped";
    }
    return NULL;
}

int ash_vmap_verify(void)
{
    struct vmap_area area;
    const char *what = NULL;
    uintptr_t page = vmap_state.first;

    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }
    if (vmap_state.pages != 0) {
        unsigned long saved = spinlock_acquire(&vmap_state.lock);

        what = vmap_areas_sound(&vmap_state.areas) ? NULL : "areas contradict each other";
        spinlock_release(&vmap_state.lock, saved);
    }
    while (what == NULL && area_from(page, &area)) {
        what = contradiction(&area);
        page = area.page + area.pages;
    }
    if (what == NULL && vmap_state.pages != 0 &&
        mapped(vmap_state.first + vmap_state.pages - 1, 1) != 0) {
        what = "the last guard page is mapped";
    }
    if (what != NULL) {
        vmap_fault(ASH_FAULT_CORRUPT, what, page << ASH_PAGE_SHIFT, __builtin_return_address(0));
        return ASH_ECORRUPT;
    }
    return 0;
}
