/* SPDX-License-Identifier: MIT */
/*
 * The default execution model: whoever waits on a channel hears of every wake, and what was written
 * before a wake is there after it.
 */
#include <time.h>

#include "ashlar/errors.h"
#include "ashlar/exec.h"
#include "ashlar/irq.h"
#include "tests/threads/threads.h"

#define ROUNDS    400u
#define MISSED_NS UINT64_C(20000000000) /* a wake that has not come by then does not come */

uint64_t ash_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Each waits for its turn and passes it on; the sum is whose turn it is. */
static struct {
    uint32_t turn;
    uint64_t sum;
} ring;
static unsigned threads;

static void work(void *arg)
{
    (void)arg;
    for (unsigned round = 0; round < ROUNDS; round++) {
        while (port_load_acquire(&ring.turn) % threads != port_cpu()) {
            if (threads_random_below(4) == 0) {
                port_wait_event(); /* the wake may come between the look and the wait */
            }
            MUST(ash_exec_wait(&ring, ash_exec_now() + MISSED_NS) == 0);
        }
        ring.sum += port_cpu() + 1;
        port_store_release(&ring.turn, ring.turn + 1);
        ash_exec_wake(&ring);
        ash_exec_wake(&ring.sum); /* of nobody's channel, or of one that shares the count */
    }
}

int main(void)
{
    for (threads = 2; threads <= THREADS_MOST; threads++) {
        uint64_t begin;

        ring.turn = 0;
        ring.sum = 0;
        threads_run(threads, work, NULL);
        MUST(ring.sum == (uint64_t)ROUNDS * threads * (threads + 1) / 2);
        /* Nobody wakes any more: what is left is heard at once, then the deadline comes. */
        begin = ash_exec_now();
        while (ash_exec_wait(&ring, begin + 2000000) == 0) {
        }
        MUST(ash_exec_now() >= begin + 2000000);
    }
    return 0;
}
