/* SPDX-License-Identifier: MIT */
/*
 * The other CPUs during an update: all wait in .ramtext with interrupts masked, since no
 * instruction of the bank can be fetched while it shows its status. Those that nobody has started
 * yet are started for it: they may be waiting at the reset code, in the same bank.
 */
#include "ashlar/boot.h"
#include "ashlar/config.h"
#include "ashlar/cpu.h"
#include "ashlar/platform.h"
#include "board/update.h"
#include "port/port.h"

#define RAMTEXT __attribute__((section(".ramtext.update"), noinline))

static uint32_t update_parked; /* CPUs that wait */
static uint32_t update_go_on;  /* they may leave */
static uint32_t update_called; /* which, as bits */

RAMTEXT static void update_park(void *arg)
{
    unsigned long saved = port_all_save();

    (void)arg;
    (void)port_fetch_add(&update_parked, 1);
    port_send_event();
    while (port_load_acquire(&update_go_on) == 0) {
        port_wait_event();
    }
    port_isb();
    port_all_restore(saved);
}

/* All are started before the first one waits: a CPU that starts may have to be answered. */
static int update_start_cpus(const char **what)
{
    if (ash_cpu_number() != 0 || (ash_platform.cpu_count > ASH_CPUS && ash_platform.secure)) {
        *what = "there are CPUs that this build does not reach";
        return ASH_EBUSY;
    }
    for (unsigned cpu = 1; cpu < ASH_CPUS && cpu < ash_platform.cpu_count; cpu++) {
        if (ash_cpu_start(cpu) != 0) {
            *what = "a CPU cannot be started";
            return ASH_EBUSY;
        }
    }
    return 0;
}

int update_park_cpus(const char **what)
{
    uint32_t called = 0;
    int error = update_start_cpus(what);

    update_parked = 0;
    update_go_on = 0;
    update_called = 0;
    for (unsigned cpu = 1; error == 0 && cpu < ASH_CPUS && cpu < ash_platform.cpu_count; cpu++) {
        if (ash_cpu_call(cpu, update_park, NULL) == 0) {
            update_called |= 1u << cpu;
            called++;
        } else {
            *what = "a CPU is at work";
            error = ASH_EBUSY;
        }
    }
    while (port_load_acquire(&update_parked) != called) {
        port_relax();
    }
    if (error != 0) {
        update_release_cpus();
    }
    return error;
}

/* Only those that wait: who is at work may be for ever. */
void update_release_cpus(void)
{
    port_store_release(&update_go_on, 1);
    port_send_event();
    for (unsigned cpu = 1; cpu < ASH_CPUS; cpu++) {
        if ((update_called & 1u << cpu) != 0) {
            (void)ash_cpu_wait(cpu);
        }
    }
}
