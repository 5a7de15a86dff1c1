/* SPDX-License-Identifier: MIT */
/*
 * bench_user.c's program for AArch32: counts what lies between two instructions, with the call whose
 * number is in r8 there and without, and ends with both.
 */
    .syntax unified
    .arch armv7ve
    .arm

    .section .rodata.bench_user, "a", %progbits
    .balign 4
    .global bench_user_start, bench_user_end
bench_user_start:
1:  mrc     p15, 0, r4, c9, c13, 0          /* PMCCNTR */
    mrc     p15, 0, r5, c9, c13, 0
    sub     r1, r5, r4
    mov     r7, r8
    mov     r0, #0
    mrc     p15, 0, r4, c9, c13, 0
    svc     #0
    mrc     p15, 0, r5, c9, c13, 0
    sub     r0, r5, r4
    mov     r7, #1
    svc     #0
    b       1b
bench_user_end:

/* void bench_user_counts(bool yes): whether user mode may read the counter. */
    .section .text.bench_user_counts, "ax", %progbits
    .global bench_user_counts
    .type bench_user_counts, %function
bench_user_counts:
    mcr     p15, 0, r0, c9, c14, 0          /* PMUSERENR.EN */
    isb
    bx      lr
    .size bench_user_counts, . - bench_user_counts
