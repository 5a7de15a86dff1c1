/* SPDX-License-Identifier: MIT */
/*
 * The walker: a cursor that moves through the tables of a range, entry by entry of one table, down
 * into the table below and up again. One for all formats and operations, iterative.
 * A reader moves with mmu_walk_down() and mmu_walk_next(); a writer (writer.h) moves on with
 * mmu_writer_next(), which also keeps counts and links.
 */
#ifndef ASHLAR_MMU_WALK_H
#define ASHLAR_MMU_WALK_H

#include "mmu/descriptor.h"
#include "port/port.h"

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
int mmu_range_check(const struct ash_mmu *map, ash_va_t va, uint64_t size, struct mmu_range *range);

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
    walk->table[level] = port_ptr(mmu_output(link));
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

/** Leading entries, at most count, whose bit 0 is that of `valid`. */
static inline unsigned mmu_walk_alike(const uint64_t *entry, unsigned count, uint64_t valid)
{
    unsigned alike = 0;

    while (alike < count && ((port_entry_load(entry + alike) ^ valid) & MMU_VALID) == 0) {
        alike++;
    }
    return alike;
}

#endif
