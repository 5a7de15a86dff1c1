/* SPDX-License-Identifier: MIT */
/*
 * Text on the console without the C library: for the time before the MMU is on, and for reports
 * out of exceptions.
 */
#ifndef ASHLAR_STARTUP_EARLY_PRINT_H
#define ASHLAR_STARTUP_EARLY_PRINT_H

#include <stdint.h>

void early_text(const char *text);
/** 0x and at least `digits` hexadecimal digits. */
void early_hex(uint64_t value, unsigned digits);
void early_decimal(uint32_t value);

/** Interrupts off, for ever. */
_Noreturn void early_stop(void);

#endif
