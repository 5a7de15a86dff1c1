/* SPDX-License-Identifier: MIT */
/*
 * fpu_state.h for AArch64.
 */
    .set FLAGS, 0x08000015                  /* FPSR: QC, IXC, OFC, IOC */

    .macro FOR_EACH_FOUR operation, base
    \operation {v0.2d-v3.2d}, [\base], #64
    \operation {v4.2d-v7.2d}, [\base], #64
    \operation {v8.2d-v11.2d}, [\base], #64
    \operation {v12.2d-v15.2d}, [\base], #64
    \operation {v16.2d-v19.2d}, [\base], #64
    \operation {v20.2d-v23.2d}, [\base], #64
    \operation {v24.2d-v27.2d}, [\base], #64
    \operation {v28.2d-v31.2d}, [\base], #64
    .endm

    .section .text.fpu_hold, "ax", %progbits
    .global fpu_hold
    .type fpu_hold, %function
fpu_hold:
    bti     c
    stp     d8, d9, [sp, #-64]!
    stp     d10, d11, [sp, #16]
    stp     d12, d13, [sp, #32]
    stp     d14, d15, [sp, #48]
    mrs     x5, fpsr
    ldr     w4, =FLAGS
    msr     fpsr, x4
    FOR_EACH_FOUR ld1, x0
1:  ldr     w6, [x2]
    cmp     w6, w3
    b.lo    1b                              /* ticks may come together: not "equal" */
    FOR_EACH_FOUR st1, x1
    mrs     x0, fpsr
    eor     w0, w0, w4
    msr     fpsr, x5
    ldp     d10, d11, [sp, #16]
    ldp     d12, d13, [sp, #32]
    ldp     d14, d15, [sp, #48]
    ldp     d8, d9, [sp], #64
    ret
    .size fpu_hold, . - fpu_hold

/* Of v8-v15 a function may overwrite the upper halves. */
    .section .text.fpu_spoil, "ax", %progbits
    .global fpu_spoil
    .type fpu_spoil, %function
fpu_spoil:
    bti     c
    movi    v0.16b, #0x5a
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    mov     v\n\().16b, v0.16b
    .endr
    .irp    n, 8, 9, 10, 11, 12, 13, 14, 15
    mov     v\n\().d[1], v0.d[0]
    .endr
    mrs     x0, fpsr
    mov     w1, #0x15
    eor     w0, w0, w1
    msr     fpsr, x0
    ret
    .size fpu_spoil, . - fpu_spoil
