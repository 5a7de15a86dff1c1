/* SPDX-License-Identifier: MIT */
/*
 * bench_user.c's program for AArch64: counts what lies between two instructions, with the call whose
 * number is in x9 there and without, and ends with both.
 */
    .section .rodata.bench_user, "a", %progbits
    .balign 4
    .global bench_user_start, bench_user_end
bench_user_start:
1:  mrs     x4, pmccntr_el0
    mrs     x5, pmccntr_el0
    sub     x1, x5, x4
    mov     x8, x9
    mov     x0, #0
    mrs     x4, pmccntr_el0
    svc     #0
    mrs     x5, pmccntr_el0
    sub     x0, x5, x4
    mov     x8, #1
    svc     #0
    b       1b
bench_user_end:

/* void bench_user_counts(bool yes): whether user mode may read the counter. */
    .section .text.bench_user_counts, "ax", %progbits
    .global bench_user_counts
    .type bench_user_counts, %function
bench_user_counts:
    bti     c
    and     x0, x0, #1
    msr     pmuserenr_el0, x0               /* EN */
    isb
    ret
    .size bench_user_counts, . - bench_user_counts
