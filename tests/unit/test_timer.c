/* SPDX-License-Identifier: MIT */
/*
 * The clock's frequency: told to the processor, known to the board only, or to nobody; and what the
 * clock then says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ASHLAR_PORT_TIMER_REGS_H /* registers are the ones below */
#define PORT_TIMER_ENABLE        1u

#include "port/port.h"

static uint32_t frequency[2]; /* CNTFRQ of each CPU */
static unsigned on_cpu, told, control;
static uint64_t counter, compare;

static uint32_t port_timer_frequency(void)
{
    return frequency[on_cpu];
}

static void port_timer_set_frequency(uint32_t hz)
{
    frequency[on_cpu] = hz;
    told++;
}

static uint64_t port_timer_count(void)
{
    return counter;
}

static void port_timer_set_compare(uint64_t value)
{
    compare = value;
}

static void port_timer_set_control(uint32_t value)
{
    control = value;
}

static void port_timer_event_stream(void)
{
}

#include "board/dev/timer.c"

struct ash_boot_info ash_boot_info;

static void (*handler)(void *arg);
static unsigned ticked;

int ash_irq_attach(uint32_t irq, void (*function)(void *arg), void *arg)
{
    (void)arg;
    assert_int_equal(irq, 27);
    handler = function;
    return 0;
}

static void on_tick(void *arg)
{
    (void)arg;
    ticked++;
}

static int fresh(void **state)
{
    (void)state;
    frequency[0] = frequency[1] = 0;
    on_cpu = told = ticked = 0;
    counter = 1000;
    ash_boot_info.secure = true;
    timer_frequency = timer_irq = timer_board_hz = 0;
    return 0;
}

static void what_was_told_counts(void **state)
{
    (void)state;
    frequency[0] = frequency[1] = 62500000;
    assert_int_equal(timer_init(27, 24000000), 0);
    counter += 62500000;
    assert_in_range(timer_clock_ops.now_ns(), 999999999, 1000000000);
    assert_int_equal(frequency[0], 62500000);
    assert_int_equal(told, 0);
}

static void the_board_knows_it(void **state)
{
    (void)state;
    assert_int_equal(timer_init(27, 24000000), 0);
    counter += 24000000;
    assert_in_range(timer_clock_ops.now_ns(), 999999999, 1000000000);
    assert_int_equal(frequency[0], 24000000);
    on_cpu = 1;
    timer_cpu_init(); /* each CPU has its own register */
    assert_int_equal(frequency[1], 24000000);
    timer_cpu_init();
    assert_int_equal(told, 2);
}

/* There the register cannot be written, and a write would be UNDEFINED. */
static void outside_of_the_secure_state(void **state)
{
    (void)state;
    ash_boot_info.secure = false;
    assert_int_equal(timer_init(27, 24000000), 0);
    timer_cpu_init();
    assert_int_equal(told, 0);
    counter += 12000000;
    assert_in_range(timer_clock_ops.now_ns(), 499999999, 500000000);
}

static void nobody_knows_it(void **state)
{
    (void)state;
    assert_int_equal(timer_init(27, 0), ASH_ENODEV);
    assert_int_equal(told, 0);
    assert_int_equal(timer_clock_ops.tick(100, on_tick, NULL), ASH_ENODEV);
}

static void ticks_follow_it(void **state)
{
    (void)state;
    assert_int_equal(timer_init(27, 24000000), 0);
    assert_int_equal(timer_clock_ops.tick(1000, on_tick, NULL), 0);
    assert_int_equal(compare, 1000 + 24000);
    assert_int_equal(control, PORT_TIMER_ENABLE);
    counter = compare;
    handler(NULL);
    assert_int_equal(ticked, 1);
    assert_int_equal(compare, 1000 + 48000);
    assert_int_equal(timer_clock_ops.tick(24000001, on_tick, NULL), ASH_EINVAL);
    assert_int_equal(timer_clock_ops.tick(0, NULL, NULL), 0);
    assert_int_equal(control, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_was_told_counts, fresh),
        cmocka_unit_test_setup(the_board_knows_it, fresh),
        cmocka_unit_test_setup(outside_of_the_secure_state, fresh),
        cmocka_unit_test_setup(nobody_knows_it, fresh),
        cmocka_unit_test_setup(ticks_follow_it, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
