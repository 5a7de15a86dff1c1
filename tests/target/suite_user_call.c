/* SPDX-License-Identifier: MIT */
/*
 * Calls of user mode that a function serves: it may do whatever C code may, and the program sees
 * nothing of it but the result.
 */
#include <string.h>

#include "ashlar/errors.h"
#include "ashlar/irq.h"
#include "port/port.h"
#include "tests/target/on_cpus.h"
#include "tests/target/privilege.h"
#include "tests/target/provoke.h"
#include "tests/target/suite.h"
#include "tests/target/user_program.h"
#include "tests/target/user_turns.h"

#define ROUNDS     21u /* odd: at the end all is turned over */
#define TICKS_IN_S 500u

static struct ash_user user, other;
static struct ash_trap trap;
static unsigned calls;
static const char *wrong; /* of what the function saw */

static bool is(bool condition, const char *what)
{
    if (!condition && wrong == NULL) {
        wrong = what;
    }
    return condition;
}

/* A call in each round, and one that shows the flags. */
static bool spoil(struct ash_user *context)
{
    static const volatile double one = 1, ten = 10;
    unsigned round = (calls + 2) / 2;

    is(one / ten == 1.0 / 10, "the rounding mode"); /* to nearest, which is up */
    is(context == &user, "whose call it is");
    is(!on_cpus_masked(), "that interrupts come");
    is(!privilege_has_pan() || privilege_pan(), "PAN");
    if (calls++ % 2 != 0) {
        is((ash_user_argument(context, 0) & USER_FLAGS) == USER_FLAGS, "the flags");
        return user_spoil();
    }
    for (unsigned n = 1; n < 6; n++) {
        is(ash_user_argument(context, n) == user_turns_general(1, n, round), "the arguments");
    }
    is(ash_user_number(context) == user_turns_general(1, ASH_USER_NUMBER, round), "the number");
    ash_user_return(context, -1);
    return round < ROUNDS && user_spoil();
}

static void begin_turns(struct ash_user *context, bool (*call)(struct ash_user *))
{
    user_turns_begin(context, 1);
    context->call = call;
    calls = 0;
    wrong = NULL;
}

#define TRY(expression)                                                                            \
    do {                                                                                           \
        const char *bad_ = (expression);                                                           \
                                                                                                   \
        if (bad_ != NULL) {                                                                        \
            return bad_;                                                                           \
        }                                                                                          \
    } while (0)

static const char *keep(void)
{
    begin_turns(&user, spoil);
    WANT(ash_user_run(&user, &trap) == ASH_USER_CALL);
    TRY(wrong);
    WANT(calls == 2 * ROUNDS - 1);
    WANT(ash_user_argument(&user, 0) == (uintptr_t)-1);
    return user_turns_end(&user, 1, ROUNDS);
}

static void nothing_but_the_result_changes(void)
{
    user_program_with(keep);
}

/* Another context is run meanwhile, which does the same. */
static bool run_another(struct ash_user *context)
{
    static struct ash_trap inner;

    calls++;
    for (unsigned i = 0; i < 2; i++) {
        is(ash_user_run(&other, &inner) == ASH_USER_CALL, "the other's call");
    }
    ash_user_return(context, 0);
    return calls < 2 * ROUNDS - 1;
}

static const char *take_turns(void)
{
    user_turns_begin(&other, 2);
    begin_turns(&user, run_another);
    WANT(ash_user_run(&other, &trap) == ASH_USER_CALL); /* one ahead: it ends at the same place */
    WANT(ash_user_run(&user, &trap) == ASH_USER_CALL);
    TRY(wrong);
    TRY(user_turns_end(&user, 1, ROUNDS));
    return user_turns_end(&other, 2, 2 * ROUNDS);
}

static void others_run_meanwhile(void)
{
    user_program_with(take_turns);
}

static bool count(struct ash_user *context)
{
    is(ash_user_argument(context, 0) == calls, "the result of the last call");
    ash_user_return(context, (intptr_t)++calls);
    return calls % 100 != 0;
}

/* What ends a run is a call as any other, and the next run goes on behind it. */
static const char *results(void)
{
    user_start(&user, user_calls, 0, 0);
    user.call = count;
    calls = 0;
    wrong = NULL;
    for (unsigned run = 1; run <= 3; run++) {
        WANT(ash_user_run(&user, &trap) == ASH_USER_CALL);
        TRY(wrong);
        WANT(calls == 100 * run && ash_user_argument(&user, 0) == calls);
    }
    user.call = NULL;
    WANT(ash_user_run(&user, &trap) == ASH_USER_CALL);
    WANT(calls == 300 && ash_user_argument(&user, 0) == calls);
    return NULL;
}

