/* SPDX-License-Identifier: MIT */
/*
 * Enters the firmware as careless loaders do: in the exception level where the machine starts, with
 * MMU and caches on, tables of its own, and TLB entries that no table backs any more. Everything is
 * mapped at VA = PA by 1 GiB blocks, writable and executable, but for the third GiB: that shows RAM
 * for long enough to be cached by the TLB, and is then mapped to itself without any invalidation.
 * `stub_target` is where the firmware starts.
 */
#define BLOCK  0x0701           /* AF, inner shareable, attribute 0, block */
#define DEVICE 0x0405           /* AF, attribute 1, block */
#define HINT   0x41100000       /* in RAM, of which nothing else is loaded there */

/* TCR: addresses of 32 bits, inner shareable, write-back walks; EL1: EPD1; EL2, EL3: RES1. */
#define TCR_EL1_VALUE  0x00803520
#define TCR_HIGH_VALUE 0x80803520

    .macro MMU_ON el, tlbi, tcr
    tlbi    \tlbi                   /* only what comes after is stale */
    mov     x1, #0x04ff             /* attribute 0: write-back; 1: device */
    msr     mair_\el, x1
    ldr     x1, =\tcr
    msr     tcr_\el, x1
    msr     ttbr0_\el, x0
    isb
    mrs     x1, sctlr_\el           /* M, C, I */
    mov     x2, #5
    orr     x1, x1, x2
    orr     x1, x1, #(1 << 12)
    msr     sctlr_\el, x1
    isb
    .endm

    .text
    .global _start
_start:
    mov     x10, x0             /* device tree, if the loader names one */
    msr     daifset, #0xf
    ldr     x0, =HINT           /* what a test wants to be there instead, if it is not 0 */
    ldr     w0, [x0]
    cmp     w0, #0
    csel    x10, x10, x0, eq

    /* Flash and devices are in the first GiB: Normal memory for the flash, since code runs there;
     * the stub itself touches no device. */
    ldr     x0, =tables
    mov     x2, #BLOCK
    orr     x3, x2, #0x40000000
    orr     x4, x2, #0xc0000000
    stp     x2, x3, [x0]
    stp     x3, x4, [x0, #16]
    dsb     sy

    mrs     x1, CurrentEL
    cmp     x1, #(2 << 2)
    b.eq    2f
    b.hi    3f
    MMU_ON  el1, vmalle1, TCR_EL1_VALUE
    b       4f
2:  MMU_ON  el2, alle2, TCR_HIGH_VALUE
    b       4f
3:  MMU_ON  el3, alle3, TCR_HIGH_VALUE
4:
    /* The third GiB now shows RAM: read through it, so that the TLB holds it, then map it to
     * something else, and leave the TLB as it is. */
    ldr     x1, =0x80200000
    mov     x4, #16
1:  ldr     w2, [x1]
    add     x1, x1, #4096
    subs    x4, x4, #1
    b.ne    1b
    ldr     x2, =(0x80000000 | DEVICE)
    str     x2, [x0, #16]
    /* A dirty line that only the cache holds, where the firmware's image will be. */
    ldr     x1, =0x41800000
    ldr     w3, =0xdeadbeef
    str     w3, [x1]

    mov     x0, x10
    ldr     x1, =stub_target
    br      x1
    .ltorg

    .section .tables, "aw", %progbits
    .balign 32
tables:
    .space  32
