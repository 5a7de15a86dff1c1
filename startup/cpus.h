/* SPDX-License-Identifier: MIT */
/*
 * Between the parts that run several CPUs: what each is at, and what stops them all for a report.
 */
#ifndef ASHLAR_STARTUP_CPUS_H
#define ASHLAR_STARTUP_CPUS_H

#include <stdint.h>

#include "ashlar/config.h"

enum cpu_state {
    CPU_OFF,     /* in the pen, or not there */
    CPU_FAILED,  /* its interrupts did not start */
    CPU_IDLE,    /* from here on it is online */
    CPU_CLAIMED, /* somebody writes down a call */
    CPU_CALLED,
    CPU_RUNNING,
    CPU_MAIN, /* runs main() */
};

/** A line of its own for each CPU, for those who wait and look at it. */
struct online_cpu {
    uint32_t state; /* enum cpu_state */
    int error;      /* why it is CPU_FAILED */
    void (*call)(void *arg);
    void *call_arg;
    uint32_t interrupt; /* of cpu_calls.c, as is the rest */
    void (*interrupt_function)(void *arg);
    void *interrupt_arg;
} __attribute__((aligned(64)));
extern struct online_cpu cpus_online[ASH_CPUS];

/** What ASH_CPU_IRQ_RUN is attached to, on each CPU that goes online. */
void cpus_interrupted(void *arg);

/** What a secondary CPU does for ever once it is online. */
_Noreturn void cpus_take_calls(struct online_cpu *own);

/** Lets faults stop the other CPUs, this one by the others' faults too. On each CPU that goes
 *  online; the first time also on the one that starts it. Errors as ash_irq_attach. */
int cpus_stop_init(void);

#endif
