/* SPDX-License-Identifier: MIT */
/*
 * What to do next. Most choices are made so that they succeed and change something where it is
 * likely to matter: next to what is there, across the edges of tables, in parts of blocks.
 */
#include "tests/fuzz/soak_parts.h"

#define MANY_RUNS    300u
#define MANY_ENTRIES 6000u /* that one step changes: more is only slower */
#define MANY_UPDATES 300u  /* of entries unmapped in one step: the machine keeps a list of them */
#define MANY_FRAMES  (SOAK_FRAMES * 3 / 4)

static bool crowded(const struct soak *soak)
{
    return soak->in_use > MANY_FRAMES || soak->shadow->runs > MANY_RUNS;
}

/* A length in pages, and log2 of what it should be aligned to. */
static uint64_t draw_pages(struct soak *soak, unsigned *align)
{
    *align = 0;
    switch (soak_draw(&soak->source, 16)) {
    case 0:
    case 1:
    case 2:
        return 1;
    case 3:
    case 4:
    case 5:
        return 1 + soak_draw(&soak->source, 16);
    case 6:
    case 7:
        return 1 + soak_draw(&soak->source, 512);
    case 8:
        return 300 + soak_draw(&soak->source, 900);
    case 9:
    case 10:
    case 11:
        *align = 9;
        return 512 * (1 + soak_draw(&soak->source, 3));
    case 12:
        *align = 9;
        return 512 * (1 + soak_draw(&soak->source, 511));
    case 13:
        *align = 18;
        return shadow_reach(1) * (1 + soak_draw(&soak->source, 2));
    case 14:
        return shadow_reach(1) + soak_draw(&soak->source, 2048);
    default:
        *align = 27;
        return shadow_reach(1) * (1 + soak_draw(&soak->source, 600));
    }
}

/* Something unmapped; empty if everything is mapped. */
static struct soak_span draw_gap(struct soak *soak, const struct soak_span *inside)
{
    const struct shadow *shadow = soak->shadow;
    unsigned first = (unsigned)soak_draw(&soak->source, shadow->runs + 1);

    for (unsigned n = 0; n <= shadow->runs; n++) {
        unsigned i = (first + n) % (shadow->runs + 1);
        struct soak_span gap = {0, shadow->pages};

        if (i > 0) {
            gap.page = shadow_end(&shadow->run[i - 1]);
        }
        if (i < shadow->runs) {
            gap.end = shadow->run[i].page;
        }
        gap.page = gap.page > inside->page ? gap.page : inside->page;
        gap.end = soak_least(gap.end, inside->end);
        if (gap.page < gap.end) {
            return gap;
        }
    }
    return (struct soak_span){0, 0};
}

/* Where in the gap. */
static uint64_t draw_place(struct soak *soak, const struct soak_span *gap, uint64_t pages,
                           unsigned align)
{
    uint64_t mask = (1ull << align) - 1, page = gap->page;
    uint64_t near = soak->focus[soak_draw(&soak->source, 4)];

    switch (soak_draw(&soak->source, 8)) {
    case 0:
    case 1:
        break;
    case 2:
        if (pages < gap->end - gap->page) {
            page = gap->end - pages;
        }
        page &= ~mask;
        break;
    case 3:
        page = gap->page + soak_draw(&soak->source, gap->end - gap->page);
        page &= ~mask;
        break;
    case 4:
        page = gap->page + soak_draw(&soak->source, soak_least(gap->end - gap->page, 2048));
        break;
    default:
        page = near & ~mask;
        break;
    }
    if (page < gap->page || page >= gap->end) {
        page = (gap->page + mask) & ~mask;
    }
    return page < gap->page || page >= gap->end ? gap->page : page;
}

/* Pages of the largest entries that the addresses allow. */
static uint64_t entry_of(const struct soak_step *step)
{
    uint64_t apart = step->page ^ step->frame;

    return apart % shadow_reach(2) ? 1 : shadow_reach(apart % shadow_reach(1) ? 2 : 1);
}

