/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks: fair and bounded whatever the interleaving, counted, listed; and at ASH_CHECK 2 taken
 * in the order of their ranks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "port/sim/hostile.h"
#include "port/spinlock.h"
#include "tests/unit/support.h"

static struct ash_spinlock outer, inner, last;

static void start(void **state)
{
    (void)state;
    sim_start();
    support_faults_reset();
    spinlock_retire(&outer);
    spinlock_retire(&inner);
    spinlock_retire(&last);
    spinlock_init(&outer, ASH_LOCK_MAP, "outer");
    spinlock_init(&inner, ASH_LOCK_PMEM, "inner");
    spinlock_init(&last, ASH_LOCK_PMEM, "last");
}

static char printed[4096];
static size_t printed_length;

__attribute__((format(printf, 1, 2))) static int print_here(const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length =
        vsnprintf(printed + printed_length, sizeof printed - printed_length, format, arguments);
    va_end(arguments);
    assert_true(length >= 0 && printed_length + (size_t)length < sizeof printed);
    printed_length += (size_t)length;
    return length;
}

static const char *report(void)
{
    printed_length = 0;
    ash_locks_report(print_here);
    return printed;
}

#if ASH_CPUS > 1

#define ROUNDS 50u

/* Those who came in, and whether each found itself alone and its ticket next. */
static uint32_t entered, inside, unfair;
static uint32_t first_ticket;

static void take_in_turn(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned long saved = spinlock_acquire(&outer);

        unfair += inside != 0 || outer.serving != first_ticket + entered ||
                  outer.next - outer.serving > SIM_CPUS;
        inside++;
        (void)port_load_acquire(&first_ticket); /* another may go on */
        inside--;
        entered++;
        spinlock_release(&outer, saved);
    }
}

static void run_in_turn(unsigned cpus, uint32_t seed)
{
    struct sim_verdict verdict;

    entered = inside = unfair = 0;
    first_ticket = outer.next;
    assert_true(sim_run(cpus, take_in_turn, NULL, seed, &verdict));
    assert_int_equal(entered, cpus * ROUNDS);
    assert_int_equal(unfair, 0);
    assert_int_equal(outer.next, first_ticket + cpus * ROUNDS);
    assert_int_equal(outer.serving, outer.next);
    assert_false(sim_irq_masked);
}

/* In the order of the tickets, one at a time; nobody has more than one ticket. */
static void served_in_the_order_of_tickets(void **state)
{
    for (uint32_t seed = 1; seed <= 60; seed++) {
        start(state);
        run_in_turn(1 + seed % SIM_CPUS, seed);
    }
}

#if ASH_LOCKS_NAMED
static void counts_those_who_waited(void **state)
{
    start(state);
    for (unsigned i = 0; i < 5; i++) {
        spinlock_release(&outer, spinlock_acquire(&outer));
    }
    assert_int_equal(outer.next, 5);
    assert_int_equal(outer.waited, 0);
    run_in_turn(SIM_CPUS, 7);
    assert_in_range(outer.waited, 1, SIM_CPUS * ROUNDS);
}
#endif

/* The tickets begin again at 0 after 2^32 of them, when the lock is listed already. */
static void tickets_go_round(void **state)
{
    unsigned long saved;

    start(state);
    spinlock_release(&outer, spinlock_acquire(&outer));
    for (uint32_t seed = 1; seed <= 20; seed++) {
        outer.next = outer.serving = UINT32_MAX - seed;
        run_in_turn(3, seed);
    }
    outer.next = outer.serving = UINT32_MAX;
    saved = spinlock_acquire(&outer);
    assert_int_equal(outer.next, 0);
    assert_int_equal(outer.serving, UINT32_MAX);
    spinlock_release(&outer, saved);
    assert_int_equal(outer.serving, 0);
}
#endif

#if ASH_LOCKS_NAMED
static void report_lists_what_was_taken(void **state)
{
    start(state);
    assert_null(strstr(report(), "outer"));
    for (unsigned i = 0; i < 3; i++) {
        unsigned long saved = spinlock_acquire(&outer);

        spinlock_release(&inner, spinlock_acquire(&inner));
        spinlock_release(&outer, saved);
    }
    assert_non_null(strstr(report(), "map            outer                     3          0\n"));
    assert_non_null(strstr(printed, "pmem region    inner                     3          0\n"));
    assert_null(strstr(printed, "last"));
    assert_true(strstr(printed, "outer") < strstr(printed, "inner"));
    assert_true(strstr(printed, "inner") < strstr(printed, "list of locks"));
}

static void retired_locks_are_listed_no_more(void **state)
{
    start(state);
    spinlock_release(&outer, spinlock_acquire(&outer));
    spinlock_release(&inner, spinlock_acquire(&inner));
    spinlock_release(&last, spinlock_acquire(&last));
    spinlock_retire(&inner);
    memset(&inner, 0xff, sizeof inner);
    assert_null(strstr(report(), "inner"));
    assert_non_null(strstr(printed, "outer"));
    assert_non_null(strstr(printed, "last"));
    spinlock_init(&inner, ASH_LOCK_PMEM, "again");
    spinlock_release(&inner, spinlock_acquire(&inner));
    assert_non_null(strstr(report(), "again                     1"));
    assert_non_null(strstr(printed, "outer"));
    assert_non_null(strstr(printed, "last"));
}
#endif

