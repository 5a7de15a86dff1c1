/* SPDX-License-Identifier: MIT */
/*
 * coroutine.h for AArch64: on the stack lie x19-x30 and d8-d15.
 */
    .section .text.coroutine_init, "ax", %progbits
    .global coroutine_init
    .type coroutine_init, %function
coroutine_init:
    bti     c
    sub     x3, x3, #160
    stp     x1, x2, [x3]
    adr     x4, begin
    str     x4, [x3, #88]
    str     x3, [x0]
    ret
begin:
    mov     x0, x20
    blr     x19
    b       .
    .size coroutine_init, . - coroutine_init

    .section .text.coroutine_go, "ax", %progbits
    .global coroutine_go
    .type coroutine_go, %function
coroutine_go:
    bti     c
    sub     sp, sp, #160
    stp     x19, x20, [sp]
    stp     x21, x22, [sp, #16]
    stp     x23, x24, [sp, #32]
    stp     x25, x26, [sp, #48]
    stp     x27, x28, [sp, #64]
    stp     x29, x30, [sp, #80]
    stp     d8, d9, [sp, #96]
    stp     d10, d11, [sp, #112]
    stp     d12, d13, [sp, #128]
    stp     d14, d15, [sp, #144]
    mov     x2, sp
    str     x2, [x0]
    ldr     x2, [x1]
    mov     sp, x2
    ldp     d14, d15, [sp, #144]
    ldp     d12, d13, [sp, #128]
    ldp     d10, d11, [sp, #112]
    ldp     d8, d9, [sp, #96]
    ldp     x29, x30, [sp, #80]
    ldp     x27, x28, [sp, #64]
    ldp     x25, x26, [sp, #48]
    ldp     x23, x24, [sp, #32]
    ldp     x21, x22, [sp, #16]
    ldp     x19, x20, [sp], #160
    ret
    .size coroutine_go, . - coroutine_go
