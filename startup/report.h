/* SPDX-License-Identifier: MIT */
/*
 * The report that ends an exception nobody caught. Runs on the emergency stack.
 */
#ifndef ASHLAR_STARTUP_REPORT_H
#define ASHLAR_STARTUP_REPORT_H

#include "ashlar/trap.h"

/** Prints everything known about the exception and stops this CPU. */
_Noreturn void report_trap(const struct ash_trap *trap);

/** An exception inside report_trap(): one line, and stop. */
_Noreturn void report_again(uintptr_t pc);

/** The program gave up by abort() or raise(): one line, and stop. */
_Noreturn void report_signal(int signal);

/** The other CPUs, for a report; NULL: none was started. */
struct report_others {
    /** Stops them, and does not return if another CPU has a report; `pc` is what this one is about.
     */
    void (*stop)(uintptr_t pc);
    /** Prints where each of them was. */
    void (*print)(void);
};
extern const struct report_others *report_others;

/** Around every report of something fatal: nobody else prints in between. */
void report_begin(uintptr_t pc);
_Noreturn void report_end(void);

/* In the processor's folder. */

/** The mode in a status word. */
const char *report_mode(uint32_t status);
/** The name of the register that the syndrome was read from, or NULL if the kind has none. */
const char *report_syndrome(enum ash_trap_kind kind);

/** Number of registers in trap->regs and the prefix of their names, which of them is the link
 *  register; the manual's words for the status and for an abort of an instruction fetch; the bit of
 *  the status that tells Thumb from Arm state, if there is one. */
#if UINTPTR_MAX > UINT32_MAX
#define REPORT_REGS        31
#define REPORT_PREFIX      "x"
#define REPORT_LINK        30
#define REPORT_DIGITS      16
#define REPORT_STATUS      "pstate"
#define REPORT_THUMB       0u
#define REPORT_FETCH_ABORT "instruction abort"
#else
#define REPORT_REGS        13
#define REPORT_PREFIX      "r"
#define REPORT_LINK        14
#define REPORT_DIGITS      8
#define REPORT_STATUS      "cpsr  "
#define REPORT_THUMB       (1u << 5)
#define REPORT_FETCH_ABORT "prefetch abort"
#endif

#endif
