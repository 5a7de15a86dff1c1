/* SPDX-License-Identifier: MIT */
/*
 * The vmap range: areas from free to mapped and back, and mappings of a caller's frames.
 *
 * No page is mapped or unmapped under vmap's own lock: an area that is CHANGING belongs to nobody
 * else, and the map has a lock of its own, which is let go after each table.
 */
#include "alloc/vmap.h"

#include "port/outside.h"
#include "port/port.h"

struct vmap_state vmap_state = {.lock = ASH_SPINLOCK(ASH_LOCK_VMAP, "vmap")};

int ash_vmap_init(struct ash_mmu *map, struct ash_spinlock *lock, struct ash_range range,
                  bool windows)
{
    uintptr_t first = (uintptr_t)(range.base.value >> ASH_PAGE_SHIFT);
    uintptr_t pages = (uintptr_t)(range.size >> ASH_PAGE_SHIFT);
    int error;

    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }
    spinlock_retire(&vmap_state.lock);
    vmap_state = (struct vmap_state){.map = map, .map_lock = lock};
    spinlock_init(&vmap_state.lock, ASH_LOCK_VMAP, "vmap");
    LIST_INIT(&vmap_state.devices);
    if (range.size == 0) {
        return vmap_windows_init(false);
    }
    if (!ash_is_aligned(range.base.value | range.size, ASH_PAGE_SIZE)) {
        return ASH_EALIGN;
    }
    if (pages < 4) {
        return ASH_ENOMEM;
    }
    error = vmap_areas_init(&vmap_state.areas, first, pages - 1);
    if (error == 0) {
        vmap_state.first = first;
        vmap_state.pages = pages;
        error = vmap_windows_init(windows);
    }
    return error;
}

bool ash_vmap_contains(const void *address)
{
    return ((uintptr_t)address >> ASH_PAGE_SHIFT) - vmap_state.first < vmap_state.pages;
}

void vmap_fault(enum ash_fault_kind kind, const char *what, uintptr_t address, const void *caller)
{
    const struct ash_fault fault = {
        .kind = kind,
        .module = "vmap",
        .what = what,
        .address = address,
        .caller = caller,
    };

    ash_fault_hook(&fault);
}

int vmap_open(uintptr_t pages, uintptr_t align, uintptr_t phase, struct vmap_area **area)
{
    unsigned long saved;
    int error;

    if (vmap_state.pages == 0) {
        return ASH_ENOSYS;
    }
    if (pages >= vmap_state.pages) {
        return ASH_ENOMEM;
    }
    saved = spinlock_acquire(&vmap_state.lock);
    error = vmap_areas_take(&vmap_state.areas, pages + 1, align, phase, area);
    spinlock_release(&vmap_state.lock, saved);
    return error;
}

/* Lets go of the lock; at ASH_CHECK 2 checks the areas first. */
static void release(unsigned long saved)
{
    bool sound = ASH_CHECK < 2 || vmap_areas_sound(&vmap_state.areas);

    spinlock_release(&vmap_state.lock, saved);
    if (!sound) {
        vmap_fault(ASH_FAULT_CORRUPT, "areas contradict each other",
                   vmap_state.first << ASH_PAGE_SHIFT, NULL);
    }
}

void vmap_ready(struct vmap_area *area, enum vmap_kind kind)
{
    unsigned long saved = spinlock_acquire(&vmap_state.lock);

    area->kind = kind;
    release(saved);
}

void vmap_close(struct vmap_area *area)
{
    unsigned long saved = spinlock_acquire(&vmap_state.lock);

    vmap_areas_give(&vmap_state.areas, area);
    release(saved);
}

/* Why `address` does not name an area of these kinds; NULL if it does. */
static const char *refusal(const struct vmap_area *area, uintptr_t address, unsigned kinds,
                           enum ash_fault_kind *kind)
{
    *kind = ASH_FAULT_DOUBLE_FREE;
    if (area == NULL) {
        *kind = ASH_FAULT_FOREIGN;
        return "address is not in the vmap range";
    }
    if (area->kind == VMAP_FREE) {
        return "nothing is mapped there";
    }
    if (area->kind == VMAP_CHANGING) {
        return "mapping is being made or unmapped";
    }
    if ((kinds >> area->kind & 1u) == 0) {
        *kind = ASH_FAULT_FOREIGN;
        return "mapping was made by another function";
    }
    *kind = ASH_FAULT_MISALIGNED;
    if (area->kind == VMAP_DEVICE) {
        return address < vmap_area_va(area).value ? "address is in a guard page" : NULL;
    }
    return address != vmap_area_va(area).value ? "address is not the first of its mapping" : NULL;
}

struct vmap_area *vmap_claim(const void *address, unsigned kinds, const void *caller)
{
    uintptr_t va = (uintptr_t)address;
    struct vmap_area *area;
    unsigned long saved = spinlock_acquire(&vmap_state.lock);
    enum ash_fault_kind kind;
    const char *what;

