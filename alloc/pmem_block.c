/* SPDX-License-Identifier: MIT */
/*
 * Blocks in use: whether a handle names one, references, and giving back. A block that is freed
 * while references hold it leaves with the last of them.
 */
#include "alloc/pmem_region.h"
#include "ashlar/fault.h"
#include "port/outside.h"
#include "port/spinlock.h"

static bool pmem_is_region(const struct ash_pmem *region)
{
    const struct ash_pmem *known;

    for (unsigned n = 0; (known = ash_pmem_region(n)) != NULL; n++) {
        if (known == region) {
            return true;
        }
    }
    return false;
}

/* What is wrong with a handle whose region is known: NULL if it names a block that is not free,
 * whose first quantum is then *at. Lock held. */
static const char *pmem_judge(const struct ash_pmem_block *block, uint32_t *at,
                              enum ash_fault_kind *kind)
{
    const struct ash_pmem *region = block->region;
    const struct pmem_tag *tag;
    uint64_t offset = block->pa.value - region->range.base.value;

    *kind = ASH_FAULT_FOREIGN;
    if (offset >= region->range.size) {
        return "block outside of its region";
    }
    *at = pmem_quantum(offset);
    tag = &region->runs.tags[*at];
    if (tag->state == PMEM_INSIDE || !ash_is_aligned(offset, ASH_PMEM_QUANTUM)) {
        *kind = ASH_FAULT_MISALIGNED;
        if (!ash_is_aligned(offset, ASH_PMEM_QUANTUM)) {
            return "address is not the start of a block";
        }
        if (pmem_runs_holding(&region->runs, *at) != PMEM_NONE) {
            return "address is inside a block";
        }
    }
    *kind = ASH_FAULT_DOUBLE_FREE;
    if (tag->state != PMEM_USED && tag->state != PMEM_LEAVING) {
        return "block is not in use";
    }
    *kind = ASH_FAULT_CORRUPT;
    if (block->size != pmem_bytes(tag->quanta) || block->flags != pmem_tag_view(tag)) {
        return "size or view is not the block's";
    }
    return NULL;
}

static int pmem_fault(enum ash_fault_kind kind, const char *what,
                      const struct ash_pmem_block *block, const void *caller)
{
    const struct ash_fault fault = {
        .kind = kind,
        .module = "pmem",
        .what = what,
        .address = block->pa.value,
        .caller = caller,
    };

    ash_fault_hook(&fault);
    return ASH_ECORRUPT;
}

/* The block at `at` is counted as one more (1) or less (-1) of its owner's. Lock held. */
static inline void pmem_count(struct ash_pmem *region, const struct pmem_tag *tag, int change)
{
    region->blocks += (uint32_t)change;
    region->owned[pmem_tag_owner(tag)] += (uint32_t)change * tag->quanta;
    if (tag->state == PMEM_LEAVING) {
        region->leaving += (uint32_t)change;
    }
}

/*
 * The block at `at` has no owner and no references: it becomes free. If it cannot be made so, it
 * stays as it is. Lock held on entry, not on return.
 */
static int pmem_leave(struct ash_pmem *region, uint32_t at, unsigned long saved)
{
    struct pmem_tag *tag = &region->runs.tags[at];
    struct pmem_tag old = *tag;
    uint32_t view = pmem_tag_view(tag);
    int error = 0;

    pmem_count(region, &old, -1);
    if (view != ASH_PMEM_CACHED) {
        tag->state = PMEM_CHANGING; /* and no block any more, for whoever looks meanwhile */
        tag->refs = 0;
        spinlock_release(&region->lock, saved);
        error = pmem_view_close(pmem_quantum_pa(region, at), pmem_bytes(old.quanta), view);
        saved = spinlock_acquire(&region->lock);
    }
    if (error != 0) {
        pmem_count(region, &old, 1);
        *tag = old;
    } else {
        pmem_runs_give(&region->runs, at);
    }
    spinlock_release(&region->lock, saved);
    pmem_self_check(region);
    return error;
}

