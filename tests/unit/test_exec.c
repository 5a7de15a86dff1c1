/* SPDX-License-Identifier: MIT */
/*
 * The default execution model with a clock of the test's own: what ends a wait, and that no wake is
 * missed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ashlar/exec.h"
#include "ashlar/irq.h"
#include "port/sim/hostile.h"

#define CHANNELS 64u
#define TICK     10u

static const char channel[CHANNELS];
static uint64_t clock_ns;

/* Time goes on by being looked at. */
uint64_t ash_now_ns(void)
{
    return clock_ns += TICK;
}

/* The wait ended because somebody woke, not by its deadline. */
static bool is_woken(unsigned n)
{
    uint64_t deadline = clock_ns + 100;
    int error = ash_exec_wait(&channel[n], deadline);

    if (error == 0) {
        assert_true(clock_ns < deadline);
        return true;
    }
    assert_int_equal(error, ASH_ETIMEDOUT);
    assert_in_range(clock_ns, deadline, deadline + TICK - 1);
    return false;
}

/* Forgets the wakes of all channels. */
static void settle(void)
{
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned n = 0; n < CHANNELS; n++) {
            for (unsigned waits = 0; is_woken(n); waits++) {
                assert_true(waits < 2);
            }
        }
    }
}

static int start(void **state)
{
    (void)state;
    sim_start();
    sim_set_cpus(2);
    clock_ns = 1000;
    settle();
    return 0;
}

static void waits_until_the_deadline(void **state)
{
    (void)state;
    assert_false(is_woken(0));
    assert_int_equal(ash_exec_wait(&channel[0], 0), ASH_ETIMEDOUT); /* it is over already */
    assert_int_equal(ash_exec_wait(&channel[0], clock_ns), ASH_ETIMEDOUT);
}

static void remembers_a_wake(void **state)
{
    (void)state;
    ash_exec_wake(&channel[0]);
    assert_int_equal(ash_exec_wait(&channel[0], ASH_EXEC_NEVER), 0);
    assert_false(is_woken(0));
    for (unsigned i = 0; i < 3; i++) {
        ash_exec_wake(&channel[0]);
    }
    assert_int_equal(ash_exec_wait(&channel[0], 0), 0); /* a wake counts more than a deadline */
    assert_false(is_woken(0));
}

/* A wake ends few waits of others, and none without end. */
static void wakes_one_channel(void **state)
{
    unsigned others = 0;

    (void)state;
    for (unsigned n = 1; n < CHANNELS; n++) {
        settle();
        ash_exec_wake(&channel[0]);
        if (is_woken(n)) {
            others++;
            assert_false(is_woken(n));
        }
    }
    assert_true(others < CHANNELS / 4);
}

/* Whoever waits for something else in between hears of it still. */
static void misses_nothing(void **state)
{
    (void)state;
    for (unsigned n = 1; n < CHANNELS; n++) {
        settle();
        ash_exec_wake(&channel[0]);
        (void)is_woken(n);
        assert_true(is_woken(0));
        ash_exec_wake(&channel[n]);
        ash_exec_wake(&channel[0]);
        assert_true(is_woken(0));
        assert_true(is_woken(n));
    }
}

static void wakes_all_that_wait(void **state)
{
    (void)state;
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        sim_on_cpu(cpu);
        settle();
    }
    ash_exec_wake(&channel[5]);
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        sim_on_cpu(cpu);
        assert_true(is_woken(5));
        assert_false(is_woken(5));
    }
    sim_on_cpu(0);
}

static void is_its_cpu(void **state)
{
    void *current = ash_exec_current();

    (void)state;
    assert_non_null(current);
    assert_ptr_equal(ash_exec_current(), current);
    sim_on_cpu(1);
    assert_non_null(ash_exec_current());
    assert_ptr_not_equal(ash_exec_current(), current);
    sim_on_cpu(0);
    assert_ptr_equal(ash_exec_current(), current);
    assert_in_range(ash_exec_now(), clock_ns, clock_ns + TICK);
}

/* Two CPUs hand a number to and fro; who waits finds it changed whenever it is woken. */
static struct {
    uint32_t turn, rounds;
} ball;

static void play(void *arg)
{
    unsigned self = sim_cpu;

    (void)arg;
    while (port_load_acquire(&ball.rounds) < 50) {
        if (port_load_acquire(&ball.turn) != self) {
            (void)ash_exec_wait(&ball, ASH_EXEC_NEVER);
            continue;
        }
        (void)port_fetch_add(&ball.rounds, 1);
        port_store_release(&ball.turn, 1 - self);
        ash_exec_wake(&ball);
    }
}

static void plays(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 50; seed++) {
        ball.turn = ball.rounds = 0;
        assert_true(sim_run(2, play, NULL, seed, NULL));
        assert_in_range(ball.rounds, 50, 51);
    }
}

/* Operations of a product's own */

static const void *given;
static uint64_t given_deadline;

static void *own_current(void)
{
    return &given;
}

static int own_wait(const void *waited, uint64_t deadline_ns)
{
    given = waited;
    given_deadline = deadline_ns;
    return ASH_ETIMEDOUT;
}

static void own_wake(const void *woken)
{
    given = woken;
}

static uint64_t own_now(void)
{
    return 77;
}

static void uses_others(void **state)
{
    static const struct ash_exec_ops own = {own_current, own_wait, own_wake, own_now};
    static const struct ash_exec_ops missing[] = {{NULL, own_wait, own_wake, own_now},
                                                  {own_current, NULL, own_wake, own_now},
                                                  {own_current, own_wait, NULL, own_now},
                                                  {own_current, own_wait, own_wake, NULL}};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(ash_exec_use(&missing[i]), ASH_EINVAL);
        assert_ptr_not_equal(ash_exec_current(), &given);
    }
    assert_int_equal(ash_exec_use(&own), 0);
    assert_int_equal(ash_exec_use(&missing[0]), ASH_EINVAL);
    assert_ptr_equal(ash_exec_current(), &given);
    assert_int_equal(ash_exec_wait(&channel[1], 5), ASH_ETIMEDOUT);
    assert_ptr_equal(given, &channel[1]);
    assert_int_equal(given_deadline, 5);
    ash_exec_wake(&channel[2]);
    assert_ptr_equal(given, &channel[2]);
    assert_int_equal(ash_exec_now(), 77);
    assert_int_equal(ash_exec_use(NULL), 0);
    assert_ptr_not_equal(ash_exec_current(), &given);
    ash_exec_wake(&channel[1]);
    assert_true(is_woken(1));
    assert_int_not_equal(ash_exec_now(), 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(waits_until_the_deadline, start),
        cmocka_unit_test_setup(remembers_a_wake, start),
        cmocka_unit_test_setup(wakes_one_channel, start),
        cmocka_unit_test_setup(misses_nothing, start),
        cmocka_unit_test_setup(wakes_all_that_wait, start),
        cmocka_unit_test_setup(is_its_cpu, start),
        cmocka_unit_test_setup(plays, start),
        cmocka_unit_test_setup(uses_others, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
