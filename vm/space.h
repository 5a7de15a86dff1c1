/* SPDX-License-Identifier: MIT */
/*
 * Between the parts of vm: the lists of all spaces and shares, and ASIDs.
 */
#ifndef ASHLAR_VM_SPACE_H
#define ASHLAR_VM_SPACE_H

#include "ashlar/space.h"
#include "mmu/asid.h"
#include "port/spinlock.h"

struct spaces_state {
    struct asid_state asids;
    struct ash_spinlock lock; /* all of this; under a space's own lock (docs/locking.md) */
    struct ash_space *first;  /* made last */
    struct ash_mmu_config config;
    unsigned bits, asid_bits;
    uint32_t count, renewals;
    struct ash_spinlock shares_lock; /* the list of shares; over a space's own */
    struct ash_pmem_share *shares;   /* all, connected last (vm/pmem_share.c) */
};
extern struct spaces_state spaces_state;

/** The space of a context, or NULL. */
static inline struct ash_space *space_of(const uint64_t *holder)
{
    return (struct ash_space *)(uintptr_t)holder;
}

#endif
