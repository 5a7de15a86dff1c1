/* SPDX-License-Identifier: MIT */
/*
 * From one context of the firmware to another, and a program from its file to its end.
 */
#include "ashlar/context.h"
#include "ashlar/process.h"
#include "bench/bench.h"

#define SWITCHES 256u
#define PROGRAMS 16u

extern const char program_archive[], program_archive_end[];

static struct bench bench;
static struct ash_context here, there;
static unsigned char stack[ASH_CONTEXT_STACK] __attribute__((aligned(16)));
static unsigned rounds;

/* Every second switch begins here. */
static void come_back(void *arg)
{
    (void)arg;
    for (;;) {
        rounds++;
        ash_context_switch(&there, &here);
    }
}

static void context_switch(void)
{
    unsigned long saved = port_irq_save();

    BENCH_CHECK(ash_context_init(&there, stack, sizeof stack, come_back, NULL) == 0);
    ash_context_switch(&here, &there);
    bench_start(&bench, "context-switch");
    for (unsigned i = 0; i < SWITCHES; i++) {
        BENCH(&bench, ash_context_switch(&here, &there));
    }
    BENCH_CHECK(rounds == SWITCHES + 1);
    port_irq_restore(saved);
    bench_print(&bench, 2); /* there and back */
}

static size_t drop(const char *bytes, size_t size)
{
    (void)bytes;
    return size;
}

static int run_program(struct ash_process *process, const struct ash_archive *archive,
                       const struct ash_arguments *arguments)
{
    int error = ash_process_create(process, archive, drop, arguments);

    if (error == 0) {
        while (ash_process_run(process) != ASH_PROCESS_EXIT) {
        }
        ash_process_destroy(process);
    }
    return error != 0 ? error : process->code;
}

static void program(void)
{
    static struct ash_process process;
    const struct ash_archive archive = {program_archive,
                                        (size_t)(program_archive_end - program_archive)};
    struct ash_arguments arguments = {0};

    BENCH_CHECK(ash_arguments_add(&arguments, "hello") == 0);
    bench_start(&bench, "program-hello");
    for (unsigned i = 0; i < PROGRAMS; i++) {
        int code = -1;

        BENCH(&bench, code = run_program(&process, &archive, &arguments));
        BENCH_CHECK(code == 0);
    }
    bench_print(&bench, 1);
}

void bench_exec(void)
{
    context_switch();
    program();
}
