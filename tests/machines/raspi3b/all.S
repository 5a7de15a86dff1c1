/* SPDX-License-Identifier: MIT */
/*
 * What stands before tests/machines/a32/drop.S where several CPUs come up in AArch64 and all are to
 * go on in AArch32: the head of an image for AArch64 (Linux, Documentation/arm64/booting.rst), which
 * says where it wants to be, and the release of the other CPUs from the spin table. They come here
 * as well.
 */
#define SPIN_TABLE 0xd8         /* one entry for each CPU */
#define CPUS       4

    .section .head, "ax"
    .global image
image:
    b       1f
    .word   0
    .quad   0x1000000           /* from the start of RAM */
    .quad   end - image
    .quad   0
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .word   0
1:  mrs     x1, mpidr_el1
    tst     x1, #0xff
    b.ne    _start
    mov     x1, #SPIN_TABLE
    adr     x2, image
    mov     x3, #1
2:  str     x2, [x1, x3, lsl #3]
    add     x3, x3, #1
    cmp     x3, #CPUS
    b.lo    2b
    dsb     sy
    sev
    b       _start

    .data
end:
