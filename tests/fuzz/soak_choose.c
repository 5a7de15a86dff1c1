/* SPDX-License-Identifier: MIT */
/*
 * What to do next. Most choices are made so that they succeed and change something where it is
 * likely to matter: next to what is there, across the edges of tables, in parts of blocks.
 */
#include "tests/fuzz/soak_parts.h"

#define MANY_RUNS    300u
#define MANY_ENTRIES 6000u /* that one step changes: more is only slower */
#define MANY_FRAMES  (SOAK_FRAMES * 3 / 4)

struct span {
    uint64_t page, end;
};

static uint64_t draw(struct soak *soak, uint64_t n)
{
    return soak_draw(&soak->source, n);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool crowded(const struct soak *soak)
{
    return soak->in_use > MANY_FRAMES || soak->shadow->runs > MANY_RUNS;
}

/* A length in pages, and log2 of what it should be aligned to. */
static uint64_t draw_pages(struct soak *soak, unsigned *align)
{
    *align = 0;
    switch (draw(soak, 16)) {
    case 0:
    case 1:
    case 2:
        return 1;
    case 3:
    case 4:
    case 5:
        return 1 + draw(soak, 16);
    case 6:
    case 7:
        return 1 + draw(soak, 512);
    case 8:
        return 300 + draw(soak, 900);
    case 9:
    case 10:
    case 11:
        *align = 9;
        return 512 * (1 + draw(soak, 3));
    case 12:
        *align = 9;
        return 512 * (1 + draw(soak, 511));
    case 13:
        *align = 18;
        return shadow_reach(1) * (1 + draw(soak, 2));
    case 14:
        return shadow_reach(1) + draw(soak, 2048);
    default:
        *align = 27;
        return shadow_reach(1) * (1 + draw(soak, 600));
    }
}

/* Something unmapped; empty if everything is mapped. */
static struct span draw_gap(struct soak *soak, const struct span *inside)
{
    const struct shadow *shadow = soak->shadow;
    unsigned first = (unsigned)draw(soak, shadow->runs + 1);

    for (unsigned n = 0; n <= shadow->runs; n++) {
        unsigned i = (first + n) % (shadow->runs + 1);
        struct span gap = {0, shadow->pages};

        if (i > 0) {
            gap.page = shadow_end(&shadow->run[i - 1]);
        }
        if (i < shadow->runs) {
            gap.end = shadow->run[i].page;
        }
        gap.page = gap.page > inside->page ? gap.page : inside->page;
        gap.end = least(gap.end, inside->end);
        if (gap.page < gap.end) {
            return gap;
        }
    }
    return (struct span){0, 0};
}

/* Where in the gap. */
static uint64_t draw_place(struct soak *soak, const struct span *gap, uint64_t pages,
                           unsigned align)
{
    uint64_t mask = (1ull << align) - 1, page = gap->page;
    uint64_t near = soak->focus[draw(soak, 4)];

    switch (draw(soak, 8)) {
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
        page = gap->page + draw(soak, gap->end - gap->page);
        page &= ~mask;
        break;
    case 4:
        page = gap->page + draw(soak, least(gap->end - gap->page, 2048));
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

static ash_mmu_attr_t draw_attr(struct soak *soak)
{
    static const ash_mmu_attr_t access[] = {
        0,
        ASH_MMU_WRITE,
        ASH_MMU_USER,
        ASH_MMU_WRITE | ASH_MMU_USER,
        ASH_MMU_EXEC,
        ASH_MMU_EXEC | ASH_MMU_USER,
        ASH_MMU_EXEC | ASH_MMU_GUARDED,
        ASH_MMU_EXEC | ASH_MMU_USER | ASH_MMU_GUARDED,
    };
    ash_mmu_attr_t type = (ash_mmu_attr_t)draw(soak, 4) << 8;

    return type | access[draw(soak, type < ASH_MMU_DEVICE ? 8 : 4)];
}

/* The memory type that other mappings of these frames have; false: they have several. `but` is not
 * looked at (pages of the mapping itself), `type` is what it shall be if there are none. */
static bool type_of_others(const struct soak *soak, uint64_t frame, uint64_t pages,
                           const struct span *but, ash_mmu_attr_t *type)
{
    bool found = false;

    for (unsigned i = 0; i < soak->shadow->runs; i++) {
        const struct shadow_run *run = &soak->shadow->run[i];
        uint64_t from = frame > run->frame ? frame : run->frame;
        uint64_t to = least(frame + pages, run->frame + run->pages);
        uint64_t first, last;

        if (from >= to) {
            continue;
        }
        first = run->page + (from - run->frame);
        last = run->page + (to - run->frame);
        if (first >= but->page && last <= but->end) {
            continue;
        }
        if (found && (run->attr & ASH_MMU_TYPE_MASK) != *type) {
            return false;
        }
        *type = run->attr & ASH_MMU_TYPE_MASK;
        found = true;
    }
    return true;
}

/* How far the frames are from the pages: mostly so that blocks and merges are possible. */
static uint64_t draw_frame(struct soak *soak, uint64_t page, uint64_t pages)
{
    uint64_t frames = 1ull << (soak->format->output_bits - ASH_PAGE_SHIFT), frame = page;
    const struct shadow_run *run = shadow_after(soak->shadow, page > 0 ? page - 1 : 0);

    switch (draw(soak, 8)) {
    case 0:
    case 1:
    case 2:
        if (run != NULL) {
            frame = page + (run->frame - run->page); /* continues its neighbour */
        }
        break;
    case 3:
    case 4:
        frame = page + shadow_reach(1) * draw(soak, 64);
        break;
    case 5:
        frame = page + shadow_reach(2) * draw(soak, 4096);
        break;
    case 6:
        frame = page + draw(soak, 65536);
        break;
    default:
        frame = frames - pages;
        break;
    }
    frame %= frames;
    return frame + pages > frames ? frames - pages : frame;
}

/* Frames for new mappings, and attributes that fit those that others have of them: no frame has two
 * memory types. False: none found. */
static bool draw_target(struct soak *soak, struct soak_step *step)
{
    const struct span nothing = {0, 0};
    uint64_t tables = soak->format->tables >> ASH_PAGE_SHIFT;

    for (unsigned tries = 0; tries < 4; tries++) {
        ash_mmu_attr_t attr = draw_attr(soak), type = attr & ASH_MMU_TYPE_MASK;

        step->frame = draw_frame(soak, step->page, step->pages);
        if (step->frame < tables + SOAK_FRAMES && tables < step->frame + step->pages) {
            continue;
        }
        if (!type_of_others(soak, step->frame, step->pages, &nothing, &type)) {
            continue;
        }
        if (type >= ASH_MMU_DEVICE) {
            attr &= ~(ASH_MMU_EXEC | ASH_MMU_GUARDED);
        }
        step->attr = (attr & ~ASH_MMU_TYPE_MASK) | type;
        return true;
    }
    return false;
}

/* Pages of the largest entries that the addresses allow. */
static uint64_t entry_of(const struct soak_step *step)
{
    uint64_t apart = step->page ^ step->frame;

    return apart % shadow_reach(2) ? 1 : shadow_reach(apart % shadow_reach(1) ? 2 : 1);
}

static bool choose_map(struct soak *soak, struct soak_step *step)
{
    struct span inside = {0, soak->shadow->pages}, gap;
    unsigned align;

    if (soak->shadow->frozen && draw(soak, 4) != 0) {
        const struct shadow_zone *zone = &soak->shadow->zone[draw(soak, soak->shadow->zones)];

        inside = (struct span){zone->page, zone->page + zone->pages};
    }
    gap = draw_gap(soak, &inside);
    if (gap.page == gap.end) {
        return false;
    }
    step->verb = SOAK_MAP;
    step->pages = draw_pages(soak, &align);
    step->page = draw_place(soak, &gap, step->pages, align);
    if (draw(soak, 12) == 0) {
        step->pages = least(gap.end - step->page, 4096); /* all of a gap */
    }
    step->pages = least(step->pages, gap.end - step->page);
    if (!draw_target(soak, step)) {
        return false;
    }
    step->pages = least(step->pages, MANY_ENTRIES * entry_of(step));
    if (draw(soak, 8) == 0 && step->pages <= 2048) {
        step->attr |= ASH_MMU_PAGES;
    }
    return true;
}

/* A part of what is mapped without holes; false if nothing is, or nothing that may change. */
static bool draw_mapped(struct soak *soak, struct soak_step *step)
{
    const struct shadow *shadow = soak->shadow;
    struct span inside = {0, shadow->pages}, part;
    const struct shadow_run *run;
    uint64_t reach;
    unsigned align;

    if (shadow->frozen && draw(soak, 16) != 0) {
        const struct shadow_zone *zone = &shadow->zone[draw(soak, shadow->zones)];

        inside = (struct span){zone->page, zone->page + zone->pages};
        run = shadow_after(shadow, zone->page + draw(soak, zone->pages));
    } else {
        run = shadow->runs > 0 ? &shadow->run[draw(soak, shadow->runs)] : NULL;
    }
    if (run == NULL || run->page >= inside.end) {
        return false;
    }
    part = (struct span){run->page, shadow_end(run)};
    if (draw(soak, 4) == 0) {
        /* Through neighbours, as far as there is no hole. */
        for (; run + 1 < shadow->run + shadow->runs && run[1].page == part.end; run++) {
            part.end = shadow_end(run + 1);
        }
    }
    part.page = part.page > inside.page ? part.page : inside.page;
    part.end = least(part.end, inside.end);
    reach = shadow_reach(run->level);
    step->page = part.page;
    step->pages = part.end - part.page;
    switch (draw(soak, 8)) {
    case 0:
    case 1:
        return true;
    case 2:
    case 3:
        step->page += draw(soak, step->pages);
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
        step->page = ash_align_down(step->page + draw(soak, step->pages), reach);
        step->page = step->page > part.page ? step->page : part.page;
        step->pages = reach;
        break;
    }
    step->pages = least(step->pages, part.end - step->page);
    return true;
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

static bool has_hole(const struct shadow *shadow, const struct span *span)
{
    const struct shadow_run *run = shadow_after(shadow, span->page);
    uint64_t page = span->page;

    for (; page < span->end; page = shadow_end(run++)) {
        if (run == NULL || run == shadow->run + shadow->runs || run->page > page) {
            return true;
        }
    }
    return false;
}

/* The memory types that the frames of a range may change to: all, or the one they have. */
static void keep_type(struct soak *soak, struct soak_step *step)
{
    const struct span own = {step->page, step->page + step->pages};
    const struct shadow_run *run = shadow_after(soak->shadow, step->page);
    ash_mmu_attr_t wanted = step->attr & ASH_MMU_TYPE_MASK;

    if (has_hole(soak->shadow, &own)) {
        return; /* refused anyway */
    }
    for (; run < soak->shadow->run + soak->shadow->runs && run->page < own.end; run++) {
        ash_mmu_attr_t type = wanted;
        uint64_t from = run->page > own.page ? run->page : own.page;
        uint64_t to = least(shadow_end(run), own.end);

        if (!type_of_others(soak, run->frame + (from - run->page), to - from, &own, &type) ||
            type != wanted) {
            /* As the first run's; a range of several types is cut where they differ. */
            step->attr &= ~(ASH_MMU_TYPE_MASK | ASH_MMU_EXEC | ASH_MMU_GUARDED);
            run = shadow_after(soak->shadow, own.page);
            step->attr |= run->attr & ASH_MMU_TYPE_MASK;
            for (to = own.page; to < own.end && ((run->attr ^ step->attr) & ASH_MMU_TYPE_MASK) == 0;
                 run++) {
                to = shadow_end(run);
            }
            step->pages = least(step->pages, to - own.page);
            return;
        }
    }
}

static bool choose_protect(struct soak *soak, struct soak_step *step)
{
    if (!draw_mapped(soak, step)) {
        return false;
    }
    step->verb = SOAK_PROTECT;
    step->attr = draw_attr(soak);
    if (step->attr == shadow_after(soak->shadow, step->page)->attr) {
        step->attr ^= ASH_MMU_USER;
    }
    keep_type(soak, step);
    return true;
}

/* Around something that can become a block, or anywhere. */
static bool choose_merge(struct soak *soak, struct soak_step *step)
{
    const struct shadow *shadow = soak->shadow;
    unsigned first = (unsigned)draw(soak, shadow->runs + 1);
    bool grow = draw(soak, 4) == 0;

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
                least(step->page + reach * (1 + draw(soak, 4)), shadow->pages) - step->page;
        }
        return true;
    }
    step->page = draw(soak, shadow->pages);
    step->pages = 1 + draw(soak, shadow->pages - step->page);
    return draw(soak, 8) == 0;
}

/* A range for what only reads, and for zones: near what is there. */
static void choose_range(struct soak *soak, struct soak_step *step, uint64_t most)
{
    const struct shadow *shadow = soak->shadow;
    unsigned align;

    if (shadow->runs > 0 && draw(soak, 2) == 0) {
        const struct shadow_run *run = &shadow->run[draw(soak, shadow->runs)];

        step->page = run->page + draw(soak, 2) * (run->pages - 1);
        step->page -= least(step->page, draw(soak, 3));
    } else {
        step->page = soak->focus[draw(soak, 4)];
    }
    step->pages = least(draw_pages(soak, &align), shadow->pages - step->page);
    if (align > 0 && draw(soak, 2) == 0) {
        step->page = ash_align_down(step->page, 1ull << align);
    }
    step->pages = least(step->pages, most);
}

/* A range that does not fit what the verb asks for. */
static void choose_wrong(struct soak *soak, struct soak_step *step)
{
    static const enum soak_verb verbs[] = {SOAK_MAP, SOAK_UNMAP, SOAK_PROTECT, SOAK_MERGE};

    step->verb = verbs[draw(soak, 4)];
    choose_range(soak, step, UINT64_MAX);
    step->attr = draw_attr(soak);
    if (step->verb == SOAK_MAP) {
        if (!draw_target(soak, step)) {
            step->verb = SOAK_UNMAP;
        }
    } else if (step->verb == SOAK_PROTECT && shadow_after(soak->shadow, step->page) != NULL) {
        keep_type(soak, step);
    }
}

static void choose_rare(struct soak *soak, struct soak_step *step)
{
    unsigned dice = (unsigned)draw(soak, 64);

    choose_range(soak, step, 4096);
    step->detail = (unsigned)draw(soak, 65536);
    if (dice < 12) {
        step->verb = SOAK_REMAP_ZONE;
        step->pages = least(step->pages, 3 * 512);
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
    unsigned dice = (unsigned)draw(soak, 4);

    if (dice == 0 && choose_map(soak, step)) {
        step->verb = SOAK_NEEDED;
        return;
    }
    step->verb = dice > 1 ? SOAK_WALK : SOAK_QUERY;
    choose_range(soak, step, UINT64_MAX);
    step->detail = (unsigned)draw(soak, 32);
}

static bool choose_change(struct soak *soak, struct soak_step *step)
{
    unsigned dice = (unsigned)draw(soak, crowded(soak) ? 128 : 64);

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
        return draw(soak, soak->in_use > MANY_FRAMES ? 32 : 512) == 1;
    }
    return draw(soak, 1024) == 1;
}

void soak_choose(struct soak *soak, struct soak_step *step)
{
    unsigned dice = (unsigned)draw(soak, 256);
    bool chosen = true;

    *step = (struct soak_step){.verb = SOAK_QUERY};
    if (done(soak)) {
        step->verb = SOAK_RENEW;
        return;
    }
    if (!soak->live && draw(soak, 64) == 0) {
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
    if (draw(soak, 24) == 0) {
        step->fail_at = 1 + (unsigned)draw(soak, 4);
    }
    if (draw(soak, 32) == 0) {
        step->crowd = 1 + (unsigned)draw(soak, 65535);
    }
    if (draw(soak, 32) == 0) {
        step->bad = 1 + (int)draw(soak, 16);
    }
}
