/* SPDX-License-Identifier: MIT */
/*
 * What a context of User mode is, and what its exceptions mean.
 */
#include "startup/user.h"

#include "port/port.h"
#include "startup/a32/stacks.h"
#include "startup/a32/trap_frame.h"

#define STATUS_THUMB (1u << 5)

#define OFFSET(field, value)                                                                       \
    _Static_assert(offsetof(struct ash_user, registers.field) == (value), "assembler offsets")

OFFSET(sp, USER_SP);
OFFSET(pc, USER_PC);
OFFSET(status, USER_STATUS);
OFFSET(thread, USER_THREAD);
OFFSET(fpscr, USER_FPSCR);
OFFSET(d, USER_D);
OFFSET(sp, FRAME_SP);
OFFSET(status, FRAME_CPSR);

bool user_is_call(uint32_t kind)
{
    return kind == ASH_TRAP_CALL;
}

void ash_user_init(struct ash_user *user, const char *name, ash_va_t entry, ash_va_t stack)
{
    port_zero(user, sizeof *user);
    user->registers.pc = entry.value & ~(uintptr_t)1;
    user->registers.sp = stack.value;
    user->registers.status = MODE_USR | (entry.value & 1 ? STATUS_THUMB : 0);
    user->name = name;
}

uintptr_t ash_user_number(const struct ash_user *user)
{
    return user->registers.r[7];
}

uintptr_t ash_user_argument(const struct ash_user *user, unsigned n)
{
    return n < 6 ? user->registers.r[n] : 0;
}

void ash_user_return(struct ash_user *user, intptr_t result)
{
    user->registers.r[0] = (uint32_t)result;
}
