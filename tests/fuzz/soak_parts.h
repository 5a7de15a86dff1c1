/* SPDX-License-Identifier: MIT */
/*
 * What the parts of a soak have of each other: soak_machine.c, soak_choose.c, soak_step.c,
 * soak_check.c and soak_report.c.
 */
#ifndef ASHLAR_FUZZ_SOAK_PARTS_H
#define ASHLAR_FUZZ_SOAK_PARTS_H

#include "tests/fuzz/soak.h"

/** Lets the machine walk the map, if it is live, under its ASID. */
void soak_install(struct soak *soak);
/** From here on the machine walks it. */
void soak_go_live(struct soak *soak);
/** Take and give, with the context that the map has now. */
struct ash_mmu_tables soak_tables(struct soak *soak);

/** work(arg), which does the step on this CPU, while others use what it leaves alone: what is the
 *  same in `then`, which the map becomes. */
void soak_in_crowd(struct soak *soak, const struct soak_step *step, const struct shadow *then,
                   void (*work)(void *arg), void *arg);

/* Choices */

struct soak_span {
    uint64_t page, end;
};

static inline uint64_t soak_least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/** Any attributes that a mapping may have. */
ash_mmu_attr_t soak_draw_attr(struct soak *soak);
/** Frames for a new mapping, and attributes that fit those that others have of them. False: none
 *  found. */
bool soak_draw_target(struct soak *soak, struct soak_step *step);
/** The memory types that the frames of a range may change to: all, or the one they have. */
void soak_keep_type(struct soak *soak, struct soak_step *step);

/* State */

/** ash_mmu_harvest(), if it must succeed: sees that it reports what it must, and makes `next` what
 *  it leaves, wherever it was stopped. */
int soak_harvest(struct soak *soak, const struct soak_step *step);
/** ash_mmu_touch(), or an access of the machine's own. */
int soak_touch(struct soak *soak, const struct soak_step *step, bool good);
/** Where the processor updates entries: takes into the shadow what it has noted by itself, sees
 *  that nothing else differs. */
void soak_learn(struct soak *soak, const struct soak_span *span);
/** Lets the machine check accesses without noting them (`on` false), and note them again. */
void soak_updates(const struct soak *soak, bool on);

/** Keeps a copy of the map, and of its tables if `tables`; one at a time. */
void soak_remember(const struct soak *soak, bool tables);
/** Nothing differs from that copy, and nothing was stored or invalidated since sim_forget(). */
void soak_check_unchanged(const struct soak *soak, bool tables);

/* Checks; each ends in soak_fail() if something differs. */

/** The map is what the shadow says at this page, by the machine's walk and by query. */
void soak_check_page(struct soak *soak, uint64_t page);
/** query finds nothing below the map and above it. */
void soak_check_outside(struct soak *soak);
/** verify finds no fault, and as many entries of each level as there must be. */
void soak_check_sound(struct soak *soak);
/** All of the map, as walk sees it. */
void soak_check_walk(struct soak *soak, uint64_t page, uint64_t pages, unsigned stop_after);
/** All of the map, as the machine sees it. */
void soak_check_all(struct soak *soak);
void soak_check_dump(struct soak *soak, uint64_t page);
/** Damages something that verify looks at, sees that it tells, and repairs it. */
void soak_check_damage(struct soak *soak, uint64_t page, unsigned detail);

/** The descriptor that the shadow's entry must be. */
uint64_t soak_descriptor(const struct soak *soak, const struct shadow_run *entry);
/** The shadow's entry at the page; false: none. */
bool soak_entry_at(const struct soak *soak, uint64_t page, struct shadow_run *entry);

/** What a page or block must be as an entry of the table, but for output address and type. */
uint64_t soak_attributes(const struct soak *soak, ash_mmu_attr_t attr);

/** The attributes that a mapping asked for with these has. */
static inline ash_mmu_attr_t soak_kept(const struct soak *soak, ash_mmu_attr_t attr)
{
    attr |= attr & ASH_MMU_CLEAN ? SHADOW_NOTED : 0;
    return attr & ~(ASH_MMU_PAGES | (soak->format->sim == SIM_LPAE ? ASH_MMU_GUARDED : 0));
}

static inline ash_va_t soak_va(const struct soak *soak, uint64_t page)
{
    return ash_va(soak->config.base.value + (page << ASH_PAGE_SHIFT));
}

#endif
