/* SPDX-License-Identifier: MIT */
/*
 * Making changes take effect: barriers and invalidation. The gather of one operation writes entries
 * as mmu_change() says, collects what must be invalidated, and ends in one barrier pair, after
 * which unlinked tables are given back.
 */
#ifndef ASHLAR_MMU_GATHER_H
#define ASHLAR_MMU_GATHER_H

#include "mmu/change.h"
#include "mmu/entries.h"

/** From this many invalidations on, one of the whole ASID, or of everything, is cheaper. */
#define MMU_GATHER_MANY 16

/* Neighbouring entries whose translations are to be invalidated, one address each. */
struct mmu_stale {
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
    ash_pa_t unlinked; /* chain of tables through their first words; MMU_NO_TABLE ends it */
    struct mmu_stale run[MMU_GATHER_MANY];
};

/** Ends a chain of tables. It has bit 0 clear, as every link of it has: an unlinked table may still
 *  be walked until the invalidation, and must then be empty. */
#define MMU_NO_TABLE (~(uint64_t)(ASH_PAGE_SIZE - 1))

/** Where entries to be changed stand. */
struct mmu_place {
    uint64_t *entry;
    unsigned level;
    uintptr_t page; /* that the first of them translates */
    bool published; /* the hardware can reach the table */
};

/** Stores to entries that were invalid take effect. */
static inline void mmu_publish(struct ash_mmu *map, bool code)
{
    port_dsb_ishst();
    if (code && !map->early) {
        /* ARMv7: new mappings of code need it (DDI 0406C B2.2.10, arm-rules 33). */
        port_branch_sync();
        port_dsb_ish();
    }
    port_isb();
    map->counters.barriers++;
}

/** Stores to one run of entries take effect, some of them executable now if `code`. */
void mmu_publish_stale(struct ash_mmu *map, const struct mmu_stale *stale, bool code);

void mmu_gather_start(struct mmu_gather *gather, struct ash_mmu *map);

/** Fills `count` entries, none of them valid, with neighbouring pages or blocks from `first` on.
 *  Of such entries mmu_change() says: store. */
void mmu_gather_fill(struct mmu_gather *gather, const struct mmu_place *place, unsigned count,
                     uint64_t first);

/** The same, the output addresses `step` apart. */
void mmu_gather_fill_apart(struct mmu_gather *gather, const struct mmu_place *place, unsigned count,
                           uint64_t first, uint64_t step);

/** Clears `count` pages or blocks, all of them valid. mmu_change() says: invalidate. */
void mmu_gather_clear(struct mmu_gather *gather, const struct mmu_place *place, unsigned count);

/**
 * Changes pages or blocks to (old & keep) | bits, as many of `count` as are of one class: equal in
 * what is not kept, so that what mmu_change() says of the first holds for all. Returns how many.
 */
unsigned mmu_gather_retype(struct mmu_gather *gather, const struct mmu_place *place, unsigned count,
                           uint64_t keep, uint64_t bits);

/** Replaces the page or block *old by one that differs in state, as mmu_entry_exchange() does. */
bool mmu_gather_exchange(struct mmu_gather *gather, const struct mmu_place *place, uint64_t *old,
                         uint64_t new);

/** Takes the contiguous hint from the run of 16 that has the entry, if it has one: by
 *  break-before-make of all of it. */
void mmu_gather_unfold(struct mmu_gather *gather, const struct mmu_place *place);

/** Replaces one entry where the old or the new descriptor links a table. */
void mmu_gather_link(struct mmu_gather *gather, const struct mmu_place *place, uint64_t link);

/** Keeps a table, whose link is gone, until the invalidation is complete. It is empty. */
void mmu_gather_unlink(struct mmu_gather *gather, uint64_t *table, ash_pa_t pa);

/** Collects the invalidation of the whole map. */
void mmu_gather_all(struct mmu_gather *gather);

/** Barriers, invalidation, barriers; then gives back unlinked tables. */
void mmu_gather_flush(struct mmu_gather *gather);

#endif
