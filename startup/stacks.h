/* SPDX-License-Identifier: MIT */
/*
 * Stacks and their guards, as the map builder and the exception reports need them. One block of
 * stacks per CPU, every stack with an unmapped guard right below it; where each lies in the block
 * is the processor's affair (startup/<arch>/stacks.h).
 */
#ifndef ASHLAR_STARTUP_STACKS_H
#define ASHLAR_STARTUP_STACKS_H

#include "ashlar/trap.h"

/** A stack's place in its CPU's block. */
struct stacks_part {
    uint32_t base, top;
    enum ash_stack stack;
};

/** In the processor's folder: the blocks, and what they are made of. */
struct stacks_layout {
    uint8_t *blocks;
    uint32_t bytes; /**< of one CPU's block */
    uint32_t guard; /**< bytes of a guard */
    unsigned count;
    const struct stacks_part *part; /**< in ascending order */
};
extern const struct stacks_layout stacks_layout;

struct stacks_place {
    unsigned cpu;
    enum ash_stack stack;
    bool in_guard;       /**< in the guard below that stack */
    uintptr_t base, top; /**< of the stack, top exclusive */
};

/** The n-th guard, of stacks_layout.guard bytes; false when there are no more. */
bool stacks_guard(unsigned n, ash_va_t *guard);

/** Which stack, or guard, an address belongs to; false if to none. */
bool stacks_find(uintptr_t address, struct stacks_place *place);

/** Where a CPU's stack starts to grow down from. */
uintptr_t stacks_top(unsigned cpu, enum ash_stack stack);

#endif
