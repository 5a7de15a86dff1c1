/* SPDX-License-Identifier: MIT */
/*
 * The execution model: how the library waits, and wakes who waits. Ashlar owns no threads; a
 * product that has some gives these four operations, and without them each CPU is one context that
 * waits by WFE. examples/sched gives them for contexts that take turns.
 */
#ifndef ASHLAR_EXEC_H
#define ASHLAR_EXEC_H

#include "errors.h"
#include "types.h"

/** A deadline that never comes. */
#define ASH_EXEC_NEVER UINT64_MAX

/** What a product gives. All of them on any CPU; a channel is any address and is not looked at. */
struct ash_exec_ops {
    /** Who runs: the same value as long as it is the same context, never NULL. */
    void *(*current)(void);
    /**
     * Waits until somebody wakes the channel: 0; or until now() reaches deadline_ns: ASH_ETIMEDOUT.
     * A wake that came since this context last waited on the channel ends the wait at once, so that
     * whoever finds a condition not met and then waits misses nothing. It may return 0 without
     * reason: the caller looks at its condition again.
     * Called not in interrupts, with interrupts enabled and no lock held.
     */
    int (*wait)(const void *channel, uint64_t deadline_ns);
    /** All that wait there go on. Called in any context, with locks of the library held as well;
     *  with one of a product's only if these operations take none of that rank (lock.h). */
    void (*wake)(const void *channel);
    /** Nanoseconds, monotonic. Any context. */
    uint64_t (*now)(void);
};

/**
 * From here on these are used, on all CPUs; NULL: the default, with ash_now_ns() as the time. *ops
 * is kept by reference. Errors: ASH_EINVAL (one of them is missing). Context: nobody waits
 * meanwhile.
 */
int ash_exec_use(const struct ash_exec_ops *ops);

/** The operations in use. Of the default: `current` is the CPU; `wait` with a deadline needs a
 *  clock (without one only a wake ends it) and may be late by the period of the timer's event
 *  stream, a few milliseconds. */
void *ash_exec_current(void);
int ash_exec_wait(const void *channel, uint64_t deadline_ns);
void ash_exec_wake(const void *channel);
uint64_t ash_exec_now(void);

#endif
