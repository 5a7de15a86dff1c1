/* SPDX-License-Identifier: MIT */
/*
 * Page contents with general registers only (LDP/STP): usable in any exception and with the MMU
 * off, where the interrupted program's vectors may not be touched and unaligned accesses fault.
 */
    .macro FUNCTION name
    .global \name
    .type \name, %function
    .balign 16
\name:
    bti     c
    .endm

    .section .text.port_zero, "ax", %progbits
/* void port_page_zero(void *page): by DC ZVA where it is allowed and the MMU is on: it faults on
 * device memory, which is what everything is without the MMU. */
FUNCTION port_page_zero
    mov     x1, #4096
    mrs     x2, dczid_el0
    tbnz    w2, #4, zero_words              /* DZP: prohibited */
    mrs     x3, sctlr_el1
    tbz     w3, #0, zero_words              /* M */
    and     w2, w2, #0xf
    mov     w4, #4
    lsl     w4, w4, w2                      /* bytes of a block */
    cmp     w4, w1
    b.hi    zero_words
    add     x1, x0, x1
1:  dc      zva, x0
    add     x0, x0, x4
    cmp     x0, x1
    b.lo    1b
    ret
    .size port_page_zero, . - port_page_zero

/* void port_zero(void *to, size_t size) */
FUNCTION port_zero
    cbz     x1, 2f
1:  tst     x0, #7
    b.eq    zero_words
    strb    wzr, [x0], #1
    subs    x1, x1, #1
    b.ne    1b
2:  ret
    .size port_zero, . - port_zero

/* x0: aligned to 8, x1: bytes */
zero_words:
    subs    x1, x1, #64
    b.lo    2f
1:  stp     xzr, xzr, [x0]
    stp     xzr, xzr, [x0, #16]
    stp     xzr, xzr, [x0, #32]
    stp     xzr, xzr, [x0, #48]
    add     x0, x0, #64
    subs    x1, x1, #64
    b.hs    1b
2:  adds    x1, x1, #56                     /* 64 - 8 */
    b.mi    4f
3:  str     xzr, [x0], #8
    subs    x1, x1, #8
    b.pl    3b
4:  adds    x1, x1, #8
5:  b.eq    6f
    strb    wzr, [x0], #1
    subs    x1, x1, #1
    b       5b
6:  ret

    .section .text.port_copy, "ax", %progbits
/* void port_page_copy(void *to, const void *from) */
FUNCTION port_page_copy
    mov     x2, #4096
    b       copy_words
    .size port_page_copy, . - port_page_copy

/* void port_copy(void *to, const void *from, size_t size) */
FUNCTION port_copy
    cbz     x2, 3f
    eor     x3, x0, x1
    tst     x3, #7
    b.ne    2f
1:  tst     x0, #7
    b.eq    copy_words
    ldrb    w3, [x1], #1
    strb    w3, [x0], #1
    subs    x2, x2, #1
    b.ne    1b
    ret
2:  ldrb    w3, [x1], #1                    /* apart by no multiple of 8 */
    strb    w3, [x0], #1
    subs    x2, x2, #1
    b.ne    2b
3:  ret
    .size port_copy, . - port_copy

/* x0, x1: aligned to 8, x2: bytes */
copy_words:
    subs    x2, x2, #64
    b.lo    2f
1:  ldp     x3, x4, [x1]
    ldp     x5, x6, [x1, #16]
    ldp     x7, x8, [x1, #32]
    ldp     x9, x10, [x1, #48]
    add     x1, x1, #64
    stp     x3, x4, [x0]
    stp     x5, x6, [x0, #16]
    stp     x7, x8, [x0, #32]
    stp     x9, x10, [x0, #48]
    add     x0, x0, #64
    subs    x2, x2, #64
    b.hs    1b
2:  adds    x2, x2, #56                     /* 64 - 8 */
    b.mi    4f
3:  ldr     x3, [x1], #8
    str     x3, [x0], #8
    subs    x2, x2, #8
    b.pl    3b
4:  adds    x2, x2, #8
5:  b.eq    6f
    ldrb    w3, [x1], #1
    strb    w3, [x0], #1
    subs    x2, x2, #1
    b       5b
6:  ret