/* The owner has done with the block at `at`, which is USED. Lock held on entry, not on return. */
static int pmem_retire(struct ash_pmem *region, uint32_t at, unsigned long saved)
{
    struct pmem_tag *tag = &region->runs.tags[at];

    if (tag->refs == 0) {
        return pmem_leave(region, at, saved);
    }
    tag->state = PMEM_LEAVING;
    region->leaving++;
    spinlock_release(&region->lock, saved);
    pmem_self_check(region);
    return 0;
}

enum pmem_action { PMEM_CHECK, PMEM_FREE, PMEM_GET, PMEM_PUT };

/* Judges a handle and, in the same hold of the lock, does what depends on the verdict. Reports with
 * the lock let go. */
static int pmem_act(const struct ash_pmem_block *block, enum pmem_action action, const void *caller)
{
    struct ash_pmem *region = block->region;
    enum ash_fault_kind kind;
    const char *wrong;
    unsigned long saved;
    struct pmem_tag *tag;
    uint32_t at = 0;
    int error = 0;

    if (!pmem_is_region(region)) {
        return pmem_fault(ASH_FAULT_FOREIGN, "block of no region", block, caller);
    }
    saved = spinlock_acquire(&region->lock);
    wrong = pmem_judge(block, &at, &kind);
    tag = &region->runs.tags[at];
    if (wrong == NULL && action == PMEM_FREE) {
        if (tag->state == PMEM_USED) {
            return pmem_retire(region, at, saved);
        }
        kind = ASH_FAULT_DOUBLE_FREE;
        wrong = "block is freed already, and only held by references";
    } else if (wrong == NULL && action == PMEM_GET) {
        if (tag->refs == UINT16_MAX) {
            error = ASH_EBUSY;
        } else {
            tag->refs++;
        }
    } else if (wrong == NULL && action == PMEM_PUT) {
        if (tag->refs == 1 && tag->state == PMEM_LEAVING) {
            return pmem_leave(region, at, saved);
        }
        if (tag->refs == 0) {
            kind = ASH_FAULT_DOUBLE_FREE;
            wrong = "reference put back that nobody holds";
        } else {
            tag->refs--;
        }
    }
    spinlock_release(&region->lock, saved);
    return wrong != NULL ? pmem_fault(kind, wrong, block, caller) : error;
}

int ash_pmem_free(const struct ash_pmem_block *block)
{
    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }
    return pmem_act(block, PMEM_FREE, __builtin_return_address(0));
}

int ash_pmem_get(const struct ash_pmem_block *block)
{
    return pmem_act(block, PMEM_GET, __builtin_return_address(0));
}

int ash_pmem_put(const struct ash_pmem_block *block)
{
    return pmem_act(block, PMEM_PUT, __builtin_return_address(0));
}

int pmem_check_block(const struct ash_pmem_block *block, const void *caller)
{
    return pmem_act(block, PMEM_CHECK, caller);
}

/* Runs looked at in one hold of the lock. */
#define PMEM_STEP 64u

/* The next block of the owner from quantum *index on is freed, if it is among the next runs; false
 * if there are no runs any more. */
static bool pmem_release_next(struct ash_pmem *region, unsigned owner, uint32_t *index,
                              uint32_t *count)
{
    unsigned long saved = spinlock_acquire(&region->lock);
    bool more = true;
    uint32_t at, quanta;

    for (unsigned step = 0; more && step < PMEM_STEP; step++) {
        more = pmem_runs_from(&region->runs, *index, &at, &quanta);
        if (more) {
            const struct pmem_tag *tag = &region->runs.tags[at];

            *index = at + quanta;
            if (tag->state == PMEM_USED && pmem_tag_owner(tag) == owner) {
                *count += pmem_retire(region, at, saved) == 0;
                return true;
            }
        }
    }
    spinlock_release(&region->lock, saved);
    return more;
}

uint32_t ash_pmem_release(unsigned owner)
{
    struct ash_pmem *region;
    uint32_t count = 0;

    if (!outside_locks(__func__)) {
        return 0;
    }
    for (unsigned n = 0; (region = ash_pmem_region(n)) != NULL; n++) {
        uint32_t index = 0;

        while (pmem_release_next(region, owner, &index, &count)) {
        }
    }
    return count;
}
