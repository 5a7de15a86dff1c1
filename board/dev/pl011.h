/* SPDX-License-Identifier: MIT */
/*
 * Arm PL011 UART (DDI 0183), polled. One console; usable with the MMU off and in any exception.
 */
#ifndef BOARD_DEV_PL011_H
#define BOARD_DEV_PL011_H

#include "ashlar/types.h"

/** Uses the UART at `base` from now on; base 0 means none. The baud rate stays as it is. */
void pl011_init(ash_va_t base);
/** Only tells where the registers are now. */
void pl011_move(ash_va_t base);
/** Sends a character; waits until there is room. */
void pl011_put(char c);
/** The next character received, or -1. */
int pl011_get(void);

#endif
