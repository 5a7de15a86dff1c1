/* SPDX-License-Identifier: MIT */
/*
 * What the files of vmap share: an area's way from free to mapped and back.
 *
 * Under vmap's lock an area is taken or recognised, and is then CHANGING, which makes it the
 * caller's alone; its pages are mapped or unmapped without that lock; then it gets its kind, or
 * becomes free.
 */
#ifndef ALLOC_VMAP_H
#define ALLOC_VMAP_H

#include "alloc/vmap_areas.h"
#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "ashlar/vmap.h"
#include "port/spinlock.h"

struct vmap_state {
    struct ash_spinlock lock; /* of the areas */
    struct vmap_areas areas;
    LIST_HEAD(vmap_devices, vmap_area) devices;
    struct vmap_area *stacks;
    uintptr_t first, pages; /* of the range; the last page is no area's */
    struct ash_mmu *map;
    struct ash_spinlock *map_lock;
};

extern struct vmap_state vmap_state;

/** Pages mapped or unmapped in one hold of the map's lock, at most: one table. */
#define VMAP_STEP 512u

/** Frames that are collected before they are mapped or given back. */
#define VMAP_BATCH 32u

static inline ash_va_t vmap_page_va(uintptr_t page)
{
    return ash_va(page << ASH_PAGE_SHIFT);
}

/** The first mapped address of an area. */
static inline ash_va_t vmap_area_va(const struct vmap_area *area)
{
    return vmap_page_va(area->page + 1);
}

/** An area for `pages` mapped pages, CHANGING. ASH_ENOSYS, ASH_ENOMEM. */
int vmap_open(uintptr_t pages, uintptr_t align, uintptr_t phase, struct vmap_area **area);
/** What vmap_open gave, mapped by now, gets its kind. */
void vmap_ready(struct vmap_area *area, enum vmap_kind kind);
/** What is CHANGING, and has nothing mapped, becomes free. */
void vmap_close(struct vmap_area *area);

/**
 * The area whose first mapped byte is at `address`, of a kind in the set (1 << kind): it is
 * CHANGING now. NULL after ash_fault_hook was told why not, or if a device has more uses.
 */
struct vmap_area *vmap_claim(const void *address, unsigned kinds, const void *caller);

/** Tells the hook. No lock is held. */
void vmap_fault(enum ash_fault_kind kind, const char *what, uintptr_t address, const void *caller);

/** Maps [pa, pa + pages) at `page`, in steps. All or nothing. */
int vmap_map(uintptr_t page, ash_pa_t pa, uintptr_t pages, ash_mmu_attr_t attr);
/** Maps the frames at `page`. All or nothing. */
int vmap_map_frames(uintptr_t page, const ash_frame_t *frames, size_t count, ash_mmu_attr_t attr);
/** Unmaps pages that are all mapped, in steps. Cannot fail. */
void vmap_unmap(uintptr_t page, uintptr_t pages);

/** An area of `bytes`, rounded up to pages, with zeroed frames of its own, CHANGING still. NULL. */
struct vmap_area *vmap_memory_open(size_t bytes, unsigned owner);
/** Unmaps it, gives its frames back, closes it. */
void vmap_memory_close(struct vmap_area *area);

/** No window is open; takes addresses and tables for the windows of all CPUs if they are wanted. */
int vmap_windows_init(bool wanted);

#endif
