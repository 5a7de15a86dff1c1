/* SPDX-License-Identifier: MIT */
/*
 * Floating-point state across interrupts, in the processor's own folder: one side holds it, the
 * other spoils it.
 */
#ifndef ASHLAR_TARGET_FPU_STATE_H
#define ASHLAR_TARGET_FPU_STATE_H

#include <stdint.h>

/** All vector registers: d0-d31, or q0-q31; d0-d15 without Advanced SIMD. */
#ifdef __ARM_NEON
#define FPU_WORDS (sizeof(void *) == 8 ? 64 : 32)
#else
#define FPU_WORDS 16
#endif

/**
 * Loads them from in, sets some flags of the status register, waits until *counter has reached
 * `until`, and stores them to out. 0 if the flags are as they were set.
 */
uint32_t fpu_hold(const uint64_t in[FPU_WORDS], uint64_t out[FPU_WORDS],
                  const volatile uint32_t *counter, uint32_t until);

/** Overwrites every register that a function may overwrite, and the flags. */
void fpu_spoil(void);

#endif
