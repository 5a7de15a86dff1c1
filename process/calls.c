/* SPDX-License-Identifier: MIT */
/*
 * The calls of programs. Runs on the stack of whoever runs the process, with the process's space
 * current; nothing that a program passes is trusted.
 */
#include "process/process.h"

#define WRITE_BYTES 128u /* that are copied at a time */

#define ACCESS (ASH_CALL_WRITABLE | ASH_CALL_EXECUTABLE)
_Static_assert(ASH_CALL_WRITABLE == ASH_MMU_WRITE && ASH_CALL_EXECUTABLE == ASH_MMU_EXEC,
               "access is passed on");

static intptr_t call_exit(struct ash_process *process, const uintptr_t *argument)
{
    process->code = (int)argument[0];
    process->event = ASH_PROCESS_EXIT;
    return 0;
}

static intptr_t call_write(struct ash_process *process, const uintptr_t *argument)
{
    uintptr_t from = argument[1], size = argument[2], written = 0;
    int error = 0;

    if (argument[0] != 1 && argument[0] != 2) {
        return ASH_EINVAL;
    }
    while (written < size && error == 0) {
        char bytes[WRITE_BYTES];
        size_t part = size - written < WRITE_BYTES ? size - written : WRITE_BYTES, done, taken;

        error = ash_user_read(bytes, ash_va(from + written), part, &done);
        taken = done == 0 ? 0 : process->write(bytes, done);
        written += taken;
        if (taken < done) {
            break;
        }
    }
    return error != 0 && written == 0 ? error : (intptr_t)written;
}

static intptr_t call_yield(struct ash_process *process, const uintptr_t *argument)
{
    (void)argument;
    process->event = ASH_PROCESS_YIELD;
    return 0;
}

static intptr_t call_exec(struct ash_process *process, const uintptr_t *argument)
{
    (void)argument;
    process->event = PROCESS_EXEC;
    return 0;
}

/* A range that a program may change: above what is never mapped, below the page at the end. */
static int check_range(uintptr_t address, uintptr_t size)
{
    uintptr_t low = ash_space_base().value + PROCESS_LOW;
    uintptr_t high = ash_space_base().value + (uintptr_t)(ash_space_size() - ASH_PAGE_SIZE);

    if (size == 0) {
        return ASH_EINVAL;
    }
    if (address % ASH_PAGE_SIZE != 0 || size % ASH_PAGE_SIZE != 0) {
        return ASH_EALIGN;
    }
    return address < low || address >= high || size > high - address ? ASH_ERANGE : 0;
}

static int check_access(uintptr_t access)
{
    return (access & ~(uintptr_t)ACCESS) != 0 ? ASH_EINVAL : 0;
}

static intptr_t call_map(struct ash_process *process, const uintptr_t *argument)
{
    struct ash_space *space = &process->space[process->in];
    ash_va_t va = ash_va(argument[0]);
    uintptr_t size = argument[1];
    int error = check_range(va.value == 0 ? process_map_low().value : va.value, size);

    if (error == 0) {
        error = check_access(argument[2]);
    }
    if (error == 0 && va.value == 0) {
        error = anonymous_find(space, process_map_low(), process_map_high(), size, &va);
    }
    if (error == 0) {
        error = anonymous_map(space, va, size, (ash_mmu_attr_t)argument[2], NULL);
    }
    return error != 0 ? error : (intptr_t)va.value;
}

static intptr_t call_unmap(struct ash_process *process, const uintptr_t *argument)
{
    int error = check_range(argument[0], argument[1]);

    if (error == 0) {
        anonymous_unmap(&process->space[process->in], ash_va(argument[0]), argument[1]);
    }
    return error;
}

static intptr_t call_protect(struct ash_process *process, const uintptr_t *argument)
{
    int error = check_range(argument[0], argument[1]);

    if (error == 0) {
        error = check_access(argument[2]);
    }
    return error != 0 ? error
                      : anonymous_protect(&process->space[process->in], ash_va(argument[0]),
                                          argument[1], (ash_mmu_attr_t)argument[2]);
}

static ash_va_t page_up(ash_va_t va)
{
    return ash_va((va.value + ASH_PAGE_SIZE - 1) & ~(ASH_PAGE_SIZE - 1));
}

static intptr_t call_brk(struct ash_process *process, const uintptr_t *argument)
{
    struct ash_space *space = &process->space[process->in];
    ash_va_t from = page_up(process->heap_end), to;
    int error = 0;

    if (argument[0] == 0) {
        return (intptr_t)process->heap_end.value;
    }
    if (argument[0] < process->heap.value || argument[0] > process_map_low().value) {
        return ASH_ERANGE;
    }
    to = page_up(ash_va(argument[0]));
    if (to.value > from.value) {
        error = anonymous_map(space, from, to.value - from.value, ASH_MMU_WRITE, NULL);
    } else if (to.value < from.value) {
        anonymous_unmap(space, to, from.value - to.value);
    }
    if (error != 0) {
        return error;
    }
    process->heap_end = ash_va(argument[0]);
    return (intptr_t)argument[0];
}

static intptr_t (*const calls[])(struct ash_process *process, const uintptr_t *argument) = {
    [ASH_CALL_EXIT] = call_exit,       [ASH_CALL_WRITE] = call_write, [ASH_CALL_YIELD] = call_yield,
    [ASH_CALL_EXEC] = call_exec,       [ASH_CALL_MAP] = call_map,     [ASH_CALL_UNMAP] = call_unmap,
    [ASH_CALL_PROTECT] = call_protect, [ASH_CALL_BRK] = call_brk,
};

bool process_call(struct ash_user *user)
{
    struct ash_process *process = (struct ash_process *)(void *)user; /* it is the first in it */
    uintptr_t number = ash_user_number(user);
    intptr_t result = ASH_ENOSYS;

    process->event = PROCESS_GOES_ON;
    if (number < sizeof calls / sizeof calls[0] && calls[number] != NULL) {
        uintptr_t argument[3];

        for (unsigned i = 0; i < 3; i++) {
            argument[i] = ash_user_argument(user, i);
        }
        result = calls[number](process, argument);
    }
    if (process->event != PROCESS_EXEC) { /* which still wants its argument */
        ash_user_return(user, result);
    }
    return process->event == PROCESS_GOES_ON;
}
