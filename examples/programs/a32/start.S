/* SPDX-License-Identifier: MIT */
/*
 * The start of a program, and its calls of the firmware (ashlar/call.h), AArch32.
 */
    .syntax unified
    .thumb

/* r0: number of arguments, r1: their addresses */
    .section .text._start, "ax", %progbits
    .global _start
    .type _start, %function
_start:
    bl      main
    b       exit

/* intptr_t call(uintptr_t number, uintptr_t a, uintptr_t b, uintptr_t c) */
    .global call
    .type call, %function
call:
    push    {r7, lr}
    mov     r7, r0
    mov     r0, r1
    mov     r1, r2
    mov     r2, r3
    svc     #0
    pop     {r7, pc}

/* void undefined_instruction(void); void privileged_instruction(void) */
    .global undefined_instruction
    .type undefined_instruction, %function
undefined_instruction:
    udf     #1
    .global privileged_instruction
    .type privileged_instruction, %function
privileged_instruction:
    mrc     p15, 0, r0, c1, c0, 0           /* SCTLR */
    bx      lr
