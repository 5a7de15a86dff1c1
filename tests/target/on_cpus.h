/* SPDX-License-Identifier: MIT */
/*
 * Functions on other CPUs, each with a time limit: a CPU that does not come back fails its case and
 * hangs nothing. Whoever spins in such a function looks at on_cpus_late().
 */
#ifndef ASHLAR_TARGET_ON_CPUS_H
#define ASHLAR_TARGET_ON_CPUS_H

#include <stdbool.h>

/** CPUs that can be online: those of the machine, as far as the build serves them. */
unsigned on_cpus_there(void);

/** Sets the limit for what begins now; the functions below do. */
void on_cpus_begin(void);
bool on_cpus_late(void);

/** Long before that: whoever repeats something while there is time has done it often enough. (A
 *  busy host hands a lock from CPU to CPU at the pace of its scheduler.) */
bool on_cpus_enough(void);

/** Waits for the CPU's call. 0 or ASH_ETIMEDOUT. */
int on_cpu_done(unsigned cpu);

/** Runs function(arg) on a CPU. 0, ASH_ETIMEDOUT, or what ash_cpu_call says. */
int on_cpu(unsigned cpu, void (*function)(void *arg), void *arg);

/** On all CPUs at once, this one included. */
int on_all_cpus(void (*function)(void *arg), void *arg);

/** True if this CPU takes no interrupts now. */
bool on_cpus_masked(void);

/** Leaves the case where there is one CPU; elsewhere all are online. */
#define ON_CPUS_OR_SKIP()                                                                          \
    do {                                                                                           \
        if (on_cpus_there() < 2) {                                                                 \
            target_skip("one CPU");                                                                \
            return;                                                                                \
        }                                                                                          \
        CHECK_EQ(ash_cpus_start(), on_cpus_there());                                               \
    } while (0)

#endif
