/* SPDX-License-Identifier: MIT */
/*
 * What the exception entries save, for assembler and C.
 */
#ifndef ASHLAR_STARTUP_A64_TRAP_FRAME_H
#define ASHLAR_STARTUP_A64_TRAP_FRAME_H

#define FRAME_SP     248
#define FRAME_PC     256
#define FRAME_STATUS 264
#define FRAME_BYTES  272

/* `kind` of the exceptions that are no interrupts */
#define VECTOR_SYNCHRONOUS 0
#define VECTOR_SERROR      1

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct trap_frame {
    uint64_t x[31];
    uint64_t sp; /**< the stack pointer that was in use */
    uint64_t pc;
    uint64_t status; /**< PSTATE */
};

_Static_assert(sizeof(struct trap_frame) == FRAME_BYTES, "assembler offsets");
_Static_assert(offsetof(struct trap_frame, sp) == FRAME_SP, "assembler offsets");
_Static_assert(offsetof(struct trap_frame, status) == FRAME_STATUS, "assembler offsets");
#endif

#endif
