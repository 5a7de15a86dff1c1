/* SPDX-License-Identifier: MIT */
/*
 * What the files of pmem share: the region, and the change of a block's view.
 */
#ifndef ALLOC_PMEM_REGION_H
#define ALLOC_PMEM_REGION_H

#include "alloc/pmem_runs.h"
#include "ashlar/mmu.h"
#include "ashlar/pmem.h"

struct ash_pmem {
    struct ash_spinlock lock; /* of all below but name and range, which are constant */
    struct pmem_runs runs;
    struct ash_range range;
    uint32_t high_water; /* quanta */
    uint32_t blocks;     /* in state USED */
    uint32_t failures;
    char name[ASH_PMEM_NAME];
};

/** Which map uncached blocks change, under which lock. */
void pmem_view_init(struct ash_mmu *map, struct ash_spinlock *lock);

/**
 * Makes [pa, pa + size), now cached and nobody's, what the flags say. 0, or ASH_ENOSYS or what
 * ash_mmu_protect says; then all of it is cached as before.
 */
int pmem_view_open(ash_pa_t pa, uint64_t size, uint32_t flags);

/** Back to cached. On an error all of it is as it was. */
int pmem_view_close(ash_pa_t pa, uint64_t size, uint32_t flags);

/** [base, base + size) is mapped at VA = PA as memory that a block can be made of. */
bool pmem_view_is_plain(ash_pa_t base, uint64_t size);

static inline uint64_t pmem_bytes(uint32_t quanta)
{
    return (uint64_t)quanta * ASH_PMEM_QUANTUM;
}

/** The quantum that holds the byte `offset` of a region. */
static inline uint32_t pmem_quantum(uint64_t offset)
{
    return (uint32_t)(offset / ASH_PMEM_QUANTUM);
}

static inline ash_pa_t pmem_quantum_pa(const struct ash_pmem *region, uint32_t index)
{
    return ash_pa(region->range.base.value + pmem_bytes(index));
}

/** The handle of the run that starts at quantum `run`. */
struct ash_pmem_block pmem_block(struct ash_pmem *region, uint32_t run);

#endif
