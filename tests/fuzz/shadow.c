/* SPDX-License-Identifier: MIT */
/*
 * The flat list of what is mapped: see shadow.h.
 */
#include "tests/fuzz/shadow.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t round_up(uint64_t page, uint64_t pages)
{
    return ash_align_down(page + pages - 1, pages);
}

static const struct shadow_run *end_of(const struct shadow *shadow)
{
    return shadow->run + shadow->runs;
}

void shadow_push(struct shadow *to, uint64_t page, uint64_t end, const struct shadow_run *like,
                 unsigned level)
{
    struct shadow_run *last = &to->run[to->runs];
    uint64_t frame = like->frame + (page - like->page);

    if (page >= end) {
        return;
    }
    if (to->runs > 0 && shadow_end(last - 1) == page && last[-1].frame + last[-1].pages == frame &&
        last[-1].attr == like->attr && last[-1].level == level) {
        last[-1].pages += end - page;
        return;
    }
    if (to->runs == SHADOW_RUNS) {
        fprintf(stderr, "shadow: more than %u runs\n", SHADOW_RUNS);
        abort();
    }
    *last = (struct shadow_run){page, end - page, frame, like->attr, level};
    to->runs++;
}

/* Adds pages [page, end) of `like`: the largest entries, up to those of `level`, wherever they are
 * aligned; smaller ones at the edges. */
static void lay(struct shadow *to, uint64_t page, uint64_t end, const struct shadow_run *like,
                unsigned level)
{
    uint64_t up2 = round_up(page, 512), down2 = ash_align_down(end, 512);
    uint64_t up1 = round_up(up2, 512 * 512), down1 = ash_align_down(down2, 512 * 512);

    if (level == 3 || up2 >= down2) {
        shadow_push(to, page, end, like, 3);
        return;
    }
    shadow_push(to, page, up2, like, 3);
    if (level == 2 || up1 >= down1) {
        shadow_push(to, up2, down2, like, 2);
    } else {
        shadow_push(to, up2, up1, like, 2);
        shadow_push(to, up1, down1, like, 1);
        shadow_push(to, down1, down2, like, 2);
    }
    shadow_push(to, down2, end, like, 3);
}

void shadow_begin(const struct shadow *old, struct shadow *next)
{
    next->start = old->start;
    next->pages = old->pages;
    next->frozen = old->frozen;
    next->track = old->track;
    next->contiguous = old->contiguous;
    next->merge = old->merge;
    next->zones = old->zones;
    for (unsigned i = 0; i < old->zones; i++) {
        next->zone[i] = old->zone[i];
    }
    next->runs = 0;
    next->hints = old->hints;
    for (unsigned i = 0; i < old->hints; i++) {
        next->hint[i] = old->hint[i];
    }
}

static void keep(struct shadow *next, const struct shadow_run *run)
{
    shadow_push(next, run->page, shadow_end(run), run, run->level);
}

bool shadow_pinned(const struct shadow *shadow, uint64_t *page, uint64_t *end)
{
    uint64_t first = *end, last = *end;

    for (unsigned i = 0; i < shadow->zones; i++) {
        const struct shadow_zone *zone = &shadow->zone[i];
        uint64_t from = ash_align_down(zone->page, 512);
        uint64_t to = round_up(zone->page + zone->pages, 512);

        from = from > *page ? from : *page;
        to = to < *end ? to : *end;
        if (zone->remap && from < to && from < first) {
            first = from;
            last = to;
        }
    }
    if (first == *end) {
        return false;
    }
    *page = first;
    *end = last;
    return true;
}

/* The largest blocks that VA and PA allow. */
static unsigned largest(const struct shadow *shadow, const struct shadow_run *run)
{
    uint64_t apart = run->page ^ run->frame;
    unsigned level = apart % 512 ? 3 : apart % (512 * 512) ? 2 : 1;

    return level > shadow->start ? level : shadow->start > 1 ? shadow->start : 1;
}

/* Adds a new mapping: pages in remap zones, the largest entries elsewhere. */
static void lay_around_zones(struct shadow *to, const struct shadow_run *wanted, unsigned level)
{
    uint64_t page = wanted->page, end = shadow_end(wanted);
    uint64_t from = page, until = end;

    while (page < end && shadow_pinned(to, &from, &until)) {
        lay(to, page, from, wanted, level);
        shadow_push(to, from, until, wanted, 3);
        page = from = until;
        until = end;
    }
    lay(to, page, end, wanted, level);
}

int shadow_may_change(const struct shadow *shadow, uint64_t page, uint64_t pages)
{
    for (unsigned i = 0; i < shadow->zones; i++) {
        const struct shadow_zone *zone = &shadow->zone[i];

        if (page >= zone->page && page + pages <= zone->page + zone->pages) {
            return 0;
        }
    }
    return shadow->frozen ? ASH_EBUSY : 0;
}

/* What becomes of the mappings of a range. */
struct edit {
    bool drop;
    const ash_mmu_attr_t *attr; /* NULL: they keep theirs */
};