static bool choose_map(struct soak *soak, struct soak_step *step)
{
    struct soak_span inside = {0, soak->shadow->pages}, gap;
    unsigned align;

    if (soak->shadow->frozen && soak_draw(&soak->source, 4) != 0) {
        const struct shadow_zone *zone =
            &soak->shadow->zone[soak_draw(&soak->source, soak->shadow->zones)];

        inside = (struct soak_span){zone->page, zone->page + zone->pages};
    }
    gap = draw_gap(soak, &inside);
    if (gap.page == gap.end) {
        return false;
    }
    step->verb = SOAK_MAP;
    step->pages = draw_pages(soak, &align);
    step->page = draw_place(soak, &gap, step->pages, align);
    if (soak_draw(&soak->source, 12) == 0) {
        step->pages = soak_least(gap.end - step->page, 4096); /* all of a gap */
    }
    step->pages = soak_least(step->pages, gap.end - step->page);
    if (!soak_draw_target(soak, step)) {
        return false;
    }
    step->pages = soak_least(step->pages, (soak->config.updates ? 2 * MANY_UPDATES : MANY_ENTRIES) *
                                              entry_of(step));
    if (soak_draw(&soak->source, 8) == 0 && step->pages <= 2048) {
        step->attr |= ASH_MMU_PAGES;
    }
    return true;
}

/* A part of what is mapped without holes; false if nothing is, or nothing that may change. */
static bool draw_mapped(struct soak *soak, struct soak_step *step)
{
    const struct shadow *shadow = soak->shadow;
    struct soak_span inside = {0, shadow->pages}, part;
    const struct shadow_run *run;
    uint64_t reach;
    unsigned align;

    if (shadow->frozen && soak_draw(&soak->source, 16) != 0) {
        const struct shadow_zone *zone = &shadow->zone[soak_draw(&soak->source, shadow->zones)];

        inside = (struct soak_span){zone->page, zone->page + zone->pages};
        run = shadow_after(shadow, zone->page + soak_draw(&soak->source, zone->pages));
    } else {
        run = shadow->runs > 0 ? &shadow->run[soak_draw(&soak->source, shadow->runs)] : NULL;
    }
    if (run == NULL || run->page >= inside.end) {
        return false;
    }
    part = (struct soak_span){run->page, shadow_end(run)};
    if (soak_draw(&soak->source, 4) == 0) {
        /* Through neighbours, as far as there is no hole. */
        for (; run + 1 < shadow->run + shadow->runs && run[1].page == part.end; run++) {
            part.end = shadow_end(run + 1);
        }
    }
    part.page = part.page > inside.page ? part.page : inside.page;
    part.end = soak_least(part.end, inside.end);
    reach = shadow_reach(run->level);
    step->page = part.page;
    step->pages = part.end - part.page;
    switch (soak_draw(&soak->source, 8)) {
    case 0:
    case 1:
        return true;
    case 2:
    case 3:
        step->page += soak_draw(&soak->source, step->pages);
        step->pages = draw_pages(soak, &align);
        break;
    case 4:
        step->pages = draw_pages(soak, &align);
        break;
    case 5:
        reach = draw_pages(soak, &align);
        step->page = reach < step->pages ? part.end - reach : step->page;
        break;
    case 6:
        reach = shadow_reach(2);
        /* fall through */
    default:
        step->page = ash_align_down(step->page + soak_draw(&soak->source, step->pages), reach);
        step->page = step->page > part.page ? step->page : part.page;
        step->pages = reach;
        break;
    }
    step->pages = soak_least(step->pages, part.end - step->page);
    return true;
}

/* Where the processor updates entries, it may do so with each that goes. */
static void limit_updates(const struct soak *soak, struct soak_step *step)
{
    const struct shadow_run *run = shadow_after(soak->shadow, step->page);
    uint64_t end = step->page + step->pages, entries = 0;

    for (; run != NULL && run < soak->shadow->run + soak->shadow->runs && run->page < end; run++) {
        uint64_t from = run->page > step->page ? run->page : step->page;
        uint64_t to = soak_least(shadow_end(run), end), reach = shadow_reach(run->level);

        entries += (to - from + reach - 1) / reach;
        if (entries > MANY_UPDATES) {
            to -= soak_least((entries - MANY_UPDATES) * reach, to - from);
            step->pages = to > step->page ? to - step->page : 1;
            return;
        }
    }
}

static bool choose_unmap(struct soak *soak, struct soak_step *step)
{
    const struct shadow_run *run;

    if (!draw_mapped(soak, step)) {
        return false;
    }
    step->verb = SOAK_UNMAP;
    if (crowded(soak) && !soak->shadow->frozen) {
        run = shadow_after(soak->shadow, step->page);
        step->page = run->page;
        step->pages = 0;
        for (; run < soak->shadow->run + soak->shadow->runs &&
               run->page == step->page + step->pages && step->pages < 65536;
             run++) {
            step->pages += run->pages;
        }
    }
    return true;
}

