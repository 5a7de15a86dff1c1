/* SPDX-License-Identifier: MIT */
/*
 * Mapping: prepare checks that nothing is there and counts tables, commit fills entries, whole
 * tables of them at a time.
 */
#include "mmu/attributes.h"
#include "mmu/merge.h"
#include "mmu/slot.h"
#include "mmu/writer.h"

/* Checked arguments of a mapping. */
struct mapping {
    struct mmu_range range;
    uintptr_t frame; /* physical page number of the first page */
    uint64_t leaf;   /* descriptor but for output and type */
    unsigned block;  /* log2 of the pages of the largest block that VA and PA allow */
};

static int check(const struct ash_mmu *map, ash_va_t va, ash_pa_t pa, uint64_t size,
                 ash_mmu_attr_t attr, struct mapping *mapping)
{
    uintptr_t apart;
    int error = mmu_range_check(map, va, size, &mapping->range);

    if (error != 0) {
        return error;
    }
    if (!ash_is_aligned(pa.value, ASH_PAGE_SIZE)) {
        return ASH_EALIGN;
    }
    mapping->frame = (uintptr_t)(pa.value >> ASH_PAGE_SHIFT);
    if (pa.value >> ASH_PAGE_SHIFT >= map->format->frames ||
        mapping->range.end - mapping->range.page > map->format->frames - mapping->frame) {
        return ASH_ERANGE;
    }
    apart = mapping->frame ^ mapping->range.page;
    mapping->block = 0;
    if ((attr & ASH_MMU_PAGES) == 0 && (apart & ((1u << mmu_shift(2)) - 1)) == 0) {
        mapping->block = apart & ((1u << mmu_shift(1)) - 1) ? mmu_shift(2) : mmu_shift(1);
    }
    return mmu_leaf_encode(map, attr, &mapping->leaf);
}

/* Prepare: ASH_EEXIST, or the number of tables to take. */
static int count_tables(struct mmu_walk *walk, unsigned block, unsigned *tables)
{
    *tables = 0;
    while (walk->page < walk->end) {
        uint64_t *entry = mmu_walk_entry(walk);
        uint64_t descriptor = port_entry_load(entry);
        unsigned empty;

        if (mmu_is_table(descriptor, walk->level)) {
            mmu_walk_down(walk, entry, descriptor);
            continue;
        }
        empty = mmu_entries_valid(entry, mmu_walk_room(walk), 0);
        if (empty == 0) {
            return ASH_EEXIST;
        }
        if (walk->level == 3) {
            mmu_walk_next(walk, empty);
        } else {
            *tables += mmu_tables_past(walk, empty, block);
        }
    }
    return 0;
}

/* Entries from the cursor on that become pages or blocks; 0 if this level is too high for them. */
static unsigned leaves(const struct mmu_walk *walk, const uint64_t *entry, unsigned block)
{
    unsigned whole = mmu_walk_whole(walk);

    if (walk->level == 3) {
        return whole;
    }
    /* Empty tables that stay may be in between. */
    return mmu_shift(walk->level) <= block ? mmu_entries_valid(entry, whole, 0) : 0;
}

/* Whether entries here may carry the contiguous hint. In a remap zone pages change one by one,
 * while their neighbours are in use. */
static bool hints(const struct mmu_writer *writer, unsigned level, uint64_t first)
{
    const struct ash_mmu *map = writer->map;

    if (!map->contiguous || (first & MMU_ACCESSED) == 0 || (first & map->format->writable)) {
        return false;
    }
    return level < 3 || (port_entry_load(writer->walk.link[3]) & MMU_PINNED) == 0;
}

