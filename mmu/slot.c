/* SPDX-License-Identifier: MIT */
/*
 * Ranges inside one table of pages: see slot.h.
 */
#include "mmu/slot.h"

#include "mmu/writer.h"

static inline bool has_pages(const struct mmu_path *path)
{
    return path->level == 2 && (path->last & MMU_TYPE) == MMU_TABLE;
}

/* The first entry of the range in the table of pages. */
static inline uint64_t *entry_of(uint64_t link, uintptr_t page)
{
    return mmu_table(link) + (page & (MMU_ENTRIES - 1));
}

/* One valid entry more or less in the table at `level`. */
static inline void count_one(struct ash_mmu *map, const struct mmu_path *path, unsigned level,
                             int change)
{
    if (level == map->start) {
        map->root_count += (uint32_t)change;
    } else {
        /* Set by mmu_path_find(), as the root is above it. */
        uint64_t *link = path->entry[level - 1]; /* NOLINT(clang-analyzer-core.*) */

        mmu_entry_recount(map, link, mmu_recount(port_entry_load(link), change));
    }
}

/* Takes what is missing below the path: tables[3] for pages, tables[2] to link it, ... */
static int take(struct ash_mmu *map, unsigned level, ash_pa_t tables[4])
{
    for (unsigned i = 3; i > level; i--) {
        int error = mmu_reserve_take(map, &tables[i]);

        if (error != 0) {
            while (++i <= 3) {
                map->tables.give(map->tables.context, tables[i]);
            }
            return error;
        }
    }
    map->counters.tables += 3 - level;
    return 0;
}

/* Pages where nothing is yet: from the bottom up, so that what is linked is complete. */
static int map_tables(struct ash_mmu *map, const struct mmu_path *path, uintptr_t page,
                      unsigned count, uint64_t first)
{
    ash_pa_t tables[4];
    uint64_t link;
    int error = take(map, path->level, tables);

    if (error != 0) {
        return error;
    }
    link = mmu_recount(tables[3].value | MMU_TABLE, (int)count);
    mmu_entries_fill(map, entry_of(link, page), count, first, ASH_PAGE_SIZE);
    for (unsigned level = 2; level > path->level; level--) {
        uint64_t *entry =
            mmu_table(tables[level].value) + (page >> mmu_shift(level) & (MMU_ENTRIES - 1));

        mmu_entry_recount(map, entry, link);
        link = mmu_recount(tables[level].value | MMU_TABLE, 1);
    }
    mmu_entry_link(map, path->entry[path->level], link);
    count_one(map, path, path->level, 1);
    return 0;
}

int mmu_slot_map(struct ash_mmu *map, uintptr_t page, unsigned count, uint64_t first)
{
    struct mmu_path path;

    mmu_path_find(&path, map, page, 2);
    if (has_pages(&path)) {
        uint64_t *entry = entry_of(path.last, page);

        if (mmu_entries_valid(entry, count, 0) != count) {
            return ASH_EEXIST;
        }
        mmu_entries_fill(map, entry, count, first, ASH_PAGE_SIZE);
        mmu_entry_recount(map, path.entry[2], mmu_recount(path.last, (int)count));
    } else if (mmu_is_valid(path.last)) {
        return ASH_EEXIST;
    } else {
        int error = map_tables(map, &path, page, count, first);

        if (error != 0) {
            return error;
        }
    }
    mmu_publish(map, mmu_is_code(first));
    return 0;
}

/* All pages of a table go: the tables that become empty with it are unlinked, then given back. */
static void unmap_tables(struct ash_mmu *map, struct mmu_path *path, const struct mmu_stale *stale)
{
    ash_pa_t tables[3];
    unsigned level = 2, count = 0;

    tables[count++] = mmu_output(path->last);
    while (level > map->start) {
        uint64_t above = port_entry_load(path->entry[level - 1]);

        if (mmu_count(above) > 1) {
            break;
        }
        mmu_entries_clear(map, path->entry[level], 1);
        tables[count++] = mmu_output(above);
        level--;
    }
    mmu_entries_clear(map, path->entry[level], 1);
    count_one(map, path, level, -1);
    mmu_publish_stale(map, stale, false);
    map->counters.tables -= count;
    for (unsigned i = 0; i < count; i++) {
        map->tables.give(map->tables.context, tables[i]);
    }
}

int mmu_slot_unmap(struct ash_mmu *map, uintptr_t page, unsigned count)
{
    struct mmu_stale stale = {.page = page, .count = count};
    uint64_t *entry;
    struct mmu_path path;

    mmu_path_find(&path, map, page, 2);
    if (!has_pages(&path)) {
        return MMU_ELSEWHERE;
    }
    entry = entry_of(path.last, page);
    if (mmu_count(path.last) != MMU_ENTRIES &&
        mmu_entries_valid(entry, count, MMU_VALID) != count) {
        return ASH_ENOENT;
    }
    mmu_entries_clear(map, entry, count);
    if (mmu_count(path.last) > count || (path.last & MMU_PINNED)) {
        mmu_entry_recount(map, path.entry[2], mmu_recount(path.last, -(int)count));
        mmu_publish_stale(map, &stale, false);
    } else {
        stale.walk = true;
        unmap_tables(map, &path, &stale);
    }
    return 0;
}

int mmu_slot_protect(struct ash_mmu *map, uintptr_t page, unsigned count, uint64_t keep,
                     uint64_t bits)
{
    const struct mmu_stale stale = {.page = page, .count = count};
    uint64_t *entry;
    uint64_t old, new;
    struct mmu_path path;

    mmu_path_find(&path, map, page, 2);
    if (!has_pages(&path)) {
        return MMU_ELSEWHERE;
    }
    entry = entry_of(path.last, page);
    old = port_entry_load(entry);
    new = (old & keep) | bits;
    if (!mmu_is_valid(old) || mmu_change_leaf(old, new) != MMU_INVALIDATE ||
        (count > 1 && mmu_entries_alike(entry, count, keep) != count)) {
        return MMU_ELSEWHERE;
    }
    if (count == 1 && !map->track) {
        port_entry_write(entry, new);
        mmu_entries_written(map, entry, 1);
    } else {
        mmu_entries_rewrite(map, entry, count, keep, bits);
    }
    mmu_publish_stale(map, &stale, mmu_is_code(new));
    return 0;
}
