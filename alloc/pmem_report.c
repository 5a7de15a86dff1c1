/* SPDX-License-Identifier: MIT */
/*
 * What is known about regions and their blocks: lookup, figures, self-check, report. Changes
 * nothing.
 */
#include "alloc/pmem_region.h"
#include "port/spinlock.h"

static bool pmem_contains(const struct ash_pmem *region, ash_pa_t pa)
{
    return pa.value >= region->range.base.value &&
           pa.value - region->range.base.value < region->range.size;
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
        if (region->runs.tags[run].state == PMEM_USED) {
            *block = pmem_block(region, run);
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
    stats->failures = region->failures;
    spinlock_release(&region->lock, saved);
}

int ash_pmem_verify(struct ash_pmem *region)
{
    unsigned long saved = spinlock_acquire(&region->lock);
    const struct pmem_runs *runs = &region->runs;
    bool sound = pmem_runs_sound(runs);
    uint32_t blocks = 0;

    for (uint32_t run = 0; sound && run < runs->quanta; run += runs->tags[run].quanta) {
        blocks += runs->tags[run].state == PMEM_USED;
    }
    sound = sound && blocks == region->blocks && region->high_water <= runs->quanta;
    spinlock_release(&region->lock, saved);
    return sound ? 0 : ASH_ECORRUPT;
}

/* One run as it was at one moment; the next may have changed before it is looked at. */
struct pmem_line {
    struct ash_pmem_block block;
    struct pmem_tag tag;
};

static bool pmem_next_line(struct ash_pmem *region, uint32_t *index, struct pmem_line *line)
{
    unsigned long saved = spinlock_acquire(&region->lock);
    uint32_t run = pmem_runs_from(&region->runs, *index);
    bool found = run < region->runs.quanta;

    if (found) {
        line->tag = region->runs.tags[run];
        line->block = pmem_block(region, run);
        *index = run + line->tag.quanta;
    }
    spinlock_release(&region->lock, saved);
    return found;
}

static void pmem_print_line(ash_print_fn print, const struct pmem_line *line)
{
    unsigned long long base = line->block.pa.value;
    unsigned long long kib = line->block.size / 1024;

    if (line->tag.state == PMEM_USED) {
        print("  %#011llx %8llu KiB  %s", base, kib,
              (line->tag.flags & ASH_PMEM_UNCACHED) != 0 ? "uncached" : "cached");
        if (line->tag.refs != 0) {
            print(", %u references", (unsigned)line->tag.refs);
        }
        print("\n");
    } else {
        print("  %#011llx %8llu KiB  %s\n", base, kib,
              line->tag.state == PMEM_FREE ? "free" : "changing");
    }
}

void ash_pmem_report(ash_print_fn print)
{
    struct ash_pmem *region;

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
