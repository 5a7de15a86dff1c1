/* SPDX-License-Identifier: MIT */
/*
 * The spinlock: plain variables under it are nobody else's, and the list of locks is guarded.
 */
#include "port/spinlock.h"
#include "tests/threads/threads.h"

#define ROUNDS 2000u

static struct ash_spinlock lock = ASH_SPINLOCK(ASH_LOCK_MAP, "counter");
static uint64_t counter;

static void count(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct ash_spinlock own = ASH_SPINLOCK(ASH_LOCK_FRAMES, "own");
        unsigned long saved = spinlock_acquire(&lock);

        counter++;
        if (i % 32 == 0) {
            port_wait_event(); /* the others come to wait */
        }
        if (i % 64 == 0) { /* it is listed, and goes */
            spinlock_release(&own, spinlock_acquire(&own));
            spinlock_retire(&own);
        }
        spinlock_release(&lock, saved);
        if (i % 64 == 1) {
            spinlock_release(&own, spinlock_acquire(&own));
            spinlock_retire(&own);
        }
    }
}

int main(void)
{
    for (unsigned threads = 2; threads <= THREADS_MOST; threads++) {
        counter = 0;
        threads_run(threads, count, NULL);
        MUST(counter == (uint64_t)threads * ROUNDS);
    }
    ash_locks_report(printf);
    return 0;
}
