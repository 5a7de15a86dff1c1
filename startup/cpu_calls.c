/* SPDX-License-Identifier: MIT */
/*
 * Calls and interrupts from CPU to CPU, without a lock: each CPU has one place for a call and one
 * for an interrupt, which a caller claims, fills in and hands over by its state.
 */
#include "ashlar/cpu.h"
#include "ashlar/errors.h"
#include "ashlar/irq.h"
#include "port/outside.h"
#include "port/port.h"
#include "startup/cpus.h"

enum interrupt_state { FREE, CLAIMED, POSTED, DONE };

struct online_cpu cpus_online[ASH_CPUS] = {{.state = CPU_MAIN}};

/* ASH_CPU_IRQ_RUN: a call needs no more than being woken. */
void cpus_interrupted(void *arg)
{
    struct online_cpu *own = &cpus_online[port_cpu()];

    (void)arg;
    if (port_load_acquire(&own->interrupt) == POSTED) {
        own->interrupt_function(own->interrupt_arg);
        port_store_release(&own->interrupt, DONE);
        port_send_event();
    }
}

/* WFI ends with an interrupt that is masked as well. */
void ash_cpu_idle(void)
{
    port_wait_interrupt();
    port_irq_unmask();
    port_isb();
    (void)port_irq_save();
}

_Noreturn void cpus_take_calls(struct online_cpu *own)
{
    for (;;) {
        (void)port_irq_save();
        while (port_load_acquire(&own->state) != CPU_CALLED) {
            ash_cpu_idle();
        }
        port_irq_unmask();
        port_store_release(&own->state, CPU_RUNNING);
        own->call(own->call_arg);
        port_store_release(&own->state, CPU_IDLE);
        port_send_event();
    }
}

bool ash_cpu_online(unsigned cpu)
{
    return cpu < ASH_CPUS && port_load_acquire(&cpus_online[cpu].state) >= CPU_IDLE;
}

int ash_cpu_call(unsigned cpu, void (*function)(void *arg), void *arg)
{
    struct online_cpu *callee;

    if (cpu == 0 || cpu >= ASH_CPUS || function == NULL) {
        return ASH_EINVAL;
    }
    if (!ash_cpu_online(cpu)) {
        return ASH_ENODEV;
    }
    callee = &cpus_online[cpu];
    if (!port_exchange32(&callee->state, CPU_IDLE, CPU_CLAIMED)) {
        return ASH_EBUSY;
    }
    callee->call = function;
    callee->call_arg = arg;
    port_store_release(&callee->state, CPU_CALLED);
    return ash_irq_send(ASH_CPU_IRQ_RUN, cpu);
}

int ash_cpu_wait(unsigned cpu)
{
    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }
    if (cpu == 0 || cpu >= ASH_CPUS || cpu == port_cpu()) {
        return ASH_EINVAL;
    }
    if (!ash_cpu_online(cpu)) {
        return ASH_ENODEV;
    }
    while (port_load_acquire(&cpus_online[cpu].state) != CPU_IDLE) {
        port_wait_event();
    }
    return 0;
}

int ash_cpu_interrupt(unsigned cpu, void (*function)(void *arg), void *arg)
{
    struct online_cpu *target;
    int error;

    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }
    if (cpu >= ASH_CPUS || function == NULL) {
        return ASH_EINVAL;
    }
    if (!ash_cpu_online(cpu)) {
        return ASH_ENODEV;
    }
    if (cpu == port_cpu()) {
        unsigned long saved = port_irq_save();

        function(arg);
        port_irq_restore(saved);
        return 0;
    }
    target = &cpus_online[cpu];
    while (!port_exchange32(&target->interrupt, FREE, CLAIMED)) {
        port_wait_event();
    }
    target->interrupt_function = function;
    target->interrupt_arg = arg;
    port_store_release(&target->interrupt, POSTED);
    error = ash_irq_send(ASH_CPU_IRQ_RUN, cpu);
    while (error == 0 && port_load_acquire(&target->interrupt) != DONE) {
        port_wait_event();
    }
    port_store_release(&target->interrupt, FREE);
    port_send_event();
    return error;
}
