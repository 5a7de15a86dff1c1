/* SPDX-License-Identifier: MIT */
/*
 * What options of a map add to the flat list: the contiguous hint of entries, and what happened to
 * pages and blocks.
 */
#include "tests/fuzz/shadow.h"

#include <stdio.h>
#include <stdlib.h>

#define TOGETHER 16u /* entries */

/* The first hinted span that ends after the page. */
static unsigned span_after(const struct shadow *shadow, uint64_t page)
{
    unsigned low = 0, high = shadow->hints;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (shadow->hint[middle].end <= page) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool shadow_hinted(const struct shadow *shadow, uint64_t page)
{
    unsigned i = span_after(shadow, page);

    return i < shadow->hints && shadow->hint[i].page <= page;
}

bool shadow_hinted_any(const struct shadow *shadow, uint64_t page, uint64_t end)
{
    unsigned i = span_after(shadow, page);

    return i < shadow->hints && shadow->hint[i].page < end;
}

/* Makes the span hold all that changes with the page. */
static void span_widen(const struct shadow *shadow, uint64_t page, struct shadow_span *span)
{
    const struct shadow_run *run = shadow_after(shadow, page);
    uint64_t covers, first;

    if (run != NULL && run->page <= page) {
        covers = shadow_reach(run->level) * (shadow_hinted(shadow, page) ? TOGETHER : 1);
        first = ash_align_down(page, covers);
        span->page = first < span->page ? first : span->page;
        span->end = first + covers > span->end ? first + covers : span->end;
    }
}

int shadow_may_break(const struct shadow *shadow, uint64_t page, uint64_t pages)
{
    struct shadow_span span = {page, page + pages};

    span_widen(shadow, page, &span);
    span_widen(shadow, page + pages - 1, &span);
    return shadow_may_change(shadow, span.page, span.end - span.page);
}

static void add_span(struct shadow *shadow, uint64_t page, uint64_t end)
{
    struct shadow_span *last = &shadow->hint[shadow->hints];

    if (page >= end) {
        return;
    }
    if (shadow->hints > 0 && last[-1].end == page) {
        last[-1].end = end;
        return;
    }
    if (shadow->hints == SHADOW_RUNS) {
        fprintf(stderr, "shadow: more than %u spans\n", SHADOW_RUNS);
        abort();
    }
    *last = (struct shadow_span){page, end};
    shadow->hints++;
}

void shadow_hint(struct shadow *shadow, uint64_t page, uint64_t end, bool hinted)
{
    static struct shadow_span rest[SHADOW_RUNS];
    unsigned first = span_after(shadow, page), left = 0;

    if (!hinted && (first == shadow->hints || shadow->hint[first].page >= end)) {
        return;
    }
    while (first + left < shadow->hints) {
        rest[left] = shadow->hint[first + left];
        left++;
    }
    shadow->hints = first;
    if (left > 0 && rest[0].page < page) {
        add_span(shadow, rest[0].page, page);
    }
    if (hinted) {
        add_span(shadow, page, end);
    }
    for (unsigned i = 0; i < left; i++) {
        add_span(shadow, rest[i].page > end ? rest[i].page : end, rest[i].end);
    }
}

/* Of entries of one level that continue each other. */
static void hint_row(struct shadow *shadow, const struct shadow_run *run, uint64_t page,
                     uint64_t end)
{
    uint64_t covers = TOGETHER * shadow_reach(run->level);

    if ((run->page ^ run->frame) % covers == 0) {
        page = ash_align_down(page + covers - 1, covers);
        end = ash_align_down(end, covers);
        if (page < end) {
            shadow_hint(shadow, page, end, true);
        }
    }
}

void shadow_hint_new(struct shadow *shadow, uint64_t page, uint64_t end)
{
    while (page < end) {
        const struct shadow_run *run = shadow_after(shadow, page);
        uint64_t to = shadow_end(run) < end ? shadow_end(run) : end, first = page, after = to;

        if (run->level == 3 && shadow_pinned(shadow, &first, &after)) {
            to = first; /* pages of a remap zone change one by one */
        } else {
            after = to;
        }
        hint_row(shadow, run, page, to);
        page = after;
    }
}

void shadow_unfold(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t from,
                   uint64_t end)
{
    uint64_t covers, first;

    if (shadow_hinted(old, page)) {
        covers = TOGETHER * shadow_reach(shadow_after(old, page)->level);
        first = ash_align_down(page, covers);
        if (first < from || first + covers > end) {
            shadow_hint(next, first, first + covers, false);
        }
    }
}

/* What a page or block becomes when its state is taken. */
static ash_mmu_attr_t harvested(ash_mmu_attr_t attr, ash_mmu_attr_t clear)
{
    attr |= clear & ASH_MMU_OLD;
    if (clear & ASH_MMU_CLEAN) {
        attr &= ~SHADOW_WRITTEN;
        attr |= shadow_written(attr) ? ASH_MMU_CLEAN | SHADOW_NOTED : 0;
    }
    return attr;
}

int shadow_harvest(const struct shadow *old, struct shadow *next, uint64_t page, uint64_t end,
                   ash_mmu_attr_t clear)
{
    shadow_begin(old, next);
    for (const struct shadow_run *run = old->run; run < old->run + old->runs; run++) {
        uint64_t reach = shadow_reach(run->level);
        uint64_t from = ash_align_down(page, reach), to = ash_align_down(end + reach - 1, reach);
        struct shadow_run inside = *run;

        from = from > run->page ? from : run->page;
        to = to < shadow_end(run) ? to : shadow_end(run);
        if (page >= end || from >= to) {
            shadow_push(next, run->page, shadow_end(run), run, run->level);
            continue;
        }
        inside.attr = harvested(run->attr, clear);
        shadow_push(next, run->page, from, run, run->level);
        shadow_push(next, from, to, &inside, run->level);
        shadow_push(next, to, shadow_end(run), run, run->level);
        if (clear != 0) {
            shadow_unfold(old, next, from, from, to);
            shadow_unfold(old, next, to - 1, from, to);
            shadow_hint(next, from, to, false);
        }
    }
    return 0;
}

int shadow_touch(const struct shadow *old, struct shadow *next, uint64_t page, bool write)
{
    const struct shadow_run *found = shadow_after(old, page);
    struct shadow_run entry;

    if (found == NULL || found->page > page) {
        return ASH_ENOENT;
    }
    if (write && (found->attr & ASH_MMU_WRITE) == 0) {
        return ASH_EPERM;
    }
    entry = shadow_entry(found, page);
    entry.attr &= ~(ASH_MMU_OLD | (write ? ASH_MMU_CLEAN : 0));
    shadow_begin(old, next);
    for (const struct shadow_run *run = old->run; run < old->run + old->runs; run++) {
        if (run != found) {
            shadow_push(next, run->page, shadow_end(run), run, run->level);
            continue;
        }
        shadow_push(next, run->page, entry.page, run, run->level);
        shadow_push(next, entry.page, shadow_end(&entry), &entry, run->level);
        shadow_push(next, shadow_end(&entry), shadow_end(run), run, run->level);
    }
    return 0;
}
