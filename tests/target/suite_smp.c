/* SPDX-License-Identifier: MIT */
/*
 * Several CPUs: they start, run C on their own stacks with the same map, see each other's data,
 * locks, translations and interrupts, and survive exceptions. What a CPU finds out it leaves in its
 * answer; CPU 0 alone checks and prints.
 */
#include "ashlar/cpu.h"
#include "ashlar/errors.h"
#include "ashlar/irq.h"
#include "ashlar/platform.h"
#include "port/errata.h"
#include "port/port.h"
#include "port/spinlock.h"
#include "startup/processor.h"
#include "startup/stacks.h"
#include "tests/target/on_cpus.h"
#include "tests/target/suite.h"

#define ROUNDS           2000u
#define TOKEN            0x5a17e000u
#define INTERRUPT_ROUNDS 5u
#define SOFTWARE         4u /* interrupts 4 to 4 + ASH_CPUS - 1: one from each CPU */
#define HZ               500u

static void nothing(void *arg)
{
    (void)arg;
}

static void note_call(void *arg)
{
    *(unsigned *)arg += 1;
}

static void requests_are_checked(void)
{
    unsigned cpus = on_cpus_there(), away = ASH_CPUS - 1, called = 0;
    unsigned long saved;
    int error;

    CHECK_EQ(ash_cpu_start(ASH_CPUS), ASH_EINVAL);
    CHECK_EQ(ash_cpu_start(0), 0);
    CHECK(ash_cpu_online(0));
    CHECK(!ash_cpu_online(ASH_CPUS));
    CHECK_EQ(ash_cpu_call(0, nothing, NULL), ASH_EINVAL);
    CHECK_EQ(ash_cpu_call(ASH_CPUS, nothing, NULL), ASH_EINVAL);
    CHECK_EQ(ash_cpu_wait(0), ASH_EINVAL);
    CHECK_EQ(ash_cpu_wait(ASH_CPUS), ASH_EINVAL);
    CHECK_EQ(ash_cpu_interrupt(ASH_CPUS, nothing, NULL), ASH_EINVAL);
    CHECK_EQ(ash_cpu_interrupt(0, NULL, NULL), ASH_EINVAL);
    saved = port_irq_save(); /* itself: with interrupts masked as well */
    error = ash_cpu_interrupt(0, note_call, &called);
    port_irq_restore(saved);
    CHECK_EQ(error, 0);
    CHECK_EQ(called, 1);
    if (cpus < ASH_CPUS) {
        CHECK_EQ(ash_cpu_start(away), ASH_ENODEV);
        CHECK(!ash_cpu_online(away));
        CHECK_EQ(ash_cpu_call(away, nothing, NULL), ASH_ENODEV);
        CHECK_EQ(ash_cpu_wait(away), ASH_ENODEV);
        CHECK_EQ(ash_cpu_interrupt(away, nothing, NULL), ASH_ENODEV);
    }
}

/* Before any is online, or the CPUs that are would meet the erratum's slow way. */
static void refuses_where_invalidation_is_not_confirmed(void)
{
    uint32_t errata = port_tlbi_errata;
    int error;

    if (on_cpus_there() < 2 || ash_cpu_online(1)) {
        target_skip("no CPU left to start");
        return;
    }
    port_tlbi_errata |= PORT_ERRATUM_CONFIRM_TLBI;
    error = ash_cpu_start(1);
    port_tlbi_errata = errata;
    CHECK_EQ(error, ASH_ENOSYS);
    CHECK(!ash_cpu_online(1));
}

static void all_start(void)
{
    unsigned cpus = on_cpus_there();

    CHECK_EQ(ash_cpus_start(), cpus);
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        CHECK(ash_cpu_online(cpu));
        CHECK_EQ(ash_cpu_start(cpu), 0);
    }
    for (unsigned cpu = 1; cpu < cpus; cpu++) {
        CHECK_EQ(ash_cpu_release(cpu, nothing, NULL), ASH_EBUSY);
        CHECK_EQ(ash_cpu_call(cpu, NULL, NULL), ASH_EINVAL);
        CHECK(!ash_cpu_busy(cpu));
    }
}

/* What a CPU is like: the same for all but for its number. */
struct likeness {
    uint32_t number, inside;
    enum ash_stack stack;
    unsigned stack_cpu;
    bool in_guard, masked;
    struct port_translation code, data;
};

static void look(void *arg)
{
    static const uint32_t constant = TOKEN;
    struct likeness *own = arg;
    struct stacks_place place = {.cpu = ASH_CPUS};
    uint32_t local;

    own->number = ash_cpu_number();
    own->inside = port_inside();
    (void)stacks_find((uintptr_t)&local, &place);
    own->stack = place.stack;
    own->stack_cpu = place.cpu;
    own->in_guard = place.in_guard;
    own->masked = on_cpus_masked();
    (void)port_translate(ash_va((uintptr_t)look & ~(uintptr_t)3), PORT_READ, &own->code);
    (void)port_translate(ash_va((uintptr_t)&constant), PORT_READ, &own->data);
}

