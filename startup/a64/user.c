/* SPDX-License-Identifier: MIT */
/*
 * What a context of EL0 is, and what its exceptions mean.
 */
#include "startup/user.h"

#include "port/port.h"
#include "startup/a64/trap_frame.h"

#define OFFSET(field, value)                                                                       \
    _Static_assert(offsetof(struct ash_user, registers.field) == USER_X + (value),                 \
                   "assembler offsets")

OFFSET(x, 0);
OFFSET(x[30], USER_LR);
OFFSET(sp, USER_LR + 8);
OFFSET(pc, USER_PC);
OFFSET(status, USER_PC + 8);
OFFSET(thread, USER_THREAD);
OFFSET(fpsr, USER_THREAD + 8);
OFFSET(fpcr, USER_FPCR);
OFFSET(sp, FRAME_SP);
OFFSET(pc, FRAME_PC);
OFFSET(status, FRAME_STATUS);
_Static_assert(offsetof(struct ash_user, call) == USER_CALL, "assembler offsets");

const struct trap_frame *user_frame(const struct ash_user *user)
{
    return (const struct trap_frame *)user->registers.x;
}

void ash_user_init(struct ash_user *user, const char *name, ash_va_t entry, ash_va_t stack)
{
    port_zero(user, sizeof *user);
    user->registers.pc = entry.value;
    user->registers.sp = stack.value;
    user->name = name; /* PSTATE 0 is EL0 in AArch64, nothing masked */
}
