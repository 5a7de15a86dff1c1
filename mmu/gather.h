/* SPDX-License-Identifier: MIT */
/*
 * The gather of one operation: writes entries, collects what must be invalidated, and ends in one
 * barrier pair, after which unlinked tables are given back. Nothing else writes an entry.
 */
#ifndef ASHLAR_MMU_GATHER_H
#define ASHLAR_MMU_GATHER_H

#include "mmu/descriptor.h"

/** From this many invalidations on, one of the whole ASID, or of everything, is cheaper. */
#define MMU_GATHER_MANY 16

/* Neighbouring entries whose translations are to be invalidated, one address each. */
struct mmu_gather_run {
    uintptr_t page; /* first, counted from the map's base */
    unsigned count;
    unsigned shift; /* log2 of the pages from one to the next */
    bool walk;      /* a table went: walk caches as well */
};

struct mmu_gather {
    struct ash_mmu *map;
    bool stored;      /* something the hardware may look at was written */
    bool code;        /* ... and is executable */
    unsigned pending; /* invalidations; MMU_GATHER_MANY or more: everything */
    unsigned runs;
    struct mmu_gather_run run[MMU_GATHER_MANY];
    ash_pa_t unlinked; /* chain of tables through their first words; MMU_NO_TABLE ends it */
};

/** Ends a chain of tables. It has bit 0 clear, as every link has: an unlinked table may still be
 *  walked until the invalidation, and must then be empty. */
#define MMU_NO_TABLE (~(uint64_t)(ASH_PAGE_SIZE - 1))

void mmu_gather_start(struct mmu_gather *gather, struct ash_mmu *map);

/** New value of an entry: (old & keep) | bits, and bits grows by step from entry to entry. */
struct mmu_edit {
    uint64_t keep, bits, step;
};

/**
 * Changes `count` neighbours at `level`, the first of which translates from `page` on, by what
 * mmu_change() says of the first. Stops early at an entry of another class (one that differs in
 * what the edit does not keep), so that one decision fits all; with keep == 0 the caller knows
 * that all are invalid, or all are not. Returns how many were changed.
 * published: the hardware can reach the table.
 */
unsigned mmu_gather_edit(struct mmu_gather *gather, uint64_t *entry, unsigned count, unsigned level,
                         uintptr_t page, const struct mmu_edit *edit, bool published);

/** Keeps a table, whose link is gone, until the invalidation is complete. It is empty. */
void mmu_gather_unlink(struct mmu_gather *gather, uint64_t *table, ash_pa_t pa);

/** Collects the invalidation of the whole map. */
void mmu_gather_all(struct mmu_gather *gather);

/** Barriers, invalidation, barriers; then gives back unlinked tables. */
void mmu_gather_flush(struct mmu_gather *gather);

#endif
