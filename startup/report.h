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

/** Prints what is peculiar to the processor: status word in words, name of the syndrome. */
void report_status(const struct ash_trap *trap);

/** Number of registers in trap->regs and the prefix of their names; the manual's word for an abort
 *  of an instruction fetch. */
#if UINTPTR_MAX > UINT32_MAX
#define REPORT_REGS        31
#define REPORT_PREFIX      "x"
#define REPORT_DIGITS      16
#define REPORT_FETCH_ABORT "instruction abort"
#else
#define REPORT_REGS        13
#define REPORT_PREFIX      "r"
#define REPORT_DIGITS      8
#define REPORT_FETCH_ABORT "prefetch abort"
#endif

#endif
