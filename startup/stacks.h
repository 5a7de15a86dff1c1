/* SPDX-License-Identifier: MIT */
/*
 * Stacks and their guard pages, as the map builder and the exception reports need them.
 */
#ifndef ASHLAR_STARTUP_STACKS_H
#define ASHLAR_STARTUP_STACKS_H

#include "ashlar/trap.h"

struct stacks_place {
    unsigned cpu;
    enum ash_stack stack;
    bool in_guard;       /**< in the guard page below that stack */
    uintptr_t base, top; /**< of the stack, top exclusive */
};

/** The n-th guard page; false when there are no more. */
bool stacks_guard(unsigned n, ash_va_t *guard);

/** Which stack, or guard, an address belongs to; false if to none. */
bool stacks_find(uintptr_t address, struct stacks_place *place);

#endif
