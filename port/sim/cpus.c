/* SPDX-License-Identifier: MIT */
/*
 * Several CPUs on one: each is a context of its own, and at each operation of the port another may
 * go on, as the seed decides.
 */
#include "port/sim/state.h"
#include "port/spinlock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIM_ASAN 1
#endif
#endif
#ifdef SIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_BYTES   ((size_t)256 << 10)
#define SWITCH_ONE_IN 8u
#define WAITS_MAX     1000000u

struct sim_cpu_state sim_cpu_states[SIM_CPUS];
unsigned sim_cpu_count = 1;
unsigned sim_cpu;
bool sim_irq_masked;
unsigned sim_inside;
bool sim_stepping;
unsigned sim_moments;
void (*sim_interrupt)(void);

/* A context: a CPU of a run, or the caller of sim_run(). */
struct context {
    ucontext_t registers;
    void *fake_stack; /* of the address sanitizer */
    const void *stack;
    size_t stack_bytes;
    bool ended;
};

static struct {
    struct context caller, cpu[SIM_CPUS];
    unsigned cpus, waits;
    unsigned current; /* which of them goes on; the test may be another CPU meanwhile */
    void (*body)(void *arg);
    void *arg;
} run;
static unsigned char *stacks;
static uint32_t seed_of_run, random_state = 1;
static uint32_t spins;

void sim_cpus_start(void)
{
    memset(sim_cpu_states, 0, sizeof sim_cpu_states);
    sim_cpu_count = 1;
    sim_cpu = 0;
    sim_irq_masked = false;
    sim_moments = 0;
    sim_inside = 0;
    spins = 0;
#if ASH_CHECK >= 2
    spinlock_forget_held();
#endif
}

uint32_t sim_seed_of_run(void)
{
    return seed_of_run;
}

uint32_t sim_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

void sim_set_cpus(unsigned count)
{
    if (count == 0 || count > SIM_CPUS || sim_cpu != 0) {
        sim_broken(SIM_MISUSE, "%u CPUs", count);
    }
    for (; sim_cpu_count < count; sim_cpu_count++) {
        sim_cpu_states[sim_cpu_count] = (struct sim_cpu_state){.regime = sim_regime};
        if (sim_hostile) {
            unsigned self = sim_cpu;

            sim_on_cpu(sim_cpu_count);
            sim_tables_sync(false);
            sim_on_cpu(self);
        }
    }
    sim_cpu_count = count;
}

void sim_on_cpu(unsigned cpu)
{
    sim_this()->regime = sim_regime;
    sim_this()->irq_masked = sim_irq_masked;
    sim_cpu = cpu;
    sim_regime = sim_this()->regime;
    sim_irq_masked = sim_this()->irq_masked;
}

/* From one context to another; the state of the CPU is changed already. */
static void go(struct context *from, struct context *to)
{
#ifdef SIM_ASAN
    __sanitizer_start_switch_fiber(from->ended ? NULL : &from->fake_stack, to->stack,
                                   to->stack_bytes);
#endif
    swapcontext(&from->registers, &to->registers);
#ifdef SIM_ASAN
    __sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
#endif
}

static struct context *here(void)
{
    return &run.cpu[run.current];
}

/* The n-th CPU from this one on, counted round, that has not ended; this one if there is none. */
static unsigned other(unsigned n)
{
    unsigned cpu = run.current;

    for (unsigned tries = 0; n > 0 && tries < SIM_CPUS * SIM_CPUS; tries++) {
        cpu = (cpu + 1) % run.cpus;
        n -= cpu != run.current && !run.cpu[cpu].ended;
    }
    return n == 0 ? cpu : run.current;
}

static void switch_to(unsigned cpu)
{
    struct context *from = here();

    if (cpu != run.current) {
        run.current = cpu;
        sim_on_cpu(cpu);
        go(from, here());
    }
}

void sim_switch(bool waiting)
{
    if (waiting) {
        if (++run.waits > WAITS_MAX || other(1) == run.current) {
            sim_broken(SIM_MISUSE, "CPU %u waits for a lock that is never released", sim_cpu);
        }
        switch_to(other(1 + (seed_of_run != 0 ? sim_random() % run.cpus : 0)));
    } else if (run.cpus > 1 && seed_of_run != 0 && sim_random() % SWITCH_ONE_IN == 0) {
        switch_to(other(1 + sim_random() % run.cpus));
    }
}