static void results_arrive(void)
{
    user_program_with(results);
}

/* Copies that end at a bad address are as elsewhere. */
static bool copy(struct ash_user *context)
{
    static char text[8];
    size_t done = 0;

    is(ash_user_read(text, ash_va(USER_HOLE - 5), sizeof text, &done) == ASH_EFAULT && done == 5,
       "a read into the hole");
    is(ash_user_write(ash_va(USER_DATA + ASH_PAGE_SIZE - 3), "12345", 5, &done) == ASH_EFAULT &&
           done == 3,
       "a write to what is only readable");
    is(ash_user_write(ash_va(USER_DATA), "12345678", 8, &done) == 0 && done == 8 &&
           ash_user_read(text, ash_va(USER_DATA), 8, &done) == 0 &&
           memcmp(text, "12345678", 8) == 0,
       "there and back");
    return spoil(context);
}

static const char *copies(void)
{
    begin_turns(&user, copy);
    WANT(ash_user_run(&user, &trap) == ASH_USER_CALL);
    TRY(wrong);
    return user_turns_end(&user, 1, ROUNDS);
}

static void copies_may_fail(void)
{
    user_program_with(copies);
}

static volatile uint32_t ticks;

static void count_tick(void *arg)
{
    (void)arg;
    ticks++;
    (void)user_spoil();
}

static bool wait_for_tick(struct ash_user *context)
{
    uint64_t end = ash_now_ns() + 10000000000u;
    uint32_t seen = ticks;

    while (wrong == NULL && ticks == seen && is(ash_now_ns() < end, "a tick")) {
    }
    return spoil(context);
}

static const char *interrupts(void)
{
    begin_turns(&user, wait_for_tick);
    port_irq_unmask();
    while (ash_user_run(&user, &trap) == ASH_USER_INTERRUPT) {
        port_irq_unmask();
    }
    (void)port_irq_save();
    TRY(wrong);
    WANT(calls == 2 * ROUNDS - 1);
    return user_turns_end(&user, 1, ROUNDS);
}

static void interrupts_are_served(void)
{
    if (ash_tick(TICKS_IN_S, count_tick, NULL) != 0) {
        target_skip("this board has no clock");
        return;
    }
    user_program_with(interrupts);
    (void)ash_tick(0, NULL, NULL);
}

static bool go_on_once(struct ash_user *context)
{
    (void)context;
    return calls++ == 0;
}

/* What was loaded exclusively before a call is not stored after it: others have run. */
static const char *exclusives(void)
{
    calls = 0;
    user_start(&user, user_exclusive, USER_DATA, 0);
    user.call = go_on_once;
    WANT(ash_user_run(&user, &trap) == ASH_USER_CALL && calls == 2);
    WANT(*user_register(&user, 1) == 1);
    user_start(&user, user_exclusive, USER_DATA, 0);
    WANT(ash_user_run(&user, &trap) == ASH_USER_CALL);
    WANT(ash_user_run(&user, &trap) == ASH_USER_CALL && *user_register(&user, 1) == 1);
    return NULL;
}

static void exclusives_end(void)
{
    user_program_with(exclusives);
}

/* The register that the exception entries borrow is one that user mode reads. */
static const char *nothing_left(void)
{
    user_start(&user, user_reads_only, 0, 1);
    WANT(ash_user_run(&user, &trap) == ASH_USER_CALL && *user_register(&user, 1) == 0);
    return NULL;
}

static void nothing_of_the_firmware_shows(void)
{
    const struct provocation *provocation;

    for (unsigned n = 0; (provocation = provoke_nth(n)) != NULL; n++) {
        if (strncmp(provocation->name, "overflow-", 9) == 0) {
            CHECK_EQ(ash_trap_catch(provocation->run, &trap, &trap), ASH_EFAULT);
        }
    }
    user_program_with(nothing_left);
}

static const struct target_case cases[] = {
    TARGET_CASE(nothing_but_the_result_changes),
    TARGET_CASE(others_run_meanwhile),
    TARGET_CASE(results_arrive),
    TARGET_CASE(copies_may_fail),
    TARGET_CASE(interrupts_are_served),
    TARGET_CASE(exclusives_end),
    TARGET_CASE(nothing_of_the_firmware_shows),
};
const struct target_suite suite_user_call = TARGET_SUITE("user-call", cases);
