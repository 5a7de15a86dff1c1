/* SPDX-License-Identifier: MIT */
/*
 * fpu_state.h for AArch32.
 */
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
    vldmia  r0!, {d0-d15}
    vldmia  r0, {d16-d31}
1:  ldr     r12, [r2]
    cmp     r12, r3
    blo     1b                              /* ticks may come together: not "equal" */
    vstmia  r1!, {d0-d15}
    vstmia  r1, {d16-d31}
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
    vmov.i32 q0, #0x5a
    vmov    q1, q0
    vmov    q2, q0
    vmov    q3, q0
    vmov    q8, q0
    vmov    q9, q0
    vmov    q10, q0
    vmov    q11, q0
    vmov    q12, q0
    vmov    q13, q0
    vmov    q14, q0
    vmov    q15, q0
    vmrs    r0, fpscr
    eor     r0, r0, #0xf0000000
    vmsr    fpscr, r0
    bx      lr
    .size fpu_spoil, . - fpu_spoil