#if ASH_CHECK >= 2
static void expect(const struct ash_spinlock *lock, const char *what)
{
    assert_int_equal(support_faults.count, 1);
    assert_int_equal(support_faults.last.kind, ASH_FAULT_LOCK);
    assert_string_equal(support_faults.last.module, "locks");
    assert_string_equal(support_faults.last.what, what);
    assert_int_equal(support_faults.last.address, (uintptr_t)lock);
    assert_non_null(support_faults.last.caller);
    support_faults_reset();
}

static void order_is_checked(void **state)
{
    unsigned long saved, saved_inner;

    start(state);
    saved = spinlock_acquire(&outer);
    saved_inner = spinlock_acquire(&inner);
    assert_int_equal(support_faults.count, 0);
    spinlock_release(&inner, saved_inner);
    spinlock_release(&outer, saved);
    assert_int_equal(support_faults.count, 0);

    saved = spinlock_acquire(&inner);
    saved_inner = spinlock_acquire(&outer);
    expect(&outer, "map \"outer\" is taken by a CPU that holds pmem region \"inner\"");
    spinlock_release(&outer, saved_inner);
    saved_inner = spinlock_acquire(&last);
    expect(&last, "pmem region \"last\" is taken by a CPU that holds pmem region \"inner\"");
    spinlock_release(&last, saved_inner);
    spinlock_release(&inner, saved);
    assert_int_equal(support_faults.count, 0);
    assert_false(sim_irq_masked);
}

/* The lock that was taken first is let go first: the other still counts. */
static void order_of_release_is_free(void **state)
{
    unsigned long saved, saved_inner;

    start(state);
    saved = spinlock_acquire(&outer);
    saved_inner = spinlock_acquire(&inner);
    spinlock_release(&outer, saved_inner);
    (void)spinlock_acquire(&last);
    expect(&last, "pmem region \"last\" is taken by a CPU that holds pmem region \"inner\"");
    spinlock_release(&last, saved_inner);
    spinlock_release(&inner, saved);
    assert_int_equal(support_faults.count, 0);
}

static void twice_is_noticed(void **state)
{
    unsigned long saved, again;

    start(state);
    saved = spinlock_acquire(&outer);
    again = spinlock_acquire(&outer);
    expect(&outer, "map \"outer\" is taken by the CPU that holds it");
    spinlock_release(&outer, again);
    assert_int_equal(outer.next, 1);
    spinlock_release(&outer, saved);
    spinlock_release(&outer, spinlock_acquire(&outer));
    assert_int_equal(support_faults.count, 0);
    assert_false(sim_irq_masked);
}

static void release_is_the_holders(void **state)
{
    unsigned long saved;

    start(state);
    spinlock_release(&outer, 0);
    expect(&outer, "map \"outer\" is released by a CPU that holds none");
    saved = spinlock_acquire(&outer);
    spinlock_release(&inner, 1);
    expect(&inner, "pmem region \"inner\" is released by a CPU that does not hold it, but map "
                   "\"outer\"");
    sim_set_cpus(2);
    sim_on_cpu(1);
    spinlock_release(&outer, 0);
    expect(&outer, "map \"outer\" is released by a CPU that holds none");
    sim_on_cpu(0);
    spinlock_release(&outer, saved);
    assert_int_equal(support_faults.count, 0);
    spinlock_release(&outer, spinlock_acquire(&outer));
    assert_int_equal(support_faults.count, 0);
}

/* What one CPU holds is no matter of another. */
static void each_cpu_has_its_own(void **state)
{
    unsigned long saved, saved_other;

    start(state);
    sim_set_cpus(2);
    saved = spinlock_acquire(&inner);
    sim_on_cpu(1);
    saved_other = spinlock_acquire(&outer);
    assert_int_equal(support_faults.count, 0);
    spinlock_release(&outer, saved_other);
    sim_on_cpu(0);
    spinlock_release(&inner, saved);
    assert_int_equal(support_faults.count, 0);
}

static void every_lock_has_a_rank(void **state)
{
    static struct ash_spinlock none;
    unsigned long saved;

    start(state);
    saved = spinlock_acquire(&none);
    expect(&none, "no rank \"unnamed\" is taken: it needs a rank (ASH_SPINLOCK)");
    spinlock_release(&none, saved);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#if ASH_CPUS > 1
        cmocka_unit_test(served_in_the_order_of_tickets),
#if ASH_LOCKS_NAMED
        cmocka_unit_test(counts_those_who_waited),
#endif
        cmocka_unit_test(tickets_go_round),
#endif
#if ASH_LOCKS_NAMED
        cmocka_unit_test(report_lists_what_was_taken),
        cmocka_unit_test(retired_locks_are_listed_no_more),
#endif
#if ASH_CHECK >= 2
        cmocka_unit_test(order_is_checked),
        cmocka_unit_test(order_of_release_is_free),
        cmocka_unit_test(twice_is_noticed),
        cmocka_unit_test(release_is_the_holders),
        cmocka_unit_test(each_cpu_has_its_own),
        cmocka_unit_test(every_lock_has_a_rank),
#endif
        cmocka_unit_test(start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