/* Where each CPU starts. */
static void enter(void)
{
    struct context *self;

#ifdef SIM_ASAN
    const void *stack;
    size_t bytes;

    __sanitizer_finish_switch_fiber(NULL, &stack, &bytes);
    if (run.caller.stack == NULL) { /* the first CPU comes from there */
        run.caller.stack = stack;
        run.caller.stack_bytes = bytes;
    }
#endif
    run.body(run.arg);
    self = here();
    self->ended = true;
    for (unsigned cpu = 0; cpu < run.cpus; cpu++) {
        if (!run.cpu[cpu].ended) {
            run.current = cpu;
            sim_on_cpu(cpu);
            go(self, here());
        }
    }
    go(self, &run.caller);
}

void sim_leave(void)
{
    here()->ended = true;
    go(here(), &run.caller);
    abort();
}

static void prepare(struct context *context, unsigned char *stack)
{
    memset(context, 0, sizeof *context);
#ifdef SIM_ASAN
    __asan_unpoison_memory_region(stack, STACK_BYTES); /* what an earlier run left there */
#endif
    context->stack = stack;
    context->stack_bytes = STACK_BYTES;
    getcontext(&context->registers);
    context->registers.uc_stack.ss_sp = stack;
    context->registers.uc_stack.ss_size = STACK_BYTES;
    context->registers.uc_link = NULL;
    makecontext(&context->registers, enter, 0);
}

bool sim_run(unsigned cpus, void (*body)(void *arg), void *arg, uint32_t seed,
             struct sim_verdict *verdict)
{
    struct sim_verdict own;

    if (stacks == NULL) {
        stacks = malloc(SIM_CPUS * STACK_BYTES);
    }
    if (stacks == NULL || sim_stepping || cpus == 0 || cpus > SIM_CPUS) {
        sim_broken(SIM_MISUSE, "a run of %u CPUs cannot start", cpus);
    }
    if (cpus > sim_cpu_count) {
        sim_set_cpus(cpus);
    }
    verdict = verdict != NULL ? verdict : &own;
    *verdict = (struct sim_verdict){0};
    run.cpus = cpus;
    run.waits = 0;
    run.current = 0;
    run.body = body;
    run.arg = arg;
    run.caller = (struct context){.ended = false};
    seed_of_run = seed;
    random_state = seed != 0 ? seed : 1;
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        prepare(&run.cpu[cpu], stacks + cpu * STACK_BYTES);
    }
    sim_watched = verdict == &own ? NULL : verdict;
    sim_stepping = true;
    sim_on_cpu(0);
    go(&run.caller, &run.cpu[0]);
    sim_stepping = false;
    sim_watched = NULL;
    sim_on_cpu(0);
    return verdict->rule == 0;
}

unsigned port_inside(void)
{
    return sim_inside;
}

unsigned port_cpu(void)
{
    return sim_cpu;
}

void sim_moment(void)
{
    if (sim_irq_masked || --sim_moments != 0) {
        return;
    }
    sim_irq_masked = true;
    sim_clear_exclusive(); /* as exceptions do */
    sim_inside++;
    sim_interrupt();
    sim_inside--;
    sim_exception_return();
    sim_irq_masked = false;
}

unsigned long port_irq_save(void)
{
    unsigned long saved;

    sim_let_in();
    saved = sim_irq_masked;
    sim_irq_masked = true;
    return saved;
}

void port_irq_restore(unsigned long saved)
{
    sim_irq_masked = saved != 0;
    sim_let_in();
}

void port_irq_unmask(void)
{
    sim_irq_masked = false;
    sim_let_in();
}

void port_wait_event(void)
{
    if (sim_stepping) {
        sim_switch(true);
    } else if (++spins > 10000000) {
        sim_broken(SIM_MISUSE, "waits forever: a lock that is never released");
    }
}

void port_send_event(void)
{
    spins = 0;
    run.waits = 0;
    sim_step();
}

void port_wait_interrupt(void)
{
    sim_broken(SIM_MISUSE, "waits for an interrupt that never comes");
}
