/* SPDX-License-Identifier: MIT */
/*
 * Arm generic timer: the time since boot, and a tick per CPU, from the virtual counter.
 */
#ifndef BOARD_DEV_TIMER_H
#define BOARD_DEV_TIMER_H

#include "ashlar/board.h"

/**
 * Starts the clock at 0; ticks come as interrupt `irq` (0: there are none). The counter's frequency
 * is what whoever ran before us has told the processor; if nobody has, it is hz, what the board
 * counts (0: unknown), and in the Secure state each CPU is told. hz only for boards whose secure
 * state may do that (port_timer_set_frequency). ASH_ENODEV: nobody knows it.
 */
int timer_init(uint32_t irq, uint32_t hz);
/** Silences this CPU's timer, and tells it the frequency, on a CPU that timer_init did not run on.
 *  The clock is the same on all. */
void timer_cpu_init(void);

extern const struct ash_clock_ops timer_clock_ops;

#endif
