/* SPDX-License-Identifier: MIT */
/*
 * Mapped memory with frames of its own. Which frames they are is remembered by the map alone.
 */
#include "alloc/vmap.h"
#include "port/outside.h"

static void give_frames(const ash_frame_t *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ash_frames_free(frames[i], 0);
    }
}

/* Zeroed frames, one by one, so that any free frame will do. All or nothing. */
static int take_frames(ash_frame_t *frames, size_t count, unsigned owner)
{
    for (size_t i = 0; i < count; i++) {
        int error = ash_frames_alloc(0, ASH_FRAMES_HIGH | ASH_FRAMES_OWNER(owner), &frames[i]);

        if (error == 0) {
            error = ash_window_zero(frames[i]);
            if (error == 0) {
                continue;
            }
            ash_frames_free(frames[i], 0);
        }
        give_frames(frames, i);
        return error;
    }
    return 0;
}

static size_t batch_of(uintptr_t pages)
{
    return pages < VMAP_BATCH ? (size_t)pages : VMAP_BATCH;
}

/* Unmaps pages and gives back what they led to, once no TLB knows it any more (arm-rules 4). */
static void depopulate(uintptr_t page, uintptr_t pages)
{
    ash_frame_t frames[VMAP_BATCH];

    while (pages > 0) {
        size_t count = batch_of(pages);
        unsigned long saved = spinlock_acquire(vmap_state.map_lock);
        size_t found = 0;

        while (found < count) {
            ash_va_t va = vmap_page_va(page + found);
            struct ash_mmu_mapping mapping;

            if (ash_mmu_query(vmap_state.map, va, &mapping) != 0) {
                break;
            }
            frames[found++] =
                ash_pa_frame(ash_pa(mapping.pa.value + (va.value - mapping.va.value)));
        }
        spinlock_release(vmap_state.map_lock, saved);
        vmap_unmap(page, count);
        give_frames(frames, found);
        page += count;
        pages -= count;
    }
}

static int populate(uintptr_t page, uintptr_t pages, unsigned owner)
{
    ash_frame_t frames[VMAP_BATCH];
    uintptr_t done = 0;

    while (done < pages) {
        size_t count = batch_of(pages - done);
        int error = take_frames(frames, count, owner);

        if (error == 0) {
            error = vmap_map_frames(page + done, frames, count, ASH_MMU_NORMAL | ASH_MMU_WRITE);
            if (error != 0) {
                give_frames(frames, count);
            }
        }
        if (error != 0) {
            depopulate(page, done);
            return error;
        }
        done += count;
    }
    return 0;
}

struct vmap_area *vmap_memory_open(size_t bytes, unsigned owner)
{
    uintptr_t pages = bytes / ASH_PAGE_SIZE + (bytes % ASH_PAGE_SIZE != 0 ? 1u : 0u);
    struct vmap_area *area;

    if (pages == 0 || vmap_open(pages, 1, 0, &area) != 0) {
        return NULL;
    }
    if (populate(area->page + 1, pages, owner) != 0) {
        vmap_close(area);
        return NULL;
    }
    return area;
}

void vmap_memory_close(struct vmap_area *area)
{
    depopulate(area->page + 1, area->pages - 1);
    vmap_close(area);
}

void *ash_vmap_alloc(size_t bytes)
{
    if (!outside_interrupts(__func__)) {
        return NULL;
    }

    struct vmap_area *area = vmap_memory_open(bytes, ASH_OWNER_VMAP);
    void *address;

    if (area == NULL) {
        return NULL;
    }
    address = (void *)vmap_area_va(area).value;
    vmap_ready(area, VMAP_MEMORY);
    return address;
}

void ash_vmap_free(void *address)
{
    struct vmap_area *area;

    if (!outside_interrupts(__func__)) {
        return;
    }
    if (address == NULL) {
        return;
    }
    area = vmap_claim(address, 1u << VMAP_MEMORY, __builtin_return_address(0));
    if (area != NULL) {
        vmap_memory_close(area);
    }
}
