/* SPDX-License-Identifier: MIT */
/*
 * Locks: a spinlock that nobody else wants, taken and released; with one CPU that is the interrupt
 * mask and nothing more.
 */
#include "bench/bench.h"
#include "port/spinlock.h"

#define PAIRS 64u

static struct ash_spinlock lock = ASH_SPINLOCK(ASH_LOCK_MAP, "bench");

void bench_lock(void)
{
    static struct bench bench;

    spinlock_release(&lock, spinlock_acquire(&lock)); /* the first time, it is listed */
    bench_start(&bench, "lock-and-release");
    for (unsigned i = 0; i < PAIRS; i++) {
        BENCH(&bench, spinlock_release(&lock, spinlock_acquire(&lock)));
    }
    bench_print(&bench, 1);
}
