/* SPDX-License-Identifier: MIT */
/*
 * Into User mode and back, and calls served without leaving it for good. The firmware's registers
 * that C code keeps wait in a frame on its own stack, to which sp of SVC points while User mode
 * runs; a function that serves a call runs below it, on whatever CPU that stack is then. The stacks
 * of the other modes stay empty.
 */
#include "startup/a32/fpu.inc"
#include "startup/a32/stacks.h"
#include "startup/a32/trap_frame.h"
#include "startup/user.h"

/* The frame: context, TPIDRURW, what serves calls, FPSCR, CPSR; then d8-d15, r4-r11, lr. */

    .syntax unified
    .arch armv7ve
    .fpu neon
    .arm

/* The vector registers, and lr on to what follows them in a context: r0 to r12 and the rest. */
    .macro VECTORS operation
    FPU_ALL \operation, lr
    .endm

/* lr: at the general registers of the context. Saves r0 to lr of User mode; then uses r2, r3. */
    .macro SAVE
    stmia   lr, {r0-lr}^
    mrc     p15, 0, r2, c13, c0, 2          /* TPIDRURW */
    vmrs    r3, fpscr
    strd    r2, r3, [lr, #USER_THREAD]
    .endm

/* In SVC, sp at the frame, everything masked. Loads all and goes; nothing is executed behind the
 * RFE, not speculatively either. */
    .macro LOAD_AND_GO
    ldr     lr, [sp]
    VECTORS vldmia
    ldrd    r0, r1, [lr, #USER_THREAD]
    mcr     p15, 0, r0, c13, c0, 2
    vmsr    fpscr, r1
    clrex                                   /* arm-rules 40 */
    ldmia   lr, {r0-lr}^
    add     lr, lr, #USER_PC
    rfeia   lr
    dsb     nsh
    isb
    .endm

/* uint32_t user_enter(struct ash_user *user), in SVC */
    .section .text.user_enter, "ax", %progbits
    .global user_enter
    .type user_enter, %function
user_enter:
    push    {r4-r11, lr}
    vpush   {d8-d15}
    mrc     p15, 0, r1, c13, c0, 2
    ldr     r2, [r0, #USER_CALL]
    cmp     r2, #0
    adreq   r2, call_unserved
    vmrs    r3, fpscr
    mrs     r12, cpsr
    push    {r0-r3, r12}
    cpsid   aif                             /* nothing comes between here and User mode */
    LOAD_AND_GO

call_unserved:
    mov     r0, #0
    bx      lr

/* From the vectors: an SVC of User mode. In SVC, sp: its r0 and its pc, and then the frame;
 * r0: its CPSR. */
    .section .text.user_call, "ax", %progbits
    .global user_call
user_call:
    ldr     lr, [sp, #8]
    VECTORS vstmia
    str     r0, [lr, #USER_STATUS]
    pop     {r0}
    SAVE
    pop     {r1}
    str     r1, [lr, #USER_PC]
    ldmia   sp, {r0-r2}
    mcr     p15, 0, r1, c13, c0, 2
    mov     r3, #0
    vmsr    fpscr, r3
    cpsie   aif
    blx     r2
    cmp     r0, #0
    beq     1f
    cpsid   aif
    LOAD_AND_GO
1:  mov     r0, #USER_KIND_CALL
    b       user_left

/* From the vectors, in the mode of the exception: sp its frame, r0 the CPSR that was, r1 the kind;
 * r4 to r12 are the program's. */
    .section .text.user_leave, "ax", %progbits
    .global user_leave
user_leave:
    mov     r3, sp
    add     sp, sp, #FRAME_BYTES
    cpsid   aif, #MODE_SVC
    ldr     lr, [sp]
    VECTORS vstmia
    str     r0, [lr, #USER_STATUS]
    ldr     r0, [r3, #FRAME_PC]
    str     r0, [lr, #USER_PC]
    push    {r1}
    ldmia   r3, {r0-r3}
    SAVE
    pop     {r0}
user_left:                                  /* r0: the kind */
    pop     {r1-r3, r4, r12}
    mcr     p15, 0, r2, c13, c0, 2
    vmsr    fpscr, r4
    vpop    {d8-d15}
    msr     cpsr_cxsf, r12
    pop     {r4-r11, pc}
