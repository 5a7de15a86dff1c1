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
    _Static_assert(offsetof(struct ash_user, registers.field) == USER_R + (value),                 \
                   "assembler offsets")

OFFSET(r, 0);
OFFSET(pc, USER_PC);
OFFSET(status, USER_STATUS);
OFFSET(thread, USER_THREAD);
OFFSET(fpscr, USER_THREAD + 4);
OFFSET(sp, FRAME_SP);
OFFSET(pc, FRAME_PC);
OFFSET(status, FRAME_CPSR);
_Static_assert(offsetof(struct ash_user, call) == USER_CALL, "assembler offsets");

const struct trap_frame *user_frame(const struct ash_user *user)
{
    return (const struct trap_frame *)user->registers.r;
}

void ash_user_init(struct ash_user *user, const char *name, ash_va_t entry, ash_va_t stack)
{
    port_zero(user, sizeof *user);
    user->registers.pc = entry.value & ~(uintptr_t)1;
    user->registers.sp = stack.value;
    user->registers.status = MODE_USR | (entry.value & 1 ? STATUS_THUMB : 0);
    user->name = name;
}