/* Fills entries; runs of MMU_RUN whose VA and PA allow it carry the hint if the map wants it. */
static void fill(struct mmu_writer *writer, struct mmu_place place, unsigned count, uint64_t first)
{
    unsigned shift = mmu_shift(place.level);
    uint64_t step = mmu_leaf_step(place.level);
    unsigned index = (unsigned)(place.page >> shift) & (MMU_RUN - 1);
    unsigned head = (MMU_RUN - index) % MMU_RUN, runs = 0;
    bool fits = ((mmu_output(first).value >> (ASH_PAGE_SHIFT + shift)) & (MMU_RUN - 1)) == index;

    if (fits && count > head && hints(writer, place.level, first)) {
        runs = (count - head) / MMU_RUN * MMU_RUN;
    }
    if (runs == 0) {
        mmu_gather_fill(&writer->gather, &place, count, first);
        return;
    }
    if (head > 0) {
        mmu_gather_fill(&writer->gather, &place, head, first);
    }
    place.entry += head;
    first += head * step;
    mmu_gather_fill(&writer->gather, &place, runs, first | MMU_CONTIGUOUS);
    place.entry += runs;
    if (count > head + runs) {
        mmu_gather_fill(&writer->gather, &place, count - head - runs, first + runs * step);
    }
}

static void commit(struct mmu_writer *writer, const struct mapping *mapping)
{
    struct mmu_walk *walk = &writer->walk;

    while (walk->page < walk->end) {
        struct mmu_place place = mmu_writer_place(writer);
        unsigned count = leaves(walk, place.entry, mapping->block);
        uint64_t link;

        if (count > 0) {
            uint64_t frame = mapping->frame + (walk->page - mapping->range.page);

            fill(writer, place, count,
                 frame << ASH_PAGE_SHIFT | mapping->leaf | mmu_leaf_type(walk->level));
            writer->delta[walk->level] += (int)count;
            mmu_writer_next(writer, count);
            continue;
        }
        link = port_entry_load(place.entry);
        if (mmu_is_table(link, walk->level)) {
            mmu_walk_down(walk, place.entry, link);
        } else {
            mmu_writer_grow(writer, place.entry, 0);
        }
    }
    mmu_writer_finish(writer);
}

/* By the walker, whatever the range meets. */
static int map_range(struct ash_mmu *map, const struct mapping *mapping)
{
    struct mmu_writer writer;
    unsigned tables;
    int error;

    mmu_walk_start(&writer.walk, map, &mapping->range);
    error = count_tables(&writer.walk, mapping->block, &tables);
    if (error == 0) {
        error = mmu_writer_begin(&writer, map, tables);
    }
    if (error == 0) {
        commit(&writer, mapping);
    }
    return error;
}

/* Whether the range becomes pages of one table. */
static inline bool is_slot(const struct mapping *mapping)
{
    return mmu_slot_holds(&mapping->range) &&
           (mapping->block == 0 || mmu_slot_count(&mapping->range) < MMU_ENTRIES);
}

static inline int map_slot(struct ash_mmu *map, const struct mapping *mapping)
{
    return mmu_slot_map(map, mapping->range.page, mmu_slot_count(&mapping->range),
                        (uint64_t)mapping->frame << ASH_PAGE_SHIFT | mapping->leaf | MMU_PAGE);
}

/* In maps with options. */
static int map_special(struct ash_mmu *map, const struct mapping *mapping, ash_mmu_attr_t attr)
{
    int error =
        is_slot(mapping) && !map->contiguous ? map_slot(map, mapping) : map_range(map, mapping);

    if (error == 0 && map->merge && (attr & ASH_MMU_PAGES) == 0) {
        mmu_merge_filled(map, &mapping->range);
    }
    return error;
}

int ash_mmu_map(struct ash_mmu *map, ash_va_t va, ash_pa_t pa, uint64_t size, ash_mmu_attr_t attr)
{
    struct mapping mapping;
    int error = check(map, va, pa, size, attr, &mapping);

    if (error != 0) {
        return error;
    }
    if (map->special) {
        return map_special(map, &mapping, attr);
    }
    return is_slot(&mapping) ? map_slot(map, &mapping) : map_range(map, &mapping);
}

int ash_mmu_tables_needed(const struct ash_mmu *map, ash_va_t va, ash_pa_t pa, uint64_t size,
                          ash_mmu_attr_t attr, unsigned *tables)
{
    struct mapping mapping;
    struct mmu_walk walk;
    int error = check(map, va, pa, size, attr, &mapping);

    if (error != 0) {
        return error;
    }
    mmu_walk_start(&walk, map, &mapping.range);
    return count_tables(&walk, mapping.block, tables);
}