/* What a mapping with `old` becomes. That it was written is kept where it does not show. */
static ash_mmu_attr_t edited(const struct shadow *shadow, ash_mmu_attr_t old, ash_mmu_attr_t new)
{
    if (shadow->track && shadow_written(old) && (old & SHADOW_WRITTEN || !shadow_written(new))) {
        new |= SHADOW_WRITTEN;
    }
    return new;
}

/* Cuts what is mapped at both ends of the range, so that no entry reaches across, and edits what
 * lies inside. ASH_ENOENT if there is a hole. */
static int cut(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t pages,
               const struct edit *edit)
{
    uint64_t end = page + pages, covered = 0;

    shadow_begin(old, next);
    for (const struct shadow_run *run = old->run; run < end_of(old); run++) {
        uint64_t from = run->page > page ? run->page : page;
        uint64_t to = shadow_end(run) < end ? shadow_end(run) : end;
        struct shadow_run inside = *run;

        if (from >= to) {
            keep(next, run);
            continue;
        }
        inside.attr = edit->attr != NULL ? edited(old, run->attr, *edit->attr) : run->attr;
        lay(next, run->page, from, run, run->level);
        if (!edit->drop) {
            lay(next, from, to, &inside, run->level);
        }
        lay(next, to, shadow_end(run), run, run->level);
        covered += to - from;
    }
    if (covered != pages) {
        return ASH_ENOENT;
    }
    if (shadow_may_break(old, page, pages) != 0) {
        return ASH_EBUSY;
    }
    shadow_unfold(old, next, page, page, end);
    shadow_unfold(old, next, end - 1, page, end);
    if (edit->drop || (edit->attr != NULL && (*edit->attr & (ASH_MMU_OLD | ASH_MMU_CLEAN)))) {
        shadow_hint(next, page, end, false);
    }
    return 0;
}

int shadow_unmap(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t pages,
                 unsigned *needed)
{
    const struct edit split = {0}, drop = {.drop = true};
    int error = shadow_may_change(old, page, pages);

    if (error == 0) {
        error = cut(old, next, page, pages, &split);
    }
    if (error != 0) {
        return error;
    }
    /* The tables of splits are taken before anything is given back. */
    *needed = shadow_tables(next) - shadow_tables(old);
    return cut(old, next, page, pages, &drop);
}

int shadow_protect(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t pages,
                   ash_mmu_attr_t attr, unsigned *needed)
{
    const struct edit edit = {.attr = &attr};
    int error = shadow_may_change(old, page, pages);

    if (error == 0) {
        error = cut(old, next, page, pages, &edit);
    }
    if (error == 0) {
        *needed = shadow_tables(next) - shadow_tables(old);
    }
    return error;
}

/* Replaces entries of the level below by blocks of this one where the range holds all of a block;
 * how many. */
static unsigned merge_level(const struct shadow *old, struct shadow *next, uint64_t page,
                            uint64_t end, unsigned level)
{
    uint64_t reach = shadow_reach(level);
    unsigned merged = 0;

    shadow_begin(old, next);
    for (const struct shadow_run *run = old->run; run < end_of(old); run++) {
        uint64_t from = round_up(run->page > page ? run->page : page, reach);
        uint64_t to = ash_align_down(shadow_end(run) < end ? shadow_end(run) : end, reach);
        uint64_t at = run->page;

        if (run->level != level + 1 || !shadow_merges(run) ||
            (run->page ^ run->frame) & (reach - 1)) {
            from = to;
        }
        while (from < to) {
            uint64_t zone = from, after = to;

            if (!shadow_pinned(old, &zone, &after)) {
                zone = to;
            }
            if (from < zone) {
                shadow_push(next, at, from, run, level + 1);
                shadow_push(next, from, zone, run, level);
                shadow_hint(next, from, zone, false);
                merged += (unsigned)((zone - from) / reach);
                at = zone;
            }
            from = after;
        }
        shadow_push(next, at, shadow_end(run), run, run->level);
    }
    return merged;
}

/* What was just mapped at the page may have filled tables; how many merge. */
static unsigned merge_filled(struct shadow *shadow, uint64_t page)
{
    static struct shadow before;
    unsigned merged = 0;

    for (unsigned level = 2; level >= 1 && level >= shadow->start; level--) {
        uint64_t reach = shadow_reach(level), first = ash_align_down(page, reach);
        const struct shadow_run *run = shadow_after(shadow, page);

        if (run->level <= level) {
            continue;
        }
        if (run->page > first || shadow_end(run) < first + reach) {
            break;
        }
        shadow_begin(shadow, &before);
        for (run = shadow->run; run < end_of(shadow); run++) {
            before.run[before.runs++] = *run;
        }
        if (merge_level(&before, shadow, first, first + reach, level) == 0) {
            break;
        }
        merged++;
    }
    return merged;
}

