/* SPDX-License-Identifier: MIT */
/*
 * Figures and reports of the frame allocator, and the names of owners. Reads the metadata in
 * short steps under the lock; prints with no lock held. Changes nothing.
 */
#include "alloc/frames_cache.h"
#include "port/outside.h"

/** Blocks or reserved frames that are looked at before the lock is let go. */
#define STEP 64u

static const char *owner_names[ASH_OWNERS] = {
    [ASH_OWNER_NONE] = "none",   [ASH_OWNER_BOOT] = "boot", [ASH_OWNER_TABLES] = "tables",
    [ASH_OWNER_POOL] = "pool",   [ASH_OWNER_HEAP] = "heap", [ASH_OWNER_PMEM] = "pmem",
    [ASH_OWNER_DMA] = "dma",     [ASH_OWNER_VMAP] = "vmap", [ASH_OWNER_STACK] = "stack",
    [ASH_OWNER_SPACE] = "space", [ASH_OWNER_USER] = "user", [ASH_OWNER_TEST] = "test",
};

static const char *const zone_names[ASH_ZONE_COUNT] = {"DMA", "NORMAL", "HIGH"};

/** What one pass over all blocks counts. */
struct census {
    uint32_t blocks[ASH_ZONE_COUNT][ASH_MAX_ORDER + 1]; /* free */
    uint32_t used[ASH_ZONE_COUNT];                      /* blocks */
    uint32_t owned[ASH_OWNERS];                         /* frames */
};

static void count_range(unsigned i, struct census *census)
{
    const struct frames_range *range = &frames_state.range[i];
    uint32_t offset = 0;

    while (offset < range->count) {
        unsigned long saved = spinlock_acquire(&frames_state.lock);

        for (unsigned step = 0; step < STEP && offset < range->count; step++) {
            uint32_t word = frames_glance(range->first + offset - frames_state.delta[i]);
            uint32_t size = (uint32_t)1 << FRAMES_ORDER(word);

            if (word == FRAMES_NOTHING) {
                size = 1;
            } else if (frames_is_used(word)) {
                census->owned[FRAMES_OWNER(word)] += size;
                census->used[FRAMES_ZONE(FRAMES_LISTS(word))]++;
            } else {
                census->blocks[FRAMES_ZONE(FRAMES_LISTS(word))][FRAMES_ORDER(word)]++;
            }
            offset += size;
        }
        spinlock_release(&frames_state.lock, saved);
    }
}

static void take_census(struct census *census)
{
    *census = (struct census){0};
    for (unsigned i = 0; i < frames_state.range_count; i++) {
        count_range(i, census);
    }
}

static void zone_stats(unsigned zone, const struct census *census, struct ash_frames_stats *stats)
{
    uint32_t cached = zone == ASH_ZONE_NORMAL ? frames_cache_count() : 0;
    unsigned long saved = spinlock_acquire(&frames_state.lock);
    const struct frames_zone *figures = &frames_state.zone[zone];

    stats->total = figures->total;
    stats->free = figures->free + cached;
    stats->high_water = figures->total - figures->least;
    stats->failures = figures->failures;
    spinlock_release(&frames_state.lock, saved);
    stats->largest = -1;
    for (unsigned order = 0; order <= ASH_MAX_ORDER; order++) {
        stats->blocks[order] = census->blocks[zone][order];
        if (stats->blocks[order] != 0) {
            stats->largest = (int)order;
        }
    }
}

int ash_frames_stats(enum ash_zone zone, struct ash_frames_stats *stats)
{
    struct census census;

    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }
    if ((unsigned)zone >= ASH_ZONE_COUNT) {
        return ASH_EINVAL;
    }
    take_census(&census);
    zone_stats((unsigned)zone, &census, stats);
    return 0;
}

uint32_t ash_frames_owned(unsigned owner)
{
    struct census census;
    uint32_t frames = 0;

    if (!outside_interrupts(__func__)) {
        return 0;
    }
    take_census(&census);
    for (unsigned i = 0; i < ASH_OWNERS; i++) {
        if (i == owner || owner == ASH_OWNERS) {
            frames += census.owned[i];
        }
    }
    return frames;
}

int ash_frames_name_owner(unsigned owner, const char *name)
{
    if (owner < ASH_OWNER_FIRST || owner >= ASH_OWNERS || name == NULL) {
        return ASH_EINVAL;
    }
    owner_names[owner] = name;
    return 0;
}

