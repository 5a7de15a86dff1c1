/* SPDX-License-Identifier: MIT */
/*
 * Arm PL011 UART (DDI 0183), polled. One console; usable with the MMU off and in any exception.
 */
#ifndef BOARD_DEV_PL011_H
#define BOARD_DEV_PL011_H

#include "ashlar/types.h"

/** Uses the UART at `base` from now on; base 0 means none. The rate stays as it is. */
void pl011_init(ash_va_t base);
/** True if somebody has enabled the UART at `base`. */
bool pl011_is_on(ash_va_t base);
/** Sets the rate of a UART that is off, whose clock has `clock` hertz; one that is too slow for it
 *  keeps its rate. */
void pl011_set_rate(ash_va_t base, uint32_t clock, uint32_t baud);
/** Only tells where the registers are now. */
void pl011_move(ash_va_t base);
/** Sends a character; waits until there is room. */
void pl011_put(char c);
/** The next character received, or -1. */
int pl011_get(void);

#endif
