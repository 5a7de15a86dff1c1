/* SPDX-License-Identifier: MIT */
/*
 * From one context to another: what C code counts on goes to one stack and comes from the other
 * (struct context_frame). What catches its exceptions is the context's own as well.
 */
#include "port/percpu.h"

    .syntax unified
    .arch armv7ve
    .fpu neon
    .arm

/* void ash_context_switch(struct ash_context *from, const struct ash_context *to) */
    .section .text.ash_context_switch, "ax", %progbits
    .global ash_context_switch
    .type ash_context_switch, %function
ash_context_switch:
    push    {r4-r11, lr}
    vpush   {d8-d15}
    mrc     p15, 0, r12, c13, c0, 4
    vmrs    r2, fpscr
    ldr     r3, [r12, #PERCPU_CATCH]
    push    {r2, r3}
    str     sp, [r0]
    clrex
    ldr     sp, [r1]
    pop     {r2, r3}
    vmsr    fpscr, r2
    str     r3, [r12, #PERCPU_CATCH]
    vpop    {d8-d15}
    pop     {r4-r11, pc}

    .section .text.context_start, "ax", %progbits
    .global context_start
    .type context_start, %function
context_start:
    mov     r0, r5
    blx     r4
    udf     #0                              /* it must not return */

/* uintptr_t context_resume(uintptr_t sp) */
    .section .text.context_resume, "ax", %progbits
    .global context_resume
    .type context_resume, %function
context_resume:
    ldr     r0, =context_start
    bx      lr
