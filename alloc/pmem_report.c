/* SPDX-License-Identifier: MIT */
/*
 * What is known about regions and their blocks: lookup, figures, self-check, report. Changes
 * nothing.
 */
#include "alloc/pmem_region.h"
#include "ashlar/fault.h"
#include "port/outside.h"
#include "port/spinlock.h"

static bool pmem_contains(const struct ash_pmem *region, ash_pa_t pa)
{
    return pa.value >= region->range.base.value &&
           pa.value - region->range.base.value < region->range.size;
}

static bool pmem_is_block(const struct pmem_tag *tag)
{
    return tag->state == PMEM_USED || tag->state == PMEM_LEAVING;
}

int ash_pmem_lookup(ash_pa_t pa, struct ash_pmem_block *block)
{
    struct ash_pmem *region;
    int error = ASH_ENOENT;

    for (unsigned n = 0; (region = ash_pmem_region(n)) != NULL; n++) {
        unsigned long saved;
        uint32_t run;

        if (!pmem_contains(region, pa)) {
            continue;
        }
        saved = spinlock_acquire(&region->lock);
        run = pmem_runs_holding(&region->runs, pmem_quantum(pa.value - region->range.base.value));
        if (run != PMEM_NONE && pmem_is_block(&region->runs.tags[run])) {
            pmem_block(region, run, block);
            error = 0;
        }
        spinlock_release(&region->lock, saved);
        break;
    }
    return error;
}

void ash_pmem_stats(struct ash_pmem *region, struct ash_pmem_stats *stats)
{
    unsigned long saved = spinlock_acquire(&region->lock);

    stats->range = region->range;
    stats->free = pmem_bytes(region->runs.free);
    stats->largest = pmem_bytes(pmem_runs_longest(&region->runs));
    stats->high_water = pmem_bytes(region->high_water);
    stats->blocks = region->blocks;
    stats->leaving = region->leaving;
    stats->failures = region->failures;
    spinlock_release(&region->lock, saved);
}

void ash_pmem_usage(ash_usage_visit visit, void *arg)
{
    struct ash_pmem *region;

    if (!outside_locks(__func__)) {
        return;
    }
    for (unsigned n = 0; (region = ash_pmem_region(n)) != NULL; n++) {
        struct ash_usage usage = {.module = "pmem", .name = region->name};
        struct ash_pmem_stats stats;

        ash_pmem_stats(region, &stats);
        usage.total = stats.range.size;
        usage.used = stats.range.size - stats.free;
        usage.free = stats.free;
        usage.largest = stats.largest;
        usage.high_water = stats.high_water;
        usage.failures = stats.failures;
        usage.blocks = stats.blocks;
        visit(&usage, arg);
    }
}

uint64_t ash_pmem_owned(unsigned owner)
{
    struct ash_pmem *region;
    uint64_t bytes = 0;

    for (unsigned n = 0; owner < ASH_OWNERS && (region = ash_pmem_region(n)) != NULL; n++) {
        unsigned long saved = spinlock_acquire(&region->lock);

        bytes += pmem_bytes(region->owned[owner]);
        spinlock_release(&region->lock, saved);
    }
    return bytes;
}

/* The figures are those of the runs, which are sound. */
static bool pmem_counts_agree(const struct ash_pmem *region)
{
    uint32_t owned[ASH_OWNERS] = {0};
    uint32_t blocks = 0, leaving = 0, index = 0, at, quanta;
    bool agree;

    while (pmem_runs_from(&region->runs, index, &at, &quanta)) {
        const struct pmem_tag *tag = &region->runs.tags[at];

        if (pmem_is_block(tag)) {
            if (pmem_tag_owner(tag) >= ASH_OWNERS) {
                return false;
            }
            owned[pmem_tag_owner(tag)] += quanta;
            blocks++;
            leaving += tag->state == PMEM_LEAVING;
        }
        index = at + quanta;
    }
    agree = blocks == region->blocks && leaving == region->leaving &&
            region->high_water <= region->runs.quanta;
    for (unsigned owner = 0; owner < ASH_OWNERS; owner++) {
        agree = agree && owned[owner] == region->owned[owner];
    }
    return agree;
}

int ash_pmem_verify(struct ash_pmem *region)
{
    unsigned long saved = spinlock_acquire(&region->lock);
    bool sound = pmem_runs_sound(&region->runs) && pmem_counts_agree(region);

    spinlock_release(&region->lock, saved);
    return sound ? 0 : ASH_ECORRUPT;
}

void pmem_check_region(struct ash_pmem *region)
{
    if (ash_pmem_verify(region) != 0) {
        const struct ash_fault fault = {
            .kind = ASH_FAULT_CORRUPT,
            .module = "pmem",
            .what = "runs of a region contradict each other",
            .address = region->range.base.value,
        };

        ash_fault_hook(&fault);
    }
}

/* One run as it was at one moment; the next may have changed before it is looked at. */
struct pmem_line {
    ash_pa_t pa;
    uint64_t size;
    struct pmem_tag tag;
};

static bool pmem_next_line(struct ash_pmem *region, uint32_t *index, struct pmem_line *line)
{
    unsigned long saved = spinlock_acquire(&region->lock);
    uint32_t at = 0, quanta = 0;
    bool found = pmem_runs_from(&region->runs, *index, &at, &quanta);

    if (found) {
        line->tag = region->runs.tags[at];
        line->pa = pmem_quantum_pa(region, at);
        line->size = pmem_bytes(quanta);
        *index = at + quanta;
    }
    spinlock_release(&region->lock, saved);
    return found;
}

static const char *pmem_view_name(uint32_t view)
{
    return view == ASH_PMEM_CACHED ? "cached" : view == ASH_PMEM_UNCACHED ? "uncached" : "ordered";
}

static void pmem_print_line(ash_print_fn print, const struct pmem_line *line)
{
    unsigned long long base = line->pa.value;
    unsigned long long kib = line->size / 1024;
    unsigned owner = pmem_tag_owner(&line->tag);

    if (!pmem_is_block(&line->tag)) {
        print("  %#011llx %8llu KiB  %s\n", base, kib,
              line->tag.state == PMEM_INSIDE ? "free" : "changing");
        return;
    }
    print("  %#011llx %8llu KiB  %s", base, kib, pmem_view_name(pmem_tag_view(&line->tag)));
    if (owner != ASH_OWNER_NONE) {
        print(", %s", ash_frames_owner_name(owner));
    }
    if (line->tag.refs != 0) {
        print(", %u references", (unsigned)line->tag.refs);
    }
    print("%s\n", line->tag.state == PMEM_LEAVING ? ", freed" : "");
}

void ash_pmem_report(ash_print_fn print)
{
    struct ash_pmem *region;

    if (!outside_locks(__func__)) {
        return;
    }
    for (unsigned n = 0; (region = ash_pmem_region(n)) != NULL; n++) {
        struct ash_pmem_stats stats;
        struct pmem_line line;
        uint32_t index = 0;

        ash_pmem_stats(region, &stats);
        print("%-12s %#011llx %8llu KiB: %llu KiB free, largest %llu KiB, high water %llu KiB, "
              "%u blocks, %u failures\n",
              region->name, (unsigned long long)stats.range.base.value,
              (unsigned long long)(stats.range.size / 1024),
              (unsigned long long)(stats.free / 1024), (unsigned long long)(stats.largest / 1024),
              (unsigned long long)(stats.high_water / 1024), (unsigned)stats.blocks,
              (unsigned)stats.failures);
        while (pmem_next_line(region, &index, &line)) {
            pmem_print_line(print, &line);
        }
    }
}
