/* SPDX-License-Identifier: MIT */
/*
 * Changing what is mapped: unmap and protect are one walk with two edits. A block of which only a
 * part changes is rebuilt as a table beside the live one, with the change already in it, and then
 * replaces it in one break-before-make.
 */
#include "mmu/attributes.h"
#include "mmu/slot.h"
#include "mmu/writer.h"
#include "mmu/zone.h"

/* Prepare: ASH_ENOENT, or the number of tables that splits take. */
static int count_splits(struct mmu_walk *walk, unsigned *tables)
{
    bool full = false; /* the table of pages that the cursor is in has no hole */

    *tables = 0;
    while (walk->page < walk->end) {
        uint64_t *entry = mmu_walk_entry(walk);
        uint64_t descriptor = port_entry_load(entry);

        if (mmu_is_table(descriptor, walk->level)) {
            full = mmu_count(descriptor) == MMU_ENTRIES;
            mmu_walk_down(walk, entry, descriptor);
        } else if (!mmu_is_valid(descriptor)) {
            return ASH_ENOENT;
        } else if (walk->level == 3) {
            unsigned count = mmu_walk_room(walk);

            if (!full && mmu_entries_valid(entry, count, MMU_VALID) < count) {
                return ASH_ENOENT;
            }
            mmu_walk_next(walk, count);
        } else if (mmu_walk_whole(walk) > 0) {
            mmu_walk_next(walk, 1);
        } else {
            *tables += mmu_tables_past(walk, 1, mmu_shift(walk->level));
        }
    }
    return 0;
}

/* Leading blocks among `count` entries. */
static unsigned blocks(const uint64_t *entry, unsigned count)
{
    unsigned i = 0;

    while (i < count && (port_entry_load(entry + i) & MMU_TYPE) == MMU_BLOCK) {
        i++;
    }
    return i;
}

/* What becomes of a page or block: (old & keep) | bits; nothing if both are 0. */
struct edit {
    uint64_t keep, bits;
};

static void commit(struct mmu_writer *writer, const struct edit *edit)
{
    struct mmu_walk *walk = &writer->walk;

    while (walk->page < walk->end) {
        struct mmu_place place = mmu_writer_place(writer);
        unsigned count = mmu_walk_whole(walk);

        if (walk->level < 3) {
            uint64_t descriptor = port_entry_load(place.entry);

            if (mmu_is_table(descriptor, walk->level)) {
                mmu_walk_down(walk, place.entry, descriptor);
                continue;
            }
            if (count == 0) {
                mmu_writer_grow(writer, place.entry, descriptor);
                continue;
            }
            count = blocks(place.entry, count);
        }
        if (edit->bits == 0) {
            mmu_gather_clear(&writer->gather, &place, count);
            writer->delta[walk->level] -= (int)count;
        } else {
            count = mmu_gather_retype(&writer->gather, &place, count, edit->keep, edit->bits);
        }
        mmu_writer_next(writer, count);
    }
    mmu_writer_finish(writer);
}

/* A run with the contiguous hint that covers the page and reaches beyond the range loses it. */
static void unfold(struct mmu_writer *writer, const struct mmu_range *range, uintptr_t page)
{
    struct mmu_path path;
    unsigned shift;
    uintptr_t first;

    mmu_path_find(&path, writer->map, page, 3);
    shift = mmu_shift(path.level);
    first = page >> shift & ~(uintptr_t)(MMU_RUN - 1);
    if (first << shift < range->page || (first + MMU_RUN) << shift > range->end) {
        const struct mmu_place place = {
            .entry = path.entry[path.level], .level = path.level, .page = page, .published = true};

        mmu_gather_unfold(&writer->gather, &place);
    }
}

static int change(struct ash_mmu *map, const struct mmu_range *range, const struct edit *edit)
{
    struct mmu_writer writer;
    unsigned tables;
    int error;

    mmu_walk_start(&writer.walk, map, range);
    error = count_splits(&writer.walk, &tables);
    if (error == 0 && !mmu_zone_allows_parts(map, range)) {
        error = ASH_EBUSY;
    }
    if (error == 0) {
        error = mmu_writer_begin(&writer, map, tables);
    }
    if (error == 0 && map->contiguous) {
        unfold(&writer, range, range->page);
        unfold(&writer, range, range->end - 1);
    }
    if (error == 0) {
        commit(&writer, edit);
    }
    return error;
}

/* Checks the range of a change. */
static inline int check(const struct ash_mmu *map, ash_va_t va, uint64_t size,
                        struct mmu_range *range)
{
    int error = mmu_range_check(map, va, size, range);

    return error == 0 && !mmu_zone_allows(map, range) ? ASH_EBUSY : error;
}

int ash_mmu_unmap(struct ash_mmu *map, ash_va_t va, uint64_t size)
{
    const struct edit clear = {0};
    struct mmu_range range;
    int error = check(map, va, size, &range);

    if (error != 0) {
        return error;
    }
    if (mmu_slot_holds(&range) && !map->contiguous) {
        error = mmu_slot_unmap(map, range.page, mmu_slot_count(&range));
        if (error != MMU_ELSEWHERE) {
            return error;
        }
    }
    return change(map, &range, &clear);
}

int ash_mmu_protect(struct ash_mmu *map, ash_va_t va, uint64_t size, ash_mmu_attr_t attr)
{
    /* Pages and blocks differ in bit 1, which stays; bit 0 is set again after a break. */
    struct edit edit = {.keep =
                            MMU_OUTPUT | MMU_SOFTWARE | MMU_CONTIGUOUS | (MMU_TYPE & ~MMU_VALID)};
    struct mmu_range range;
    int error = mmu_leaf_encode(map, attr, &edit.bits);

    if (error == 0) {
        error = check(map, va, size, &range);
    }
    if (error != 0) {
        return error;
    }
    edit.bits |= MMU_VALID;
    if (map->special) {
        edit.keep &= ~(map->format->writable | (attr & MMU_ATTR_STATE ? MMU_CONTIGUOUS : 0));
    }
    if (mmu_slot_holds(&range) && !map->contiguous) {
        error = mmu_slot_protect(map, range.page, mmu_slot_count(&range), edit.keep, edit.bits);
        if (error != MMU_ELSEWHERE) {
            return error;
        }
    }
    return change(map, &range, &edit);
}
