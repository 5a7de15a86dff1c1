/* SPDX-License-Identifier: MIT */
/*
 * The selector at the reset vector, AArch32: keeps r0 to r2 for the image, asks selector.c where to go,
 * and goes there in the mode that it came in. r8 to r11 are kept out of the C code's reach.
 */
    .syntax unified
    .arch armv7ve
    .arm

    .section .entry, "ax", %progbits
    .global _start
_start:
    b       1f
    .rept 7                                 /* no other vector is taken on purpose */
    b       .
    .endr
1:  mov     r9, r0
    mov     r10, r1
    mov     r11, r2
    mov     r0, #0
    bl      selector_check
    mov     r8, r0
    mov     r0, #1
    bl      selector_check
    mov     r1, r0
    mov     r0, r8
    bl      selector_choose
    mov     r8, r0
    mrc     p15, 0, r1, c0, c0, 5           /* MPIDR: the first CPU talks */
    lsls    r1, r1, #8
    bne     3f
    bl      selector_say
    mov     r0, r8
    mov     r1, #1
    bl      selector_say
3:  mov     r0, r8
    bl      selector_entry
    movs    r12, r0
    beq     2f
    mov     r0, r9
    mov     r1, r10
    mov     r2, r11
    bx      r12
2:  wfe
    b       2b
