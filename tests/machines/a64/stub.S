/* SPDX-License-Identifier: MIT */
/*
 * Enters the firmware as careless loaders do: in EL1 with MMU and caches on, with tables of its own,
 * and TLB entries that no table backs any more. Everything is mapped at VA = PA by 1 GiB blocks,
 * writable and executable, but for the third GiB: that shows RAM for long enough to be cached by the
 * TLB, and is then mapped to itself without any invalidation. `stub_target` is where the firmware
 * starts.
 */
#define BLOCK  0x0701           /* AF, inner shareable, attribute 0, block */
#define DEVICE 0x0405           /* AF, attribute 1, block */
#define HINT   0x41100000       /* in RAM, of which nothing else is loaded there */

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

    tlbi    vmalle1             /* only what comes after is stale */
    mov     x1, #0x04ff         /* attribute 0: write-back; 1: device */
    msr     mair_el1, x1
    ldr     x1, =0x00803520     /* TCR: 32 bits, inner shareable, write-back walks, EPD1 */
    msr     tcr_el1, x1
    msr     ttbr0_el1, x0
    isb
    mrs     x1, sctlr_el1       /* M, C, I */
    mov     x2, #5
    orr     x1, x1, x2
    orr     x1, x1, #(1 << 12)
    msr     sctlr_el1, x1
    isb

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
