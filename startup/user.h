/* SPDX-License-Identifier: MIT */
/*
 * Between user mode in C (startup/user.c) and in assembler (startup/<arch>/user.S): offsets in
 * struct ash_user_registers, and what the vectors say came.
 */
#ifndef ASHLAR_STARTUP_USER_H
#define ASHLAR_STARTUP_USER_H

#if __SIZEOF_POINTER__ == 8
#define USER_SP     248
#define USER_PC     256
#define USER_STATUS 264
#define USER_THREAD 272
#define USER_FPSR   280
#define USER_Q      304
#else
#define USER_SP     52
#define USER_PC     60
#define USER_STATUS 64
#define USER_THREAD 72
#define USER_FPSCR  76
#define USER_D      80
#endif

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>

#include "ashlar/user.h"

/**
 * Into user mode; back with what came: the `kind` of the exception entries (trap_frame.h). Called
 * and left with interrupts masked. The registers begin as a trap_frame does.
 */
uint32_t user_enter(struct ash_user *user);

/** Whether that was an SVC; the processor's own registers tell. */
bool user_is_call(uint32_t kind);
#endif

#endif
