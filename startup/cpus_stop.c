/* SPDX-License-Identifier: MIT */
/*
 * One report at a time: the CPU that has something fatal to tell stops the others first, and tells
 * where they were. Early code that takes no lock: any of them may hold it.
 */
#include "ashlar/cpu.h"
#include "ashlar/irq.h"
#include "port/percpu.h"
#include "port/port.h"
#include "startup/cpus.h"
#include "startup/early_print.h"
#include "startup/report.h"

/* Looks at the others until those that have not answered count as not answering: longer than any
 * lock is held. */
#define STOP_PATIENCE 10000000u

enum stopped { RUNS, STOPPED, REPORTED };

static struct {
    uint32_t how; /* enum stopped */
    uintptr_t pc;
} __attribute__((aligned(64))) places[ASH_CPUS];

static uint32_t reporter; /* number plus 1 of the CPU whose report it is */

static _Noreturn void stay(enum stopped how, uintptr_t pc)
{
    unsigned cpu = port_cpu();

    places[cpu].pc = pc;
    port_store_release(&places[cpu].how, how);
    early_stop();
}

/* ASH_CPU_IRQ_STOP */
static void stop_here(void *arg)
{
    (void)arg;
    stay(STOPPED, percpu[port_cpu()].interrupted);
}

static void stop_others(uintptr_t pc)
{
    unsigned own = port_cpu();

    (void)port_irq_save();
    /* One that is on its way may have its MMU off, and then knows no exclusives. */
    if (!ash_cpu_online(own) || port_load_acquire(&reporter) == own + 1) {
        return;
    }
    if (!port_exchange32(&reporter, 0, own + 1)) {
        stay(REPORTED, pc);
    }
    for (unsigned cpu = 0; cpu < ASH_CPUS; cpu++) {
        if (cpu != own && ash_cpu_online(cpu)) {
            (void)ash_irq_send(ASH_CPU_IRQ_STOP, cpu);
        }
    }
    for (unsigned cpu = 0, patience = STOP_PATIENCE; cpu < ASH_CPUS; cpu++) {
        while (cpu != own && ash_cpu_online(cpu) && patience > 0 &&
               port_load_acquire(&places[cpu].how) == RUNS) {
            patience--;
        }
    }
}

static void print_others(void)
{
    unsigned own = port_cpu();

    for (unsigned cpu = 0; cpu < ASH_CPUS; cpu++) {
        if (cpu == own || !ash_cpu_online(own) || !ash_cpu_online(cpu)) {
            continue;
        }
        early_text("    CPU ");
        early_decimal(cpu);
        switch (port_load_acquire(&places[cpu].how)) {
        case STOPPED:
            early_text("    stopped, pc ");
            early_hex(places[cpu].pc, REPORT_DIGITS);
            break;
        case REPORTED:
            early_text("    has a report as well, pc ");
            early_hex(places[cpu].pc, REPORT_DIGITS);
            break;
        default:
            early_text("    does not answer: its interrupts are masked");
            break;
        }
        early_text("\n");
    }
}

int cpus_stop_init(void)
{
    static const struct report_others others = {stop_others, print_others};

    report_others = &others;
    return ash_irq_attach(ASH_CPU_IRQ_STOP, stop_here, NULL);
}
