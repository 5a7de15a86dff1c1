/* SPDX-License-Identifier: MIT */
/*
 * Making live pages lead elsewhere: all of a range becomes a hole, then all of it leads to the new
 * place, so that nobody ever sees a part of each (arm-rules 7).
 */
#include "mmu/attributes.h"
#include "mmu/gather.h"
#include "mmu/walk.h"
#include "mmu/zone.h"

/* The entries of the range in the table of pages that has its first page; none if there is no such
 * table. */
struct part {
    struct mmu_place place;
    unsigned count;
};

static struct part first_part(const struct ash_mmu *map, const struct mmu_range *range)
{
    struct mmu_path path;
    struct part part = {.count = 0};
    uintptr_t end = (range->page | (MMU_ENTRIES - 1)) + 1;

    mmu_path_find(&path, map, range->page, 3);
    if (path.level == 3) {
        part.place = (struct mmu_place){
            .entry = path.entry[3], .level = 3, .page = range->page, .published = true};
        part.count = (unsigned)((range->end < end ? range->end : end) - range->page);
    }
    return part;
}

/* All of it is mapped, by pages that change one by one. */
static int check_pages(const struct ash_mmu *map, struct mmu_range range)
{
    while (range.page < range.end) {
        struct part part = first_part(map, &range);

        if (part.count == 0) {
            struct mmu_path path;

            mmu_path_find(&path, map, range.page, 3);
            return mmu_is_valid(path.last) ? ASH_EBUSY : ASH_ENOENT;
        }
        for (unsigned i = 0; i < part.count; i++) {
            uint64_t old = port_entry_load(part.place.entry + i);

            if (!mmu_is_valid(old)) {
                return ASH_ENOENT;
            }
            if (old & MMU_CONTIGUOUS) {
                return ASH_EBUSY;
            }
        }
        range.page += part.count;
    }
    return 0;
}

static void break_pages(struct mmu_gather *gather, struct mmu_range range)
{
    while (range.page < range.end) {
        struct part part = first_part(gather->map, &range);

        mmu_gather_clear(gather, &part.place, part.count);
        gather->map->counters.breaks++;
        range.page += part.count;
    }
    mmu_gather_flush(gather);
}

static void make_pages(struct mmu_gather *gather, struct mmu_range range, uint64_t first,
                       uint64_t step)
{
    while (range.page < range.end) {
        struct part part = first_part(gather->map, &range);

        mmu_gather_fill_apart(gather, &part.place, part.count, first, step);
        first += part.count * step;
        range.page += part.count;
    }
    mmu_gather_flush(gather);
}

int ash_mmu_repoint(struct ash_mmu *map, ash_va_t va, uint64_t size, ash_pa_t pa, uint64_t step,
                    ash_mmu_attr_t attr)
{
    struct mmu_gather gather;
    struct mmu_range range;
    uint64_t leaf, last;
    int error = mmu_range_check(map, va, size, &range);

    if (error == 0) {
        error = mmu_leaf_encode(map, attr, &leaf);
    }
    if (error != 0) {
        return error;
    }
    if (step != 0 && step != ASH_PAGE_SIZE) {
        return ASH_EINVAL;
    }
    if (!ash_is_aligned(pa.value, ASH_PAGE_SIZE)) {
        return ASH_EALIGN;
    }
    if (!ash_range_end(pa.value, step == 0 ? 0 : size - ASH_PAGE_SIZE, &last) ||
        last >> ASH_PAGE_SHIFT >= map->format->frames) {
        return ASH_ERANGE;
    }
    if (!mmu_zone_allows(map, &range)) {
        return ASH_EBUSY;
    }
    error = check_pages(map, range);
    if (error != 0) {
        return error;
    }
    mmu_gather_start(&gather, map);
    break_pages(&gather, range);
    make_pages(&gather, range, pa.value | leaf | MMU_PAGE, step);
    return 0;
}
