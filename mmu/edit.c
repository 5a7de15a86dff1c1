/* SPDX-License-Identifier: MIT */
/*
 * Changing what is mapped: unmap and protect are one walk with two edits. A block of which only a
 * part changes is rebuilt as a table beside the live one, with the change already in it, and then
 * replaces it in one break-before-make.
 */
#include "mmu/writer.h"
#include "mmu/zone.h"

/* Prepare: ASH_ENOENT, or the number of tables that splits take. */
static int count_splits(const struct ash_mmu *map, const struct mmu_range *range, unsigned *tables)
{
    struct mmu_walk walk;
    unsigned mapped = 0; /* valid entries of the level 3 table that the cursor is in */

    *tables = 0;
    mmu_walk_start(&walk, map, range);
    while (walk.page < walk.end) {
        const uint64_t *entry = mmu_walk_entry(&walk);
        uint64_t descriptor = port_entry_load(entry);

        if (!mmu_is_valid(descriptor)) {
            return ASH_ENOENT;
        }
        if (walk.level == 3) {
            unsigned count = mmu_walk_room(&walk);

            if (mapped < MMU_ENTRIES && mmu_walk_valid(entry, count) < count) {
                return ASH_ENOENT;
            }
            mmu_walk_next(&walk, count);
        } else if (mmu_is_table(descriptor, walk.level)) {
            mapped = mmu_count(descriptor);
            mmu_walk_down(&walk, descriptor);
        } else {
            *tables += mmu_tables_past(&walk, 1, mmu_shift(walk.level));
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

static void commit(struct ash_mmu *map, const struct mmu_range *range, const struct mmu_edit *edit,
                   struct mmu_reserve *reserve)
{
    struct mmu_writer writer;
    struct mmu_walk *walk = &writer.walk;
    bool removes = edit->bits == 0;

    mmu_writer_start(&writer, map, range, reserve);
    while (walk->page < walk->end) {
        const uint64_t *entry = mmu_walk_entry(walk);
        unsigned whole = mmu_walk_whole(walk);

        if (walk->level < 3) {
            uint64_t descriptor = port_entry_load(entry);

            if (mmu_is_table(descriptor, walk->level)) {
                mmu_writer_down(&writer, descriptor);
                continue;
            }
            if (whole == 0) {
                mmu_writer_grow(&writer, descriptor);
                continue;
            }
            whole = blocks(entry, whole);
        }
        whole = mmu_writer_edit(&writer, whole, edit);
        if (removes) {
            writer.count[walk->level] -= whole;
        }
        mmu_writer_next(&writer, whole);
    }
    mmu_writer_finish(&writer);
}

static int change(struct ash_mmu *map, ash_va_t va, uint64_t size, const struct mmu_edit *edit)
{
    struct mmu_range range;
    struct mmu_reserve reserve;
    unsigned tables;
    int error = mmu_range_check(map, va, size, &range);

    if (error == 0 && !mmu_zone_allows(map, &range)) {
        error = ASH_EBUSY;
    }
    if (error == 0) {
        error = count_splits(map, &range, &tables);
    }
    if (error == 0) {
        error = mmu_reserve_fill(&reserve, map, tables);
    }
    if (error == 0) {
        commit(map, &range, edit, &reserve);
    }
    return error;
}

int ash_mmu_unmap(struct ash_mmu *map, ash_va_t va, uint64_t size)
{
    const struct mmu_edit clear = {0};

    return change(map, va, size, &clear);
}

int ash_mmu_protect(struct ash_mmu *map, ash_va_t va, uint64_t size, ash_mmu_attr_t attr)
{
    /* Pages and blocks differ in bit 1, which stays; bit 0 is set again after a break. */
    struct mmu_edit edit = {.keep = MMU_OUTPUT | MMU_SOFTWARE | (MMU_TYPE & ~MMU_VALID)};
    int error = mmu_leaf_encode(map, attr, &edit.bits);

    edit.bits |= MMU_VALID;
    return error != 0 ? error : change(map, va, size, &edit);
}
