/* SPDX-License-Identifier: MIT */
/*
 * Devices in the vmap range: one mapping for all who ask for the same registers.
 */
#include "alloc/vmap.h"
#include "port/outside.h"

/* The address of [pa, end) in a device mapping that is there, which has one more use then. */
static bool share(uint64_t pa, uint64_t end, ash_va_t *va)
{
    unsigned long saved = spinlock_acquire(&vmap_state.lock);
    struct vmap_area *area;

    LIST_FOREACH (area, &vmap_state.devices, device.link) {
        uint64_t bytes = (uint64_t)(area->pages - 1) << ASH_PAGE_SHIFT;

        if (pa >= area->device.pa && end <= area->device.pa + bytes) {
            *va = ash_va(vmap_area_va(area).value + (uintptr_t)(pa - area->device.pa));
            area->device.uses++;
            break;
        }
    }
    spinlock_release(&vmap_state.lock, saved);
    return area != NULL;
}

int ash_vmap_device(ash_pa_t pa, uint64_t size, ash_va_t *va)
{
    uint64_t pages = size >> ASH_PAGE_SHIFT;
    uintptr_t align = pages < VMAP_STEP ? 1 : VMAP_STEP;
    uint64_t end;
    struct vmap_area *area;
    unsigned long saved;
    int error;

    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }
    if (size == 0) {
        return ASH_EINVAL;
    }
    if (!ash_is_aligned(pa.value | size, ASH_PAGE_SIZE)) {
        return ASH_EALIGN;
    }
    if (!ash_range_end(pa.value, size, &end)) {
        return ASH_ERANGE;
    }
    if (pages >= vmap_state.pages) {
        return vmap_state.pages == 0 ? ASH_ENOSYS : ASH_ENOMEM;
    }
    if (share(pa.value, end, va)) {
        return 0;
    }
    /* Blocks need VA and PA to agree below 2 MiB; where there is no room for that, pages do. */
    error = vmap_open((uintptr_t)pages, align, (uintptr_t)(pa.value >> ASH_PAGE_SHIFT), &area);
    if (error == ASH_ENOMEM && align > 1) {
        error = vmap_open((uintptr_t)pages, 1, 0, &area);
    }
    if (error != 0) {
        return error;
    }
    error = vmap_map(area->page + 1, pa, (uintptr_t)pages, ASH_MMU_DEVICE | ASH_MMU_WRITE);
    if (error != 0) {
        vmap_close(area);
        return error;
    }
    *va = vmap_area_va(area);
    saved = spinlock_acquire(&vmap_state.lock);
    area->kind = VMAP_DEVICE;
    area->device.pa = pa.value;
    area->device.uses = 1;
    LIST_INSERT_HEAD(&vmap_state.devices, area, device.link);
    spinlock_release(&vmap_state.lock, saved);
    return 0;
}
