/* SPDX-License-Identifier: MIT */
/*
 * user_code.h for AArch32.
 */
    .syntax unified
    .arch armv7ve
    .fpu neon
    .arm

    .macro PIECE name
    .global \name
\name:
    .endm

    .section .rodata.user_code, "a", %progbits
    .balign 8
PIECE user_code_start
PIECE user_calls
1:  svc     #0
    b       1b
PIECE user_load
    ldr     r1, [r0]
    svc     #0
    b       .
PIECE user_store
    str     r1, [r0]
    svc     #0
    b       .
PIECE user_jump
    bx      r0
PIECE user_undefined
    udf     #0
PIECE user_privileged
    mrc     p15, 0, r0, c1, c0, 0           /* SCTLR */
    b       .
PIECE user_spin
1:  add     r1, r1, #1
    b       1b

PIECE user_holds
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    add     r2, r0, #\n
    vmov    d\n, r0, r2
    .endr
1:  mov     r1, #0
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    vmov    r3, r2, d\n
    sub     r2, r2, r0
    sub     r2, r2, #\n
    orr     r1, r1, r2
    eor     r3, r3, r0
    orr     r1, r1, r3
    .endr
    svc     #0
    b       1b
PIECE user_code_end
