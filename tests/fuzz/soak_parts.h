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

/** What a page or block must be as an entry of the table, but for output address and type. */
uint64_t soak_attributes(const struct soak *soak, ash_mmu_attr_t attr);

/** The attributes that a mapping asked for with these has. */
static inline ash_mmu_attr_t soak_kept(const struct soak *soak, ash_mmu_attr_t attr)
{
    return attr & ~(ASH_MMU_PAGES | (soak->format->sim == SIM_LPAE ? ASH_MMU_GUARDED : 0));
}

static inline ash_va_t soak_va(const struct soak *soak, uint64_t page)
{
    return ash_va(soak->config.base.value + (page << ASH_PAGE_SHIFT));
}

#endif
