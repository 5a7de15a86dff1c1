/* SPDX-License-Identifier: MIT */
/*
 * Running on another stack, and over its end.
 */
    .syntax unified
    .arch armv7ve
    .arm

/* void provoke_on_stack(void (*fn)(void *), void *argument, void *top) */
    .section .text.provoke_on_stack, "ax", %progbits
    .global provoke_on_stack
    .type provoke_on_stack, %function
provoke_on_stack:
    push    {r4, lr}
    mov     r4, sp
    mov     sp, r2
    mov     r3, r0
    mov     r0, r1
    blx     r3
    mov     sp, r4
    pop     {r4, pc}

    .section .text.provoke_overflow_here, "ax", %progbits
    .global provoke_overflow_here
    .type provoke_overflow_here, %function
provoke_overflow_here:
    push    {r0-r7}
    b       provoke_overflow_here