static void each_has_its_own_stack_and_the_same_map(void)
{
    static struct likeness answer[ASH_CPUS];

    ON_CPUS_OR_SKIP();
    look(&answer[0]);
    CHECK_EQ(answer[0].number, 0);
    for (unsigned cpu = 1; cpu < on_cpus_there(); cpu++) {
        CHECK_EQ(on_cpu(cpu, look, &answer[cpu]), 0);
        CHECK_EQ(answer[cpu].number, cpu);
        CHECK_EQ(answer[cpu].inside, 0);
        CHECK_EQ(answer[cpu].stack, PROCESSOR_PROGRAM_STACK);
        CHECK_EQ(answer[cpu].stack_cpu, cpu);
        CHECK(!answer[cpu].in_guard);
        CHECK(!answer[cpu].masked);
        CHECK_EQ(answer[cpu].code.raw, answer[0].code.raw);
        CHECK_EQ(answer[cpu].data.raw, answer[0].data.raw);
    }
}

/* A word goes round: each adds its number and passes it on, with no cache operation. */
static struct {
    uint32_t turn, sum, rounds;
} ring __attribute__((aligned(64)));

static void pass_on(void *arg)
{
    unsigned own = ash_cpu_number(), cpus = on_cpus_there();

    (void)arg;
    for (uint32_t round = 0; round < ring.rounds; round++) {
        while (port_load_acquire(&ring.turn) % cpus != own) {
            if (on_cpus_late()) {
                return;
            }
        }
        ring.sum += own + 1;
        port_store_release(&ring.turn, ring.turn + 1);
    }
}

static void data_is_coherent(void)
{
    uint32_t cpus = on_cpus_there();

    ON_CPUS_OR_SKIP();
    ring.turn = ring.sum = 0;
    ring.rounds = 30;
    CHECK_EQ(on_all_cpus(pass_on, NULL), 0);
    CHECK_EQ(ring.turn, cpus * ring.rounds);
    CHECK_EQ(ring.sum, cpus * (cpus + 1) / 2 * ring.rounds);
}

static struct ash_spinlock lock = ASH_SPINLOCK(ASH_LOCK_MAP, "smp test");
static volatile uint32_t guarded;
static uint32_t counted, rounds[ASH_CPUS];

static void count_up(void *arg)
{
    uint32_t *own = &rounds[ash_cpu_number()];

    (void)arg;
    for (*own = 0; *own < ROUNDS && !on_cpus_enough(); ++*own) {
        unsigned long saved = spinlock_acquire(&lock);

        guarded = guarded + 1;
        spinlock_release(&lock, saved);
        (void)port_fetch_add(&counted, 1);
    }
}

static void locks_and_atomics_count(void)
{
    uint32_t sum = 0;

    ON_CPUS_OR_SKIP();
    guarded = 0;
    counted = 0;
    CHECK_EQ(on_all_cpus(count_up, NULL), 0);
    for (unsigned cpu = 0; cpu < on_cpus_there(); cpu++) {
        sum += rounds[cpu];
    }
    CHECK_EQ(guarded, sum);
    CHECK_EQ(counted, sum);
}

/* A call that runs until it is told to end, and what it is refused meanwhile. */
static uint32_t held, release;
static int refused[3];

static void hold(void *arg)
{
    unsigned own = ash_cpu_number(), next = *(unsigned *)arg;

    refused[0] = ash_cpu_call(own, nothing, NULL);
    refused[1] = ash_cpu_wait(own);
    refused[2] = next == 0 ? 0 : ash_cpu_call(next, nothing, NULL);
    refused[2] = next == 0 || refused[2] != 0 ? refused[2] : ash_cpu_wait(next);
    port_store_release(&held, 1);
    while (port_load_acquire(&release) == 0 && !on_cpus_late()) {
    }
}

static void calls_are_one_at_a_time(void)
{
    unsigned cpus = on_cpus_there(), next;

    ON_CPUS_OR_SKIP();
    for (unsigned cpu = 1; cpu < cpus; cpu++) {
        next = cpus == 2 ? 0 : cpu % (cpus - 1) + 1;
        held = release = 0;
        on_cpus_begin();
        CHECK_EQ(ash_cpu_call(cpu, hold, &next), 0);
        while (port_load_acquire(&held) == 0 && !on_cpus_late()) {
        }
        CHECK_EQ(ash_cpu_call(cpu, nothing, NULL), ASH_EBUSY);
        CHECK(ash_cpu_busy(cpu));
        port_store_release(&release, 1);
        CHECK_EQ(on_cpu_done(cpu), 0);
        CHECK_EQ(refused[0], ASH_EBUSY);
        CHECK_EQ(refused[1], ASH_EINVAL);
        CHECK_EQ(refused[2], 0);
        CHECK_EQ(on_cpu(cpu, nothing, NULL), 0);
    }
}

/* By whom and where a function was interrupted in. */
static struct {
    uint32_t ran, elsewhere, unmasked;
} interrupts[ASH_CPUS] __attribute__((aligned(64)));

