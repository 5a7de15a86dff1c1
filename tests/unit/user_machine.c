/* SPDX-License-Identifier: MIT */
/*
 * User mode of the simulated machine, in place of startup's: programs reach memory with their own
 * rights, and do what the test says.
 */
#include "tests/unit/user_machine.h"

struct user_step user_step;
enum ash_process_event user_event;

void ash_user_init(struct ash_user *user, const char *name, ash_va_t entry, ash_va_t stack)
{
    memset(user, 0, sizeof *user);
    user->registers.pc = entry.value;
    user->registers.sp = stack.value;
    user->name = name;
}

enum ash_user_event ash_user_run(struct ash_user *user, struct ash_trap *trap)
{
    must(!sim_irq_masked && ash_space_current() != NULL);
    switch (user_step.event) {
    case ASH_USER_CALL:
        ASH_USER_GENERAL(user)[ASH_USER_NUMBER] = user_step.number;
        memcpy(ASH_USER_GENERAL(user), user_step.argument, sizeof user_step.argument);
        return user->call(user) ? ASH_USER_INTERRUPT : ASH_USER_CALL;
    case ASH_USER_FAULT:
        *trap = user_step.trap;
        return ASH_USER_FAULT;
    default:
        return ASH_USER_INTERRUPT;
    }
}

/* Page by page: the next one may be none of the program's. */
static size_t access(ash_va_t va, unsigned char *bytes, size_t size, bool write)
{
    size_t done = 0;

    sim_user = true;
    while (done < size) {
        uint64_t at = va.value + done, room = PAGE - at % PAGE;
        size_t part = size - done < room ? size - done : (size_t)room;

        if (!(write ? sim_write(at, bytes + done, part) : sim_read(at, bytes + done, part))) {
            break;
        }
        done += part;
    }
    sim_user = false;
    return done;
}

static int copy(ash_va_t va, unsigned char *bytes, size_t size, bool write, size_t *done)
{
    size_t copied = access(va, bytes, size, write);

    must(!sim_irq_masked && ash_space_current() != NULL);
    if (done != NULL) {
        *done = copied;
    }
    return copied == size ? 0 : ASH_EFAULT;
}

int ash_user_read(void *to, ash_va_t from, size_t size, size_t *done)
{
    return copy(from, to, size, false, done);
}

int ash_user_write(ash_va_t to, const void *from, size_t size, size_t *done)
{
    return copy(to, (unsigned char *)(uintptr_t)from, size, true, done);
}

intptr_t user_call(struct ash_process *process, uintptr_t number, uintptr_t a, uintptr_t b,
                   uintptr_t c)
{
    user_step = (struct user_step){.event = ASH_USER_CALL, .number = number, .argument = {a, b, c}};
    user_event = ash_process_run(process);
    must(!sim_irq_masked && ash_space_current() == NULL);
    return (intptr_t)ASH_USER_GENERAL(&process->user)[0];
}

static size_t access_own(struct ash_process *process, ash_va_t va, unsigned char *bytes,
                         size_t size, bool write)
{
    size_t done;

    ash_space_switch(&process->space[process->in]);
    done = access(va, bytes, size, write);
    ash_space_leave();
    return done;
}

size_t user_store(struct ash_process *process, ash_va_t to, const void *from, size_t size)
{
    return access_own(process, to, (unsigned char *)(uintptr_t)from, size, true);
}

size_t user_load(struct ash_process *process, void *to, ash_va_t from, size_t size)
{
    return access_own(process, from, to, size, false);
}
