/* SPDX-License-Identifier: MIT */
/*
 * User mode in spaces: each program has its own memory at the same addresses, whichever CPU it runs
 * on, and takes its registers along from CPU to CPU.
 */
#include "ashlar/cpu.h"
#include "ashlar/space.h"
#include "port/port.h"
#include "tests/target/coroutine.h"
#include "tests/target/fpu_state.h"
#include "tests/target/on_cpus.h"
#include "tests/target/suite.h"
#include "tests/target/user_turns.h"

#define PROGRAMS (ASH_CPUS < 2 ? 2u : ASH_CPUS)
#define ROUNDS   50u
#define ONE_HAS  (USER_DATA + 2 * ASH_PAGE_SIZE) /* a page of the first program alone */

#define WANT_SPACES()                                                                              \
    do {                                                                                           \
        if (ash_space_size() == 0 || ash_space_base().value > USER_CODE) {                         \
            target_skip("this build has no spaces, or small ones");                                \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* A program in a space of its own. */
static struct program {
    struct ash_space space;
    struct ash_user user;
    struct ash_trap trap;
    enum ash_user_event event;
    unsigned seed, calls;
    const char *wrong;
} programs[PROGRAMS];

static struct user_page data[PROGRAMS + 1] __attribute__((aligned(ASH_PAGE_SIZE)));

static ash_pa_t pa_of(const volatile struct user_page *page)
{
    return ash_pa((uintptr_t)page);
}

static int make(unsigned n)
{
    struct program *program = &programs[n];
    int error = ash_space_create(&program->space, "program");

    program->seed = n + 1;
    program->calls = 0;
    program->wrong = NULL;
    if (error == 0) {
        error = ash_space_map(&program->space, ash_va(USER_CODE), pa_of(&user_page[0]),
                              ASH_PAGE_SIZE, ASH_MMU_USER | ASH_MMU_EXEC);
    }
    if (error == 0) {
        error = ash_space_map(&program->space, ash_va(USER_DATA), pa_of(&data[n]), ASH_PAGE_SIZE,
                              ASH_MMU_USER | ASH_MMU_WRITE);
    }
    if (error == 0 && n == 0) {
        error = ash_space_map(&program->space, ash_va(ONE_HAS), pa_of(&data[PROGRAMS]),
                              ASH_PAGE_SIZE, ASH_MMU_USER | ASH_MMU_WRITE);
    }
    return error;
}

static int end(unsigned n)
{
    struct ash_space *space = &programs[n].space;
    int error = ash_space_unmap(space, ash_va(USER_CODE), ASH_PAGE_SIZE);

    error = error != 0 ? error : ash_space_unmap(space, ash_va(USER_DATA), ASH_PAGE_SIZE);
    if (n == 0 && error == 0) {
        error = ash_space_unmap(space, ash_va(ONE_HAS), ASH_PAGE_SIZE);
    }
    return error != 0 ? error : ash_space_destroy(space);
}

#define MAKE_ALL()                                                                                 \
    do {                                                                                           \
        WANT_SPACES();                                                                             \
        user_code_load();                                                                          \
        for (unsigned n_ = 0; n_ < PROGRAMS; n_++) {                                               \
            CHECK_EQ(make(n_), 0);                                                                 \
        }                                                                                          \
    } while (0)
#define END_ALL()                                                                                  \
    do {                                                                                           \
        for (unsigned n_ = 0; n_ < PROGRAMS; n_++) {                                               \
            CHECK_EQ(end(n_), 0);                                                                  \
        }                                                                                          \
    } while (0)

/* Runs it where this is called; interrupts do not end the run. */
static void run(void *arg)
{
    struct program *program = arg;

    ash_space_switch(&program->space);
    fpu_spoil();
    do {
        program->event = ash_user_run(&program->user, &program->trap);
    } while (program->event == ASH_USER_INTERRUPT);
    ash_space_leave();
}

static bool loads(unsigned n, uintptr_t address, uintptr_t value)
{
    struct program *program = &programs[n];

    user_start(&program->user, user_load, address, ~value);
    run(program);
    return program->event == ASH_USER_CALL && ash_user_argument(&program->user, 1) == value;
}

static bool stores(unsigned n, uintptr_t address, uintptr_t value)
{
    struct program *program = &programs[n];

    user_start(&program->user, user_store, address, value);
    run(program);
    return program->event == ASH_USER_CALL;
}

static bool faults(unsigned n, const char *piece, uintptr_t address, enum ash_trap_kind kind)
{
    struct program *program = &programs[n];

    user_start(&program->user, piece, address, 0);
    run(program);
    return program->event == ASH_USER_FAULT && program->trap.kind == kind &&
           program->trap.cause == ASH_CAUSE_TRANSLATION && program->trap.address == address &&
           *user_register(&program->user, 1) == 0;
}

static void programs_have_their_own_memory(void)
{
    MAKE_ALL();
    data[PROGRAMS].word[0] = 555;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned n = 0; n < PROGRAMS; n++) {
            data[n].word[0] = 100 + n;
        }
        for (unsigned n = 0; n < PROGRAMS; n++) {
            CHECK(loads(n, USER_DATA, 100 + n));
            CHECK(stores(n, USER_DATA, 200 + n));
        }
        for (unsigned n = 0; n < PROGRAMS; n++) {
            CHECK_EQ(data[n].word[0], 200 + n);
        }
        CHECK(loads(0, ONE_HAS, 555));
        for (unsigned n = 1; n < PROGRAMS; n++) { /* right after it, at the address it had */
            CHECK(faults(n, user_load, ONE_HAS, ASH_TRAP_DATA));
            CHECK(faults(n, user_store, ONE_HAS, ASH_TRAP_DATA));
            CHECK(faults(n, user_jump, ONE_HAS, ASH_TRAP_PREFETCH));
            CHECK(loads(0, ONE_HAS, 555));
        }
    }
    END_ALL();
}

