/* SPDX-License-Identifier: MIT */
/*
 * The execution model: the default, where each CPU is a context, and the scheduler of
 * examples/sched on however many CPUs there are.
 */
#include "ashlar/exec.h"

#include <string.h>

#include "ashlar/cpu.h"
#include "ashlar/irq.h"
#include "ashlar/trap.h"
#include "examples/sched/sched.h"
#include "port/port.h"
#include "tests/target/on_cpus.h"
#include "tests/target/programs.h"
#include "tests/target/suite.h"

#define TASKS  12u
#define ROUNDS 30u /* each is a lock that goes from CPU to CPU */

static int channel, other_channel;
static volatile uint32_t ticks;

static bool was_masked;

/* All CPUs, and this one's program is a task. */
static bool begin(void)
{
    (void)ash_cpus_start();
    was_masked = on_cpus_masked();
    ash_irq_enable();
    return sched_start() == 0;
}

static bool end(void)
{
    int error = sched_stop();

    if (was_masked) {
        ash_irq_disable();
    }
    return error == 0;
}

#define BEGIN_OR_SKIP()                                                                            \
    do {                                                                                           \
        if (ash_now_ns() == 0) {                                                                   \
            target_skip("this board has no clock");                                                \
            return;                                                                                \
        }                                                                                          \
        CHECK(begin());                                                                            \
    } while (0)

static void wake_at_tick(void *arg)
{
    (void)arg;
    ticks++;
    ash_exec_wake(&channel);
}

static void the_default_waits(void)
{
    uint64_t deadline;

    CHECK(ash_exec_current() != NULL);
    CHECK_EQ(ash_exec_use(&(struct ash_exec_ops){0}), ASH_EINVAL);
    ash_exec_wake(&channel);
    CHECK_EQ(ash_exec_wait(&channel, 0), 0); /* it was not missed */
    CHECK_EQ(ash_exec_wait(&channel, 0), ASH_ETIMEDOUT);
    deadline = ash_exec_now() + 20000000;
    CHECK_EQ(ash_exec_wait(&channel, deadline), ASH_ETIMEDOUT);
    CHECK(ash_exec_now() >= deadline);
    ticks = 0;
    CHECK_EQ(ash_tick(100, wake_at_tick, NULL), 0);
    was_masked = on_cpus_masked();
    ash_irq_enable();
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(ash_exec_wait(&channel, ASH_EXEC_NEVER), 0);
    }
    if (was_masked) {
        ash_irq_disable();
    }
    (void)ash_tick(0, NULL, NULL);
    CHECK(ticks >= 3);
}

static uint32_t counted, seen_cpus;

static void count_rounds(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)__atomic_fetch_add(&counted, 1, __ATOMIC_RELAXED);
        (void)__atomic_fetch_or(&seen_cpus, 1u << ash_cpu_number(), __ATOMIC_RELAXED);
        sched_yield();
    }
}

static void tasks_take_turns(void)
{
    struct sched_task *task[TASKS];

    BEGIN_OR_SKIP();
    counted = seen_cpus = 0;
    for (unsigned i = 0; i < TASKS; i++) {
        task[i] = sched_spawn("counter", count_rounds, NULL);
        CHECK(task[i] != NULL);
    }
    CHECK_EQ(sched_stop(), ASH_EBUSY);
    CHECK_EQ(sched_start(), ASH_EBUSY);
    for (unsigned i = 0; i < TASKS; i++) {
        sched_join(task[i]);
    }
    CHECK(end());
    CHECK_EQ(counted, TASKS * ROUNDS);
    CHECK(seen_cpus != 0 && seen_cpus < 1u << on_cpus_there());
}

static void sleeping_ends_at_the_deadline(void)
{
    BEGIN_OR_SKIP();
    (void)ash_exec_wait(&channel, 0); /* wakes from before count once */
    for (unsigned ms = 1; ms < 40; ms += 13) {
        uint64_t deadline = ash_exec_now() + ms * 1000000;

        CHECK_EQ(ash_exec_wait(&channel, deadline), ASH_ETIMEDOUT);
        CHECK(ash_exec_now() >= deadline);
    }
    CHECK(end());
}

/* A ball that two tasks throw to each other: a wake that is missed would end it. */
static struct ball {
    uint32_t at;
    uint32_t thrown;
    bool late;
} ball;

static void throw_back(void *arg)
{
    uint32_t self = *(const uint32_t *)arg;

    while (port_load_acquire(&ball.thrown) < 2 * ROUNDS && !ball.late) {
        if (port_load_acquire(&ball.at) != self) {
            ball.late |= ash_exec_wait(&ball, ash_exec_now() + 20000000000u) != 0;
            continue;
        }
        port_store_release(&ball.thrown, ball.thrown + 1);
        port_store_release(&ball.at, 1 - self);
        ash_exec_wake(&ball);
    }
}

static void no_wake_is_missed(void)
{
    static const uint32_t sides[] = {0, 1};
    struct sched_task *task[2];

    BEGIN_OR_SKIP();
    ball = (struct ball){0};
    for (unsigned i = 0; i < 2; i++) {
        task[i] = sched_spawn("player", throw_back, (void *)(uintptr_t)&sides[i]);
        CHECK(task[i] != NULL);
    }
    sched_join(task[0]);
    sched_join(task[1]);
    CHECK(end());
    CHECK(!ball.late);
    CHECK_EQ(ball.thrown, 2 * ROUNDS);
}

/* Of so many channels some share whatever the scheduler keeps of them. */
static void a_wake_outlives_waits_elsewhere(void)
{
    static char channels[24];
    unsigned missed = 0;

    BEGIN_OR_SKIP();
    for (unsigned i = 1; i < sizeof channels; i++) {
        ash_exec_wake(&channels[0]);
        (void)ash_exec_wait(&channels[i], 0);
        missed += ash_exec_wait(&channels[0], 0) != 0;
    }
    CHECK(end());
    CHECK_EQ(missed, 0);
}