/* A range for what only reads, and for zones: near what is there. */
static void choose_range(struct soak *soak, struct soak_step *step, uint64_t most)
{
    const struct shadow *shadow = soak->shadow;
    unsigned align;

    if (shadow->runs > 0 && soak_draw(&soak->source, 2) == 0) {
        const struct shadow_run *run = &shadow->run[soak_draw(&soak->source, shadow->runs)];

        step->page = run->page + soak_draw(&soak->source, 2) * (run->pages - 1);
        step->page -= soak_least(step->page, soak_draw(&soak->source, 3));
    } else {
        step->page = soak->focus[soak_draw(&soak->source, 4)];
    }
    step->pages = soak_least(draw_pages(soak, &align), shadow->pages - step->page);
    if (align > 0 && soak_draw(&soak->source, 2) == 0) {
        step->page = ash_align_down(step->page, 1ull << align);
    }
    step->pages = soak_least(step->pages, most);
}

/* Harvest or touch, mostly what is mapped. */
static bool choose_state(struct soak *soak, struct soak_step *step)
{
    static const ash_mmu_attr_t clear[] = {0,
                                           ASH_MMU_OLD,
                                           ASH_MMU_CLEAN,
                                           ASH_MMU_CLEAN,
                                           ASH_MMU_OLD | ASH_MMU_CLEAN,
                                           ASH_MMU_OLD | ASH_MMU_CLEAN};
    bool touch = soak_draw(&soak->source, 3) == 0;

    if (soak_draw(&soak->source, 4) == 0) {
        choose_range(soak, step, UINT64_MAX);
    } else if (!draw_mapped(soak, step)) {
        return false;
    }
    step->detail = (unsigned)soak_draw(&soak->source, 65536);
    if (touch) {
        step->verb = SOAK_TOUCH;
        step->page += soak_draw(&soak->source, step->pages);
        step->pages = 1;
    } else {
        step->verb = SOAK_HARVEST;
        step->attr = clear[soak_draw(&soak->source, 6)];
    }
    return true;
}

static bool choose_protect(struct soak *soak, struct soak_step *step)
{
    if (!draw_mapped(soak, step)) {
        return false;
    }
    step->verb = SOAK_PROTECT;
    step->attr = soak_draw_attr(soak);
    if (step->attr == shadow_after(soak->shadow, step->page)->attr) {
        step->attr ^= ASH_MMU_USER;
    }
    soak_keep_type(soak, step);
    return true;
}

/* Around something that can become a block, or anywhere. */
static bool choose_merge(struct soak *soak, struct soak_step *step)
{
    const struct shadow *shadow = soak->shadow;
    unsigned first = (unsigned)soak_draw(&soak->source, shadow->runs + 1);
    bool grow = soak_draw(&soak->source, 4) == 0;

    step->verb = SOAK_MERGE;
    for (unsigned n = 0; n < shadow->runs; n++) {
        const struct shadow_run *run = &shadow->run[(first + n) % shadow->runs];
        uint64_t reach = run->level > 1 ? shadow_reach(run->level - 1) : 0;
        uint64_t page = reach > 0 ? ash_align_down(run->page + reach - 1, reach) : 0;

        if (run->level <= 1 || run->level == shadow->start || (run->page ^ run->frame) % reach ||
            page + reach > shadow_end(run)) {
            continue;
        }
        step->page = page;
        step->pages = reach;
        if (grow) {
            step->page = ash_align_down(run->page, reach);
            step->pages =
                soak_least(step->page + reach * (1 + soak_draw(&soak->source, 4)), shadow->pages) -
                step->page;
        }
        return true;
    }
    step->page = soak_draw(&soak->source, shadow->pages);
    step->pages = 1 + soak_draw(&soak->source, shadow->pages - step->page);
    return soak_draw(&soak->source, 8) == 0;
}

