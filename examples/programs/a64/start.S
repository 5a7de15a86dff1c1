/* SPDX-License-Identifier: MIT */
/*
 * The start of a program, and its calls of the firmware (ashlar/call.h), AArch64.
 */

/* x0: number of arguments, x1: their addresses */
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
    mov     x8, x0
    mov     x0, x1
    mov     x1, x2
    mov     x2, x3
    svc     #0
    ret

/* void undefined_instruction(void); void privileged_instruction(void) */
    .global undefined_instruction
    .type undefined_instruction, %function
undefined_instruction:
    udf     #1
    .global privileged_instruction
    .type privileged_instruction, %function
privileged_instruction:
    mrs     x0, sctlr_el1
    ret
