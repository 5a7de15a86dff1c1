/* SPDX-License-Identifier: MIT */
/*
 * Cadence's UART as Xilinx has it (UG1085, chapter "UART Controllers"), polled. One console; usable
 * with the MMU off and in any exception.
 */
#ifndef BOARD_DEV_CADENCE_UART_H
#define BOARD_DEV_CADENCE_UART_H

#include "ashlar/types.h"

/** Uses the UART at `base` from now on; base 0 means none. The baud rate stays as it is. */
void cadence_uart_init(ash_va_t base);
/** Only tells where the registers are now. */
void cadence_uart_move(ash_va_t base);
/** Sends a character; waits until there is room. */
void cadence_uart_put(char c);
/** The next character received, or -1. */
int cadence_uart_get(void);

#endif
