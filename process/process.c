/* SPDX-License-Identifier: MIT */
/*
 * Processes: made, run, ended.
 */
#include "process/process.h"

#include "port/port.h"

int ash_process_create(struct ash_process *process, const struct ash_archive *programs,
                       size_t (*write)(const char *bytes, size_t size),
                       const struct ash_arguments *arguments)
{
    if (arguments->count == 0 || write == NULL) {
        return ASH_EINVAL;
    }
    if (ash_space_size() == 0) {
        return ASH_ENODEV;
    }
    port_zero(process, sizeof *process);
    process->programs = programs;
    process->write = write;
    return process_load(process, arguments);
}

/* The program asks for another one: the arguments are read while its own space is current. */
static int exec(struct ash_process *process)
{
    struct ash_space *old = &process->space[process->in];
    struct ash_arguments arguments;
    int error = arguments_read(&arguments, ash_va(ash_user_argument(&process->user, 0)));

    ash_space_leave();
    if (error == 0) {
        error = process_load(process, &arguments);
    }
    if (error == 0) {
        process_unload(old);
    } else {
        ash_user_return(&process->user, error);
    }
    return ASH_PROCESS_YIELD;
}

/* The page was a hole in a break-before-make by another CPU, and is none any more. */
static bool passes_now(struct ash_process *process)
{
    const struct ash_trap *trap = &process->trap;
    ash_mmu_attr_t access = ASH_MMU_USER;

    if (trap->cause != ASH_CAUSE_TRANSLATION || !trap->address_valid) {
        return false;
    }
    if (trap->kind == ASH_TRAP_PREFETCH) {
        access |= ASH_MMU_EXEC;
    } else if (trap->write) {
        access |= ASH_MMU_WRITE;
    }
    return ash_space_retry(&process->space[process->in], ash_va(trap->address), access) == 0;
}

enum ash_process_event ash_process_run(struct ash_process *process)
{
    ash_space_switch(&process->space[process->in]);
    switch (ash_user_run(&process->user, &process->trap)) {
    case ASH_USER_CALL:
        if (process->event == PROCESS_EXEC) {
            process->event = exec(process);
        }
        break;
    case ASH_USER_INTERRUPT:
        process->event = ASH_PROCESS_INTERRUPT;
        break;
    case ASH_USER_FAULT:
        process->event = passes_now(process) ? ASH_PROCESS_INTERRUPT : ASH_PROCESS_FAULT;
        break;
    }
    ash_space_leave();
    return (enum ash_process_event)process->event;
}

void ash_process_report(const struct ash_process *process, ash_print_fn print)
{
    if (process->event == ASH_PROCESS_FAULT) {
        ash_user_report(&process->user, &process->trap, print);
    } else if (process->event == ASH_PROCESS_EXIT) {
        print("program %s: ended with %d\n", process->name, process->code);
    } else {
        print("program %s: has not ended\n", process->name);
    }
}

void ash_process_destroy(struct ash_process *process)
{
    process_unload(&process->space[process->in]);
}
