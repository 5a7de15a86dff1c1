/* SPDX-License-Identifier: MIT */
/*
 * The selector at the reset vector, AArch64: keeps x0 to x3 for the image, asks selector.c where to go,
 * and goes there at the level that it came in. x20 to x24 are kept out of the C code's reach.
 */
    .section .entry, "ax", %progbits
    .global _start
_start:
    mov     x20, x0
    mov     x21, x1
    mov     x22, x2
    mov     x23, x3
    mov     w0, #0
    bl      selector_check
    mov     w24, w0
    mov     w0, #1
    bl      selector_check
    mov     w1, w0
    mov     w0, w24
    bl      selector_choose
    mov     w24, w0
    mrs     x1, mpidr_el1                   /* the first CPU talks */
    ldr     x2, =0xff00ffffff
    tst     x1, x2
    b.ne    1f
    mov     w1, #0
    bl      selector_say
    mov     w0, w24
    mov     w1, #1
    bl      selector_say
1:  mov     w0, w24
    bl      selector_entry
    cbz     x0, 2f
    mov     x17, x0
    mov     x0, x20
    mov     x1, x21
    mov     x2, x22
    mov     x3, x23
    br      x17
2:  wfe
    b       2b
    .ltorg
