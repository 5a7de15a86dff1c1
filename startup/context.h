/* SPDX-License-Identifier: MIT */
/*
 * What lies on the stack of a context that does not run: for startup/context.c, which makes the
 * first one, and startup/<arch>/context.S.
 */
#ifndef ASHLAR_STARTUP_CONTEXT_H
#define ASHLAR_STARTUP_CONTEXT_H

#if __SIZEOF_POINTER__ == 8
#define CONTEXT_BYTES 176
#else
#define CONTEXT_BYTES 108
#endif

#ifndef __ASSEMBLER__
#include "ashlar/context.h"

struct context_frame {
#if UINTPTR_MAX > UINT32_MAX
    uint64_t function, arg; /* x19, x20 */
    uint64_t x[9];          /* x21 to x29 */
    uint64_t resume;        /* x30 */
    uint64_t d[8];
    uint64_t fpcr, catch; /* the innermost ash_trap_catch(), 0: none */
#else
    uint32_t fpscr, catch; /* the innermost ash_trap_catch(), 0: none */
    uint32_t d[16];
    uint32_t function, arg; /* r4, r5 */
    uint32_t r[6];
    uint32_t resume;
#endif
};
_Static_assert(sizeof(struct context_frame) == CONTEXT_BYTES, "assembler offsets");

/** Where a context starts: calls the function of its first frame. */
void context_start(void);

/** What `resume` is to be: where a context whose stack is at `sp` without its frame goes on. */
uintptr_t context_resume(uintptr_t sp);
#endif

#endif
