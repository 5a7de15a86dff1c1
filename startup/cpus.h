/* SPDX-License-Identifier: MIT */
/*
 * Between the parts that run several CPUs: what stops them all for a report.
 */
#ifndef ASHLAR_STARTUP_CPUS_H
#define ASHLAR_STARTUP_CPUS_H

/** Lets faults stop the other CPUs, this one by the others' faults too. On each CPU that goes
 *  online; the first time also on the one that starts it. Errors as ash_irq_attach. */
int cpus_stop_init(void);

#endif
