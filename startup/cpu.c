/* SPDX-License-Identifier: MIT */
/*
 * Letting secondary CPUs out of the pen (reset.S) through their mailboxes.
 */
#include "ashlar/cpu.h"

#include "ashlar/board.h"
#include "ashlar/errors.h"
#include "port/outside.h"
#include "port/port.h"
#include "startup/mailbox.h"

extern const char _start[];

void mailbox_cancel_all(void)
{
    for (unsigned cpu = 0; cpu < ASH_CPUS; cpu++) {
        volatile struct mailbox *mailbox = &boot_mailbox[cpu];

        mailbox->entry = 0;
        mailbox->check = 0;
    }
    port_cache_clean(boot_mailbox, sizeof(boot_mailbox));
}

unsigned ash_cpu_number(void)
{
    return port_cpu();
}

/* The CPU in the pen writes with its cache off: what this CPU cached before is stale. */
bool mailbox_busy(unsigned cpu)
{
    port_cache_invalidate(&boot_mailbox[cpu], sizeof(boot_mailbox[cpu]));
    return ((volatile struct mailbox *)&boot_mailbox[cpu])->busy == 1;
}

int ash_cpu_release(unsigned cpu, void (*entry)(void *arg), void *arg)
{
    static uint32_t started; /* CPUs that are in the pen or on their way */
    volatile struct mailbox *mailbox;
    int error;

    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }
    if (cpu == 0 || cpu >= ASH_CPUS || entry == NULL) {
        return ASH_EINVAL;
    }
    if (cpu >= ash_platform.cpu_count) {
        return ASH_ENODEV;
    }
    mailbox = &boot_mailbox[cpu];
    if ((started & 1u << cpu) != 0 && mailbox_busy(cpu)) {
        return ASH_EBUSY;
    }
    mailbox->argument = (uintptr_t)arg;
    mailbox->busy = 1;
    mailbox->check = ~(uintptr_t)entry;
    port_dmb_sy();
    mailbox->entry = (uintptr_t)entry;
    port_cache_clean((const void *)&boot_mailbox[cpu], sizeof(boot_mailbox[cpu]));
    port_send_event();
    if ((started & 1u << cpu) == 0) {
        error = ash_board.cpu_start(cpu, ash_pa((uintptr_t)_start));
        if (error != 0) {
            mailbox->entry = 0;
            mailbox->check = 0;
            mailbox->busy = 0;
            port_cache_clean((const void *)&boot_mailbox[cpu], sizeof(boot_mailbox[cpu]));
            return error;
        }
        started |= 1u << cpu;
    }
    return 0;
}
