/* SPDX-License-Identifier: MIT */
/*
 * Secondary CPUs. Those that arrive at the reset vector, and those that firmware starts, all
 * wait in one pen: MMU off, WFE, a mailbox each. Started, they run with the firmware's map and wait
 * for calls in WFI, interrupts enabled.
 *
 * CPU 0 is the one that booted: it runs main(), is online from the start and takes no calls.
 * The C library serves one CPU at a time, but for the malloc family, which takes its own lock.
 */
#ifndef ASHLAR_CPU_H
#define ASHLAR_CPU_H

#include "types.h"

/** Software-generated interrupts that the first ash_cpu_start() takes for itself: below 8, since
 *  firmware of the secure state keeps the others. */
#define ASH_CPU_IRQ_RUN  0u /**< a call, or a function to run in the interrupt */
#define ASH_CPU_IRQ_STOP 1u /**< another CPU reports a fault */

/** Number of this CPU: 0 is the one that booted. Any context. */
unsigned ash_cpu_number(void);

/**
 * Starts CPU `cpu`: MMU and caches on with the firmware's map, its own stacks, vectors, interrupt
 * controller and timer. From then on it waits for calls, and a fatal exception on any CPU stops all
 * of them. 0 also if the CPU was online before. Drivers that interrupt this CPU attach for it
 * there. Errors: ASH_EINVAL (no such CPU in this build), ASH_ENODEV (not in this machine, or no
 * interrupt controller), ASH_EBUSY (runs what it was released for, or another CPU is starting one),
 * ASH_ENOSYS (Cortex-A15 erratum 798181: see docs/decisions.md), ASH_EIO (did not come), those of
 * ash_irq_attach. Context: not in interrupts, no lock held. Cost: waits for the CPU, bounded.
 * Barriers: all that the caller did before is seen by that CPU.
 */
int ash_cpu_start(unsigned cpu);

/** Starts all that there are, and returns how many are online, CPU 0 included. As ash_cpu_start;
 *  those that do not start are left out. */
unsigned ash_cpus_start(void);

/** True for CPU 0, and for one that takes calls or runs one. Any context. */
bool ash_cpu_online(unsigned cpu);

/**
 * Lets CPU `cpu` (1 to ASH_CPUS-1) run function(arg) as a program: with interrupts enabled, for as
 * long as it likes. Returns when the call is on its way. One call at a time: neither a second one
 * nor one to oneself is taken, as the CPU already runs one.
 * Errors: ASH_EINVAL (no such CPU, CPU 0, no function), ASH_ENODEV (not online), ASH_EBUSY (runs a
 * call). Context: any, interrupts included. Cost: bounded. Barriers: what the caller did before is
 * seen by the function.
 */
int ash_cpu_call(unsigned cpu, void (*function)(void *arg), void *arg);

/**
 * Waits until the CPU runs no call; what its function did is then seen here.
 * Errors: ASH_EINVAL (no such CPU, CPU 0, this CPU), ASH_ENODEV (not online).
 * Context: not in interrupts, no lock held. Cost: as long as the call runs.
 */
int ash_cpu_wait(unsigned cpu);

/**
 * Runs function(arg) in an interrupt of CPU `cpu`, which may be any that is online, and returns
 * when it has run. On this CPU it is called at once, with interrupts masked. Errors: ASH_EINVAL (no
 * such CPU, no function), ASH_ENODEV (not online). Context: interrupts
 * enabled, no lock held, not in interrupts: two CPUs may ask each other. Cost: as long as that CPU
 * masks interrupts, and the function runs. Barriers: both ways, as for a call.
 */
int ash_cpu_interrupt(unsigned cpu, void (*function)(void *arg), void *arg);

/**
 * Lets CPU `cpu` (1 to ASH_CPUS-1) out of the pen to run entry(arg), MMU and caches off,
 * interrupts masked, on its own boot stack. When entry returns, the CPU goes back to the pen.
 * ash_cpu_start() is this with an entry that never returns.
 * entry must be in memory that reads the same with caches off, and so must what arg points to:
 * clean it before (and invalidate it before reading results); port/port.h has the operations.
 * With the MMU off there are no exclusives: entry takes no lock, so it allocates and prints
 * nothing, and makes no unaligned access.
 * Errors: ASH_EINVAL (no such CPU), ASH_EBUSY (not back yet, or online), ASH_ENODEV, ASH_EIO.
 * Context: not in interrupts. Barriers: mailbox cleaned to PoC, DSB, SEV.
 */
int ash_cpu_release(unsigned cpu, void (*entry)(void *arg), void *arg);

/**
 * Waits until an interrupt comes to this CPU, and lets it be served. For who has nothing to do:
 * masks interrupts (ash_irq_disable), looks whether there is really nothing, and calls this; an
 * interrupt that comes in between is not slept over. Context: interrupts masked, before and after.
 */
void ash_cpu_idle(void);

/** True while a CPU other than CPU 0 runs what it was released or called for. Any context. */
bool ash_cpu_busy(unsigned cpu);

#endif
