/* SPDX-License-Identifier: MIT */
/*
 * A small scheduler: tasks of the firmware, each a context with a stack of its own, on all CPUs.
 * They give the processor up when they wait, yield or end; the programs that they run take turns by
 * the timer. It implements the execution model (ashlar/exec.h), for the CPUs that take part.
 */
#ifndef SCHED_H
#define SCHED_H

#include "ashlar/process.h"

/** Turns of programs a second. */
#define SCHED_HZ 100u

struct sched_task;
/**
 * The caller, CPU 0's program, becomes a task, which stays on CPU 0; all CPUs that are online and
 * run no call take part, others must not wait. Interrupts are enabled. Errors: ASH_ENOMEM,
 * ASH_EBUSY, of ash_tick().
 */
int sched_start(void);

/** Back to one program: by the task that started. Errors: ASH_EBUSY (there are other tasks). */
int sched_stop(void);

/** A task that runs function(arg) on any CPU; `name` is kept. NULL: no memory. */
struct sched_task *sched_spawn(const char *name, void (*function)(void *arg), void *arg);

/** Waits until a task has ended, and forgets it. Once for each task. */
void sched_join(struct sched_task *task);
/** Other tasks that are ready go first. */
void sched_yield(void);

/** Runs a process until it has ended (ASH_PROCESS_EXIT or ASH_PROCESS_FAULT), in turns. */
enum ash_process_event sched_run(struct ash_process *process);

#endif
