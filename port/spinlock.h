/* SPDX-License-Identifier: MIT */
/*
 * Fair spinlocks that mask interrupts: taken by the ticket, released by the next number.
 * Never with the MMU off (exclusives do not work there), never held across a wait.
 * With ASH_CPUS=1 all that is left is the interrupt mask.
 */
#ifndef ASHLAR_SPINLOCK_H
#define ASHLAR_SPINLOCK_H

#include "ashlar/lock.h"
#include "port/port.h"

/** Masks interrupts and takes the lock; returns what spinlock_release wants. */
static inline unsigned long spinlock_acquire(struct ash_spinlock *lock)
{
    unsigned long saved = port_irq_save();

#if ASH_CPUS > 1
    uint32_t ticket = port_fetch_add(&lock->next, 1);

    while (port_load_acquire(&lock->serving) != ticket) {
        port_wait_event();
    }
#else
    (void)lock;
#endif
    return saved;
}

static inline void spinlock_release(struct ash_spinlock *lock, unsigned long saved)
{
#if ASH_CPUS > 1
    port_store_release(&lock->serving, lock->serving + 1);
    port_send_event();
#else
    (void)lock;
#endif
    port_irq_restore(saved);
}

#endif
