/* SPDX-License-Identifier: MIT */
/*
 * How a block is seen: cached, or uncached by re-typing its pages in the firmware's map, and what
 * it holds when it is handed out. Works on memory that is nobody's at the moment.
 */
#include "alloc/pmem_region.h"
#include "port/spinlock.h"

#define PMEM_PLAIN (ASH_MMU_NORMAL | ASH_MMU_WRITE)

/* Pages re-typed in one hold of the map's lock: bounds the time that interrupts are masked. */
#define PMEM_STEP 64u

static struct ash_mmu *view_map;
static struct ash_spinlock *view_lock;

void pmem_view_init(struct ash_mmu *map, struct ash_spinlock *lock)
{
    view_map = map;
    view_lock = lock;
}

static uint64_t view_step(uint64_t left)
{
    uint64_t step = PMEM_STEP * ASH_PAGE_SIZE;

    return left < step ? left : step;
}

/* Re-types from the start of the range; *done is how far it came. */
static int view_protect(ash_pa_t pa, uint64_t size, ash_mmu_attr_t attr, uint64_t *done)
{
    int error = 0;

    for (*done = 0; error == 0 && *done < size;) {
        uint64_t step = view_step(size - *done);
        unsigned long saved = spinlock_acquire(view_lock);

        error = ash_mmu_protect(view_map, ash_va((uintptr_t)(pa.value + *done)), step, attr);
        spinlock_release(view_lock, saved);
        *done += error == 0 ? step : 0;
    }
    return error;
}

/* All pages of the range become `to`, or all stay `from`. */
static int view_retype(ash_pa_t pa, uint64_t size, ash_mmu_attr_t from, ash_mmu_attr_t to)
{
    uint64_t done, undone;
    int error = view_protect(pa, size, to, &done);

    if (error != 0) {
        /* These pages were re-typed a moment ago, so the tables for that are there. */
        (void)view_protect(pa, done, from, &undone);
    }
    return error;
}

/* What a view is in the map. */
static ash_mmu_attr_t view_attr(uint32_t flags)
{
    if ((flags & ASH_PMEM_UNCACHED) != 0) {
        return ASH_MMU_UNCACHED | ASH_MMU_WRITE;
    }
    return (flags & ASH_PMEM_ORDERED) != 0 ? ASH_MMU_DEVICE | ASH_MMU_WRITE : PMEM_PLAIN;
}

int pmem_view_open(ash_pa_t pa, uint64_t size, uint32_t flags)
{
    void *ptr = port_ptr(pa);

    if ((flags & PMEM_VIEW) == 0) {
        if ((flags & ASH_PMEM_UNINIT) == 0) {
            port_zero(ptr, (size_t)size);
            port_cache_clean(ptr, (size_t)size);
        }
        return 0;
    }
    if (view_map == NULL) {
        return ASH_ENOSYS;
    }
    int error = view_retype(pa, size, PMEM_PLAIN, view_attr(flags));

    if (error != 0) {
        return error;
    }
    /* No cacheable mapping is left that could fetch a line again, so what is dropped now stays out
     * (arm-rules 24). Dirty lines of the last owner must not be written back later, over what the
     * new owner or a device has put there. */
    port_cache_clean_invalidate(ptr, (size_t)size);
    if ((flags & ASH_PMEM_UNINIT) == 0) {
        port_zero(ptr, (size_t)size); /* plain aligned stores, as Device memory wants */
        port_dsb_sy();
    }
    return 0;
}

int pmem_view_close(ash_pa_t pa, uint64_t size, uint32_t view)
{
    /* Writes through the old view reach memory before a cacheable read can fetch the line. */
    port_dsb_sy();
    return view_retype(pa, size, view_attr(view), PMEM_PLAIN);
}

/* *arg is the address up to which everything was as demanded. */
static int view_check(void *arg, const struct ash_mmu_mapping *mapping)
{
    uint64_t *expected = arg;

    if (mapping->va.value > *expected || mapping->pa.value != mapping->va.value ||
        mapping->attr != PMEM_PLAIN) {
        return ASH_EFAULT;
    }
    *expected = mapping->pa.value + mapping->size;
    return 0;
}

bool pmem_view_is_plain(ash_pa_t base, uint64_t size)
{
    uint64_t end = base.value + size;
    uint64_t checked = base.value;

    if (port_ptr(base) == NULL || port_ptr(ash_pa(end - 1)) == NULL) {
        return false;
    }
    while (view_map != NULL && checked < end) {
        uint64_t from = checked;
        uint64_t step = view_step(end - from);
        unsigned long saved = spinlock_acquire(view_lock);
        int error = ash_mmu_walk(view_map, ash_va((uintptr_t)from), step, view_check, &checked);

        spinlock_release(view_lock, saved);
        if (error != 0 || checked < from + step) {
            return false;
        }
    }
    return true;
}
