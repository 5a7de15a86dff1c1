/* SPDX-License-Identifier: MIT */
/*
 * Pieces of programs, in the processor's own folder: position-independent, to be copied to where
 * user mode may run them. Arguments are in r0, r1 or x0, x1; numbers of calls do not matter.
 */
#ifndef ASHLAR_TARGET_USER_CODE_H
#define ASHLAR_TARGET_USER_CODE_H

#include <stdbool.h>

extern const char user_code_start[], user_code_end[];

extern const char user_calls[];     /**< calls again and again; touches no register */
extern const char user_load[];      /**< reads the word at [0] into [1], then calls */
extern const char user_store[];     /**< writes [1] to the word at [0], then calls */
extern const char user_jump[];      /**< goes to [0] */
extern const char user_undefined[]; /**< an instruction that there is not */
/** One after the other, each undefined for user mode: reads and writes of the firmware's registers,
 *  its instructions, counters and timers. */
extern const char user_forbidden[], user_forbidden_end[];
extern const char user_allowed[]; /**< what looks like those and is allowed or does nothing: masks
                                       interrupts (AArch32: no effect), cleans [0] from caches where
                                       it may, waits for no event, barriers; then calls */
extern const char user_breakpoint[]; /**< a breakpoint instruction */
extern const char user_thumb[];      /**< AArch32, Thumb state: calls, then is undefined */
extern const char user_misaligned[]; /**< a load of several words from [0] + 2 */
extern const char user_spin[];       /**< counts [1] up for ever */
extern const char user_holds[];  /**< vector registers from [0]; each call has [1] = 0 while they
                                      hold */
extern const char user_turns[];  /**< each second call: every register turned over (NOT), but [0]
and, 16 up each time, the stack pointer; all flags set. The
call after it: [0] has the status with those flags */
extern const char user_turned[]; /**< behind the first of the two */
extern const char user_reads_only[]; /**< calls with [1]: what it cannot write (TPIDRURO) */
extern const char user_exclusive[];  /**< a load and a store that are exclusive, of the word at
                                          [0], with a call in between; then calls with [1] = 0 if
                                          the store was done */

/** The flags that user_turns sets, in the status. */
#define USER_FLAGS (sizeof(void *) == 8 ? 0xf0000000u : 0xf8000000u)

/** Overwrites all that a C function may, and returns true. */
bool user_spoil(void);

#endif
