/* SPDX-License-Identifier: MIT */
/*
 * The clock and the tick. How late a tick may come depends on the host under QEMU; that none comes
 * early does not.
 */
#include "ashlar/errors.h"
#include "ashlar/irq.h"
#include "port/port.h"
#include "tests/target/suite.h"

#define HZ       1000u
#define TICK_NS  (1000000000u / HZ)
#define LIMIT_NS 20000000000u

static volatile uint32_t ticks;
static void *volatile tick_arg;

static void count_tick(void *arg)
{
    tick_arg = arg;
    ticks++;
}

/* Lets interrupts in until *counter is at least n, or time is up. */
static bool wait_for(const volatile uint32_t *counter, uint32_t n)
{
    uint64_t start = ash_now_ns();

    while (*counter < n && ash_now_ns() - start < LIMIT_NS) {
    }
    return *counter >= n;
}

static void clock_goes_forward(void)
{
    uint64_t first = ash_now_ns(), last = first;

    for (unsigned i = 0; i < 10000; i++) {
        uint64_t now = ash_now_ns();

        CHECK(now >= last);
        last = now;
    }
    CHECK(last > first);
}

static void ticks_come_at_the_rate(void)
{
    static int token;
    unsigned long saved = port_irq_save();
    uint64_t start = ash_now_ns(), elapsed;
    int error;
    bool came;

    ticks = 0;
    error = ash_tick(HZ, count_tick, &token);
    ash_irq_enable();
    came = wait_for(&ticks, 50);
    ash_irq_disable();
    elapsed = ash_now_ns() - start;
    (void)ash_tick(0, NULL, NULL);
    port_irq_restore(saved);
    CHECK_EQ(error, 0);
    CHECK(came);
    CHECK(tick_arg == &token);
    target_note("%u ticks of 1 ms in %u us", (unsigned)ticks, (unsigned)(elapsed / 1000));
    CHECK(elapsed + TICK_NS >= (uint64_t)ticks * TICK_NS);
}

static void tick_stops(void)
{
    unsigned long saved = port_irq_save();
    uint32_t stopped_at;
    uint64_t start;
    bool came;

    ticks = 0;
    (void)ash_tick(HZ, count_tick, NULL);
    ash_irq_enable();
    came = wait_for(&ticks, 2);
    (void)ash_tick(0, NULL, NULL);
    stopped_at = ticks;
    start = ash_now_ns();
    while (ash_now_ns() - start < 20 * TICK_NS) {
    }
    ash_irq_disable();
    port_irq_restore(saved);
    CHECK(came);
    CHECK_EQ(ticks, stopped_at);
}

static void tick_refuses(void)
{
    CHECK_EQ(ash_tick(HZ, NULL, NULL), ASH_EINVAL);
    CHECK_EQ(ash_tick(UINT32_MAX, count_tick, NULL), ASH_EINVAL);
}

static const struct target_case cases[] = {
    TARGET_CASE(clock_goes_forward),
    TARGET_CASE(ticks_come_at_the_rate),
    TARGET_CASE(tick_stops),
    TARGET_CASE(tick_refuses),
};
const struct target_suite suite_timer = TARGET_SUITE("timer", cases);
