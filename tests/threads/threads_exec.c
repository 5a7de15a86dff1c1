/* SPDX-License-Identifier: MIT */
/*
 * The default execution model: whoever finds a condition not met and waits hears of the change,
 * whoever makes it, and whatever else is waited for on channels of the same count. A wake that is
 * missed ends in a wait without end, and the program by an alarm.
 */
#include <unistd.h>

#include "ashlar/exec.h"
#include "tests/threads/threads.h"

#define ROUNDS   200u
#define CHANNELS 64u /* more than there are counts */
#define PATIENCE 60u /* seconds */

static const char channel[CHANNELS];
static unsigned threads;

static void wait_for(const uint32_t *word, uint32_t value, const void *on)
{
    while (port_load_acquire(word) != value) {
        MUST(ash_exec_wait(on, ASH_EXEC_NEVER) == 0);
    }
}

static void set(uint32_t *word, uint32_t value, const void *on)
{
    port_store_release(word, value);
    ash_exec_wake(on);
}

/* A token goes round: each thread waits for its turn, on one channel after the other. */
static struct {
    uint32_t turn;
    uint64_t passed; /* of who has the token */
} ring;

static void pass(void *arg)
{
    (void)arg;
    for (uint32_t turn = port_cpu(); turn < ROUNDS * threads; turn += threads) {
        wait_for(&ring.turn, turn, &channel[turn % CHANNELS]);
        ring.passed++;
        set(&ring.turn, turn + 1, &channel[(turn + 1) % CHANNELS]);
    }
}

/* One wakes all, and waits until all have seen it. */
static struct {
    uint32_t news, heard[THREADS_MOST];
    uint64_t text; /* written before the news */
} crowd;

static void tell(void *arg)
{
    (void)arg;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        if (port_cpu() != 0) {
            wait_for(&crowd.news, round, &crowd.news);
            MUST(crowd.text == round);
            set(&crowd.heard[port_cpu()], round, &crowd.heard);
            continue;
        }
        crowd.text = round;
        set(&crowd.news, round, &crowd.news);
        for (unsigned i = 1; i < threads; i++) {
            wait_for(&crowd.heard[i], round, &crowd.heard);
        }
    }
}

/* Waits with deadlines end, however much is woken meanwhile. */
static void watch_the_clock(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t deadline = ash_exec_now() + 20000;
        int error;

        do {
            ash_exec_wake(&channel[threads_random_below(CHANNELS)]);
            error = ash_exec_wait(&channel[0], deadline);
            MUST(error == 0 || error == ASH_ETIMEDOUT);
        } while (error == 0 && ash_exec_now() < deadline);
        MUST(ash_exec_now() >= deadline);
    }
}

int main(void)
{
    alarm(PATIENCE);
    for (threads = 2; threads <= THREADS_MOST; threads++) {
        ring.turn = 0;
        ring.passed = 0;
        threads_run(threads, pass, NULL);
        MUST(ring.passed == (uint64_t)ROUNDS * threads);
        crowd.news = 0;
        threads_run(threads, tell, NULL);
        threads_run(threads, watch_the_clock, NULL);
    }
    return 0;
}
