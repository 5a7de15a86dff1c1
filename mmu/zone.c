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

bool mmu_zone_allows(const struct ash_mmu *map, const struct mmu_range *range)
{
    for (unsigned i = 0; i < map->zone_count; i++) {
        const struct ash_mmu_zone *zone = &map->zone[i];

        if (range->page >= zone->page && range->end - zone->page <= zone->pages) {
            return true;
        }
    }
    return !map->frozen;
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

/* Prepare: ASH_EEXIST, or the number of tables to take. */
static int count_tables(const struct ash_mmu *map, const struct mmu_range *range, unsigned *tables)
{
    struct mmu_walk walk;

    *tables = 0;
    mmu_walk_start(&walk, map, range);
    while (walk.page < walk.end) {
        const uint64_t *entry = mmu_walk_entry(&walk);
        uint64_t descriptor = port_entry_load(entry);

        if (walk.level < 3) {
            if (mmu_is_table(descriptor, walk.level)) {
                mmu_walk_down(&walk, descriptor);
                continue;
            }
            if (mmu_is_valid(descriptor)) {
                return ASH_EEXIST;
            }
            *tables += mmu_tables_past(&walk, mmu_walk_empty(entry, mmu_walk_room(&walk)), 0);
        } else {
            mmu_walk_next(&walk, mmu_walk_room(&walk));
        }
    }
    return 0;
}

static void commit(struct ash_mmu *map, const struct mmu_range *range, struct mmu_reserve *reserve)
{
    struct mmu_writer writer;
    struct mmu_walk *walk = &writer.walk;

    mmu_writer_start(&writer, map, range, reserve);
    while (walk->page < walk->end) {
        uint64_t link = port_entry_load(mmu_walk_entry(walk));

        if (walk->level == 3) {
            writer.link[3] |= MMU_PINNED;
            mmu_writer_next(&writer, mmu_walk_room(walk));
        } else if (mmu_is_valid(link)) {
            mmu_writer_down(&writer, link);
        } else {
            mmu_writer_grow(&writer, 0);
        }
    }
    mmu_writer_finish(&writer);
}

int ash_mmu_remap_zone(struct ash_mmu *map, ash_va_t va, uint64_t size)
{
    struct mmu_range range;
    struct mmu_reserve reserve;
    unsigned tables;
    int error = mmu_range_check(map, va, size, &range);

    if (error == 0 && map->zone_count == ASH_MMU_ZONES) {
        error = ASH_ENOMEM;
    }
    if (error == 0) {
        error = count_tables(map, &range, &tables);
    }
    if (error == 0) {
        error = mmu_reserve_fill(&reserve, map, tables);
    }
    if (error == 0) {
        error = add(map, &range);
        commit(map, &range, &reserve);
    }
    return error;
}
