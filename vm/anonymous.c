/* SPDX-License-Identifier: MIT */
/*
 * Eager anonymous memory: frames go in and come out page by page, in runs of 64 at most.
 */
#include "vm/anonymous.h"

#include "ashlar/frames.h"
#include "port/port.h"

#define RUN 64u

/* Neighbouring pages that are mapped. */
struct run {
    ash_va_t va;
    unsigned pages;
    ash_frame_t frame[RUN];
};

static ash_va_t behind(ash_va_t va, uint64_t size)
{
    return ash_va(va.value + (uintptr_t)size);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int add_page(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct run *run = arg;

    if (run->pages == 0) {
        run->va = mapping->va;
    } else if (mapping->va.value != run->va.value + run->pages * ASH_PAGE_SIZE) {
        return 1;
    }
    run->frame[run->pages++] = ash_pa_frame(mapping->pa);
    return run->pages == RUN;
}

/* The first run of pages in [va, end); false if there is none. */
static bool next_run(struct ash_space *space, ash_va_t va, ash_va_t end, struct run *run)
{
    run->pages = 0;
    if (va.value != end.value) {
        (void)ash_space_walk(space, va, end.value - va.value, add_page, run);
    }
    return run->pages != 0;
}

void anonymous_unmap(struct ash_space *space, ash_va_t va, uint64_t size)
{
    ash_va_t end = behind(va, size);
    struct run run;

    while (next_run(space, va, end, &run)) {
        va = behind(run.va, run.pages * ASH_PAGE_SIZE);
        /* Whole pages of a map that is never frozen: nothing of it can fail. */
        if (ash_space_unmap(space, run.va, run.pages * ASH_PAGE_SIZE) == 0) {
            for (unsigned i = 0; i < run.pages; i++) {
                ash_frames_free(run.frame[i], 0);
            }
        }
    }
}

/* What the page at va has of the content. */
static void fill(void *page, uint64_t va, const struct ash_elf_segment *content)
{
    uint64_t start = content->va > va ? content->va - va : 0; /* in the page */
    uint64_t from = va + start - content->va;                 /* in the content */

    if (start < ASH_PAGE_SIZE && from < content->stored) {
        port_copy((char *)page + start, (const char *)content->data + from,
                  (size_t)least(ASH_PAGE_SIZE - start, content->stored - from));
    }
}

static int map_page(struct ash_space *space, ash_va_t va, ash_mmu_attr_t attr,
                    const struct ash_elf_segment *content)
{
    ash_frame_t frame;
    void *page;
    int error;

    error = ash_frames_alloc(
        0, ASH_FRAMES_NORMAL | ASH_FRAMES_ZERO | ASH_FRAMES_OWNER(ASH_OWNER_USER), &frame);
    if (error != 0) {
        return error;
    }
    page = port_ptr(ash_frame_pa(frame));
    if (content != NULL) {
        fill(page, va.value, content);
    }
    if ((attr & ASH_MMU_EXEC) != 0) {
        port_code_sync(page, ASH_PAGE_SIZE);
    }
    error = ash_space_map(space, va, ash_frame_pa(frame), ASH_PAGE_SIZE, attr | ASH_MMU_USER);
    if (error != 0) {
        ash_frames_free(frame, 0);
    }
    return error;
}

int anonymous_map(struct ash_space *space, ash_va_t va, uint64_t size, ash_mmu_attr_t attr,
                  const struct ash_elf_segment *content)
{
    for (uint64_t done = 0; done < size; done += ASH_PAGE_SIZE) {
        int error = map_page(space, behind(va, done), attr, content);

        if (error != 0) {
            anonymous_unmap(space, va, done);
            return error;
        }
    }
    return 0;
}

/* What was written there becomes code: before anything can be fetched from it. */
static void sync_code(const struct run *run)
{
    for (unsigned i = 0; i < run->pages; i++) {
        port_code_sync(port_ptr(ash_frame_pa(run->frame[i])), ASH_PAGE_SIZE);
    }
}

int anonymous_protect(struct ash_space *space, ash_va_t va, uint64_t size, ash_mmu_attr_t attr)
{
    ash_va_t at = va, end = behind(va, size);
    struct run run;
    int error = 0;

    while (next_run(space, at, end, &run) && run.va.value == at.value) {
        at = behind(at, run.pages * ASH_PAGE_SIZE);
        if ((attr & ASH_MMU_EXEC) != 0) {
            sync_code(&run);
        }
    }
    if (at.value != end.value) {
        return ASH_ENOENT;
    }
    for (uint64_t done = 0; done < size && error == 0; done += RUN * ASH_PAGE_SIZE) {
        error = ash_space_protect(space, behind(va, done), least(size - done, RUN * ASH_PAGE_SIZE),
                                  attr | ASH_MMU_USER);
    }
    return error;
}

int anonymous_find(struct ash_space *space, ash_va_t low, ash_va_t high, uint64_t size,
                   ash_va_t *va)
{
    struct run run;

    while (low.value <= high.value && size <= high.value - low.value) {
        if (!next_run(space, low, behind(low, size), &run)) {
            *va = low;
            return 0;
        }
        low = behind(run.va, run.pages * ASH_PAGE_SIZE);
    }
    return ASH_ENOMEM;
}
