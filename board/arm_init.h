/* SPDX-License-Identifier: MIT */
/*
 * The start of devices that most boards have: a console whose registers move when the MMU is on,
 * Arm's interrupt controller and generic timer.
 */
#ifndef BOARD_ARM_INIT_H
#define BOARD_ARM_INIT_H

#include "ashlar/platform.h"

/** Maps the console and tells its driver where it is now (0: nowhere), starts interrupts and clock.
 *  Nothing of it is needed by the next: all is tried, and the first error told. */
int arm_init(const struct ash_platform *platform, void (*move_console)(ash_va_t base));
/** Interrupts and clock of a CPU that arm_init() did not run on. */
int arm_cpu_init(void);
/** The first of two errors, or 0. */
static inline int first_error(int first, int error)
{
    return first != 0 ? first : error;
}

#endif
