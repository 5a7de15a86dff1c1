/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: who runs, who is ready, who waits. One lock for all of it, which a CPU holds while
 * it goes from one task to another: whoever takes a task from the ready list finds it complete.
 */
#include "sched.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "ashlar/context.h"
#include "ashlar/cpu.h"
#include "ashlar/exec.h"
#include "ashlar/irq.h"
#include "ashlar/lock.h"
#include "ashlar/vmap.h"

#define STACK_BYTES 16384u
#define COUNTS      16u /* of wakes: a channel belongs to one of them */

enum state { READY, RUNNING, WAITING, DONE };

struct sched_task {
    struct ash_context context;
    TAILQ_ENTRY(sched_task) link; /* in the ready or the waiting list */
    enum state state;
    void (*function)(void *arg);
    void *arg, *stack;
    unsigned long interrupts; /* what a task starts with */
    const void *channel;      /* that it last waited on, or does */
    uint64_t seen;            /* wakes there when that ended */
    uint64_t deadline;
    int woken; /* how the wait ended */
};

static struct {
    struct ash_spinlock lock;
    TAILQ_HEAD(task_list, sched_task) ready, waiting;
    bool main_ready;        /* the main task is in no list: it runs on CPU 0 only */
    unsigned tasks;         /* besides that one and the idle ones */
    uint64_t wakes[COUNTS]; /* 0: none ever */
    volatile bool running;
} sched = {.lock = ASH_SPINLOCK(ASH_LOCK_EXEC, "sched")};

static struct sched_task main_task;

static struct cpu {
    struct sched_task *current; /* NULL: takes no part */
    struct sched_task idle;
    bool called;        /* takes part, or will */
    volatile bool turn; /* the timer came since a program began its turn */
} cpus[ASH_CPUS];

static unsigned count_of(const void *channel)
{
    return ((uint32_t)(uintptr_t)channel * 0x9e3779b1u) >> 28;
}

/* A task is on another CPU only after go_on(). */
static struct cpu *this_cpu(void)
{
    return &cpus[ash_cpu_number()];
}

/* Whether this CPU has a task to go to. */
static bool is_ready(void)
{
    return !TAILQ_EMPTY(&sched.ready) || (sched.main_ready && ash_cpu_number() == 0);
}

/* Wakes a CPU that sleeps for what is ready; when it has taken one, it does the same for the rest.
 * The lock is held. */
static void wake_cpu(void)
{
    unsigned last = TAILQ_EMPTY(&sched.ready) ? sched.main_ready : ASH_CPUS;

    for (unsigned cpu = 0; cpu < last; cpu++) {
        if (cpus[cpu].current == &cpus[cpu].idle && cpu != ash_cpu_number()) {
            (void)ash_irq_send(ASH_CPU_IRQ_RUN, cpu);
            break;
        }
    }
}

static void make_ready(struct sched_task *task)
{
    task->state = READY;
    if (task == &main_task) {
        sched.main_ready = true;
    } else {
        TAILQ_INSERT_TAIL(&sched.ready, task, link);
    }
    wake_cpu();
}

static struct sched_task *take_ready(void)
{
    struct sched_task *task = TAILQ_FIRST(&sched.ready);

    if (sched.main_ready && ash_cpu_number() == 0) {
        sched.main_ready = false;
        return &main_task;
    }
    if (task != NULL) {
        TAILQ_REMOVE(&sched.ready, task, link);
    }
    return task;
}

/* Goes on with the next task; back when it is this one's turn again, perhaps on another CPU. The
 * lock is held. A space stays current only as long as the task runs. */
static void go_on(void)
{
    struct cpu *cpu = this_cpu();
    struct sched_task *self = cpu->current, *next = take_ready();

    if (next == NULL && self->state == RUNNING) {
        return;
    }
    cpu->current = next != NULL ? next : &cpu->idle;
    cpu->turn = false;
    if (self->state == RUNNING && self != &cpu->idle) {
        make_ready(self);
    } else {
        wake_cpu();
    }
    cpu->current->state = RUNNING;
    if (ash_space_current() != NULL) {
        ash_space_leave();
    }
    ash_context_switch(&self->context, &cpu->current->context);
}

/* A space that was current before is so again: not under the lock. */
static void let_go(unsigned long saved, struct ash_space *space)
{
    ash_lock_release(&sched.lock, saved);
    if (space != NULL) {
        ash_space_switch(space);
    }
}

void sched_yield(void)
{
    struct ash_space *space = ash_space_current();
    unsigned long saved = ash_lock_acquire(&sched.lock);

    go_on();
    let_go(saved, space);
}

static void *current(void)
{
    return this_cpu()->current;
}

static int wait(const void *channel, uint64_t deadline_ns)
{
    const uint64_t *wakes = &sched.wakes[count_of(channel)];
    struct ash_space *space = ash_space_current();
    unsigned long saved = ash_lock_acquire(&sched.lock);
    struct sched_task *self = this_cpu()->current;

    /* What came since it waited on an earlier channel is not known any more. */
    self->seen = self->channel == channel ? self->seen : 0;
    self->channel = channel;
    self->woken = 0;
    if (*wakes == self->seen) {
        self->deadline = deadline_ns;
        self->state = WAITING;
        TAILQ_INSERT_TAIL(&sched.waiting, self, link);
        go_on();
    }
    if (self->woken == 0) {
        self->seen = *wakes;
    }
    let_go(saved, space);
    return self->woken;
}

