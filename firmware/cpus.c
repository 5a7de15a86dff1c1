/* SPDX-License-Identifier: MIT */
/*
 * The prompt's `cpus`: who is online, and what each does.
 */
#include <stdio.h>

#include "ashlar/cpu.h"
#include "ashlar/irq.h"
#include "ashlar/platform.h"
#include "firmware/prompt.h"

static void nothing(void *arg)
{
    (void)arg;
}

/* How long a function in an interrupt of that CPU takes, there and back. One that runs a call may
 * have its interrupts masked. */
static void print_online(unsigned cpu)
{
    bool busy = ash_cpu_busy(cpu);
    uint64_t start = ash_now_ns();

    printf("%s", busy ? "runs a call" : "waits for calls");
    if (!busy && ash_cpu_interrupt(cpu, nothing, NULL) == 0) {
        printf(", answers an interrupt in %lu us", (unsigned long)((ash_now_ns() - start) / 1000));
    }
}

void cpus_print(void)
{
    for (unsigned cpu = 0; cpu < ash_platform.cpu_count; cpu++) {
        printf("  CPU %u  ", cpu);
        if (cpu >= ASH_CPUS) {
            printf("left alone: this build serves %u", (unsigned)ASH_CPUS);
        } else if (cpu == ash_cpu_number()) {
            printf("runs main()");
        } else if (!ash_cpu_online(cpu)) {
            printf("off");
        } else {
            print_online(cpu);
        }
        printf("\n");
    }
}
