/* SPDX-License-Identifier: MIT */
/*
 * Device registers in the firmware's map: at VA = PA where the identity map reaches; vmap finds
 * addresses for the others.
 */
#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "ashlar/vmap.h"
#include "port/spinlock.h"
#include "startup/boot_console.h"
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

static bool overlaps(uint64_t start, uint64_t end, const struct ash_range *range)
{
    return range->size != 0 && start < range->base.value + range->size && end > range->base.value;
}

/* VA = PA is free for devices there: the identity map reaches it, and vmap has other plans. */
static bool identity_reaches(uint64_t start, uint64_t end)
{
    return end <= boot_map_limit() && !overlaps(start, end, &ash_board.vmap);
}

/* Memory is never a device, mapped or not: guards and page 0 are unmapped on purpose, and RAM that
 * the identity map does not reach is mapped in windows and by vmap. */
static bool touches_memory(uint64_t start, uint64_t end)
{
    bool touches = start < ASH_PAGE_SIZE;

    for (unsigned i = 0; i < ash_platform.ram_count; i++) {
        touches = touches || overlaps(start, end, &ash_platform.ram[i]);
    }
    for (unsigned i = 0; i < ash_platform.flash_count; i++) {
        touches = touches || overlaps(start, end, &ash_platform.flash[i]);
    }
    return touches;
}

/* The whole pages that hold [pa, pa + size). */
static int pages_of(ash_pa_t pa, uint64_t size, uint64_t *start, uint64_t *end)
{
    if (size == 0) {
        return ASH_EINVAL;
    }
    *start = ash_align_down(pa.value, ASH_PAGE_SIZE);
    if (!ash_range_end(pa.value, size, end) || !ash_align_up(*end, ASH_PAGE_SIZE, end)) {
        return ASH_ERANGE;
    }
    return 0;
}

int boot_map_device(ash_pa_t pa, uint64_t size)
{
    uint64_t start, end;
    int error = pages_of(pa, size, &start, &end);

    if (error == 0 && touches_memory(start, end)) {
        error = ASH_EBUSY;
    } else if (error == 0 && identity_reaches(start, end)) {
        error = map_identity(start, end);
    }
    return error;
}

int ash_map_device(ash_pa_t pa, uint64_t size, ash_va_t *va)
{
    uint64_t start, end;
    ash_va_t page = ash_va(0);
    int error = pages_of(pa, size, &start, &end);

    if (error != 0) {
        return error;
    }
    if (touches_memory(start, end)) {
        error = ASH_EBUSY;
    } else if (identity_reaches(start, end)) {
        unsigned long saved = spinlock_acquire(&ash_boot_map_lock);

        error = map_identity(start, end);
        spinlock_release(&ash_boot_map_lock, saved);
        page = ash_va((uintptr_t)start);
    } else if (!boot_console_find(start, end, &page)) {
        error = ash_vmap_device(ash_pa(start), end - start, &page);
    }
    if (error == 0) {
        *va = ash_va(page.value + (uintptr_t)(pa.value - start));
    }
    return error == ASH_ENOSYS ? ASH_ERANGE : error;
}
