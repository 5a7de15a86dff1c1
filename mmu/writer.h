/* SPDX-License-Identifier: MIT */
/*
 * The commit side of an operation: a walk that changes entries, keeps each table's count of valid
 * entries in the descriptor that links it, links new tables once they are complete, and unlinks
 * those that became empty. It takes tables only from a reserve that prepare has filled.
 */
#ifndef ASHLAR_MMU_WRITER_H
#define ASHLAR_MMU_WRITER_H

#include "mmu/gather.h"
#include "mmu/walk.h"

/** Tables taken in advance: a chain through their first words. */
struct mmu_reserve {
    struct ash_mmu *map;
    ash_pa_t first;
};

/** Takes `count` tables, or none and returns take's error. */
int mmu_reserve_fill(struct mmu_reserve *reserve, struct ash_mmu *map, unsigned count);

/** One of them, zero again, and counted as in use. */
ash_pa_t mmu_reserve_pop(struct mmu_reserve *reserve);

/**
 * Moves the walk past `count` entries that are all invalid, or past one block, and returns how many
 * tables the part of the range that they cover needs below this one: an entry that is wholly inside
 * and not larger than `block` (log2 of pages) needs none.
 */
unsigned mmu_tables_past(struct mmu_walk *walk, unsigned count, unsigned block);

struct mmu_writer {
    struct mmu_walk walk;
    struct mmu_gather gather;
    struct mmu_reserve *reserve;
    unsigned fresh;    /* tables from this level down are not linked yet; above 3: all are */
    uint64_t link[4];  /* of the table of each level on the path, without the count */
    unsigned count[4]; /* valid entries of it */
};

void mmu_writer_start(struct mmu_writer *writer, struct ash_mmu *map, const struct mmu_range *range,
                      struct mmu_reserve *reserve);
/** Edits `count` neighbours from the cursor on; see mmu_gather_edit(). Does not move or count. */
unsigned mmu_writer_edit(struct mmu_writer *writer, unsigned count, const struct mmu_edit *edit);
/** Down into the table that `link`, the entry under the cursor, links. */
void mmu_writer_down(struct mmu_writer *writer, uint64_t link);
/** Down into a new table, in place of nothing, or of the block `old` in 512 parts. */
void mmu_writer_grow(struct mmu_writer *writer, uint64_t old);
/** Past `count` entries; leaves the tables that end there, and all at the end of the range. */
void mmu_writer_next(struct mmu_writer *writer, unsigned count);
/** Barriers and invalidation; the operation is done. */
void mmu_writer_finish(struct mmu_writer *writer);

#endif
