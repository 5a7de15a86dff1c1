/* SPDX-License-Identifier: MIT */
/*
 * Enters the firmware as careless loaders do: MMU and caches on, with tables of its own, and TLB
 * entries that no table backs any more. Everything is mapped at VA = PA by 1 GiB blocks, writable
 * and executable, but for the third GiB: that shows RAM for long enough to be cached by the TLB, and
 * is then mapped to itself without any invalidation. `stub_target` is where the firmware starts.
 */
    .syntax unified
    .arch armv7ve
    .arm

#define BLOCK  0x0701           /* AF, inner shareable, attribute 0, block */
#define DEVICE 0x0405           /* AF, attribute 1, block */
#define HINT   0x41100000       /* in RAM, of which nothing else is loaded there */

    .text
    .global _start
_start:
    mov     r10, r2             /* device tree, if the loader names one */
    cpsid   aif
    ldr     r0, =HINT           /* what a test wants to be there instead, if it is not 0 */
    ldr     r0, [r0]
    cmp     r0, #0
    movne   r10, r0

    /* Flash and devices are in the first GiB: Normal memory for the flash, since code runs there;
     * the stub itself touches no device. */
    ldr     r0, =tables
    mov     r3, #0
    ldr     r2, =(0x00000000 | BLOCK)
    strd    r2, r3, [r0]
    ldr     r2, =(0x40000000 | BLOCK)
    strd    r2, r3, [r0, #8]
    ldr     r2, =(0x40000000 | BLOCK)
    strd    r2, r3, [r0, #16]
    ldr     r2, =(0xc0000000 | BLOCK)
    strd    r2, r3, [r0, #24]
    dsb     sy

    mov     r1, #0
    mcr     p15, 0, r1, c8, c7, 0           /* TLBIALL: only what comes after is stale */
    ldr     r1, =0x000004ff                 /* attribute 0: write-back; 1: device */
    mcr     p15, 0, r1, c10, c2, 0          /* MAIR0 */
    ldr     r1, =0x80003500                 /* TTBCR: EAE, inner shareable, write-back walks */
    mcr     p15, 0, r1, c2, c0, 2
    mov     r1, #0
    mcrr    p15, 0, r0, r1, c2              /* TTBR0 */
    isb
    mrc     p15, 0, r1, c1, c0, 0           /* SCTLR: M, C, Z, I */
    orr     r1, r1, #5
    orr     r1, r1, #0x1800
    mcr     p15, 0, r1, c1, c0, 0
    isb

    /* The third GiB now shows RAM: read through it, so that the TLB holds it, then map it to
     * something else, and leave the TLB as it is. */
    ldr     r1, =0x80200000
    mov     r4, #16
1:  ldr     r2, [r1]
    add     r1, r1, #4096
    subs    r4, r4, #1
    bne     1b
    ldr     r2, =(0x80000000 | DEVICE)
    strd    r2, r3, [r0, #16]
    /* A dirty line that only the cache holds, where the firmware's image will be. */
    ldr     r1, =0x41800000
    ldr     r3, =0xdeadbeef
    str     r3, [r1]

    mov     r0, #0
    mov     r2, r10
    ldr     pc, =stub_target
    .ltorg

    .section .tables, "aw", %progbits
    .balign 32
tables:
    .space  32
