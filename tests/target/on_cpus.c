/* SPDX-License-Identifier: MIT */
/*
 * Functions on other CPUs, with a time limit.
 */
#include "tests/target/on_cpus.h"

#include "ashlar/cpu.h"
#include "ashlar/errors.h"
#include "ashlar/irq.h"
#include "ashlar/platform.h"
#include "port/port.h"

#define LIMIT_NS  40000000000ull
#define ENOUGH_NS 2000000000ull

static uint64_t began;

unsigned on_cpus_there(void)
{
    return ash_platform.cpu_count < ASH_CPUS ? ash_platform.cpu_count : ASH_CPUS;
}

void on_cpus_begin(void)
{
    began = ash_now_ns();
}

bool on_cpus_late(void)
{
    port_relax();
    return ash_now_ns() - began >= LIMIT_NS;
}

bool on_cpus_enough(void)
{
    return ash_now_ns() - began >= ENOUGH_NS;
}

/* A call of nothing is taken only when the one before has ended. */
static void nothing(void *arg)
{
    (void)arg;
}

int on_cpu_done(unsigned cpu)
{
    int error;

    do {
        error = ash_cpu_call(cpu, nothing, NULL);
    } while (error == ASH_EBUSY && !on_cpus_late());
    return error == ASH_EBUSY ? ASH_ETIMEDOUT : error != 0 ? error : ash_cpu_wait(cpu);
}

int on_cpu(unsigned cpu, void (*function)(void *arg), void *arg)
{
    int error;

    on_cpus_begin();
    error = ash_cpu_call(cpu, function, arg);
    return error != 0 ? error : on_cpu_done(cpu);
}

int on_all_cpus(void (*function)(void *arg), void *arg)
{
    int error = 0;

    on_cpus_begin();
    for (unsigned cpu = 1; cpu < on_cpus_there() && error == 0; cpu++) {
        error = ash_cpu_call(cpu, function, arg);
    }
    if (error == 0) {
        function(arg);
    }
    for (unsigned cpu = 1; cpu < on_cpus_there(); cpu++) {
        int late = on_cpu_done(cpu);

        error = error != 0 ? error : late;
    }
    return error;
}

bool on_cpus_masked(void)
{
    unsigned long saved = port_irq_save();

    port_irq_restore(saved);
    return (saved & 1u << 7) != 0; /* CPSR.I and DAIF.I */
}
