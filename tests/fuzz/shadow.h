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

/* Attributes beyond those that query reports */
#define SHADOW_WRITTEN 0x10000u /* it was written, and made read-only or clean since */
#define SHADOW_NOTED   0x20000u /* it was clean: its writes are noted, by somebody, at any time */
#define SHADOW_HIDDEN  (SHADOW_WRITTEN | SHADOW_NOTED)

/** Pages are counted from the map's base; frames are physical page numbers. */
struct shadow_run {
    uint64_t page, pages;
    uint64_t frame;
    ash_mmu_attr_t attr; /* that query must report, and hidden ones */
    unsigned level;
};

/** Pages from one to before another. */
struct shadow_span {
    uint64_t page, end;
};

struct shadow_zone {
    uint64_t page, pages;
    bool remap; /* has its tables of pages for good */
};

struct shadow {
    unsigned start; /* level of the root */
    uint64_t pages; /* of the map */
    bool frozen;
    bool track, contiguous, merge; /* as the map is configured */
    unsigned zones;
    struct shadow_zone zone[ASH_MMU_ZONES];
    unsigned runs;
    struct shadow_run run[SHADOW_RUNS];
    unsigned hints;
    struct shadow_span hint[SHADOW_RUNS]; /* whose entries have the contiguous hint */
};

/*
 * Operations. Each builds in `next` what `old` becomes, and in *needed the number of tables that
 * must be taken for it; arguments are good. They return the error that the operation must return
 * if it can have those tables; `next` is then of no use. *merged: tables that go by merging.
 */
int shadow_map(const struct shadow *old, struct shadow *next, const struct shadow_run *wanted,
               bool pages_only, unsigned *needed, unsigned *merged);
int shadow_unmap(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t pages,
                 unsigned *needed);
int shadow_protect(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t pages,
                   ash_mmu_attr_t attr, unsigned *needed);
int shadow_merge(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t pages,
                 unsigned *merged);
int shadow_zone(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t pages,
                bool remap, unsigned *needed);

/** 0, or ASH_EBUSY: frozen. */
int shadow_may_change(const struct shadow *shadow, uint64_t page, uint64_t pages);
/** The same with all of the blocks, and of the runs with the hint, that the pages begin and end in.
 */
int shadow_may_break(const struct shadow *shadow, uint64_t page, uint64_t pages);
/** As far as it came: entries from `page` to before `end`, those at the edges whole. */
int shadow_harvest(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t end,
                   ash_mmu_attr_t clear);
int shadow_touch(const struct shadow *old, struct shadow *next, uint64_t page, bool write);

/** Whether a page or block was written, as ash_mmu_written() must say. */
static inline bool shadow_written(ash_mmu_attr_t attr)
{
    return (attr & SHADOW_WRITTEN) || (attr & (ASH_MMU_WRITE | ASH_MMU_CLEAN)) == ASH_MMU_WRITE;
}

/** Whether harvest must report it. */
static inline bool shadow_reported(ash_mmu_attr_t attr)
{
    return (attr & ASH_MMU_OLD) == 0 || shadow_written(attr);
}

/** Whether blocks may be made of it: its state cannot change meanwhile. */
static inline bool shadow_merges(const struct shadow_run *run)
{
    return (run->attr & (ASH_MMU_OLD | SHADOW_NOTED)) == 0;
}

/* To build a list */

/** Empties `next`, but for what is not about mappings; the hints stay. */
void shadow_begin(const struct shadow *old, struct shadow *next);
/** Adds behind all others what `like`, which may be larger, says of [page, end). */
void shadow_push(struct shadow *to, uint64_t page, uint64_t end, const struct shadow_run *like,
                 unsigned level);

/* The contiguous hint */

bool shadow_hinted(const struct shadow *shadow, uint64_t page);
bool shadow_hinted_any(const struct shadow *shadow, uint64_t page, uint64_t end);
/** Those pages have it, or do not. */
void shadow_hint(struct shadow *shadow, uint64_t page, uint64_t end, bool hinted);
/** What was just mapped gets it wherever 16 entries allow it. */
void shadow_hint_new(struct shadow *shadow, uint64_t page, uint64_t end);
/** The run of 16 that the page is in loses it if it reaches out of [from, end). */
void shadow_unfold(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t from,
                   uint64_t end);
/** The 2 MiB slots of a remap zone that the pages [*page, *end) touch first; false: none. */
bool shadow_pinned(const struct shadow *shadow, uint64_t *page, uint64_t *end);

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