    area = vmap_areas_find(&vmap_state.areas, va >> ASH_PAGE_SHIFT);
    what = refusal(area, va, kinds, &kind);
    if (what == NULL && area->kind == VMAP_DEVICE && --area->device.uses > 0) {
        area = NULL;
    } else if (what == NULL) {
        if (area->kind == VMAP_DEVICE) {
            LIST_REMOVE(area, device.link);
        }
        area->kind = VMAP_CHANGING;
    }
    spinlock_release(&vmap_state.lock, saved);
    if (what != NULL) {
        vmap_fault(kind, what, va, caller);
        return NULL;
    }
    return area;
}

/* Pages from `page` on that one hold of the map's lock may change: none of another table. */
static uintptr_t step_from(uintptr_t page, uintptr_t pages)
{
    uintptr_t step = VMAP_STEP - page % VMAP_STEP;

    return step < pages ? step : pages;
}

void vmap_unmap(uintptr_t page, uintptr_t pages)
{
    while (pages > 0) {
        uintptr_t step = step_from(page, pages);
        unsigned long saved = spinlock_acquire(vmap_state.map_lock);
        int error = ash_mmu_unmap(vmap_state.map, vmap_page_va(page), step << ASH_PAGE_SHIFT);

        spinlock_release(vmap_state.map_lock, saved);
        if (error != 0) {
            vmap_fault(ASH_FAULT_CORRUPT, "somebody else has changed what is mapped here",
                       page << ASH_PAGE_SHIFT, NULL);
        }
        page += step;
        pages -= step;
    }
}

int vmap_map(uintptr_t page, ash_pa_t pa, uintptr_t pages, ash_mmu_attr_t attr)
{
    uintptr_t done = 0;

    while (done < pages) {
        uintptr_t step = step_from(page + done, pages - done);
        unsigned long saved = spinlock_acquire(vmap_state.map_lock);
        int error = ash_mmu_map(vmap_state.map, vmap_page_va(page + done),
                                ash_pa(pa.value + ((uint64_t)done << ASH_PAGE_SHIFT)),
                                (uint64_t)step << ASH_PAGE_SHIFT, attr);

        spinlock_release(vmap_state.map_lock, saved);
        if (error != 0) {
            vmap_unmap(page, done);
            return error;
        }
        done += step;
    }
    return 0;
}

int vmap_map_frames(uintptr_t page, const ash_frame_t *frames, size_t count, ash_mmu_attr_t attr)
{
    size_t run;

    for (size_t done = 0; done < count; done += run) {
        int error;

        run = 1;
        while (done + run < count && frames[done + run].number == frames[done].number + run) {
            run++;
        }
        error = vmap_map(page + done, ash_frame_pa(frames[done]), run, attr);
        if (error != 0) {
            vmap_unmap(page, done);
            return error;
        }
    }
    return 0;
}

/* Whether a frame may get a second mapping, as Normal memory (arm-rules 24). */
static int check_frame(ash_frame_t frame)
{
    ash_pa_t pa = ash_frame_pa(frame);
    struct ash_mmu_mapping mapping;
    struct ash_frame_info info;
    unsigned long saved;
    bool other;

    ash_frames_query(frame, &info);
    if (info.state == ASH_FRAME_ABSENT || info.state == ASH_FRAME_FREE) {
        return ASH_EINVAL;
    }
    if ((uintptr_t)pa.value != pa.value) {
        return 0;
    }
    saved = spinlock_acquire(vmap_state.map_lock);
    other = ash_mmu_query(vmap_state.map, ash_va((uintptr_t)pa.value), &mapping) == 0 &&
            mapping.pa.value == mapping.va.value &&
            (mapping.attr & ASH_MMU_TYPE_MASK) != ASH_MMU_NORMAL;
    spinlock_release(vmap_state.map_lock, saved);
    return other ? ASH_EPERM : 0;
}

int ash_vmap(const ash_frame_t *frames, size_t count, ash_mmu_attr_t attr, void **out)
{
    struct vmap_area *area;
    int error;

    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }
    if (count == 0) {
        return ASH_EINVAL;
    }
    if ((attr & ~ASH_MMU_WRITE) != ASH_MMU_NORMAL) {
        return ASH_EPERM;
    }
    if (vmap_state.pages == 0) {
        return ASH_ENOSYS;
    }
    for (size_t i = 0; i < count; i++) {
        error = check_frame(frames[i]);
        if (error != 0) {
            return error;
        }
    }
    error = vmap_open(count, 1, 0, &area);
    if (error != 0) {
        return error;
    }
    error = vmap_map_frames(area->page + 1, frames, count, attr);
    if (error != 0) {
        vmap_close(area);
        return error;
    }
    *out = (void *)vmap_area_va(area).value;
    vmap_ready(area, VMAP_FRAMES);
    return 0;
}

void ash_vunmap(void *address)
{
    if (!outside_interrupts(__func__)) {
        return;
    }

    struct vmap_area *area =
        vmap_claim(address, 1u << VMAP_FRAMES | 1u << VMAP_DEVICE, __builtin_return_address(0));

    if (area != NULL) {
        vmap_unmap(area->page + 1, area->pages - 1);
        vmap_close(area);
    }
}
