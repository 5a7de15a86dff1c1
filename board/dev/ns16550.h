/* SPDX-License-Identifier: MIT */
/*
 * UARTs with the registers of National Semiconductor's NS16550A (data sheet PC16550D), polled. One
 * console; usable with the MMU off and in any exception.
 */
#ifndef BOARD_DEV_NS16550_H
#define BOARD_DEV_NS16550_H

#include "ashlar/types.h"

/**
 * Uses the UART at `base` from now on; base 0 means none. The n-th register lies n << shift bytes
 * behind it and is accessed by `width` bytes, 1 or 4 (a device tree's reg-shift and reg-io-width).
 * The baud rate stays as it is.
 */
void ns16550_init(ash_va_t base, unsigned shift, unsigned width);
/** Only tells where the registers are now. */
void ns16550_move(ash_va_t base);
/** Sends a character; waits until there is room. */
void ns16550_put(char c);
/** The next character received, or -1. */
int ns16550_get(void);

#endif
