/* SPDX-License-Identifier: MIT */
/*
 * The prompt's `run`: programs of the archive, each a task of the scheduler, on all CPUs.
 */
#include "firmware/programs.h"

#include <stdio.h>
#include <string.h>

#include "ashlar/board.h"
#include "ashlar/lock.h"
#include "examples/sched/sched.h"
#include "firmware/prompt.h"

#define PROGRAMS 8u /* at once */

extern const char program_archive[], program_archive_end[];

static struct run {
    struct ash_process process;
    struct ash_arguments arguments;
    struct sched_task *task; /* NULL: it never ran */
    int error;               /* why there is no process */
} runs[PROGRAMS];

/* Programs write on several CPUs, and a UART takes one character at a time: who sees room for one
 * is the only one to fill it. */
static struct ash_spinlock console = ASH_SPINLOCK(ASH_LOCK_EXEC, "console");

struct ash_archive programs(void)
{
    return (struct ash_archive){program_archive,
                                (uintptr_t)program_archive_end - (uintptr_t)program_archive};
}

static void list(void)
{
    struct ash_archive archive = programs();
    struct ash_archive_file file = {.next = 0};

    while (ash_archive_next(&archive, &file) == 0) {
        printf("  %-10s %6lu bytes\n", file.name, (unsigned long)file.size);
    }
}

/* A program's line may be cut by another one's. */
static size_t write(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned long saved = ash_lock_acquire(&console);

        if (bytes[i] == '\n') {
            ash_board.console->put('\r');
        }
        ash_board.console->put(bytes[i]);
        ash_lock_release(&console, saved);
    }
    return size;
}

static void run_process(void *arg)
{
    struct run *run = arg;

    (void)sched_run(&run->process);
}

/* Words up to `end` are arguments. */
static int read_arguments(struct ash_arguments *arguments, const char *line, const char *end)
{
    char word[64];
    int error = 0;

    *arguments = (struct ash_arguments){0};
    while (error == 0) {
        size_t length;

        line += strspn(line, " ");
        length = line < end ? strcspn(line, " &") : 0;
        if (length == 0) {
            return arguments->count == 0 ? ASH_EINVAL : 0;
        }
        if (length >= sizeof word) {
            return ASH_ERANGE;
        }
        memcpy(word, line, length);
        word[length] = '\0';
        error = ash_arguments_add(arguments, word);
        line += length;
    }
    return error;
}

static void tell(const struct run *run, int error)
{
    if (run->arguments.count == 0) {
        printf("run: program %u: %s\n", (unsigned)(run - runs) + 1, ash_strerror(error));
    } else {
        printf("run: %s: %s\n", run->arguments.text, ash_strerror(error));
    }
}

/* A process for each part between two `&`; returns the number of parts. */
static unsigned create_all(const struct ash_archive *archive, const char *line)
{
    unsigned count = 0;

    while (line != NULL) {
        const char *end = line + strcspn(line, "&");
        struct run *run = &runs[count++];

        run->task = NULL;
        run->error = read_arguments(&run->arguments, line, end);
        if (run->error == 0) {
            run->error = ash_process_create(&run->process, archive, write, &run->arguments);
        }
        if (run->error != 0) {
            tell(run, run->error);
        }
        line = *end == '&' ? end + 1 : NULL;
    }
    return count;
}

/* From here until the last has ended, only programs print. */
static void run_all(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (runs[i].error == 0) {
            runs[i].task = sched_spawn("program", run_process, &runs[i]);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (runs[i].task != NULL) {
            sched_join(runs[i].task);
        }
    }
}

static void report_all(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (runs[i].error != 0) {
            continue;
        }
        if (runs[i].task != NULL) {
            ash_process_report(&runs[i].process, printf);
        } else {
            tell(&runs[i], ASH_ENOMEM);
        }
        ash_process_destroy(&runs[i].process);
    }
}

static unsigned separators_in(const char *line)
{
    unsigned count = 0;

    for (; *line != '\0'; line++) {
        count += *line == '&';
    }
    return count;
}

void programs_run(const char *line)
{
    const struct ash_archive archive = programs();
    unsigned count;
    int error;

    if (*line == '\0') {
        list();
        return;
    }
    if (separators_in(line) >= PROGRAMS) {
        printf("run: at most %u programs at once\n", PROGRAMS);
        return;
    }
    error = sched_start();
    if (error != 0) {
        printf("run: %s\n", ash_strerror(error));
        return;
    }
    count = create_all(&archive, line);
    run_all(count);
    report_all(count);
    (void)sched_stop();
}
