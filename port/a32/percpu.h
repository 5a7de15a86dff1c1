/* SPDX-License-Identifier: MIT */
/*
 * What each CPU keeps for itself, found through TPIDRPRW. Offsets for assembler, a struct for C.
 */
#ifndef ASHLAR_PORT_A32_PERCPU_H
#define ASHLAR_PORT_A32_PERCPU_H

#define PERCPU_NUMBER    0
#define PERCPU_CATCH     4
#define PERCPU_STACKS    8
#define PERCPU_REPORTING 12
#define PERCPU_SCRATCH   16 /* 4 words for the abort entry */
#define PERCPU_SIZE      32

#ifndef __ASSEMBLER__
#include <stdint.h>

struct percpu {
    uint32_t number;    /**< of this CPU; what port_cpu() returns */
    uint32_t catch_sp;  /**< innermost ash_trap_catch() frame, or 0 */
    uint32_t stacks;    /**< base of this CPU's block of stacks (startup/a32/stacks.h) */
    uint32_t reporting; /**< set while a fatal report is printed */
    uint32_t scratch[4];
};

_Static_assert(sizeof(struct percpu) == PERCPU_SIZE, "assembler offsets");

extern struct percpu percpu[];
#endif

#endif
