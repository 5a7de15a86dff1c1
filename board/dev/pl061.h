/* SPDX-License-Identifier: MIT */
/*
 * Arm PL061 GPIO (DDI 0190): driving one line, for boards whose power hangs on it.
 */
#ifndef BOARD_DEV_PL061_H
#define BOARD_DEV_PL061_H

#include "ashlar/types.h"

/** Makes line 0 to 7 an output and takes it from inactive to active. */
void pl061_activate(ash_va_t base, uint32_t line, bool active_low);

#endif
