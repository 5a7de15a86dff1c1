/* SPDX-License-Identifier: MIT */
/*
 * Between user mode in C (startup/user.c) and in assembler (startup/<arch>/user.S): offsets in
 * struct ash_user_registers, and what the vectors say came.
 */
#ifndef ASHLAR_STARTUP_USER_H
#define ASHLAR_STARTUP_USER_H

/* From the general registers on, which follow the vector registers and lie as in a trap_frame */
#if __SIZEOF_POINTER__ == 8
#define USER_X      512
#define USER_LR     240
#define USER_PC     256
#define USER_THREAD 272
#define USER_FPCR   288
#define USER_CALL   824 /* from the very start */
#else
#define USER_R      256
#define USER_PC     60
#define USER_STATUS 64
#define USER_THREAD 72
#define USER_CALL   340 /* from the very start */
#endif

/** What came: an SVC that nobody has served. Beside the kinds of the exception entries. */
#define USER_KIND_CALL 6

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>

#include "ashlar/user.h"

struct trap_frame;

/**
 * Into user mode; back with what came: the `kind` of the exception entries (trap_frame.h), or
 * USER_KIND_CALL. Called and left with interrupts masked.
 */
uint32_t user_enter(struct ash_user *user);

/** The general registers as an exception has them. */
const struct trap_frame *user_frame(const struct ash_user *user);
#endif

#endif
