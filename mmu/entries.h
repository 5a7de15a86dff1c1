/* SPDX-License-Identifier: MIT */
/*
 * Stores to entries: nothing else in mmu writes one. What walks do not see in the cache is cleaned
 * here; barriers and invalidation are the caller's (gather.h).
 */
#ifndef ASHLAR_MMU_ENTRIES_H
#define ASHLAR_MMU_ENTRIES_H

#include "mmu/descriptor.h"
#include "port/port.h"

/** The table that a descriptor links. */
static inline uint64_t *mmu_table(uint64_t link)
{
    return port_ptr_direct(mmu_output(link));
}

static inline void mmu_entries_written(const struct ash_mmu *map, const uint64_t *entry,
                                       unsigned count)
{
    if (map->incoherent) {
        port_cache_clean(entry, count * sizeof *entry);
    }
}

/** Leading entries, at most count, whose bit 0 is that of `valid`. */
static inline unsigned mmu_entries_valid(const uint64_t *entry, unsigned count, uint64_t valid)
{
    const uint64_t *next = entry, *end = entry + count;

    while (next != end && ((port_entry_load(next) ^ valid) & MMU_VALID) == 0) {
        next++;
    }
    return (unsigned)(next - entry);
}

/** Leading entries, at least 1 and at most count, that agree with the first in what is not kept. */
unsigned mmu_entries_alike(const uint64_t *entry, unsigned count, uint64_t keep);

/** Neighbouring pages or blocks from `first` on, `step` bytes apart. */
static inline void mmu_entries_fill(const struct ash_mmu *map, uint64_t *entry, unsigned count,
                                    uint64_t first, uint64_t step)
{
    uint64_t *next = entry, *end = entry + (count & ~3u), *last = entry + count;

    while (next != end) { /* four at a time: most of what a large mapping costs */
        port_entry_write(next, first);
        first += step;
        port_entry_write(next + 1, first);
        first += step;
        port_entry_write(next + 2, first);
        first += step;
        port_entry_write(next + 3, first);
        first += step;
        next += 4;
    }
    for (; next != last; next++, first += step) {
        port_entry_write(next, first);
    }
    mmu_entries_written(map, entry, count);
}

static inline void mmu_entries_clear(const struct ash_mmu *map, uint64_t *entry, unsigned count)
{
    for (uint64_t *next = entry, *end = entry + count; next != end; next++) {
        port_entry_write(next, 0);
    }
    mmu_entries_written(map, entry, count);
}

/** One entry, if it still is *old; else *old is what it is now. Only a processor that updates
 * entries comes between (arm-rules 6): without it this is a plain store. */
static inline bool mmu_entry_exchange(const struct ash_mmu *map, uint64_t *entry, uint64_t *old,
                                      uint64_t new)
{
    if (map->updates && !map->early) { /* exclusives need the MMU */
        return port_entry_exchange(entry, old, new);
    }
    port_entry_write(entry, new);
    return true;
}

/** Each becomes (old & keep) | bits. */
void mmu_entries_rewrite(const struct ash_mmu *map, uint64_t *entry, unsigned count, uint64_t keep,
                         uint64_t bits);

/** Release order: what was written before, a whole table, is complete before it is linked. */
static inline void mmu_entry_link(const struct ash_mmu *map, uint64_t *entry, uint64_t descriptor)
{
    port_entry_store(entry, descriptor);
    mmu_entries_written(map, entry, 1);
}

/** A link that differs in what the hardware ignores. */
static inline void mmu_entry_recount(const struct ash_mmu *map, uint64_t *entry, uint64_t link)
{
    port_entry_write(entry, link);
    mmu_entries_written(map, entry, 1);
}

#endif