/* Ends the waits for a channel, or those whose deadline has come. The lock is held. */
static void end_waits(const void *channel, bool late)
{
    struct sched_task *task, *next;

    for (task = TAILQ_FIRST(&sched.waiting); task != NULL; task = next) {
        next = TAILQ_NEXT(task, link);
        if (late ? task->deadline <= ash_now_ns() : task->channel == channel) {
            TAILQ_REMOVE(&sched.waiting, task, link);
            task->woken = late ? ASH_ETIMEDOUT : 0;
            make_ready(task);
        }
    }
}

static void wake(const void *channel)
{
    unsigned long saved = ash_lock_acquire(&sched.lock);

    sched.wakes[count_of(channel)]++;
    end_waits(channel, false);
    ash_lock_release(&sched.lock, saved);
}

/* One CPU looks after deadlines: the lock is not for each tick of each. */
static void tick(void *arg)
{
    (void)arg;
    this_cpu()->turn = true;
    if (ash_cpu_number() == 0 && !TAILQ_EMPTY(&sched.waiting)) {
        unsigned long saved = ash_lock_acquire(&sched.lock);

        end_waits(NULL, true);
        ash_lock_release(&sched.lock, saved);
    }
}

static const struct ash_exec_ops ops = {current, wait, wake, ash_now_ns};

/* The first of each task: it comes with the lock held. */
static void run_task(void *arg)
{
    struct sched_task *self = arg;

    ash_lock_release(&sched.lock, self->interrupts);
    self->function(self->arg);
    (void)ash_lock_acquire(&sched.lock);
    self->state = DONE;
    sched.wakes[count_of(self)]++;
    end_waits(self, false);
    go_on();
    abort();
}

static int make_task(struct sched_task *task, const char *name, void (*function)(void *arg),
                     void *arg)
{
    task->stack = ash_stack_create(name, STACK_BYTES);
    if (task->stack == NULL) {
        return ASH_ENOMEM;
    }
    task->function = function;
    task->arg = arg;
    return ash_context_init(&task->context, task->stack, STACK_BYTES, run_task, task);
}

struct sched_task *sched_spawn(const char *name, void (*function)(void *arg), void *arg)
{
    struct sched_task *task = calloc(1, sizeof *task);

    if (task == NULL || make_task(task, name, function, arg) != 0) {
        free(task);
        return NULL;
    }
    task->interrupts = ash_lock_acquire(&sched.lock);
    sched.tasks++;
    make_ready(task);
    ash_lock_release(&sched.lock, task->interrupts);
    return task;
}

void sched_join(struct sched_task *task)
{
    unsigned long saved;

    while (__atomic_load_n(&task->state, __ATOMIC_ACQUIRE) != DONE) {
        (void)wait(task, ASH_EXEC_NEVER);
    }
    saved = ash_lock_acquire(&sched.lock); /* its CPU has left it */
    sched.tasks--;
    ash_lock_release(&sched.lock, saved);
    ash_stack_destroy(task->stack);
    free(task);
}

/* What a CPU does that has no task. It looks without the lock: whoever makes one ready sends an
 * interrupt, and sched_yield() looks again. */
static void idle(void *arg)
{
    (void)arg;
    while (sched.running) {
        ash_irq_disable();
        while (sched.running && !is_ready()) {
            ash_cpu_idle();
        }
        ash_irq_enable();
        sched_yield();
    }
}

/* As a call of a CPU: what called is the idle task. */
static void take_part(void *arg)
{
    struct cpu *cpu = this_cpu();

    cpu->idle.state = RUNNING;
    cpu->current = &cpu->idle;
    if (ash_tick(SCHED_HZ, tick, NULL) == 0) {
        idle(arg);
    }
    (void)ash_tick(0, NULL, NULL);
    cpu->current = NULL;
}

int sched_start(void)
{
    struct cpu *own = this_cpu();
    int error;

    if (sched.running) {
        return ASH_EBUSY;
    }
    TAILQ_INIT(&sched.ready);
    TAILQ_INIT(&sched.waiting);
    error = make_task(&own->idle, "idle", idle, NULL);
    error = error != 0 ? error : ash_tick(SCHED_HZ, tick, NULL);
    if (error != 0) {
        ash_stack_destroy(own->idle.stack);
        return error;
    }
    main_task = (struct sched_task){.state = RUNNING};
    own->current = &main_task;
    own->idle.interrupts = ash_lock_acquire(&sched.lock);
    ash_lock_release(&sched.lock, own->idle.interrupts);
    sched.running = true;
    (void)ash_exec_use(&ops);
    for (unsigned cpu = 1; cpu < ASH_CPUS; cpu++) {
        cpus[cpu].called = ash_cpu_call(cpu, take_part, NULL) == 0;
    }
    return 0;
}

int sched_stop(void)
{
    if (sched.tasks != 0) {
        return ASH_EBUSY;
    }
    sched.running = false;
    for (unsigned cpu = 1; cpu < ASH_CPUS; cpu++) {
        if (cpus[cpu].called) {
            (void)ash_irq_send(ASH_CPU_IRQ_RUN, cpu);
            (void)ash_cpu_wait(cpu);
        }
    }
    (void)ash_tick(0, NULL, NULL);
    (void)ash_exec_use(NULL);
    cpus[0].current = NULL;
    ash_stack_destroy(cpus[0].idle.stack);
    return 0;
}

enum ash_process_event sched_run(struct ash_process *process)
{
    enum ash_process_event event;

    do {
        event = ash_process_run(process);
        if (event == ASH_PROCESS_YIELD || (event == ASH_PROCESS_INTERRUPT && this_cpu()->turn)) {
            sched_yield();
        }
    } while (event == ASH_PROCESS_YIELD || event == ASH_PROCESS_INTERRUPT);
    return event;
}
