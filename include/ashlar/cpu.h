/* SPDX-License-Identifier: MIT */
/*
 * Secondary CPUs. Those that arrive at the reset vector, and those that firmware starts, all
 * wait in one pen: MMU off, WFE, a mailbox each.
 */
#ifndef ASHLAR_CPU_H
#define ASHLAR_CPU_H

#include "types.h"

/** Number of this CPU: 0 is the one that booted. Any context. */
unsigned ash_cpu_number(void);

/**
 * Lets CPU `cpu` (1 to ASH_CPUS-1) out of the pen to run entry(arg), MMU and caches off,
 * interrupts masked, on its own boot stack. When entry returns, the CPU goes back to the pen.
 * entry must be in memory that reads the same with caches off, and so must what arg points to:
 * clean it before (and invalidate it before reading results); port/port.h has the operations.
 * With the MMU off there are no exclusives: entry takes no lock, so it allocates and prints
 * nothing, and makes no unaligned access.
 * Errors: ASH_EINVAL (no such CPU), ASH_EBUSY (not back yet), ASH_ENODEV, ASH_EIO.
 * Context: not in interrupts. Barriers: mailbox cleaned to PoC, DSB, SEV.
 */
int ash_cpu_release(unsigned cpu, void (*entry)(void *arg), void *arg);

/** True while the CPU runs what it was released for. */
bool ash_cpu_busy(unsigned cpu);

#endif
