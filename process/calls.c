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

/* How a call ends: with a result, and the program goes on; or with an event. */
static inline bool result(struct ash_process *process, intptr_t value)
{
    ash_user_return(&process->user, value);
    return true;
}

static inline bool event(struct ash_process *process, int what)
{
    process->event = what;
    return false;
}

/* A result of what may have taken its time: as if an interrupt had come, so that who runs the
 * process learns of those that really did. A program that is hardly ever in user mode has no more
 * than its turn. */
static bool took_time(struct ash_process *process, intptr_t value)
{
    (void)result(process, value);
    return event(process, ASH_PROCESS_INTERRUPT);
}

static inline uintptr_t argument(const struct ash_process *process, unsigned n)
{
    return ash_user_argument(&process->user, n);
}

static bool call_exit(struct ash_process *process)
{
    process->code = (int)argument(process, 0);
    return event(process, ASH_PROCESS_EXIT);
}

static bool call_write(struct ash_process *process)
{
    uintptr_t handle = argument(process, 0), from = argument(process, 1);
    uintptr_t size = argument(process, 2), written = 0;
    int error = 0;

    if (handle != 1 && handle != 2) {
        return result(process, ASH_EINVAL);
    }
    size = size < ASH_CALL_WRITE_MOST ? size : ASH_CALL_WRITE_MOST;
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
    return took_time(process, error != 0 && written == 0 ? error : (intptr_t)written);
}

static bool call_yield(struct ash_process *process)
{
    (void)result(process, 0);
    return event(process, ASH_PROCESS_YIELD);
}

static bool call_exec(struct ash_process *process)
{
    return event(process, PROCESS_EXEC);
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

static bool call_map(struct ash_process *process)
{
    struct ash_space *space = &process->space[process->in];
    ash_va_t va = ash_va(argument(process, 0));
    uintptr_t size = argument(process, 1), access = argument(process, 2);
    int error = check_range(va.value == 0 ? process_map_low().value : va.value, size);

    if (error == 0) {
        error = check_access(access);
    }
    if (error == 0 && va.value == 0) {
        error = anonymous_find(space, process_map_low(), process_map_high(), size, &va);
    }
    if (error == 0) {
        error = anonymous_map(space, va, size, (ash_mmu_attr_t)access, NULL);
    }
    return took_time(process, error != 0 ? error : (intptr_t)va.value);
}

static bool call_unmap(struct ash_process *process)
{
    uintptr_t address = argument(process, 0), size = argument(process, 1);
    int error = check_range(address, size);

    if (error == 0) {
        anonymous_unmap(&process->space[process->in], ash_va(address), size);
    }
    return took_time(process, error);
}

static bool call_protect(struct ash_process *process)
{
    uintptr_t address = argument(process, 0), size = argument(process, 1);
    uintptr_t access = argument(process, 2);
    int error = check_range(address, size);

    if (error == 0) {
        error = check_access(access);
    }
    if (error == 0) {
        error = anonymous_protect(&process->space[process->in], ash_va(address), size,
                                  (ash_mmu_attr_t)access);
    }
    return took_time(process, error);
}

static ash_va_t page_up(ash_va_t va)
{
    return ash_va((va.value + ASH_PAGE_SIZE - 1) & ~(ASH_PAGE_SIZE - 1));
}

/* The end of the heap goes to another address. */
static int move_heap_end(struct ash_process *process, uintptr_t address)
{
    struct ash_space *space = &process->space[process->in];
    ash_va_t from = page_up(process->heap_end), to;
    int error = 0;

    if (address < process->heap.value || address > process_map_low().value) {
        return ASH_ERANGE;
    }
    to = page_up(ash_va(address));
    if (to.value > from.value) {
        error = anonymous_map(space, from, to.value - from.value, ASH_MMU_WRITE, NULL);
    } else if (to.value < from.value) {
        anonymous_unmap(space, to, from.value - to.value);
    }
    if (error == 0) {
        process->heap_end = ash_va(address);
    }
    return error;
}

static bool call_brk(struct ash_process *process)
{
    uintptr_t address = argument(process, 0);
    int error;

    if (address == 0) {
        return result(process, (intptr_t)process->heap_end.value);
    }
    error = move_heap_end(process, address);
    return took_time(process, error != 0 ? error : (intptr_t)address);
}

static bool call_unserved(struct ash_process *process)
{
    return result(process, ASH_ENOSYS);
}

static bool (*const calls[])(struct ash_process *process) = {
    [0] = call_unserved,
    [ASH_CALL_EXIT] = call_exit,
    [ASH_CALL_WRITE] = call_write,
    [ASH_CALL_YIELD] = call_yield,
    [ASH_CALL_EXEC] = call_exec,
    [ASH_CALL_MAP] = call_map,
    [ASH_CALL_UNMAP] = call_unmap,
    [ASH_CALL_PROTECT] = call_protect,
    [ASH_CALL_BRK] = call_brk,
    [ASH_CALL_FORK] = call_unserved,
    [ASH_CALL_ADVISE] = call_unserved,
    [ASH_CALL_SYNC] = call_unserved,
};

bool process_call(struct ash_user *user)
{
    struct ash_process *process = (struct ash_process *)(void *)user; /* it is the first in it */
    uintptr_t number = ash_user_number(user);

    if (number >= sizeof calls / sizeof calls[0]) {
        return call_unserved(process);
    }
    return calls[number](process);
}
