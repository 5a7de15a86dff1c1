/* SPDX-License-Identifier: MIT */
/*
 * Between the exceptions of a processor (startup/<arch>/vectors.S, trap.c) and what is done about
 * them (startup/trap.c).
 */
#ifndef ASHLAR_STARTUP_TRAP_H
#define ASHLAR_STARTUP_TRAP_H

/** In `kind`, from the entry: the stack that it found ran over; it took the emergency stack. */
#define TRAP_OVERFLOWED 0x100

#ifndef __ASSEMBLER__
#include "ashlar/trap.h"

/** What the exception entries save; each processor has its own. */
struct trap_frame;

/** From the vectors: an exception that is not an interrupt; and an interrupt. */
void trap_enter(const struct trap_frame *frame, uint32_t kind);
void trap_interrupt(enum ash_trap_kind kind);

/** Nothing is known yet. */
void trap_clear(struct ash_trap *trap);

/** Sets the cause and level that a fault status in the long format means, [5:0]. */
void trap_decode(uint32_t status, struct ash_trap *trap);

/* In the processor's folder. */

/** Where the exception came from. */
uintptr_t trap_frame_pc(const struct trap_frame *frame);

/** Fills in what is known. *trap is all clear; `overflowed` is set only if the entry found one. */
void trap_describe(const struct trap_frame *frame, uint32_t kind, struct ash_trap *trap);

/** Back to the innermost ash_trap_catch(), with the stacks of exceptions empty again. */
_Noreturn void trap_unwind(int result);

/** fn works on data that lie elsewhere; `top` is where that stack starts. */
_Noreturn void trap_on_emergency_stack(void (*fn)(void *), void *argument, uintptr_t top);
#endif

#endif
