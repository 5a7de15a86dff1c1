/* SPDX-License-Identifier: MIT */
/*
 * Pieces of programs, in the processor's own folder: position-independent, to be copied to where
 * user mode may run them. Arguments are in r0, r1 or x0, x1; numbers of calls do not matter.
 */
#ifndef ASHLAR_TARGET_USER_CODE_H
#define ASHLAR_TARGET_USER_CODE_H

extern const char user_code_start[], user_code_end[];

extern const char user_calls[];      /**< calls again and again; touches no register */
extern const char user_load[];       /**< reads the word at [0] into [1], then calls */
extern const char user_store[];      /**< writes [1] to the word at [0], then calls */
extern const char user_jump[];       /**< goes to [0] */
extern const char user_undefined[];  /**< an instruction that there is not */
extern const char user_privileged[]; /**< reads a register of the firmware */
extern const char user_spin[];       /**< counts [1] up for ever */
extern const char user_holds[]; /**< vector registers from [0]; each call has [1] = 0 while they
                                     hold */
#endif
