/* SPDX-License-Identifier: MIT */
/*
 * Merging: a full table whose entries form one block is replaced by that block.
 */
#include "mmu/merge.h"

#include "mmu/writer.h"
#include "mmu/zone.h"

/* The block that a table below `level` amounts to, or 0. Of pages whose state is tracked none: it
 * may change before the break. */
static uint64_t block_of(const struct ash_mmu *map, uint64_t link, unsigned level)
{
    const uint64_t *table = mmu_table(link);
    uint64_t first = port_entry_load(table) & ~MMU_CONTIGUOUS;
    uint64_t step = mmu_leaf_step(level + 1);
    uint64_t expected = first;

    if ((first & MMU_TYPE) != mmu_leaf_type(level + 1) || (first & MMU_ACCESSED) == 0 ||
        (first & map->format->writable) ||
        !ash_is_aligned(mmu_output(first).value, mmu_leaf_step(level))) {
        return 0;
    }
    for (unsigned i = 0; i < MMU_ENTRIES; i++, expected += step) {
        if ((port_entry_load(table + i) & ~MMU_CONTIGUOUS) != expected) {
            return 0;
        }
    }
    return (first & ~MMU_TYPE) | MMU_BLOCK;
}

/* Replaces the table under the cursor if it can be; the number of tables that are gone. */
static unsigned replace(struct mmu_writer *writer, uint64_t link)
{
    const struct mmu_place place = mmu_writer_place(writer);
    uint64_t block = 0;
    uint64_t *table;

    if (mmu_count(link) == MMU_ENTRIES && (link & MMU_PINNED) == 0 &&
        mmu_walk_whole(&writer->walk) > 0) {
        block = block_of(writer->map, link, place.level);
    }
    if (block == 0) {
        return 0;
    }
    mmu_gather_link(&writer->gather, &place, block);
    /* Broken and invalidated, so nothing walks it any more. */
    table = mmu_table(link);
    port_page_zero(table);
    mmu_gather_unlink(&writer->gather, table, mmu_output(link));
    writer->map->counters.merges++;
    return 1;
}

/* Merges what tables of one level link. */
static unsigned merge_level(struct ash_mmu *map, const struct mmu_range *range, unsigned level)
{
    struct mmu_writer writer;
    struct mmu_walk *walk = &writer.walk;
    unsigned merged = 0;

    mmu_walk_start(walk, map, range);
    mmu_writer_begin(&writer, map, 0);
    while (walk->page < walk->end) {
        uint64_t *entry = mmu_walk_entry(walk);
        uint64_t descriptor = port_entry_load(entry);

        if (!mmu_is_table(descriptor, walk->level)) {
            mmu_writer_next(&writer, 1);
        } else if (walk->level < level) {
            mmu_walk_down(walk, entry, descriptor);
        } else {
            merged += replace(&writer, descriptor);
            mmu_writer_next(&writer, 1);
        }
    }
    mmu_writer_finish(&writer);
    return merged;
}

static void merge_above(struct ash_mmu *map, uintptr_t page)
{
    struct mmu_path path;

    mmu_path_find(&path, map, page, 2);
    for (unsigned level = path.level; level >= 1 && level >= map->start; level--) {
        /* Of the levels from map->start on, mmu_path_find() set those up to path.level. */
        uint64_t link = port_entry_load(path.entry[level]); /* NOLINT(clang-analyzer-core.*) */
        struct mmu_range range;

        if (mmu_is_table(link, level)) {
            range.page = page >> mmu_shift(level) << mmu_shift(level);
            range.end = range.page + ((uintptr_t)1 << mmu_shift(level));
            if (mmu_count(link) < MMU_ENTRIES || merge_level(map, &range, level) == 0) {
                return; /* what is above holds a table */
            }
        }
    }
}

void mmu_merge_filled(struct ash_mmu *map, const struct mmu_range *range)
{
    if (!map->frozen) {
        merge_above(map, range->page);
        merge_above(map, range->end - 1);
    }
}

int ash_mmu_merge(struct ash_mmu *map, ash_va_t va, uint64_t size, unsigned *merged)
{
    struct mmu_range range;
    unsigned tables = 0;
    int error = mmu_range_check(map, va, size, &range);

    if (error != 0) {
        return error;
    }
    if (!mmu_zone_allows(map, &range)) {
        return ASH_EBUSY;
    }
    for (unsigned level = 2; level >= 1 && level >= map->start; level--) {
        tables += merge_level(map, &range, level);
    }
    if (merged != NULL) {
        *merged = tables;
    }
    return 0;
}
