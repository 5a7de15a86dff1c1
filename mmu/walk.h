/* SPDX-License-Identifier: MIT */
/*
 * The walker: a cursor that moves through the tables of a range, entry by entry of one table, down
 * into the table below and up again. One for all formats and operations, iterative.
 * A reader moves with mmu_walk_down() and mmu_walk_next(); a writer (writer.h) moves on with
 * mmu_writer_next(), which also keeps counts and links.
 */
#ifndef ASHLAR_MMU_WALK_H
#define ASHLAR_MMU_WALK_H

#include "mmu/entries.h"

struct mmu_walk {
    uintptr_t page, end; /* next page, first page past the range; from the map's base */
    uintptr_t first;     /* page at which it began */
    unsigned level;      /* of the table the cursor is in */
    unsigned start;      /* of the root */
    unsigned deep;       /* level that it went down to before it first moved on */
    bool strayed;        /* it went down again later: the path is not that of `first` any more */
    uint64_t *table[4];  /* those on the path, by level */
    uint64_t *link[4];   /* the entry that links each of them, but for the root */
};

/** A range in pages, as every operation uses it once its arguments have been checked. */
struct mmu_range {
    uintptr_t page, end;
};

/** Checks and converts [va, va + size). ASH_EINVAL, ASH_EALIGN, ASH_ERANGE. */
static inline int mmu_range_check(const struct ash_mmu *map, ash_va_t va, uint64_t size,
                                  struct mmu_range *range)
{
    uintptr_t offset = va.value - map->base.value;

    if (size == 0) {
        return ASH_EINVAL;
    }
    if (!ash_is_aligned(va.value | size, ASH_PAGE_SIZE)) {
        return ASH_EALIGN;
    }
    /* In pages, the end of a map that ends with the address space does not wrap. An address below
     * the base does, and is beyond the map then: the base is 0 or 2^va_bits below the end. */
    range->page = offset >> ASH_PAGE_SHIFT;
    if (range->page >= map->pages || size >> ASH_PAGE_SHIFT > map->pages - range->page) {
        return ASH_ERANGE;
    }
    range->end = range->page + (uintptr_t)(size >> ASH_PAGE_SHIFT);
    return 0;
}

static inline void mmu_walk_start(struct mmu_walk *walk, const struct ash_mmu *map,
                                  const struct mmu_range *range)
{
    walk->page = range->page;
    walk->end = range->end;
    walk->first = range->page;
    walk->level = map->start;
    walk->start = map->start;
    walk->deep = map->start;
    walk->strayed = false;
    walk->table[map->start] = map->root;
}

/** Back to the first page, without walking down to it again where its path is still known. */
static inline void mmu_walk_rewind(struct mmu_walk *walk)
{
    walk->page = walk->first;
    walk->level = walk->strayed ? walk->start : walk->deep;
    walk->deep = walk->level;
    walk->strayed = false;
}

static inline unsigned mmu_walk_index(const struct mmu_walk *walk)
{
    return (unsigned)(walk->page >> mmu_shift(walk->level)) & (MMU_ENTRIES - 1);
}

static inline uint64_t *mmu_walk_entry(const struct mmu_walk *walk)
{
    return walk->table[walk->level] + mmu_walk_index(walk);
}

/** Entries of this table, from the cursor on, that the range touches. */
static inline unsigned mmu_walk_room(const struct mmu_walk *walk)
{
    unsigned shift = mmu_shift(walk->level);
    unsigned left = MMU_ENTRIES - mmu_walk_index(walk);
    uintptr_t touched = ((walk->end - 1) >> shift) - (walk->page >> shift) + 1;

    return touched < left ? (unsigned)touched : left;
}

/** Whole entries of this table, from the cursor on, that the range covers; 0 if not even one. */
static inline unsigned mmu_walk_whole(const struct mmu_walk *walk)
{
    unsigned shift = mmu_shift(walk->level);
    unsigned left = MMU_ENTRIES - mmu_walk_index(walk);
    uintptr_t whole = (walk->end - walk->page) >> shift;

    if (walk->page & (((uintptr_t)1 << shift) - 1)) {
        return 0;
    }
    return whole < left ? (unsigned)whole : left;
}

/** Into the table that `entry`, under the cursor, links with the descriptor `link`. */
static inline void mmu_walk_down(struct mmu_walk *walk, uint64_t *entry, uint64_t link)
{
    unsigned level = ++walk->level;

    walk->link[level] = entry;
    walk->table[level] = mmu_table(link);
    if (walk->page == walk->first) {
        walk->deep = level;
    } else {
        walk->strayed = true;
    }
}

/** Past `count` entries of this table, without leaving it. */
static inline void mmu_walk_skip(struct mmu_walk *walk, unsigned count)
{
    unsigned shift = mmu_shift(walk->level);

    walk->page = ((walk->page >> shift) + count) << shift;
}

/** Past `count` entries of this table, and up out of tables that end there. */
static inline void mmu_walk_next(struct mmu_walk *walk, unsigned count)
{
    mmu_walk_skip(walk, count);
    while (walk->level > walk->start && mmu_walk_index(walk) == 0) {
        walk->level--;
    }
}

/** The way to one page, as far as it goes. */
struct mmu_path {
    uint64_t *entry[4]; /* looked at, by level */
    unsigned level;     /* of the last one */
    uint64_t last;      /* it, as it stands: it links no table, or `deepest` is its level */
};

/* Looks at the entry of one level; true if it links a table. */
static inline bool mmu_path_look(struct mmu_path *path, uint64_t *table, uintptr_t page,
                                 unsigned level)
{
    path->entry[level] = table + (page >> mmu_shift(level) & (MMU_ENTRIES - 1));
    path->level = level;
    path->last = port_entry_load(path->entry[level]);
    return mmu_is_table(path->last, level);
}

/** Down to one page, not below the level `deepest`, 2 or 3. Level by level, because shifts by
 *  constants make it a third cheaper than a loop. */
static inline void mmu_path_find(struct mmu_path *path, const struct ash_mmu *map, uintptr_t page,
                                 unsigned deepest)
{
    uint64_t *table = map->root;

    switch (map->start) {
    case 0:
        if (!mmu_path_look(path, table, page, 0)) {
            return;
        }
        table = mmu_table(path->last);
        /* fallthrough */
    case 1:
        if (!mmu_path_look(path, table, page, 1)) {
            return;
        }
        table = mmu_table(path->last);
        /* fallthrough */
    default:
        if (mmu_path_look(path, table, page, 2) && deepest == 3) {
            (void)mmu_path_look(path, mmu_table(path->last), page, 3);
        }
    }
}

#endif
