/* SPDX-License-Identifier: MIT */
/*
 * Calls that are for programs only: not in interrupts, not with the MMU off, some not with a lock
 * held either. A public function that says so in its header begins with one of these; what is
 * called from elsewhere goes to ash_fault_hook, and if that returns, the function does nothing.
 *
 * Calls that any context may make have none. That locks are taken in their order is told by the
 * locks themselves.
 */
#ifndef ASHLAR_PORT_OUTSIDE_H
#define ASHLAR_PORT_OUTSIDE_H

#include "port/port.h"
#include "port/spinlock.h"

/** Tells of a call from the wrong context; false. */
bool outside_tell(const char *function, const void *caller);

/** At the start of a public function, with __func__: this CPU is in no interrupt, and its MMU is
 * on. False after telling. At ASH_CHECK 0 nothing is checked. Cost: a load and a compare. */
static inline __attribute__((always_inline)) bool outside_interrupts(const char *function)
{
    return ASH_CHECK < 1 || port_inside() == 0 ||
           outside_tell(function, __builtin_return_address(0));
}

/** The same, and this CPU holds no lock (which only ASH_CHECK 2 can tell). */
static inline __attribute__((always_inline)) bool outside_locks(const char *function)
{
    return ASH_CHECK < 1 || (port_inside() == 0 && spinlock_held() == NULL) ||
           outside_tell(function, __builtin_return_address(0));
}

#endif
