/* SPDX-License-Identifier: MIT */
/*
 * A console that the identity map does not reach: it has addresses in the board's vmap range from
 * the moment that the MMU is on, so that boot can say what goes wrong.
 */
#ifndef ASHLAR_STARTUP_BOOT_CONSOLE_H
#define ASHLAR_STARTUP_BOOT_CONSOLE_H

#include "ashlar/platform.h"

/** While the map is built: maps such a console at the end of the board's vmap range, if its driver
 *  can be told (ash_board.console_move). Errors as ash_mmu_map(). */
int boot_console_map(const struct ash_platform *platform);

/** The MMU is on: tells the driver. */
void boot_console_move(void);

/** What the console left of the board's vmap range. */
struct ash_range boot_console_vmap(void);

/** Where it is, if [start, end) lies in its registers. */
bool boot_console_find(uint64_t start, uint64_t end, ash_va_t *va);

#endif
