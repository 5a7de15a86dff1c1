/* SPDX-License-Identifier: MIT */
/*
 * Running on another stack, and over its end.
 */

/* void provoke_on_stack(void (*fn)(void *), void *argument, void *top) */
    .section .text.provoke_on_stack, "ax", %progbits
    .global provoke_on_stack
    .type provoke_on_stack, %function
provoke_on_stack:
    bti     c
    stp     x29, x30, [sp, #-32]!
    str     x19, [sp, #16]
    mov     x19, sp
    mov     sp, x2
    mov     x9, x0
    mov     x0, x1
    blr     x9
    mov     sp, x19
    ldr     x19, [sp, #16]
    ldp     x29, x30, [sp], #32
    ret

    .section .text.provoke_overflow_here, "ax", %progbits
    .global provoke_overflow_here
    .type provoke_overflow_here, %function
provoke_overflow_here:
    bti     c
1:  stp     x0, x1, [sp, #-16]!
    stp     x2, x3, [sp, #-16]!
    b       1b