static void note_interrupt(void *arg)
{
    unsigned own = ash_cpu_number();

    interrupts[own].ran++;
    interrupts[own].elsewhere += own != *(unsigned *)arg;
    interrupts[own].unmasked += !on_cpus_masked();
}

static uint32_t interrupt_errors;

/* All CPUs at once interrupt all, themselves too. */
static void interrupt_all(void *arg)
{
    (void)arg;
    for (uint32_t round = 0; round < INTERRUPT_ROUNDS; round++) {
        for (unsigned cpu = 0; cpu < on_cpus_there(); cpu++) {
            if (ash_cpu_interrupt(cpu, note_interrupt, &cpu) != 0) {
                (void)port_fetch_add(&interrupt_errors, 1);
            }
        }
    }
}

static void each_interrupts_each(void)
{
    unsigned cpus = on_cpus_there();

    ON_CPUS_OR_SKIP();
    port_zero(interrupts, sizeof(interrupts));
    interrupt_errors = 0;
    ash_irq_enable();
    CHECK_EQ(on_all_cpus(interrupt_all, NULL), 0);
    ash_irq_disable();
    CHECK_EQ(interrupt_errors, 0);
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        CHECK_EQ(interrupts[cpu].ran, INTERRUPT_ROUNDS * cpus);
        CHECK_EQ(interrupts[cpu].elsewhere, 0);
        CHECK_EQ(interrupts[cpu].unmasked, 0);
    }
}

/* Software interrupts of the program's own: one number for each sender. */
static uint32_t arrived[ASH_CPUS][ASH_CPUS]; /* where, from whom */
static uint32_t attached, sent;

static void arrive(void *arg)
{
    (void)port_fetch_add(&arrived[ash_cpu_number()][*(const unsigned *)arg], 1);
}

static void send_to_all(void *arg)
{
    static const unsigned numbers[] = {0, 1, 2, 3, 4, 5, 6, 7};
    unsigned own = ash_cpu_number(), cpus = on_cpus_there();

    (void)arg;
    for (unsigned from = 0; from < cpus; from++) {
        (void)ash_irq_attach(SOFTWARE + from, arrive, (void *)(uintptr_t)&numbers[from]);
    }
    (void)port_fetch_add(&attached, 1);
    while (port_load_acquire(&attached) < cpus && !on_cpus_late()) {
    }
    for (unsigned to = 0; to < cpus; to++) {
        (void)ash_irq_send(SOFTWARE + own, to);
    }
    (void)port_fetch_add(&sent, 1);
    for (unsigned from = 0; from < cpus; from++) {
        while (port_load_acquire(&arrived[own][from]) == 0 && !on_cpus_late()) {
        }
    }
}

static void software_interrupts_reach_each(void)
{
    unsigned cpus = on_cpus_there();

    ON_CPUS_OR_SKIP();
    port_zero(arrived, sizeof(arrived));
    attached = sent = 0;
    ash_irq_enable();
    CHECK_EQ(on_all_cpus(send_to_all, NULL), 0);
    ash_irq_disable();
    for (unsigned from = 0; from < cpus; from++) {
        CHECK_EQ(ash_irq_detach(SOFTWARE + from), 0);
    }
    for (unsigned to = 0; to < cpus; to++) {
        for (unsigned from = 0; from < cpus; from++) {
            CHECK_EQ(arrived[to][from], 1);
        }
    }
}

static uint32_t ticks[ASH_CPUS];

static void tick(void *arg)
{
    (void)arg;
    (void)port_fetch_add(&ticks[ash_cpu_number()], 1);
}

static void tick_a_while(void *arg)
{
    uint32_t *own = &ticks[ash_cpu_number()];

    *(int *)arg = ash_tick(HZ, tick, NULL);
    while (port_load_acquire(own) < 5 && !on_cpus_late()) {
    }
    (void)ash_tick(0, NULL, NULL);
}

static void each_has_a_timer(void)
{
    ON_CPUS_OR_SKIP();
    for (unsigned cpu = 1; cpu < on_cpus_there(); cpu++) {
        int error = ASH_EIO;

        ticks[cpu] = 0;
        CHECK_EQ(on_cpu(cpu, tick_a_while, &error), 0);
        CHECK_EQ(error, 0);
        CHECK(ticks[cpu] >= 5);
        CHECK_EQ(ticks[0], 0);
    }
}

static const struct target_case cases[] = {
    TARGET_CASE(requests_are_checked),
    TARGET_CASE(refuses_where_invalidation_is_not_confirmed),
    TARGET_CASE(all_start),
    TARGET_CASE(each_has_its_own_stack_and_the_same_map),
    TARGET_CASE(data_is_coherent),
    TARGET_CASE(locks_and_atomics_count),
    TARGET_CASE(calls_are_one_at_a_time),
    TARGET_CASE(each_interrupts_each),
    TARGET_CASE(software_interrupts_reach_each),
    TARGET_CASE(each_has_a_timer),
};
const struct target_suite suite_smp = TARGET_SUITE("smp", cases);
