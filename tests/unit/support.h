/* SPDX-License-Identifier: MIT */
/*
 * What unit tests share: a recorder behind ash_fault_hook, one of what is printed, and seeded
 * random numbers. It judges nothing: the tests do. And, unseen: the linker puts support.c between
 * ash_frames_free() and its callers, so that the simulated machine knows of every frame that is
 * given back (arm-rules 4).
 */
#ifndef ASHLAR_UNIT_SUPPORT_H
#define ASHLAR_UNIT_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "ashlar/fault.h"

/** Faults reported since the last reset; ash_fault_hook counts here and returns. */
struct support_faults {
    unsigned count;
    struct ash_fault last; /**< all zero until the first */
};
extern struct support_faults support_faults;

/** Forgets what was recorded, and puts the recorder back behind ash_fault_hook. */
void support_faults_reset(void);

/** The n-th allocation of frames from now on (1: the next) fails; 0: none. */
extern unsigned support_fail_at;
/** Called once, behind the next allocation of frames: what an interrupt does there. */
extern void (*support_behind_frames)(void);
/** Frames of ASH_OWNER_SPACE are tables: the machine is told. */
extern bool support_space_tables;

/** Prints behind what is there; a test that begins to print sets the first character to 0. */
extern char support_printed[4096];
int support_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * Starts the random numbers of this test and prints the seed. ASH_SEED in the environment
 * replaces the seed given, to replay a failure. Seed 0 becomes 1 (xorshift32 has no state 0).
 */
void support_seed(uint32_t seed);

/** The next number of xorshift32 (13, 17, 5). */
uint32_t support_random(void);

/** A number from 0 to n - 1: (uint64_t)random * n >> 32. */
uint32_t support_random_below(uint32_t n);

#endif
