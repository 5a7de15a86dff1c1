/* SPDX-License-Identifier: MIT */
/*
 * The mistakes that need AArch64 instructions of their own.
 */
#include "port/percpu.h"
#include "startup/a64/stacks.h"

    .macro FUNCTION name
    .section .text.\name, "ax", %progbits
    .global \name
    .type \name, %function
\name:
    bti     c
    .endm

FUNCTION provoke_undefined
    .global provoke_undefined_at
provoke_undefined_at:
    udf     #1
    ret

FUNCTION provoke_call
    .global provoke_call_at
provoke_call_at:
    svc     #0
    ret

/* Exclusives must be aligned whatever SCTLR.A says. */
FUNCTION provoke_alignment
    ldr     x0, =provoke_table + 2
    ldxr    w1, [x0]
    clrex
    ret

/* By x2, not x16 or x17, which may branch to a landing pad of calls as well. */
FUNCTION provoke_branch
    .global provoke_branch_at
    adr     x2, provoke_branch_at
    br      x2
provoke_branch_at:
    ret

FUNCTION provoke_overflow_program
1:  stp     x0, x1, [sp, #-64]!
    b       1b

/* As a handler would that calls too deep. */
FUNCTION provoke_overflow_exception
    msr     spsel, #1
1:  stp     x0, x1, [sp, #-64]!
    b       1b

/* x0: top of a stack made by ash_stack_create(). */
FUNCTION provoke_overflow_from
    msr     spsel, #1
    mov     sp, x0
1:  stp     x0, x1, [sp, #-64]!
    b       1b

/* x0: stack pointer of a handler that is about to run over. */
FUNCTION provoke_undefined_from
    msr     spsel, #1
    mov     sp, x0
    udf     #2

FUNCTION provoke_overflow_irq
    mrs     x2, tpidr_el1
    ldr     x2, [x2, #PERCPU_STACKS]
    msr     spsel, #1
    add     sp, x2, #(STACK_IRQ_TOP >> 12), lsl #12
1:  stp     x0, x1, [sp, #-64]!
    b       1b

    .section .rodata.provoke_return_code, "a", %progbits
    .global provoke_return_code
    .balign 4
provoke_return_code:
    ret
