/* SPDX-License-Identifier: MIT */
/*
 * Calls and interrupts from CPU to CPU: what the caller wrote is there for the callee, what that
 * wrote is there for the caller, and each interrupt runs once, on its CPU.
 */
#include <setjmp.h>

#include "ashlar/cpu.h"
#include "ashlar/errors.h"
#include "ashlar/irq.h"
#include "startup/cpus.h"
#include "tests/threads/threads.h"

#define CALLS      400u
#define INTERRUPTS 3u /* in a call */

static unsigned threads;
static uint32_t pending[THREADS_MOST];            /* an interrupt waits to be taken */
static uint64_t counted[THREADS_MOST];            /* by the CPU's own interrupts only */
static uint64_t sent[THREADS_MOST][THREADS_MOST]; /* from, to */
static _Thread_local jmp_buf end;

/* An order to a CPU, and the answer. */
static struct {
    uint64_t number, answer;
} order[THREADS_MOST];

int ash_irq_send(uint32_t irq, unsigned cpu)
{
    MUST(irq == ASH_CPU_IRQ_RUN);
    port_store_release(&pending[cpu], 1);
    return 0;
}

static void take(void)
{
    if (port_exchange32(&pending[port_cpu()], 1, 0)) {
        unsigned long saved = port_irq_save();

        cpus_interrupted(NULL);
        port_irq_restore(saved);
    }
}

static void count(void *arg)
{
    MUST(arg == &counted[port_cpu()]);
    MUST(host_masked != 0);
    ++*(uint64_t *)arg;
}

static void serve(void *arg)
{
    unsigned own = port_cpu();

    (void)arg;
    MUST(host_masked == 0);
    order[own].answer = order[own].number + 1;
    for (unsigned i = 0; i < INTERRUPTS; i++) {
        unsigned target = threads_random_below(threads);

        sent[own][target]++;
        MUST(ash_cpu_interrupt(target, count, &counted[target]) == 0);
    }
}

static void leave(void *arg)
{
    (void)arg;
    longjmp(end, 1);
}

/* CPU 0: orders to all, at once; a CPU that is busy is asked again. */
static void give_orders(void)
{
    for (unsigned round = 0; round < CALLS; round++) {
        for (unsigned cpu = 1; cpu < threads; cpu++) {
            order[cpu].number = round * 10 + cpu;
            MUST(ash_cpu_call(cpu, serve, NULL) == 0);
            if (threads_random_below(2)) {
                int error = ash_cpu_call(cpu, serve, NULL);

                MUST(error == ASH_EBUSY || error == 0);
                sent[0][cpu] += error == 0 ? 0 : 1;
                MUST(error == 0 || ash_cpu_interrupt(cpu, count, &counted[cpu]) == 0);
            }
        }
        for (unsigned cpu = 1; cpu < threads; cpu++) {
            MUST(ash_cpu_wait(cpu) == 0);
            MUST(order[cpu].answer == round * 10 + cpu + 1);
        }
    }
    for (unsigned cpu = 1; cpu < threads; cpu++) {
        MUST(ash_cpu_call(cpu, leave, NULL) == 0);
    }
}

static void work(void *arg)
{
    (void)arg;
    if (port_cpu() == 0) {
        give_orders();
    } else if (setjmp(end) == 0) {
        cpus_take_calls(&cpus_online[port_cpu()]);
    }
}

int main(void)
{
    host_interrupt = take;
    for (threads = 2; threads <= THREADS_MOST; threads++) {
        for (unsigned cpu = 0; cpu < threads; cpu++) {
            cpus_online[cpu].state = cpu == 0 ? CPU_MAIN : CPU_IDLE;
            pending[cpu] = 0;
        }
        threads_run(threads, work, NULL);
    }
    for (unsigned target = 0; target < THREADS_MOST; target++) {
        uint64_t expected = 0;

        for (unsigned from = 0; from < THREADS_MOST; from++) {
            expected += sent[from][target];
        }
        MUST(counted[target] == expected && expected > 0);
    }
    return 0;
}
