/* SPDX-License-Identifier: MIT */
/*
 * Runs of entries: those loops that are better for having the registers to themselves.
 */
#include "mmu/entries.h"

unsigned mmu_entries_alike(const uint64_t *entry, unsigned count, uint64_t keep)
{
    uint64_t first = port_entry_load(entry), compared = ~keep;
    const uint64_t *next = entry + 1, *end = entry + count;

    while (next != end && ((port_entry_load(next) ^ first) & compared) == 0) {
        next++;
    }
    return (unsigned)(next - entry);
}

/* What an entry becomes in a map that tracks: that it was written is kept when it no longer shows.
 */
static uint64_t tracked(uint64_t old, uint64_t keep, uint64_t bits)
{
    uint64_t new = (old & keep) | bits;

    return (old & MMU_READ_ONLY) < (new &MMU_READ_ONLY) ? new | MMU_WRITTEN : new;
}

static void rewrite_tracked(const struct ash_mmu *map, uint64_t *entry, uint64_t keep,
                            uint64_t bits)
{
    uint64_t old = port_entry_load(entry);

    while (!mmu_entry_exchange(map, entry, &old, tracked(old, keep, bits))) {
    }
}

void mmu_entries_rewrite(const struct ash_mmu *map, uint64_t *entry, unsigned count, uint64_t keep,
                         uint64_t bits)
{
    uint64_t *end = entry + count;

    if (map->track) {
        for (uint64_t *next = entry; next != end; next++) {
            rewrite_tracked(map, next, keep, bits);
        }
    } else {
        for (uint64_t *next = entry; next != end; next++) {
            port_entry_write(next, (port_entry_load(next) & keep) | bits);
        }
    }
    mmu_entries_written(map, entry, count);
}
