/* SPDX-License-Identifier: MIT */
/*
 * What a context of EL0 is, and what its exceptions mean.
 */
#include "startup/user.h"

#include "port/port.h"
#include "startup/a64/trap_frame.h"

#define EC_SVC 0x15u

#define OFFSET(field, value)                                                                       \
    _Static_assert(offsetof(struct ash_user, registers.field) == (value), "assembler offsets")

OFFSET(sp, USER_SP);
OFFSET(pc, USER_PC);
OFFSET(status, USER_STATUS);
OFFSET(thread, USER_THREAD);
OFFSET(fpsr, USER_FPSR);
OFFSET(q, USER_Q);
OFFSET(sp, FRAME_SP);
OFFSET(status, FRAME_STATUS);

bool user_is_call(uint32_t kind)
{
    return kind == VECTOR_SYNCHRONOUS && SYS_READ64("esr_el1") >> 26 == EC_SVC;
}

void ash_user_init(struct ash_user *user, const char *name, ash_va_t entry, ash_va_t stack)
{
    port_zero(user, sizeof *user);
    user->registers.pc = entry.value;
    user->registers.sp = stack.value;
    user->name = name; /* PSTATE 0 is EL0 in AArch64, nothing masked */
}

uintptr_t ash_user_number(const struct ash_user *user)
{
    return user->registers.x[8];
}

uintptr_t ash_user_argument(const struct ash_user *user, unsigned n)
{
    return n < 6 ? user->registers.x[n] : 0;
}

void ash_user_return(struct ash_user *user, intptr_t result)
{
    user->registers.x[0] = (uint64_t)result;
}
