/* SPDX-License-Identifier: MIT */
/*
 * Between the parts of vm: the list of all spaces, and their ASIDs.
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
};
extern struct spaces_state spaces_state;

/** The space of a context, or NULL. */
static inline struct ash_space *space_of(const uint64_t *holder)
{
    return (struct ash_space *)(uintptr_t)holder;
}

#endif
