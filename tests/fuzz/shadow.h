/* SPDX-License-Identifier: MIT */
/*
 * What a map must be after any sequence of operations: a flat, sorted list of what is mapped. It is
 * told no table, walks no tree and shares no code with mmu/: which entries there are, and with them
 * the least number of tables, follow from the addresses alone.
 *
 * A run is a row of pages or blocks of one level that continue each other. The list is canonical:
 * neighbours that could be one run are one, so equal lists are equal maps.
 */
#ifndef ASHLAR_FUZZ_SHADOW_H
#define ASHLAR_FUZZ_SHADOW_H

#include "ashlar/mmu.h"

#define SHADOW_RUNS 2048u

/** Pages are counted from the map's base; frames are physical page numbers. */
struct shadow_run {
    uint64_t page, pages;
    uint64_t frame;
    ash_mmu_attr_t attr; /* that query must report */
    unsigned level;
};

struct shadow_zone {
    uint64_t page, pages;
    bool remap; /* has its tables of pages for good */
};

struct shadow {
    unsigned start; /* level of the root */
    uint64_t pages; /* of the map */
    bool frozen;
    unsigned zones;
    struct shadow_zone zone[ASH_MMU_ZONES];
    unsigned runs;
    struct shadow_run run[SHADOW_RUNS];
};

/*
 * Operations. Each builds in `next` what `old` becomes, and in *needed the number of tables that
 * must be taken for it; arguments are good. They return the error that the operation must return
 * if it can have those tables; `next` is then of no use.
 */
int shadow_map(const struct shadow *old, struct shadow *next, const struct shadow_run *wanted,
               bool pages_only, unsigned *needed);
int shadow_unmap(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t pages,
                 unsigned *needed);
int shadow_protect(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t pages,
                   ash_mmu_attr_t attr, unsigned *needed);
/** *merged: tables that go. */
int shadow_merge(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t pages,
                 unsigned *merged);
int shadow_zone(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t pages,
                bool remap, unsigned *needed);

/** The least number of tables, root included, that its entries and remap zones take. */
unsigned shadow_tables(const struct shadow *shadow);

/** The least that the mappings themselves need, whatever entries make them up. */
unsigned shadow_least(const struct shadow *shadow, struct shadow *scratch);

/** The first run that ends after `page`, or NULL. */
const struct shadow_run *shadow_after(const struct shadow *shadow, uint64_t page);

/** The entry of the run that `page` lies in, as a run of its own. */
struct shadow_run shadow_entry(const struct shadow_run *run, uint64_t page);

/** Whether the two have the same mappings by the same entries. */
bool shadow_equal(const struct shadow *one, const struct shadow *other);

/** Pages that an entry of the level covers. */
static inline uint64_t shadow_reach(unsigned level)
{
    return 1ull << (9 * (3 - level));
}

static inline uint64_t shadow_end(const struct shadow_run *run)
{
    return run->page + run->pages;
}

#endif
