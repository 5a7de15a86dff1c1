/* SPDX-License-Identifier: MIT */
/*
 * Zones and freezing. A remap zone has its level 3 tables from the start and for good, which is
 * all that it takes for it to be mapped by pages only.
 */
#include "mmu/zone.h"

#include "mmu/writer.h"

static int add(struct ash_mmu *map, const struct mmu_range *range)
{
    if (map->zone_count == ASH_MMU_ZONES) {
        return ASH_ENOMEM;
    }
    map->zone[map->zone_count].page = range->page;
    map->zone[map->zone_count].pages = range->end - range->page;
    map->zone_count++;
    return 0;
}

bool mmu_zone_holds(const struct ash_mmu *map, const struct mmu_range *range)
{
    for (unsigned i = 0; i < map->zone_count; i++) {
        const struct ash_mmu_zone *zone = &map->zone[i];

        if (range->page >= zone->page && range->end - zone->page <= zone->pages) {
            return true;
        }
    }
    return false;
}

/* What changes along with a page: its block, or all of its run with the contiguous hint. */
static void widen(const struct ash_mmu *map, uintptr_t page, struct mmu_range *range)
{
    uintptr_t first, pages;
    struct mmu_path path;

    mmu_path_find(&path, map, page, 3);
    if (!mmu_is_valid(path.last)) {
        return;
    }
    pages = (uintptr_t)1 << mmu_shift(path.level);
    if (path.last & MMU_CONTIGUOUS) {
        pages *= MMU_RUN;
    }
    first = page & ~(pages - 1);
    range->page = first < range->page ? first : range->page;
    range->end = first + pages > range->end ? first + pages : range->end;
}

bool mmu_zone_allows_parts(const struct ash_mmu *map, const struct mmu_range *range)
{
    struct mmu_range wide = {.page = range->page, .end = range->end};

    if (!map->frozen) {
        return true;
    }
    widen(map, range->page, &wide);
    widen(map, range->end - 1, &wide);
    return mmu_zone_holds(map, &wide);
}

void ash_mmu_freeze(struct ash_mmu *map)
{
    map->frozen = true;
}

int ash_mmu_open_zone(struct ash_mmu *map, ash_va_t va, uint64_t size)
{
    struct mmu_range range;
    int error = mmu_range_check(map, va, size, &range);

    return error != 0 ? error : add(map, &range);
}

static bool has_run(const uint64_t *entry, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (port_entry_load(&entry[i]) & MMU_CONTIGUOUS) {
            return true;
        }
    }
    return false;
}

/* Prepare: ASH_EEXIST, or the number of tables to take. */
static int count_tables(struct mmu_walk *walk, unsigned *tables)
{
    *tables = 0;
    while (walk->page < walk->end) {
        uint64_t *entry = mmu_walk_entry(walk);
        uint64_t descriptor = port_entry_load(entry);
        unsigned room = mmu_walk_room(walk);

        if (walk->level == 3) {
            if (has_run(entry, room)) {
                return ASH_EEXIST;
            }
            mmu_walk_next(walk, room);
        } else if (mmu_is_table(descriptor, walk->level)) {
            mmu_walk_down(walk, entry, descriptor);
        } else if (mmu_is_valid(descriptor)) {
            return ASH_EEXIST;
        } else {
            *tables += mmu_tables_past(walk, mmu_entries_valid(entry, room, 0), 0);
        }
    }
    return 0;
}

static void commit(struct mmu_writer *writer)
{
    struct mmu_walk *walk = &writer->walk;

    writer->pin = MMU_PINNED;
    while (walk->page < walk->end) {
        uint64_t *entry = mmu_walk_entry(walk);
        uint64_t link = port_entry_load(entry);

        if (walk->level == 3) {
            mmu_writer_next(writer, mmu_walk_room(walk));
        } else if (mmu_is_valid(link)) {
            mmu_walk_down(walk, entry, link);
        } else {
            mmu_writer_grow(writer, entry, 0);
        }
    }
    mmu_writer_finish(writer);
}

int ash_mmu_remap_zone(struct ash_mmu *map, ash_va_t va, uint64_t size)
{
    struct mmu_range range;
    struct mmu_writer writer;
    unsigned tables;
    int error = mmu_range_check(map, va, size, &range);

    if (error == 0 && map->zone_count == ASH_MMU_ZONES) {
        error = ASH_ENOMEM;
    }
    if (error == 0) {
        mmu_walk_start(&writer.walk, map, &range);
        error = count_tables(&writer.walk, &tables);
    }
    if (error == 0) {
        error = mmu_writer_begin(&writer, map, tables);
    }
    if (error == 0) {
        error = add(map, &range);
        commit(&writer);
    }
    return error;
}
