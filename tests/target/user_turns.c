/* SPDX-License-Identifier: MIT */
/*
 * See user_turns.h.
 */
#include "tests/target/user_turns.h"

#include "ashlar/types.h"
#include "tests/target/fpu_state.h"

#if UINTPTR_MAX > UINT32_MAX
#define VECTORS(registers)    ((registers).q)
#define FP_STATUS(registers)  ((registers).fpsr)
#define FP_STATUS_TURNED      0x0800009fu
#define FP_CONTROL(registers) ((registers).fpcr)
#define IS_STACK(n)           false
#else
#define VECTORS(registers)   ((registers).d)
#define FP_STATUS(registers) ((registers).fpscr)
#ifdef __ARM_NEON
#define FP_STATUS_TURNED 0xf800009fu
#else
#define FP_STATUS_TURNED 0xf000009fu /* QC is of Advanced SIMD */
#endif
#define FP_CONTROL(registers) ((registers).fpscr & FP_CONTROL_TURNED)
#define IS_STACK(n)           ((n) == 13)
#endif
#define FP_CONTROL_TURNED 0x00c00000u /* round towards zero */

#define GENERAL         (UINTPTR_MAX > UINT32_MAX ? 31u : 15u)
#define THREAD(seed)    ((uintptr_t)0x12345678 + (seed))
#define VECTOR(seed, n) (0x0123456789abcdefull * ((n) + 1) + (seed))

static uint64_t turned(uint64_t first, unsigned round)
{
    return round % 2 != 0 ? ~first : first;
}

uintptr_t user_turns_general(unsigned seed, unsigned n, unsigned round)
{
    return (uintptr_t)turned(0x01010101u * n + 0x40 + (seed << 8), round);
}

void user_turns_begin(struct ash_user *user, unsigned seed)
{
    user_start(user, user_turns, 0, 0);
    for (unsigned n = 0; n < GENERAL; n++) {
        if (!IS_STACK(n)) {
            *user_register(user, n) = user_turns_general(seed, n, 0);
        }
    }
    for (unsigned i = 0; i < FPU_WORDS; i++) {
        VECTORS(user->registers)[i] = VECTOR(seed, i);
    }
    user->registers.thread = THREAD(seed);
}

const char *user_turns_end(struct ash_user *user, unsigned seed, unsigned round)
{
    for (unsigned n = 1; n < GENERAL; n++) {
        if (!IS_STACK(n)) {
            WANT(*user_register(user, n) == user_turns_general(seed, n, round));
        }
    }
    for (unsigned i = 0; i < FPU_WORDS; i++) {
        WANT(VECTORS(user->registers)[i] == turned(VECTOR(seed, i), round));
    }
    WANT(user->registers.sp == USER_STACK + 16 * round);
    WANT(user->registers.pc == user_code(user_turned));
    WANT((user->registers.status & USER_FLAGS) == USER_FLAGS);
    WANT(user->registers.thread == (uintptr_t)turned(THREAD(seed), round));
    WANT((FP_STATUS(user->registers) & FP_STATUS_TURNED) == (round % 2 ? FP_STATUS_TURNED : 0));
    WANT(FP_CONTROL(user->registers) == (round % 2 ? FP_CONTROL_TURNED : 0));
    return NULL;
}
