/* SPDX-License-Identifier: MIT */
/*
 * What the exception entries save, for assembler and C.
 */
#ifndef ASHLAR_STARTUP_A32_TRAP_FRAME_H
#define ASHLAR_STARTUP_A32_TRAP_FRAME_H

#define FRAME_SP    52
#define FRAME_LR    56
#define FRAME_PC    60
#define FRAME_CPSR  64
#define FRAME_BYTES 72

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct trap_frame {
    uint32_t r[13];
    uint32_t sp; /**< of the interrupted mode, as lr */
    uint32_t lr;
    uint32_t pc;
    uint32_t cpsr;
    uint32_t pad;
};

_Static_assert(sizeof(struct trap_frame) == FRAME_BYTES, "assembler offsets");
_Static_assert(offsetof(struct trap_frame, cpsr) == FRAME_CPSR, "assembler offsets");
#endif

#endif
