/* SPDX-License-Identifier: MIT */
/*
 * What accesses do, and what the processor's own translation says of them.
 */
#ifndef ASHLAR_TARGET_PROBE_H
#define ASHLAR_TARGET_PROBE_H

#include "ashlar/mmu.h"
#include "ashlar/trap.h"

/** True if the access to a word faulted; *trap tells how. */
bool probe_faults(uintptr_t address, bool write, struct ash_trap *trap);
/** True if it faulted with this cause, at this level. */
bool probe_faults_with(uintptr_t address, bool write, enum ash_trap_cause cause, unsigned level);
/** The processor translates va to pa for exactly these accesses, as this type of memory. */
bool probe_translates(uintptr_t va, uint64_t pa, ash_mmu_attr_t attr);

/** In a function that runs where nothing may be printed: names the step that failed and leaves. */
#define WANT(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            return #condition;                                                                     \
        }                                                                                          \
    } while (0)

#endif
