/* SPDX-License-Identifier: MIT */
/*
 * Device registers in the firmware's map: at VA = PA where the identity map reaches, in the
 * board's vmap range elsewhere.
 */
#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "port/spinlock.h"
#include "startup/boot_map.h"

static int take_first(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct ash_mmu_mapping *first = arg;

    first->va = mapping->va;
    first->size = mapping->size;
    first->attr = mapping->attr;
    return 1;
}

/* The first mapping that touches [at, end), or one of size 0 at `end`. */
static void first_mapping(uint64_t at, uint64_t end, struct ash_mmu_mapping *first)
{
    if (ash_mmu_walk(&ash_boot_map, ash_va((uintptr_t)at), end - at, take_first, first) != 1) {
        first->va = ash_va((uintptr_t)end);
        first->size = 0;
        first->attr = ASH_MMU_DEVICE;
    }
}

/* Calls gap for every part of [start, end) that is not mapped. All that is mapped must be device
 * memory. The end may be the end of the address space, which a mapping's va cannot show. */
static int for_each_gap(uint64_t start, uint64_t end, int (*gap)(uint64_t start, uint64_t end))
{
    int error = 0;

    for (uint64_t at = start; at < end && error == 0;) {
        struct ash_mmu_mapping next;
        uint64_t stop;

        first_mapping(at, end, &next);
        if ((next.attr & ASH_MMU_TYPE_MASK) != ASH_MMU_DEVICE) {
            return ASH_EBUSY;
        }
        stop = next.size == 0 ? end : next.va.value;
        if (at < stop) {
            error = gap(at, stop);
        }
        at = stop + next.size;
    }
    return error;
}

static int gap_ignore(uint64_t start, uint64_t end)
{
    (void)start;
    (void)end;
    return 0;
}

static int gap_map(uint64_t start, uint64_t end)
{
    return ash_mmu_map(&ash_boot_map, ash_va((uintptr_t)start), ash_pa(start), end - start,
                       ASH_MMU_DEVICE | ASH_MMU_WRITE);
}

/* Maps what is not mapped of [start, end) at VA = PA; all that is mapped must be device memory. */
static int map_identity(uint64_t start, uint64_t end)
{
    int error = for_each_gap(start, end, gap_ignore);

    return error != 0 ? error : for_each_gap(start, end, gap_map);
}

/* Looks for [pa, pa + size) among the mappings of the vmap range, and for the first gap there. */
struct search {
    uint64_t pa, size;
    uintptr_t next;  /* end of the mappings seen */
    uintptr_t gap;   /* start of the first gap that fits, or 0 */
    uintptr_t found; /* or 0 */
    uintptr_t run_va;
    uint64_t run_pa; /* the run of contiguous mappings seen last */
};

static int search_visit(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct search *search = arg;
    uint64_t run_end = search->run_pa + (search->next - search->run_va);

    if (search->gap == 0 && mapping->va.value - search->next > search->size) {
        search->gap = search->next;
    }
    if (mapping->va.value != search->next || mapping->pa.value != run_end) {
        search->run_va = mapping->va.value;
        search->run_pa = mapping->pa.value;
    }
    search->next = mapping->va.value + (uintptr_t)mapping->size;
    if (search->pa >= search->run_pa &&
        search->pa + search->size <= search->run_pa + (search->next - search->run_va)) {
        search->found = search->run_va + (uintptr_t)(search->pa - search->run_pa);
        return 1;
    }
    return 0;
}

/* An unmapped page stays between two mappings: the search keeps size + 1 bytes free. */
static int map_in_vmap(uint64_t start, uint64_t end, uintptr_t *va)
{
    struct ash_range vmap = ash_board.vmap;
    struct search search = {.pa = start, .size = end - start};
    uintptr_t top = (uintptr_t)(vmap.base.value + vmap.size);

    if (vmap.size == 0) {
        return ASH_ERANGE;
    }
    search.next = search.run_va = (uintptr_t)vmap.base.value;
    search.run_pa = UINT64_MAX;
    if (ash_mmu_walk(&ash_boot_map, ash_va((uintptr_t)vmap.base.value), vmap.size, search_visit,
                     &search) == 1) {
        *va = search.found;
        return 0;
    }
    if (search.gap == 0) {
        if (top - search.next <= search.size) {
            return ASH_ENOMEM;
        }
        search.gap =
            search.next == (uintptr_t)vmap.base.value ? search.next : search.next + ASH_PAGE_SIZE;
    }
    if (search.size > top - search.gap) {
        return ASH_ENOMEM;
    }
    *va = search.gap;
    return ash_mmu_map(&ash_boot_map, ash_va(search.gap), ash_pa(start), search.size,
                       ASH_MMU_DEVICE | ASH_MMU_WRITE);
}

int boot_map_device(ash_pa_t pa, uint64_t size, ash_va_t *va)
{
    uint64_t start = ash_align_down(pa.value, ASH_PAGE_SIZE);
    uint64_t end;
    uintptr_t page = (uintptr_t)start;
    int error;

    if (size == 0) {
        return ASH_EINVAL;
    }
    if (!ash_range_end(pa.value, size, &end) || !ash_align_up(end, ASH_PAGE_SIZE, &end)) {
        return ASH_ERANGE;
    }
    error = end <= boot_map_limit() ? map_identity(start, end) : map_in_vmap(start, end, &page);
    if (error == 0) {
        *va = ash_va(page + (uintptr_t)(pa.value - start));
    }
    return error;
}

int ash_map_device(ash_pa_t pa, uint64_t size, ash_va_t *va)
{
    unsigned long saved = spinlock_acquire(&ash_boot_map_lock);
    int error = boot_map_device(pa, size, va);

    spinlock_release(&ash_boot_map_lock, saved);
    return error;
}
