/* SPDX-License-Identifier: MIT */
/*
 * Page contents with general registers only (LDM/STM): usable in any exception and with the MMU
 * off, where NEON state may not be touched and unaligned accesses fault.
 */
    .syntax unified
    .arch armv7ve
    .arm

    .macro FUNCTION name
    .section .text.\name, "ax", %progbits
    .global \name
    .type \name, %function
    .balign 16
\name:
    .endm

/* void port_page_zero(void *page) */
FUNCTION port_page_zero
    mov     r1, #4096
    b       zero_words
    .size port_page_zero, . - port_page_zero

/* void port_zero(void *to, size_t size) */
FUNCTION port_zero
    cmp     r1, #0
    bxeq    lr
    mov     r2, #0
1:  tst     r0, #3
    beq     zero_words
    strb    r2, [r0], #1
    subs    r1, r1, #1
    bne     1b
    bx      lr
    .size port_zero, . - port_zero

/* r0: word-aligned, r1: bytes */
    .section .text.port_zero, "ax", %progbits
zero_words:
    push    {r4-r8, lr}
    mov     r2, #0
    mov     r3, #0
    mov     r4, #0
    mov     r5, #0
    mov     r6, #0
    mov     r7, #0
    mov     r8, #0
    mov     r12, #0
    subs    r1, r1, #64
    blo     2f
1:  stmia   r0!, {r2-r8, r12}
    stmia   r0!, {r2-r8, r12}
    subs    r1, r1, #64
    bhs     1b
2:  adds    r1, r1, #60
    bmi     4f
3:  str     r2, [r0], #4
    subs    r1, r1, #4
    bpl     3b
4:  adds    r1, r1, #4
5:  strbne  r2, [r0], #1
    subsne  r1, r1, #1
    bne     5b
    pop     {r4-r8, pc}

/* void port_page_copy(void *to, const void *from) */
FUNCTION port_page_copy
    mov     r2, #4096
    b       copy_words
    .size port_page_copy, . - port_page_copy

/* void port_copy(void *to, const void *from, size_t size) */
FUNCTION port_copy
    cmp     r2, #0
    bxeq    lr
    eor     r3, r0, r1
    tst     r3, #3
    bne     2f
1:  tst     r0, #3
    beq     copy_words
    ldrb    r3, [r1], #1
    strb    r3, [r0], #1
    subs    r2, r2, #1
    bne     1b
    bx      lr
2:  ldrb    r3, [r1], #1
    strb    r3, [r0], #1
    subs    r2, r2, #1
    bne     2b
    bx      lr
    .size port_copy, . - port_copy

/* r0, r1: word-aligned, r2: bytes */
    .section .text.port_copy, "ax", %progbits
copy_words:
    push    {r4-r10, lr}
    subs    r2, r2, #64
    blo     2f
1:  ldmia   r1!, {r3-r10}
    stmia   r0!, {r3-r10}
    ldmia   r1!, {r3-r10}
    stmia   r0!, {r3-r10}
    subs    r2, r2, #64
    bhs     1b
2:  adds    r2, r2, #60
    bmi     4f
3:  ldr     r3, [r1], #4
    str     r3, [r0], #4
    subs    r2, r2, #4
    bpl     3b
4:  adds    r2, r2, #4
5:  ldrbne  r3, [r1], #1
    strbne  r3, [r0], #1
    subsne  r2, r2, #1
    bne     5b
    pop     {r4-r10, pc}
