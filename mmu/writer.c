/* SPDX-License-Identifier: MIT */
/*
 * The commit side: see writer.h. Nothing here can fail once the tables are taken.
 */
#include "mmu/writer.h"

#define NONE_FRESH 4

static void give_back(struct ash_mmu *map, ash_pa_t reserve)
{
    while (reserve.value != MMU_NO_TABLE) {
        ash_pa_t pa = reserve;
        uint64_t *table = port_ptr(pa);

        reserve = ash_pa(*table);
        *table = 0;
        map->tables.give(map->tables.context, pa);
    }
}

void mmu_table_lines(const struct ash_mmu *map, ash_pa_t table)
{
    if (map->early) {
        port_cache_invalidate(port_ptr(table), ASH_PAGE_SIZE); /* stale lines, arm-rules 19 */
    } else {
        port_cache_clean(port_ptr(table), ASH_PAGE_SIZE); /* the zeroes, arm-rules 2 and 42 */
    }
}

int mmu_reserve_fill(struct ash_mmu *map, unsigned count, ash_pa_t *reserve)
{
    *reserve = ash_pa(MMU_NO_TABLE);
    for (; count > 0; count--) {
        ash_pa_t pa;
        uint64_t *table;
        int error = mmu_reserve_take(map, &pa);

        if (error != 0) {
            give_back(map, *reserve);
            return error;
        }
        table = port_ptr(pa);
        *table = reserve->value;
        *reserve = pa;
    }
    return 0;
}

ash_pa_t mmu_reserve_pop(struct ash_mmu *map, ash_pa_t *reserve)
{
    ash_pa_t pa = *reserve;
    uint64_t *table = port_ptr(pa);

    *reserve = ash_pa(*table);
    *table = 0;
    map->counters.tables++;
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

int mmu_writer_begin(struct mmu_writer *writer, struct ash_mmu *map, unsigned tables)
{
    if (tables > 0) {
        int error = mmu_reserve_fill(map, tables, &writer->reserve);

        if (error != 0) {
            return error;
        }
    }
    mmu_walk_rewind(&writer->walk);
    mmu_gather_start(&writer->gather, map);
    writer->map = map;
    writer->fresh = NONE_FRESH;
    writer->pin = 0;
    for (unsigned level = 0; level < 4; level++) {
        writer->delta[level] = 0;
    }
    return 0;
}

void mmu_writer_grow(struct mmu_writer *writer, uint64_t *entry, uint64_t old)
{
    ash_pa_t pa = mmu_reserve_pop(writer->map, &writer->reserve);
    unsigned level = writer->walk.level + 1;
    uint64_t link = pa.value | MMU_TABLE;

    mmu_walk_down(&writer->walk, entry, link);
    if (writer->fresh > level) {
        writer->fresh = level;
    }
    if (mmu_is_valid(old)) {
        /* The processor may note an access or a write until the break: to lose none, the parts have
         * both. */
        if (writer->map->updates) {
            old |= MMU_ACCESSED;
            old &= old & writer->map->format->writable ? ~MMU_READ_ONLY : ~(uint64_t)0;
        }
        struct mmu_place parts = {.entry = writer->walk.table[level], .level = level};

        mmu_gather_fill(&writer->gather, &parts, MMU_ENTRIES,
                        (old & ~(MMU_TYPE | MMU_CONTIGUOUS)) | mmu_leaf_type(level));
        link |= (uint64_t)MMU_ENTRIES << MMU_COUNT_SHIFT;
        writer->map->counters.splits++;
    }
    writer->link[level] = link;
}

/* A link appears or goes, or replaces a block. */
static void relink(struct mmu_writer *writer, unsigned level, uint64_t old, uint64_t link)
{
    unsigned above = level - 1, shift = mmu_shift(above);
    struct mmu_place place = {
        .entry = writer->walk.link[level],
        .level = above,
        .page = (writer->walk.page - 1) >> shift << shift,
    };

    if (writer->fresh == level) {
        writer->fresh = NONE_FRESH;
    }
    if (!mmu_is_valid(old)) {
        writer->delta[above]++;
    } else if (link == 0) {
        writer->delta[above]--;
    }
    place.published = above < writer->fresh;
    mmu_gather_link(&writer->gather, &place, link);
    if (link == 0) {
        mmu_gather_unlink(&writer->gather, writer->walk.table[level], mmu_output(old));
    }
}

/* Up, when the cursor has passed the last page that it had to see of a table: the link gets what
 * the table has become. */
static void leave(struct mmu_writer *writer)
{
    unsigned level = writer->walk.level--;
    uint64_t old = port_entry_load(writer->walk.link[level]);
    uint64_t link = level < writer->fresh ? old : writer->link[level];

    link = mmu_recount(link, writer->delta[level]);
    writer->delta[level] = 0;
    if (level == 3) {
        link |= writer->pin;
    }
    if (link == old) {
        return;
    }
    if (level >= writer->fresh) {
        relink(writer, level, old, link);
    } else if (link & (MMU_COUNT | MMU_PINNED)) {
        mmu_entry_recount(writer->map, writer->walk.link[level], link);
    } else {
        relink(writer, level, old, 0);
    }
}

void mmu_writer_next(struct mmu_writer *writer, unsigned count)
{
    struct mmu_walk *walk = &writer->walk;

    mmu_walk_skip(walk, count);
    while (walk->level > walk->start && (walk->page >= walk->end || mmu_walk_index(walk) == 0)) {
        leave(writer);
    }
}

void mmu_writer_finish(struct mmu_writer *writer)
{
    struct ash_mmu *map = writer->map;

    map->root_count += (uint32_t)writer->delta[map->start];
    mmu_gather_flush(&writer->gather);
}