/* Without a space there is nothing to run. */
static void none_has_nothing(void)
{
    struct ash_user *user = &programs[0].user;
    struct ash_trap trap;

    WANT_SPACES();
    user_start(user, user_calls, 0, 0);
    CHECK_EQ(ash_user_run(user, &trap), ASH_USER_FAULT);
    CHECK(trap.kind == ASH_TRAP_PREFETCH && trap.cause == ASH_CAUSE_TRANSLATION);
    CHECK_EQ(trap.address, user_code(user_calls));
}

/* Each CPU in its turn, with other programs in between. */
static void contexts_move_from_cpu_to_cpu(void)
{
    unsigned cpus = on_cpus_there();

    WANT_SPACES();
    ON_CPUS_OR_SKIP();
    MAKE_ALL();
    for (unsigned n = 0; n < PROGRAMS; n++) {
        user_turns_begin(&programs[n].user, programs[n].seed);
    }
    for (unsigned call = 0; call < 2 * ROUNDS - 1; call++) {
        for (unsigned n = 0; n < PROGRAMS; n++) {
            unsigned cpu = (call + n) % cpus;

            if (cpu == 0) {
                run(&programs[n]);
            } else {
                CHECK_EQ(on_cpu(cpu, run, &programs[n]), 0);
            }
            CHECK_EQ(programs[n].event, ASH_USER_CALL);
        }
    }
    for (unsigned n = 0; n < PROGRAMS; n++) {
        const char *wrong = user_turns_end(&programs[n].user, programs[n].seed, ROUNDS);

        if (wrong != NULL) {
            target_fail(__FILE__, __LINE__, "program %u: %s", n, wrong);
            return;
        }
    }
    END_ALL();
}

/* Contexts whose calls wait, and go on wherever somebody lets them. */

#define STACK_BYTES 8192u

static struct {
    uint8_t byte[STACK_BYTES] __attribute__((aligned(16)));
} stacks[2];
static struct coroutine serving[2], starting[2]; /* inside of the call, and who waits outside */

static unsigned number_of(const struct ash_user *user)
{
    return user == &programs[0].user ? 0 : 1;
}

/* Spoils what is there, and each second time waits. */
static bool wait_in_call(struct ash_user *user)
{
    unsigned n = number_of(user);
    struct program *program = &programs[n];

    if (program->calls % 2 == 0) {
        coroutine_go(&serving[n], &starting[n]);
    }
    return program->calls++ < 2 * ROUNDS - 2 && user_spoil();
}

