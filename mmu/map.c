/* SPDX-License-Identifier: MIT */
/*
 * Mapping: prepare checks that nothing is there and counts tables, commit fills entries, whole
 * tables of them at a time.
 */
#include "mmu/writer.h"

int mmu_range_check(const struct ash_mmu *map, ash_va_t va, uint64_t size, struct mmu_range *range)
{
    uintptr_t offset = va.value - map->base.value;

    if (size == 0) {
        return ASH_EINVAL;
    }
    if (!ash_is_aligned(va.value | size, ASH_PAGE_SIZE)) {
        return ASH_EALIGN;
    }
    /* In pages, the end of a map that ends with the address space does not wrap. */
    range->page = offset >> ASH_PAGE_SHIFT;
    if (va.value < map->base.value || range->page >= map->pages ||
        size >> ASH_PAGE_SHIFT > map->pages - range->page) {
        return ASH_ERANGE;
    }
    range->end = range->page + (uintptr_t)(size >> ASH_PAGE_SHIFT);
    return 0;
}

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
    /* size is at most that of the map, so the sum does not wrap once pa is within reach. */
    if (pa.value >> map->format->pa_bits || (pa.value + size - 1) >> map->format->pa_bits) {
        return ASH_ERANGE;
    }
    mapping->frame = (uintptr_t)(pa.value >> ASH_PAGE_SHIFT);
    apart = mapping->frame ^ mapping->range.page;
    mapping->block = 0;
    if ((attr & ASH_MMU_PAGES) == 0 && (apart & ((1u << mmu_shift(2)) - 1)) == 0) {
        mapping->block = apart & ((1u << mmu_shift(1)) - 1) ? mmu_shift(2) : mmu_shift(1);
    }
    return mmu_leaf_encode(map, attr, &mapping->leaf);
}

/* Prepare: ASH_EEXIST, or the number of tables to take. */
static int count_tables(const struct ash_mmu *map, const struct mapping *mapping, unsigned *tables)
{
    struct mmu_walk walk;

    *tables = 0;
    mmu_walk_start(&walk, map, &mapping->range);
    while (walk.page < walk.end) {
        const uint64_t *entry = mmu_walk_entry(&walk);
        unsigned empty = mmu_walk_empty(entry, mmu_walk_room(&walk));
        uint64_t link = port_entry_load(entry);

        if (empty > 0) {
            *tables += mmu_tables_past(&walk, empty, mapping->block);
        } else if (mmu_is_table(link, walk.level)) {
            mmu_walk_down(&walk, link);
        } else {
            return ASH_EEXIST;
        }
    }
    return 0;
}

static void commit(struct ash_mmu *map, const struct mapping *mapping, struct mmu_reserve *reserve)
{
    struct mmu_writer writer;
    struct mmu_walk *walk = &writer.walk;

    mmu_writer_start(&writer, map, &mapping->range, reserve);
    while (walk->page < walk->end) {
        const uint64_t *entry = mmu_walk_entry(walk);
        unsigned whole = 0;
        uint64_t link;

        if (mmu_shift(walk->level) <= mapping->block) {
            whole = mmu_walk_whole(walk);
            if (walk->level < 3) {
                whole = mmu_walk_empty(entry, whole); /* tables that stay may be there */
            }
        }
        if (whole > 0) {
            uint64_t frame = mapping->frame + (walk->page - mapping->range.page);
            struct mmu_edit fill = {
                .bits = frame << ASH_PAGE_SHIFT | mapping->leaf | mmu_leaf_type(walk->level),
                .step = mmu_leaf_step(walk->level),
            };

            mmu_writer_edit(&writer, whole, &fill);
            writer.count[walk->level] += whole;
            mmu_writer_next(&writer, whole);
            continue;
        }
        link = port_entry_load(entry);
        if (mmu_is_valid(link)) {
            mmu_writer_down(&writer, link);
        } else {
            mmu_writer_grow(&writer, 0);
        }
    }
    mmu_writer_finish(&writer);
}

int ash_mmu_map(struct ash_mmu *map, ash_va_t va, ash_pa_t pa, uint64_t size, ash_mmu_attr_t attr)
{
    struct mapping mapping;
    struct mmu_reserve reserve;
    unsigned tables;
    int error = check(map, va, pa, size, attr, &mapping);

    if (error == 0) {
        error = count_tables(map, &mapping, &tables);
    }
    if (error == 0) {
        error = mmu_reserve_fill(&reserve, map, tables);
    }
    if (error == 0) {
        commit(map, &mapping, &reserve);
    }
    return error;
}

int ash_mmu_tables_needed(const struct ash_mmu *map, ash_va_t va, ash_pa_t pa, uint64_t size,
                          ash_mmu_attr_t attr, unsigned *tables)
{
    struct mapping mapping;
    int error = check(map, va, pa, size, attr, &mapping);

    return error != 0 ? error : count_tables(map, &mapping, tables);
}
