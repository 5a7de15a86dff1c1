/* SPDX-License-Identifier: MIT */
/*
 * UART of NXP's i.MX chips (i.MX 7Dual Reference Manual, chapter 15.2), polled. One console; usable
 * with the MMU off and in any exception.
 */
#ifndef BOARD_DEV_IMX_UART_H
#define BOARD_DEV_IMX_UART_H

#include "ashlar/types.h"

/** Uses the UART at `base` from now on; base 0 means none. The baud rate stays as it is. */
void imx_uart_init(ash_va_t base);
/** Only tells where the registers are now. */
void imx_uart_move(ash_va_t base);
/** Sends a character; waits until there is room. */
void imx_uart_put(char c);
/** The next character received, or -1. */
int imx_uart_get(void);

#endif
