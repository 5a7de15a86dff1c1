/* SPDX-License-Identifier: MIT */
/*
 * Arm generic timer: the time since boot, and a tick per CPU, from the virtual counter.
 */
#ifndef BOARD_DEV_TIMER_H
#define BOARD_DEV_TIMER_H

#include "ashlar/board.h"

/** Starts the clock at 0; ticks come as interrupt `irq` (0: there are none). ASH_ENODEV if nobody
 *  has told the counter's frequency. */
int timer_init(uint32_t irq);
/** Silences this CPU's timer, on a CPU that timer_init did not run on. The clock is the same on
 * all. */
void timer_cpu_init(void);

extern const struct ash_clock_ops timer_clock_ops;

#endif
