/* SPDX-License-Identifier: MIT */
/*
 * The mistakes that need AArch32 instructions of their own.
 */
#include "startup/a32/stacks.h"

    .syntax unified
    .arch armv7ve
    .arm

    .macro FUNCTION name
    .section .text.\name, "ax", %progbits
    .global \name
    .type \name, %function
\name:
    .endm

FUNCTION provoke_undefined
    .global provoke_undefined_at
provoke_undefined_at:
    udf     #1
    bx      lr

FUNCTION provoke_call
    .global provoke_call_at
provoke_call_at:
    svc     #0
    bx      lr

/* LDRD from an address that is no multiple of 4 faults whatever SCTLR.A says. */
FUNCTION provoke_alignment
    ldr     r0, =provoke_table + 2
    ldrd    r2, r3, [r0]
    bx      lr

    .macro OVERFLOW name, mode
FUNCTION \name
    cps     #\mode
1:  push    {r0-r7}
    b       1b
    .endm

    OVERFLOW provoke_overflow_svc, MODE_SVC
    OVERFLOW provoke_overflow_irq, MODE_IRQ
    OVERFLOW provoke_overflow_fiq, MODE_FIQ
    OVERFLOW provoke_overflow_abt, MODE_ABT
    OVERFLOW provoke_overflow_und, MODE_UND

    .section .rodata.provoke_return_code, "a", %progbits
    .global provoke_return_code
    .balign 4
provoke_return_code:
    bx      lr