static void serve_for_ever(void *arg)
{
    struct program *program = arg;
    unsigned n = number_of(&program->user);

    for (;;) {
        enum ash_user_event event = ash_user_run(&program->user, &program->trap);

        if (event != ASH_USER_INTERRUPT) {
            program->event = event;
            coroutine_go(&serving[n], &starting[n]);
        } else { /* go_on() keeps it out, and it would end every further run */
            port_irq_unmask();
            (void)port_irq_save();
        }
    }
}

static void go_on(void *arg)
{
    struct program *program = arg;
    unsigned n = number_of(&program->user);
    unsigned long saved = port_irq_save();

    ash_space_switch(&program->space);
    coroutine_go(&starting[n], &serving[n]);
    ash_space_leave();
    port_irq_restore(saved);
}

static void calls_move_from_cpu_to_cpu(void)
{
    unsigned cpus = on_cpus_there();

    WANT_SPACES();
    CHECK_EQ(ash_cpus_start(), cpus);
    MAKE_ALL();
    for (unsigned n = 0; n < 2; n++) {
        user_turns_begin(&programs[n].user, programs[n].seed);
        programs[n].user.call = wait_in_call;
        programs[n].event = ASH_USER_FAULT;
        coroutine_init(&serving[n], serve_for_ever, &programs[n], stacks[n].byte + STACK_BYTES);
    }
    for (unsigned i = 0; i <= ROUNDS; i++) {
        for (unsigned n = 0; n < 2; n++) {
            unsigned cpu = (i + n) % cpus;

            CHECK_EQ(programs[n].event, ASH_USER_FAULT); /* not yet */
            if (cpu == 0) {
                go_on(&programs[n]);
            } else {
                CHECK_EQ(on_cpu(cpu, go_on, &programs[n]), 0);
            }
        }
    }
    for (unsigned n = 0; n < 2; n++) {
        const char *wrong = user_turns_end(&programs[n].user, programs[n].seed, ROUNDS);

        CHECK_EQ(programs[n].event, ASH_USER_CALL);
        CHECK_EQ(programs[n].calls, 2 * ROUNDS - 1);
        if (wrong != NULL) {
            target_fail(__FILE__, __LINE__, "program %u: %s", n, wrong);
            return;
        }
    }
    END_ALL();
}

/* Calls that are served on all CPUs at the same time. */
static bool serve(struct ash_user *user)
{
    struct program *program = &programs[ash_cpu_number()];
    unsigned round = (program->calls + 2) / 2;
    uintptr_t value = 0;

    if (user != &program->user || ash_space_current() != &program->space) {
        program->wrong = "whose call it is";
    }
    if (ash_user_read(&value, ash_va(USER_DATA), sizeof value, NULL) != 0 ||
        value != 300 + program->seed) {
        program->wrong = "the memory";
    }
    return program->calls++ < 2 * ROUNDS - 2 && round <= ROUNDS && user_spoil();
}

static void turn(void *arg)
{
    struct program *program = &programs[ash_cpu_number()];

    (void)arg;
    program->user.call = serve;
    run(program);
}

static void all_cpus_at_once(void)
{
    WANT_SPACES();
    ON_CPUS_OR_SKIP();
    MAKE_ALL();
    for (unsigned n = 0; n < PROGRAMS; n++) {
        user_turns_begin(&programs[n].user, programs[n].seed);
        data[n].word[0] = 300 + programs[n].seed;
    }
    CHECK_EQ(on_all_cpus(turn, NULL), 0);
    for (unsigned n = 0; n < on_cpus_there(); n++) {
        const char *wrong = programs[n].wrong;

        CHECK_EQ(programs[n].calls, 2 * ROUNDS - 1);
        wrong = wrong != NULL ? wrong : user_turns_end(&programs[n].user, programs[n].seed, ROUNDS);
        if (wrong != NULL) {
            target_fail(__FILE__, __LINE__, "CPU %u: %s", n, wrong);
            return;
        }
    }
    END_ALL();
}

static const struct target_case cases[] = {
    TARGET_CASE(programs_have_their_own_memory),
    TARGET_CASE(none_has_nothing),
    TARGET_CASE(contexts_move_from_cpu_to_cpu),
    TARGET_CASE(calls_move_from_cpu_to_cpu),
    TARGET_CASE(all_cpus_at_once),
};
const struct target_suite suite_user_space = TARGET_SUITE("user-space", cases);
