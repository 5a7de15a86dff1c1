/* SPDX-License-Identifier: MIT */
/*
 * The commit side of an operation: a walk that changes entries, keeps each table's count of valid
 * entries in the descriptor that links it, links new tables once they are complete, and unlinks
 * those that became empty. It takes tables only from a reserve that prepare has filled.
 *
 * An operation prepares with the writer's own walk, so that a range in one table, which most are,
 * is walked down to once.
 */
#ifndef ASHLAR_MMU_WRITER_H
#define ASHLAR_MMU_WRITER_H

#include "mmu/gather.h"
#include "mmu/walk.h"

struct mmu_writer {
    struct ash_mmu *map;
    struct mmu_walk walk;
    struct mmu_gather gather;
    unsigned fresh;   /* tables from this level down are not linked yet; above 3: all are */
    uint64_t pin;     /* MMU_PINNED: level 3 tables that it leaves will stay; or 0 */
    int delta[4];     /* valid entries that the table of each level gained */
    uint64_t link[4]; /* descriptor to be of a table that is not linked yet */
    ash_pa_t reserve; /* tables taken in advance: a chain through their first words */
};

/**
 * Moves the walk past `count` entries that are all invalid, or past one block, and returns how many
 * tables the part of the range that they cover needs below this one: an entry that is wholly inside
 * and not larger than `block` (log2 of pages) needs none.
 */
unsigned mmu_tables_past(struct mmu_walk *walk, unsigned count, unsigned block);

/**
 * Ends prepare and begins commit: takes `tables` tables, or none and returns take's error, and goes
 * back to the first page. What follows cannot fail.
 */
int mmu_writer_begin(struct mmu_writer *writer, struct ash_mmu *map, unsigned tables);

/** The entry under the cursor. */
static inline struct mmu_place mmu_writer_place(const struct mmu_writer *writer)
{
    return (struct mmu_place){
        .entry = mmu_walk_entry(&writer->walk),
        .level = writer->walk.level,
        .page = writer->walk.page,
        .published = writer->walk.level < writer->fresh,
    };
}

/** Down into a new table, in place of nothing, or of the block `old` in 512 parts. */
void mmu_writer_grow(struct mmu_writer *writer, uint64_t *entry, uint64_t old);
/** Past `count` entries; leaves the tables that end there, and all at the end of the range. */
void mmu_writer_next(struct mmu_writer *writer, unsigned count);
/** Barriers and invalidation; the operation is done. */
void mmu_writer_finish(struct mmu_writer *writer);

/** The cache lines of a new table, where walks do not look into the cache. */
void mmu_table_lines(const struct ash_mmu *map, ash_pa_t table);

/** Takes one table, or returns take's error. */
static inline int mmu_reserve_take(struct ash_mmu *map, ash_pa_t *table)
{
    int error = map->tables.take(map->tables.context, table);

    if (error == 0) {
        map->counters.taken++;
        if (map->early || map->incoherent) {
            mmu_table_lines(map, *table);
        }
    }
    return error;
}

/** Takes `count` tables into a chain, or none and returns take's error. */
int mmu_reserve_fill(struct ash_mmu *map, unsigned count, ash_pa_t *reserve);
/** One of the chain, zero again, and counted as in use. */
ash_pa_t mmu_reserve_pop(struct ash_mmu *map, ash_pa_t *reserve);

#endif
