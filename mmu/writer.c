/* SPDX-License-Identifier: MIT */
/*
 * The commit side: see writer.h. Nothing here can fail.
 */
#include "mmu/writer.h"

#define NONE_FRESH 4

static void give_back(struct mmu_reserve *reserve)
{
    while (reserve->first.value != MMU_NO_TABLE) {
        ash_pa_t pa = reserve->first;
        uint64_t *table = port_ptr(pa);

        reserve->first = ash_pa(*table);
        *table = 0;
        reserve->map->tables.give(reserve->map->tables.context, pa);
    }
}

int mmu_reserve_fill(struct mmu_reserve *reserve, struct ash_mmu *map, unsigned count)
{
    reserve->map = map;
    reserve->first = ash_pa(MMU_NO_TABLE);
    for (; count > 0; count--) {
        ash_pa_t pa;
        uint64_t *table;
        int error = map->tables.take(map->tables.context, &pa);

        if (error != 0) {
            give_back(reserve);
            return error;
        }
        table = port_ptr(pa);
        if (map->early) {
            port_cache_invalidate(table, ASH_PAGE_SIZE); /* stale lines, arm-rules 19 */
        } else if (map->incoherent) {
            port_cache_clean(table, ASH_PAGE_SIZE); /* the zeroes, arm-rules 2 and 42 */
        }
        *table = reserve->first.value;
        reserve->first = pa;
        map->counters.taken++;
    }
    return 0;
}

ash_pa_t mmu_reserve_pop(struct mmu_reserve *reserve)
{
    ash_pa_t pa = reserve->first;
    uint64_t *table = port_ptr(pa);

    reserve->first = ash_pa(*table);
    *table = 0;
    reserve->map->counters.tables++;
    return pa;
}

unsigned mmu_tables_past(struct mmu_walk *walk, unsigned count, unsigned block)
{
    uintptr_t page = walk->page, end, tables = 0;
    unsigned level = walk->level;

    mmu_walk_next(walk, count);
    end = walk->page < walk->end ? walk->page : walk->end;
    for (; level < 3; level++) {
        unsigned shift = mmu_shift(level);
        uintptr_t first = page >> shift, last = (end - 1) >> shift;

        if (shift > block) {
            tables += last - first + 1;
        } else {
            bool head = first << shift != page, tail = (last + 1) << shift != end;

            tables += first == last ? (head || tail) : (uintptr_t)head + tail;
        }
    }
    return (unsigned)tables;
}

void mmu_writer_start(struct mmu_writer *writer, struct ash_mmu *map, const struct mmu_range *range,
                      struct mmu_reserve *reserve)
{
    mmu_walk_start(&writer->walk, map, range);
    mmu_gather_start(&writer->gather, map);
    writer->reserve = reserve;
    writer->fresh = NONE_FRESH;
    writer->count[map->start] = map->root_count;
}

unsigned mmu_writer_edit(struct mmu_writer *writer, unsigned count, const struct mmu_edit *edit)
{
    unsigned level = writer->walk.level;

    return mmu_gather_edit(&writer->gather, mmu_walk_entry(&writer->walk), count, level,
                           writer->walk.page, edit, level < writer->fresh);
}

void mmu_writer_down(struct mmu_writer *writer, uint64_t link)
{
    mmu_walk_down(&writer->walk, link);
    writer->link[writer->walk.level] = link & ~MMU_COUNT;
    writer->count[writer->walk.level] = mmu_count(link);
}

void mmu_writer_grow(struct mmu_writer *writer, uint64_t old)
{
    ash_pa_t pa = mmu_reserve_pop(writer->reserve);
    unsigned level = writer->walk.level + 1;

    mmu_writer_down(writer, pa.value | MMU_TABLE);
    if (writer->fresh > level) {
        writer->fresh = level;
    }
    if (mmu_is_valid(old)) {
        struct mmu_edit parts = {
            .bits = (old & ~(MMU_TYPE | MMU_CONTIGUOUS)) | mmu_leaf_type(level),
            .step = mmu_leaf_step(level),
        };

        mmu_gather_edit(&writer->gather, writer->walk.table[level], MMU_ENTRIES, level, 0, &parts,
                        false);
        writer->count[level] = MMU_ENTRIES;
        writer->gather.map->counters.splits++;
    }
}

/* Up, when the cursor has passed the last page that it had to see of a table: the link gets what
 * the table has become. */
static void leave(struct mmu_writer *writer)
{
    struct mmu_walk *walk = &writer->walk;
    unsigned level = walk->level--;
    unsigned shift = mmu_shift(walk->level);
    uintptr_t page = (walk->page - 1) >> shift << shift; /* that the table begins with */
    uint64_t *entry = walk->table[walk->level] + ((page >> shift) & (MMU_ENTRIES - 1));
    uint64_t link = writer->link[level];
    uint64_t old = port_entry_load(entry);
    struct mmu_edit edit = {.bits = link | (uint64_t)writer->count[level] << MMU_COUNT_SHIFT};

    if (edit.bits == old) {
        return;
    }
    if (writer->fresh == level) {
        writer->fresh = NONE_FRESH;
    }
    if (writer->count[level] == 0 && (link & MMU_PINNED) == 0) {
        edit.bits = 0;
        writer->count[walk->level]--;
    } else if (!mmu_is_valid(old)) {
        writer->count[walk->level]++;
    }
    mmu_gather_edit(&writer->gather, entry, 1, walk->level, page, &edit,
                    walk->level < writer->fresh);
    if (edit.bits == 0) {
        mmu_gather_unlink(&writer->gather, walk->table[level], mmu_output(link));
    }
}

void mmu_writer_next(struct mmu_writer *writer, unsigned count)
{
    struct mmu_walk *walk = &writer->walk;
    unsigned shift = mmu_shift(walk->level);

    walk->page = ((walk->page >> shift) + count) << shift;
    while (walk->level > walk->start && (walk->page >= walk->end || mmu_walk_index(walk) == 0)) {
        leave(writer);
    }
}

void mmu_writer_finish(struct mmu_writer *writer)
{
    struct ash_mmu *map = writer->gather.map;

    map->root_count = writer->count[map->start];
    mmu_gather_flush(&writer->gather);
}