int shadow_map(const struct shadow *old, struct shadow *next, const struct shadow_run *wanted,
               bool pages_only, unsigned *needed, unsigned *merged)
{
    const struct shadow_run *run = old->run;

    shadow_begin(old, next);
    for (; run < end_of(old) && shadow_end(run) <= wanted->page; run++) {
        keep(next, run);
    }
    if (run < end_of(old) && run->page < shadow_end(wanted)) {
        return ASH_EEXIST;
    }
    lay_around_zones(next, wanted, pages_only ? 3 : largest(old, wanted));
    for (; run < end_of(old); run++) {
        keep(next, run);
    }
    *needed = shadow_tables(next) - shadow_tables(old);
    *merged = 0;
    if (old->contiguous && (wanted->attr & (ASH_MMU_OLD | ASH_MMU_CLEAN)) == 0) {
        shadow_hint_new(next, wanted->page, shadow_end(wanted));
    }
    if (old->merge && !pages_only && !old->frozen) {
        *merged = merge_filled(next, wanted->page) + merge_filled(next, shadow_end(wanted) - 1);
    }
    return 0;
}

int shadow_merge(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t pages,
                 unsigned *merged)
{
    static struct shadow between;

    *merged = 0;
    if (shadow_may_change(old, page, pages) != 0) {
        return ASH_EBUSY;
    }
    *merged = merge_level(old, old->start > 1 ? next : &between, page, page + pages, 2);
    if (old->start <= 1) {
        *merged += merge_level(&between, next, page, page + pages, 1);
    }
    return 0;
}

int shadow_zone(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t pages,
                bool remap, unsigned *needed)
{
    uint64_t first = ash_align_down(page, 512), end = round_up(page + pages, 512);

    if (old->zones == ASH_MMU_ZONES) {
        return ASH_ENOMEM;
    }
    if (remap && shadow_hinted_any(old, page, page + pages)) {
        return ASH_EEXIST;
    }
    shadow_begin(old, next);
    for (const struct shadow_run *run = old->run; run < end_of(old); run++) {
        if (remap && run->level < 3 && run->page < end && shadow_end(run) > first) {
            return ASH_EEXIST;
        }
        keep(next, run);
    }
    next->zone[next->zones++] = (struct shadow_zone){page, pages, remap};
    *needed = shadow_tables(next) - shadow_tables(old);
    return 0;
}

unsigned shadow_tables(const struct shadow *shadow)
{
    unsigned tables = 1;

    for (unsigned level = shadow->start + 1; level <= 3; level++) {
        uint64_t covers = shadow_reach(level - 1); /* pages that one table of this level serves */
        const struct shadow_run *run = shadow->run;
        uint64_t zone = 0, after = shadow->pages, next = 0; /* tables before `next` are counted */
        bool zones = shadow_pinned(shadow, &zone, &after);

        while (zones || run < end_of(shadow)) {
            bool take_zone = zones && (run == end_of(shadow) || zone < run->page);
            uint64_t page = take_zone ? zone : run->page;
            uint64_t end = take_zone ? after : shadow_end(run);

            if (take_zone || run->level >= level) {
                uint64_t first = page / covers > next ? page / covers : next;
                uint64_t last = (end - 1) / covers;

                if (last + 1 > first) {
                    tables += (unsigned)(last + 1 - first);
                    next = last + 1;
                }
            }
            if (take_zone) {
                zone = after;
                after = shadow->pages;
                zones = shadow_pinned(shadow, &zone, &after);
            } else {
                run++;
            }
        }
    }
    return tables;
}

unsigned shadow_least(const struct shadow *shadow, struct shadow *scratch)
{
    shadow_begin(shadow, scratch);
    for (const struct shadow_run *run = shadow->run; run < end_of(shadow);) {
        struct shadow_run all = *run++;

        if (!shadow_merges(&all)) {
            keep(scratch, &all);
            continue;
        }
        while (run < end_of(shadow) && run->page == shadow_end(&all) &&
               run->frame == all.frame + all.pages && run->attr == all.attr) {
            all.pages += run++->pages;
        }
        lay_around_zones(scratch, &all, largest(shadow, &all));
    }
    return shadow_tables(scratch);
}

const struct shadow_run *shadow_after(const struct shadow *shadow, uint64_t page)
{
    unsigned low = 0, high = shadow->runs;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (shadow_end(&shadow->run[middle]) <= page) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < shadow->runs ? &shadow->run[low] : NULL;
}

struct shadow_run shadow_entry(const struct shadow_run *run, uint64_t page)
{
    struct shadow_run entry = *run;

    entry.page = ash_align_down(page, shadow_reach(run->level));
    entry.pages = shadow_reach(run->level);
    entry.frame = run->frame + (entry.page - run->page);
    return entry;
}

bool shadow_equal(const struct shadow *one, const struct shadow *other)
{
    if (one->runs != other->runs || one->zones != other->zones || one->hints != other->hints) {
        return false;
    }
    for (unsigned i = 0; i < one->hints; i++) {
        if (one->hint[i].page != other->hint[i].page || one->hint[i].end != other->hint[i].end) {
            return false;
        }
    }
    for (unsigned i = 0; i < one->runs; i++) {
        const struct shadow_run *a = &one->run[i], *b = &other->run[i];

        if (a->page != b->page || a->pages != b->pages || a->frame != b->frame ||
            a->attr != b->attr || a->level != b->level) {
            return false;
        }
    }
    return true;
}
