/* SPDX-License-Identifier: MIT */
/*
 * Into EL0 and back, and calls served without leaving it for good. The firmware's registers that C
 * code keeps wait in a frame on its own stack; a function that serves a call runs below it, on
 * whatever CPU that stack is then. Nothing else is kept: while a CPU is in EL0, the two words below
 * its empty stack of exceptions tell the context and the frame.
 */
#include "startup/a64/registers.inc"
#include "startup/user.h"

/* The frame: x19-x30, d8-d15, and then */
#define KEPT_THREAD 160
#define KEPT_CALL   168                     /* what serves calls */
#define KEPT_USER   176                     /* the context */
#define KEPT_SP     184                     /* the frame's own address */
#define KEPT_FPCR   192
#define KEPT_DAIF   200
#define KEPT_BYTES  208

/* q0 to q31, and x0 on to what follows them in a context: x0 to x30 and the rest. */
    .macro VECTORS operation
    \operation {v0.2d - v3.2d}, [x0], #64
    \operation {v4.2d - v7.2d}, [x0], #64
    \operation {v8.2d - v11.2d}, [x0], #64
    \operation {v12.2d - v15.2d}, [x0], #64
    \operation {v16.2d - v19.2d}, [x0], #64
    \operation {v20.2d - v23.2d}, [x0], #64
    \operation {v24.2d - v27.2d}, [x0], #64
    \operation {v28.2d - v31.2d}, [x0], #64
    .endm

/* On SP_EL1, x0 and x1 right below it; x0: the context. Saves all but x20 to x29, which C code
 * keeps; x0 is then at the general registers, x1 as it was. */
    .macro SAVE
    VECTORS st1
    stp     x2, x3, [x0, #16]
    ldp     x2, x3, [sp, #-16]
    stp     x2, x3, [x0]
    X4_TO_X19 stp, x0
    mrs     x2, sp_el0
    mrs     x3, elr_el1
    mrs     x4, spsr_el1
    mrs     x5, tpidr_el0
    mrs     x6, fpsr
    mrs     x7, fpcr
    stp     x30, x2, [x0, #USER_LR]
    stp     x3, x4, [x0, #USER_PC]
    stp     x5, x6, [x0, #USER_THREAD]
    str     x7, [x0, #USER_FPCR]
    .endm

/* On SP_EL0, everything masked. Notes the context and the frame for this CPU, and loads what C code
 * does not keep, but for x0 to x19; x0 is then at the general registers. */
    .macro LOAD
    ldp     x0, x1, [sp, #KEPT_USER]
    msr     spsel, #1
    stp     x0, x1, [sp, #-32]
    VECTORS ld1
    ldp     x30, x2, [x0, #USER_LR]
    ldp     x3, x4, [x0, #USER_PC]
    ldp     x5, x6, [x0, #USER_THREAD]
    ldr     x7, [x0, #USER_FPCR]
    msr     sp_el0, x2
    msr     elr_el1, x3
    msr     spsr_el1, x4
    msr     tpidr_el0, x5
    msr     fpsr, x6
    msr     fpcr, x7
    .endm

/* The last of it. Nothing is executed behind the ERET, not speculatively either. */
    .macro GO
    ldp     x2, x3, [x0, #16]
    X4_TO_X19 ldp, x0
    ldp     x0, x1, [x0]
    eret                                    /* clears the exclusive monitor (arm-rules 40) */
    dsb     nsh
    isb
    .endm

/* uint32_t user_enter(struct ash_user *user), on SP_EL0 */
    .section .text.user_enter, "ax", %progbits
    .global user_enter
    .type user_enter, %function
user_enter:
    paciasp
    sub     sp, sp, #KEPT_BYTES
    KEPT    stp
    mrs     x1, tpidr_el0
    ldr     x2, [x0, #USER_CALL]
    adr     x3, call_unserved
    cmp     x2, #0
    csel    x2, x3, x2, eq
    stp     x1, x2, [sp, #KEPT_THREAD]
    mov     x1, sp
    stp     x0, x1, [sp, #KEPT_USER]
    mrs     x1, fpcr
    mrs     x2, daif
    stp     x1, x2, [sp, #KEPT_FPCR]
    msr     daifset, #0xf                   /* nothing comes between here and EL0 */
    LOAD
    X20_TO_X29 ldp, x0
    GO

call_unserved:
    bti     c
    mov     w0, #0
    ret

/* From the vectors: an SVC; on SP_EL1, x0 and x1 right below it. What C code keeps stays where it
 * is: in the registers. */
    .section .text.user_call, "ax", %progbits
    .global user_call
user_call:
    ldp     x0, x1, [sp, #-32]
    SAVE
    msr     spsel, #0
    mov     sp, x1
    ldp     x2, x3, [sp, #KEPT_THREAD]
    ldr     x0, [sp, #KEPT_USER]
    msr     tpidr_el0, x2
    msr     fpcr, xzr
    msr     daifclr, #7
    blr     x3
    tbz     w0, #0, 1f
    msr     daifset, #0xf
    LOAD
    GO
1:  ldr     x0, [sp, #KEPT_USER]
    add     x0, x0, #USER_X
    X20_TO_X29 stp, x0
    mov     w0, #USER_KIND_CALL
    b       user_left

/* From the vectors: anything else. x1: the kind. */
    .section .text.user_leave, "ax", %progbits
    .global user_leave
user_leave:
    ldr     x0, [sp, #-32]
    SAVE
    X20_TO_X29 stp, x0
    mov     w0, w1
    ldr     x1, [sp, #-24]
    msr     spsel, #0
    mov     sp, x1
user_left:                                  /* w0: the kind */
    ldp     x1, x2, [sp, #KEPT_FPCR]
    msr     fpcr, x1
    ldr     x1, [sp, #KEPT_THREAD]
    msr     tpidr_el0, x1
    KEPT    ldp
    add     sp, sp, #KEPT_BYTES
    msr     daif, x2
    autiasp
    ret