/* A range that does not fit what the verb asks for. */
static void choose_wrong(struct soak *soak, struct soak_step *step)
{
    static const enum soak_verb verbs[] = {SOAK_MAP, SOAK_UNMAP, SOAK_PROTECT, SOAK_MERGE,
                                           SOAK_HARVEST};

    step->verb = verbs[soak_draw(&soak->source, 5)];
    choose_range(soak, step, UINT64_MAX);
    step->attr =
        soak_draw_attr(soak) & (step->verb == SOAK_HARVEST ? ASH_MMU_OLD | ASH_MMU_CLEAN : ~0u);
    if (step->verb == SOAK_MAP) {
        if (!soak_draw_target(soak, step)) {
            step->verb = SOAK_UNMAP;
        }
    } else if (step->verb == SOAK_PROTECT && shadow_after(soak->shadow, step->page) != NULL) {
        soak_keep_type(soak, step);
    }
}

static void choose_rare(struct soak *soak, struct soak_step *step)
{
    unsigned dice = (unsigned)soak_draw(&soak->source, 64);

    choose_range(soak, step, 4096);
    step->detail = (unsigned)soak_draw(&soak->source, 65536);
    if (dice < 12) {
        step->verb = SOAK_REMAP_ZONE;
        step->pages = soak_least(step->pages, 3 * 512);
    } else if (dice < 18) {
        step->verb = SOAK_OPEN_ZONE;
    } else if (dice < 20) {
        step->verb = soak->shadow->zones > 0 ? SOAK_FREEZE : SOAK_OPEN_ZONE;
    } else if (dice < 30) {
        step->verb = soak->config.global ? SOAK_SET_TABLES : SOAK_ASID;
    } else if (dice < 36) {
        step->verb = SOAK_SET_TABLES;
    } else if (dice < 42) {
        step->verb = SOAK_REPORT;
    } else {
        step->verb = SOAK_DAMAGE;
    }
}

static void choose_reading(struct soak *soak, struct soak_step *step)
{
    unsigned dice = (unsigned)soak_draw(&soak->source, 4);

    if (dice == 0 && choose_map(soak, step)) {
        step->verb = SOAK_NEEDED;
        return;
    }
    step->verb = dice > 1 ? SOAK_WALK : SOAK_QUERY;
    choose_range(soak, step, UINT64_MAX);
    step->detail = (unsigned)soak_draw(&soak->source, 32);
}

static bool choose_change(struct soak *soak, struct soak_step *step)
{
    unsigned dice = (unsigned)soak_draw(&soak->source, crowded(soak) ? 128 : 64);

    if (soak->config.track && soak_draw(&soak->source, 6) == 0 && choose_state(soak, step)) {
        return true;
    }
    if (dice < 28) {
        return choose_map(soak, step) || choose_unmap(soak, step);
    }
    if (dice < 44) {
        return choose_protect(soak, step) || choose_map(soak, step);
    }
    if (dice < 49) {
        return choose_merge(soak, step) || choose_map(soak, step);
    }
    return choose_unmap(soak, step) || choose_map(soak, step);
}

/* Whether it is time for another map: soon if not much can happen in this one any more. */
static bool done(struct soak *soak)
{
    if (soak->shadow->frozen) {
        return soak_draw(&soak->source, soak->in_use > MANY_FRAMES ? 32 : 512) == 1;
    }
    return soak_draw(&soak->source, 1024) == 1;
}

void soak_choose(struct soak *soak, struct soak_step *step)
{
    unsigned dice = (unsigned)soak_draw(&soak->source, 256);
    bool chosen = true;

    *step = (struct soak_step){.verb = SOAK_QUERY};
    if (done(soak)) {
        step->verb = SOAK_RENEW;
        return;
    }
    if (!soak->live && soak_draw(&soak->source, 64) == 0) {
        step->verb = SOAK_PUBLISH;
    } else if (dice < 8) {
        choose_wrong(soak, step);
    } else if (dice < 22) {
        choose_reading(soak, step);
    } else if (dice < 28) {
        choose_rare(soak, step);
    } else {
        chosen = choose_change(soak, step);
    }
    if (!chosen) {
        step->verb = SOAK_QUERY;
        choose_range(soak, step, UINT64_MAX);
    }
    if (soak->config.updates && step->verb == SOAK_UNMAP) {
        limit_updates(soak, step);
    }
    if (soak_draw(&soak->source, 24) == 0) {
        step->fail_at = 1 + (unsigned)soak_draw(&soak->source, 4);
    }
    if (soak_draw(&soak->source, 32) == 0) {
        step->crowd = 1 + (unsigned)soak_draw(&soak->source, 65535);
    }
    if (soak_draw(&soak->source, 32) == 0) {
        step->bad = 1 + (int)soak_draw(&soak->source, 17);
    }
}
