/* SPDX-License-Identifier: MIT */
/*
 * What each CPU keeps for itself, found through a register that only the firmware can use
 * (TPIDRPRW, TPIDR_EL1). Offsets for assembler, a struct for C.
 */
#ifndef ASHLAR_PORT_PERCPU_H
#define ASHLAR_PORT_PERCPU_H

#define PERCPU_WORD __SIZEOF_POINTER__

#define PERCPU_NUMBER    0
#define PERCPU_CATCH     (1 * PERCPU_WORD)
#define PERCPU_STACKS    (2 * PERCPU_WORD)
#define PERCPU_REPORTING (3 * PERCPU_WORD)
#define PERCPU_SCRATCH   (4 * PERCPU_WORD) /* 4 words for the exception entries */
#define PERCPU_PC        (8 * PERCPU_WORD)
#define PERCPU_INSIDE    (9 * PERCPU_WORD)

/* In that word: the MMU has not been turned on yet. What is below counts interrupts. */
#define PERCPU_INSIDE_START 0x100

/* An entry fills whole cache lines: a CPU in the pen writes its own with caches off, and a line
 * shared with a CPU that has them on would bring old values back. */
#if __SIZEOF_POINTER__ == 8
#define PERCPU_SHIFT 7
#else
#define PERCPU_SHIFT 6
#endif
#define PERCPU_SIZE (1 << PERCPU_SHIFT)

#ifndef __ASSEMBLER__
#include <stdint.h>

struct percpu {
    uintptr_t number;    /**< of this CPU; what port_cpu() returns */
    uintptr_t catch_sp;  /**< innermost ash_trap_catch() frame, or 0 */
    uintptr_t stacks;    /**< base of this CPU's block of stacks (startup/stacks.h) */
    uintptr_t reporting; /**< set while a fatal report is printed */
    uintptr_t scratch[4];
    uintptr_t interrupted; /**< program counter that the last interrupt came to */
    uintptr_t
        inside; /**< interrupts that it is in, PERCPU_INSIDE_START; what port_inside() returns */
    uintptr_t pad[6];
};

_Static_assert(sizeof(struct percpu) == PERCPU_SIZE, "assembler offsets");

extern struct percpu percpu[];
#endif

#endif
