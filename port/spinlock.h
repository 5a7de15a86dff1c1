/* SPDX-License-Identifier: MIT */
/*
 * Fair spinlocks that mask interrupts: taken by the ticket, released by the next number.
 * Never with the MMU off (exclusives do not work there), never held across a wait.
 * With ASH_CPUS=1 all that is left is the interrupt mask.
 *
 * A CPU waits for those who came before it and no others, each for as long as the lock is held
 * once: at most ASH_CPUS - 1 of them.
 */
#ifndef ASHLAR_SPINLOCK_H
#define ASHLAR_SPINLOCK_H

#include "ashlar/lock.h"
#include "port/port.h"

/* port/lock.c */

#if ASH_LOCKS_NAMED
/** Waits for the ticket's turn. */
void spinlock_wait(struct ash_spinlock *lock, uint32_t ticket);
/** Before the memory of a lock (made, or zero) is given back or used anew: no report shows it any
 *  more. Nobody may use it. */
void spinlock_retire(struct ash_spinlock *lock);
#else
static inline void spinlock_retire(struct ash_spinlock *lock)
{
    (void)lock;
}
#endif

#if ASH_CHECK >= 2
/**
 * Whether this CPU may take, or release, the lock now, and notes that it does. What breaks the
 * rules goes to ash_fault_hook first (with the locks that this CPU holds); if that returns, a lock
 * out of order is taken all the same, and one that is held already or not held is left alone
 * (false).
 */
bool spinlock_check_acquire(struct ash_spinlock *lock);
bool spinlock_check_release(struct ash_spinlock *lock);
/** The lock that this CPU took last of those that it holds, or NULL. */
const struct ash_spinlock *spinlock_held(void);
/** No CPU holds a lock: for a simulated machine that starts anew. */
void spinlock_forget_held(void);
#else
static inline const struct ash_spinlock *spinlock_held(void)
{
    return NULL;
}
#endif

/** Makes a lock; one that is made again is retired before. */
static inline void spinlock_init(struct ash_spinlock *lock, enum ash_lock_rank rank,
                                 const char *name)
{
    (void)rank;
    (void)name;
    *lock = (struct ash_spinlock)ASH_SPINLOCK(rank, name);
}

/** Takes the lock: interrupts are masked. */
static inline void spinlock_take(struct ash_spinlock *lock)
{
#if ASH_CHECK >= 2
    if (!spinlock_check_acquire(lock)) {
        return;
    }
#endif
#if ASH_CPUS > 1
    /* In any order: that it is this ticket's turn is what orders the accesses that follow. */
    uint32_t ticket = port_fetch_add_relaxed(&lock->next, 1);

#if ASH_LOCKS_NAMED
    if (port_load_acquire(&lock->serving) != ticket) {
        spinlock_wait(lock, ticket);
    }
#else
    while (port_load_acquire(&lock->serving) != ticket) {
        port_wait_event();
    }
#endif
#else
    (void)lock;
#endif
}

/** Lets go of the lock, and leaves interrupts masked. */
static inline void spinlock_drop(struct ash_spinlock *lock)
{
#if ASH_CHECK >= 2
    if (!spinlock_check_release(lock)) {
        return;
    }
#endif
#if ASH_CPUS > 1
    port_store_release(&lock->serving, lock->serving + 1);
    port_send_event();
#else
    (void)lock;
#endif
}

/** Masks interrupts and takes the lock; returns what spinlock_release wants. */
static inline unsigned long spinlock_acquire(struct ash_spinlock *lock)
{
    unsigned long saved = port_irq_save();

    spinlock_take(lock);
    return saved;
}

static inline void spinlock_release(struct ash_spinlock *lock, unsigned long saved)
{
    spinlock_drop(lock);
    port_irq_restore(saved);
}

#endif