const char *ash_frames_owner_name(unsigned owner)
{
    return owner < ASH_OWNERS && owner_names[owner] != NULL ? owner_names[owner] : "?";
}

/** Up to this many blocks are looked for under the lock, and then printed. */
#define FOUND 16u

struct found {
    uint32_t number, references;
    unsigned order;
};

/** Finds blocks of the owner from *offset on, which moves behind what was looked at. */
static unsigned find_owned(unsigned at, uint32_t *offset, unsigned owner, struct found *found)
{
    const struct frames_range *range = &frames_state.range[at];
    unsigned count = 0;
    unsigned long saved = spinlock_acquire(&frames_state.lock);

    for (unsigned step = 0; step < STEP && count < FOUND && *offset < range->count; step++) {
        uint32_t number = range->first + *offset;
        uint32_t index = number - frames_state.delta[at];
        uint32_t word = frames_glance(index);

        if (word != FRAMES_NOTHING && frames_is_used(word) &&
            (owner == ASH_OWNERS || owner == FRAMES_OWNER(word))) {
            found[count++] =
                (struct found){number, frames_references(index, word), FRAMES_ORDER(word)};
        }
        *offset += word == FRAMES_NOTHING ? 1 : (uint32_t)1 << FRAMES_ORDER(word);
    }
    spinlock_release(&frames_state.lock, saved);
    return count;
}

uint32_t ash_frames_leaks(unsigned owner, ash_print_fn print)
{
    struct found found[FOUND];
    uint32_t blocks = 0;

    if (!outside_locks(__func__)) {
        return 0;
    }
    for (unsigned at = 0; at < frames_state.range_count; at++) {
        for (uint32_t offset = 0; offset < frames_state.range[at].count;) {
            unsigned count = find_owned(at, &offset, owner, found);

            for (unsigned i = 0; i < count; i++) {
                print("0x%010llx %6lu frames %6lu references\n",
                      (unsigned long long)ash_frame_pa((ash_frame_t){found[i].number}).value,
                      1ul << found[i].order, (unsigned long)found[i].references);
            }
            blocks += count;
        }
    }
    return blocks;
}

void ash_frames_usage(ash_usage_visit visit, void *arg)
{
    struct census census;

    if (!outside_locks(__func__)) {
        return;
    }
    take_census(&census);
    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        struct ash_frames_stats stats;
        struct ash_usage usage = {.module = "frames", .name = zone_names[zone]};

        zone_stats(zone, &census, &stats);
        if (stats.total == 0) {
            continue;
        }
        usage.total = (uint64_t)stats.total * ASH_PAGE_SIZE;
        usage.free = (uint64_t)stats.free * ASH_PAGE_SIZE;
        usage.used = usage.total - usage.free;
        usage.limit = (uint64_t)ASH_PAGE_SIZE << ASH_MAX_ORDER;
        usage.largest = stats.largest < 0 ? 0 : (uint64_t)ASH_PAGE_SIZE << stats.largest;
        usage.high_water = (uint64_t)stats.high_water * ASH_PAGE_SIZE;
        usage.failures = stats.failures;
        usage.blocks = census.used[zone];
        visit(&usage, arg);
    }
}

void ash_frames_report(ash_print_fn print)
{
    struct census census;

    if (!outside_locks(__func__)) {
        return;
    }
    take_census(&census);
    print("zone      frames      free      most  failed  free blocks of order 0 to %u\n",
          (unsigned)ASH_MAX_ORDER);
    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        struct ash_frames_stats stats;

        zone_stats(zone, &census, &stats);
        if (stats.total == 0) {
            continue;
        }
        print("%-6s %9lu %9lu %9lu %7lu ", zone_names[zone], (unsigned long)stats.total,
              (unsigned long)stats.free, (unsigned long)stats.high_water,
              (unsigned long)stats.failures);
        for (unsigned order = 0; order <= ASH_MAX_ORDER; order++) {
            print(" %lu", (unsigned long)stats.blocks[order]);
        }
        print("\n");
    }
    for (unsigned owner = 0; owner < ASH_OWNERS; owner++) {
        if (census.owned[owner] != 0) {
            print("owner %-10s %9lu frames\n", ash_frames_owner_name(owner),
                  (unsigned long)census.owned[owner]);
        }
    }
}
