/* SPDX-License-Identifier: MIT */
/*
 * Programs and tasks side by side on all CPUs; what they say comes in any order.
 */
#include <stdio.h>

#include "ashlar/board.h"
#include "ashlar/cpu.h"
#include "ashlar/exec.h"
#include "ashlar/irq.h"
#include "ashlar/lock.h"
#include "sched.h"

#define PROGRAMS 3

extern const char program_archive[], program_archive_end[];

static struct ash_process process[PROGRAMS];

/* A wait may end early without reason, the sleep does not. */
static int sleep_until(uint64_t deadline_ns)
{
    static int nobody_wakes_it;
    int error;

    do {
        error = ash_exec_wait(&nobody_wakes_it, deadline_ns);
    } while (error == 0);
    return error;
}

/* The C library serves one CPU at a time, and so does the UART. */
static size_t write(const char *bytes, size_t size)
{
    static struct ash_spinlock lock = ASH_SPINLOCK(ASH_LOCK_EXEC, "console");

    for (size_t i = 0; i < size; i++) {
        unsigned long saved = ash_lock_acquire(&lock);

        ash_board.console->put(bytes[i]);
        ash_lock_release(&lock, saved);
    }
    return size;
}

static void run(void *arg)
{
    (void)sched_run(arg);
}

int main(void)
{
    static const char *const words[PROGRAMS][2] = {
        {"hello", "world"}, {"bad", "read"}, {"spin", "50"}};
    const struct ash_archive archive = {program_archive,
                                        (size_t)(program_archive_end - program_archive)};
    struct sched_task *task[PROGRAMS];

    printf("CPUs: %u\n", ash_cpus_start());
    ash_irq_enable();
    if (sched_start() != 0) {
        return 1;
    }
    for (unsigned i = 0; i < PROGRAMS; i++) {
        struct ash_arguments arguments = {0};

        (void)ash_arguments_add(&arguments, words[i][0]);
        (void)ash_arguments_add(&arguments, words[i][1]);
        if (ash_process_create(&process[i], &archive, write, &arguments) != 0 ||
            (task[i] = sched_spawn(words[i][0], run, &process[i])) == NULL) {
            return 1;
        }
    }
    printf("slept: %s\n", ash_strerror(sleep_until(ash_exec_now() + 50000000)));
    for (unsigned i = 0; i < PROGRAMS; i++) {
        sched_join(task[i]);
        ash_process_report(&process[i], printf);
        ash_process_destroy(&process[i]);
    }
    return sched_stop();
}
