/* SPDX-License-Identifier: MIT */
/*
 * coroutine.h for AArch32: on the stack lie d8-d15, r4-r11 and where to go on.
 */
    .syntax unified
    .arch armv7ve
    .fpu neon
    .arm

    .section .text.coroutine_init, "ax", %progbits
    .global coroutine_init
    .type coroutine_init, %function
coroutine_init:
    push    {r4, r5}
    mov     r4, r1
    mov     r5, r2
    adr     r12, begin
    str     r12, [r3, #-8]!                 /* and a word for the alignment */
    sub     r3, r3, #96                     /* d8-d15, r4-r11 */
    str     r4, [r3, #64]
    str     r5, [r3, #68]
    str     r3, [r0]
    pop     {r4, r5}
    bx      lr
begin:
    add     sp, sp, #4
    mov     r0, r5
    blx     r4
    b       .
    .size coroutine_init, . - coroutine_init

    .section .text.coroutine_go, "ax", %progbits
    .global coroutine_go
    .type coroutine_go, %function
coroutine_go:
    push    {r4-r11, lr}
    vpush   {d8-d15}
    str     sp, [r0]
    ldr     sp, [r1]
    vpop    {d8-d15}
    pop     {r4-r11, pc}
    .size coroutine_go, . - coroutine_go
