/* SPDX-License-Identifier: MIT */
/*
 * fpu_state.h for AArch32.
 */
#include "startup/a32/fpu.inc"

    .syntax unified
    .arch armv7ve
    .fpu neon
    .arm

    .set FLAGS, 0x60000000                  /* FPSCR: Z and C */

    .section .text.fpu_hold, "ax", %progbits
    .global fpu_hold
    .type fpu_hold, %function
fpu_hold:
    vpush   {d8-d15}
    vmrs    r12, fpscr
    push    {r4, r12}
    bic     r12, r12, #0xf0000000
    orr     r12, r12, #FLAGS
    vmsr    fpscr, r12
    FPU_ALL vldmia, r0
1:  ldr     r12, [r2]
    cmp     r12, r3
    blo     1b                              /* ticks may come together: not "equal" */
    FPU_ALL vstmia, r1
    vmrs    r0, fpscr
    and     r0, r0, #0xf0000000
    eor     r0, r0, #FLAGS
    pop     {r4, r12}
    vmsr    fpscr, r12
    vpop    {d8-d15}
    bx      lr
    .size fpu_hold, . - fpu_hold

    .section .text.fpu_spoil, "ax", %progbits
    .global fpu_spoil
    .type fpu_spoil, %function
fpu_spoil:
    mov     r0, #0x5a
    .irp    register, d0, d1, d2, d3, d4, d5, d6, d7
    vmov    \register, r0, r0
    .endr
#ifdef __ARM_NEON
    .irp    register, d16, d17, d18, d19, d20, d21, d22, d23, d24, d25, d26, d27, d28, d29, d30, d31
    vmov    \register, r0, r0
    .endr
#endif
    vmrs    r0, fpscr
    eor     r0, r0, #0xf0000000
    vmsr    fpscr, r0
    bx      lr
    .size fpu_spoil, . - fpu_spoil
