/* SPDX-License-Identifier: MIT */
/*
 * From one context to another: what C code counts on goes to one stack and comes from the other
 * (struct context_frame). What catches its exceptions is the context's own as well. Return addresses
 * are signed with the stack pointer that they had.
 */
#include "port/percpu.h"
#include "startup/a64/registers.inc"
#include "startup/context.h"

/* void ash_context_switch(struct ash_context *from, const struct ash_context *to) */
    .section .text.ash_context_switch, "ax", %progbits
    .global ash_context_switch
    .type ash_context_switch, %function
ash_context_switch:
    paciasp
    sub     sp, sp, #CONTEXT_BYTES
    KEPT    stp
    mrs     x2, fpcr
    mrs     x4, tpidr_el1
    ldr     x5, [x4, #PERCPU_CATCH]
    mov     x3, sp
    stp     x2, x5, [sp, #160]
    str     x3, [x0]
    clrex
    ldr     x3, [x1]
    mov     sp, x3
    ldp     x2, x5, [sp, #160]
    msr     fpcr, x2
    str     x5, [x4, #PERCPU_CATCH]
    KEPT    ldp
    add     sp, sp, #CONTEXT_BYTES
    autiasp
    ret

    .section .text.context_start, "ax", %progbits
    .global context_start
    .type context_start, %function
context_start:
    bti     jc
    mov     x0, x20
    blr     x19
    udf     #0                              /* it must not return */

/* uintptr_t context_resume(uintptr_t sp): signed as ash_context_switch() expects it */
    .section .text.context_resume, "ax", %progbits
    .global context_resume
    .type context_resume, %function
context_resume:
    bti     c
    mov     x16, x0
    adrp    x17, context_start
    add     x17, x17, :lo12:context_start
    pacia1716
    mov     x0, x17
    ret
