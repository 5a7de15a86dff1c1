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

void mmu_entries_rewrite(const struct ash_mmu *map, uint64_t *entry, unsigned count, uint64_t keep,
                         uint64_t bits)
{
    for (uint64_t *next = entry, *end = entry + count; next != end; next++) {
        port_entry_write(next, (port_entry_load(next) & keep) | bits);
    }
    mmu_entries_written(map, entry, count);
}