static uint32_t go, went;

static void wait_for_go(void *arg)
{
    bool late = false;

    while (port_load_acquire(&go) == 0 && !late) {
        late = ash_exec_wait(arg, ash_exec_now() + 20000000000u) != 0;
    }
    (void)__atomic_fetch_add(&went, !late, __ATOMIC_RELEASE);
}

static void a_wake_reaches_all_that_wait_there(void)
{
    struct sched_task *task[TASKS];

    BEGIN_OR_SKIP();
    go = went = 0;
    for (unsigned i = 0; i < TASKS; i++) {
        task[i] = sched_spawn("waiter", wait_for_go, &channel);
        CHECK(task[i] != NULL);
    }
    (void)ash_exec_wait(&other_channel, 0);
    (void)ash_exec_wait(&other_channel, ash_exec_now() + 20000000); /* they wait now */
    ash_exec_wake(&other_channel);
    CHECK_EQ(port_load_acquire(&went), 0);
    port_store_release(&go, 1);
    ash_exec_wake(&channel);
    for (unsigned i = 0; i < TASKS; i++) {
        sched_join(task[i]);
    }
    CHECK(end());
    CHECK_EQ(went, TASKS);
}

/* Contexts that give the CPU up while they catch exceptions, and then take one of their own. */
static uint32_t caught;

static void yield_and_read(void *address)
{
    for (unsigned i = 0; i < 8; i++) {
        sched_yield();
    }
    (void)*(const volatile char *)address;
}

static void catch_own(void *address)
{
    for (unsigned i = 0; i < 8; i++) {
        struct ash_trap trap;
        bool right = ash_trap_catch(yield_and_read, address, &trap) == ASH_EFAULT &&
                     trap.address == (uintptr_t)address;

        (void)__atomic_fetch_add(&caught, right, __ATOMIC_RELAXED);
    }
}

static void tasks_catch_their_own_exceptions(void)
{
    struct sched_task *task[TASKS];

    BEGIN_OR_SKIP();
    caught = 0;
    for (unsigned i = 0; i < TASKS; i++) {
        task[i] = sched_spawn("catcher", catch_own, (void *)(uintptr_t)(16 * i));
        CHECK(task[i] != NULL);
    }
    for (unsigned i = 0; i < TASKS; i++) {
        sched_join(task[i]);
    }
    CHECK(end());
    CHECK_EQ(caught, 8 * TASKS);
}

static bool wrong_floats;

/* Sums that stay in registers while others use theirs. */
static void add_up(void *arg)
{
    double start = (double)(uintptr_t)arg, a = start, b = start + 0.5, c = start + 0.25;

    for (unsigned i = 0; i < ROUNDS; i++) {
        a += 1;
        b += 2;
        c += 3;
        sched_yield();
    }
    if (a != start + ROUNDS || b != start + 0.5 + 2 * ROUNDS || c != start + 0.25 + 3 * ROUNDS) {
        wrong_floats = true;
    }
}

static void tasks_keep_their_floats(void)
{
    struct sched_task *task[TASKS];

    BEGIN_OR_SKIP();
    wrong_floats = false;
    for (unsigned i = 0; i < TASKS; i++) {
        task[i] = sched_spawn("adder", add_up, (void *)(uintptr_t)(1000 * i));
        CHECK(task[i] != NULL);
    }
    for (unsigned i = 0; i < TASKS; i++) {
        sched_join(task[i]);
    }
    CHECK(end());
    CHECK(!wrong_floats);
}

static struct ash_process process[TASKS];

static void run_process(void *arg)
{
    (void)sched_run(arg);
}

/* Programs side by side: some compute, some call, some fault, none knows of another. */
static void programs_run_side_by_side(void)
{
    static const char *const lines[] = {"floats 1 10", "floats 2 10", "memory 20", "bad read",
                                        "spin 300",    "calls",       "chain 4"};
    static const int codes[] = {0, 0, 0, -1, 0, 0, 4};
    uint32_t frames = programs_frames();
    struct sched_task *task[TASKS];

    PROGRAMS_OR_SKIP();
    BEGIN_OR_SKIP();
    for (unsigned i = 0; i < TASKS; i++) {
        CHECK_EQ(programs_create(&process[i], lines[i % 7]), 0);
        process[i].code = -1;
        task[i] = sched_spawn("program", run_process, &process[i]);
        CHECK(task[i] != NULL);
    }
    for (unsigned i = 0; i < TASKS; i++) {
        sched_join(task[i]);
        CHECK_EQ(process[i].code, codes[i % 7]);
        CHECK_EQ(process[i].event, codes[i % 7] < 0 ? ASH_PROCESS_FAULT : ASH_PROCESS_EXIT);
        ash_process_destroy(&process[i]);
    }
    CHECK(end());
    CHECK_EQ(programs_frames(), frames);
}

static const struct target_case cases[] = {
    TARGET_CASE(the_default_waits),
    TARGET_CASE(tasks_take_turns),
    TARGET_CASE(sleeping_ends_at_the_deadline),
    TARGET_CASE(no_wake_is_missed),
    TARGET_CASE(a_wake_outlives_waits_elsewhere),
    TARGET_CASE(a_wake_reaches_all_that_wait_there),
    TARGET_CASE(tasks_catch_their_own_exceptions),
    TARGET_CASE(tasks_keep_their_floats),
    TARGET_CASE(programs_run_side_by_side),
};
const struct target_suite suite_sched = TARGET_SUITE("sched", cases);
