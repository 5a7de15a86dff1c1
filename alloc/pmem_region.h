/* SPDX-License-Identifier: MIT */
/*
 * What the files of pmem share: the region, and the change of a block's view.
 */
#ifndef ALLOC_PMEM_REGION_H
#define ALLOC_PMEM_REGION_H

#include "alloc/pmem_runs.h"
#include "ashlar/frames.h"
#include "ashlar/mmu.h"
#include "ashlar/pmem.h"

struct ash_pmem {
    struct ash_spinlock lock; /* of all below but name and range, which are constant */
    struct pmem_runs runs;
    struct ash_range range;
    uint32_t high_water; /* quanta */
    uint32_t blocks;     /* in state USED or LEAVING */
    uint32_t leaving;    /* in state LEAVING */
    uint32_t failures;
    uint32_t owned[ASH_OWNERS]; /* quanta in state USED or LEAVING */
    char name[ASH_PMEM_NAME];
};

/** Of a block's flags: how it is seen. */
#define PMEM_VIEW (ASH_PMEM_UNCACHED | ASH_PMEM_ORDERED)

/** What the first tag of a block keeps of its flags. */
#define PMEM_OWNER_SHIFT 3
_Static_assert(PMEM_VIEW < 1u << PMEM_OWNER_SHIFT && ASH_OWNERS <= 256 >> PMEM_OWNER_SHIFT,
               "struct pmem_tag.marks");

static inline uint32_t pmem_tag_view(const struct pmem_tag *tag)
{
    return tag->marks & PMEM_VIEW;
}

static inline unsigned pmem_tag_owner(const struct pmem_tag *tag)
{
    return tag->marks >> PMEM_OWNER_SHIFT;
}

/** ash_fault_hook hears of a region whose runs contradict each other. */
void pmem_check_region(struct ash_pmem *region);

/** Once the lock is let go after an operation. */
static inline void pmem_self_check(struct ash_pmem *region)
{
    if (ASH_CHECK >= 2) {
        pmem_check_region(region);
    }
}

/** Which map uncached blocks change, under which lock. */
void pmem_view_init(struct ash_mmu *map, struct ash_spinlock *lock);

/** Whether a block with these flags is handed out as it is. */
static inline bool pmem_view_is_open(uint32_t flags)
{
    return (flags & (PMEM_VIEW | ASH_PMEM_UNINIT)) == ASH_PMEM_UNINIT;
}

/**
 * Makes [pa, pa + size), now cached and nobody's, what the flags say. 0, or ASH_ENOSYS or what
 * ash_mmu_protect says; then all of it is cached as before.
 */
int pmem_view_open(ash_pa_t pa, uint64_t size, uint32_t flags);

/** From that view, which is not the cached one, back to cached. On an error all is as it was. */
int pmem_view_close(ash_pa_t pa, uint64_t size, uint32_t view);

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

/** 0 if the handle names a block in use; else ASH_ECORRUPT, ash_fault_hook was told who called. */
int pmem_check_block(const struct ash_pmem_block *block, const void *caller);

/** The handle of the run in use that starts at quantum `run`. */
void pmem_block(struct ash_pmem *region, uint32_t run, struct ash_pmem_block *block);

#endif
