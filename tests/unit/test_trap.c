/* SPDX-License-Identifier: MIT */
/*
 * Interrupts that nobody serves: which of them are let pass, and which end in the report.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ashlar/board.h"
#include "port/percpu.h"
#include "port/sim/sim.h"
#include "startup/report.h"
#include "startup/stacks.h"
#include "startup/trap.h"

/* What stands around startup/trap.c in the firmware. */

struct percpu percpu[ASH_CPUS];
static jmp_buf stopped;
static const struct ash_trap *reported;
static bool served;
static unsigned dispatched, inside;
static bool nested; /* a fast interrupt comes in the middle of the next */

static bool dispatch(void)
{
    inside = (unsigned)percpu[0].inside;
    dispatched++;
    if (nested) {
        nested = false;
        trap_interrupt(ASH_TRAP_FIQ);
        assert_int_equal(inside, 2);
        assert_int_equal(percpu[0].inside, 1);
    }
    return served;
}

static const struct ash_irq_ops irq_ops = {.dispatch = dispatch};
const struct ash_board ash_board = {.irq = &irq_ops};

void trap_on_emergency_stack(void (*fn)(void *), void *argument, uintptr_t top)
{
    (void)fn;
    (void)top;
    reported = argument;
    longjmp(stopped, 1);
}

void report_trap(const struct ash_trap *trap)
{
    (void)trap;
    abort();
}

void report_again(uintptr_t pc)
{
    (void)pc;
    abort();
}

void trap_unwind(int result)
{
    (void)result;
    abort();
}

uintptr_t trap_frame_pc(const struct trap_frame *frame)
{
    (void)frame;
    return 0;
}

void trap_describe(const struct trap_frame *frame, uint32_t kind, struct ash_trap *trap)
{
    (void)frame;
    (void)kind;
    (void)trap;
}

bool stacks_find(uintptr_t address, struct stacks_place *place)
{
    (void)address;
    (void)place;
    return false;
}

uintptr_t stacks_top(unsigned cpu, enum ash_stack stack)
{
    (void)cpu;
    (void)stack;
    return 0;
}

static int start(void **state)
{
    (void)state;
    sim_start();
    for (unsigned cpu = 0; cpu < ASH_CPUS; cpu++) {
        percpu[cpu] = (struct percpu){.number = cpu};
    }
    reported = NULL;
    dispatched = 0;
    served = true; /* the count of interrupts in a row that nobody served starts at 0 */
    for (sim_cpu = 0; sim_cpu < ASH_CPUS; sim_cpu++) {
        trap_interrupt(ASH_TRAP_IRQ);
    }
    sim_cpu = 0;
    dispatched = 0;
    return 0;
}

/* Up to `most` interrupts; how many of them returned. */
static unsigned interrupt(enum ash_trap_kind kind, unsigned most)
{
    volatile unsigned returned = 0;

    if (setjmp(stopped) == 0) {
        while (returned < most) {
            trap_interrupt(kind);
            returned++;
        }
    }
    return returned;
}

static void what_is_served_returns(void **state)
{
    (void)state;
    served = true;
    assert_int_equal(interrupt(ASH_TRAP_IRQ, 5000), 5000);
    assert_int_equal(interrupt(ASH_TRAP_FIQ, 5000), 5000);
    assert_int_equal(dispatched, 10000);
    assert_null(reported);
}

/* What is not for interrupts is told by this number (port/outside.h). */
static void interrupts_are_counted_while_they_last(void **state)
{
    (void)state;
    assert_int_equal(percpu[0].inside, 0);
    trap_interrupt(ASH_TRAP_IRQ);
    assert_int_equal(inside, 1);
    assert_int_equal(percpu[0].inside, 0);
    nested = true;
    trap_interrupt(ASH_TRAP_IRQ);
    assert_int_equal(dispatched, 3);
    assert_int_equal(percpu[0].inside, 0);
    served = false;
    trap_interrupt(ASH_TRAP_IRQ);
    assert_int_equal(inside, 1);
    assert_int_equal(percpu[0].inside, 0);
}

static void a_fast_interrupt_of_nobody_is_reported(void **state)
{
    (void)state;
    served = false;
    assert_int_equal(interrupt(ASH_TRAP_FIQ, 1), 0);
    assert_non_null(reported);
    assert_int_equal(reported->kind, ASH_TRAP_FIQ);
    assert_int_equal(reported->cause, ASH_CAUSE_NONE);
    assert_int_equal(percpu[0].reporting, 1);
}

/* One may be withdrawn before it is taken; a line that stays active comes again at once. */
static void an_interrupt_of_nobody_is_reported_if_it_stays(void **state)
{
    unsigned returned;

    (void)state;
    served = false;
    assert_int_equal(interrupt(ASH_TRAP_IRQ, 100), 100);
    sim_cpu = 1;
    assert_int_equal(interrupt(ASH_TRAP_IRQ, 100), 100);
    sim_cpu = 0;
    served = true;
    assert_int_equal(interrupt(ASH_TRAP_IRQ, 1), 1);
    served = false;
    returned = interrupt(ASH_TRAP_IRQ, 1000000);
    assert_int_equal(returned, 999);
    assert_non_null(reported);
    assert_int_equal(reported->kind, ASH_TRAP_IRQ);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_served_returns, start),
        cmocka_unit_test_setup(interrupts_are_counted_while_they_last, start),
        cmocka_unit_test_setup(a_fast_interrupt_of_nobody_is_reported, start),
        cmocka_unit_test_setup(an_interrupt_of_nobody_is_reported_if_it_stays, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
