/* SPDX-License-Identifier: MIT */
/*
 * Into EL0 and back. The firmware's registers that C code keeps wait on its own stack, which
 * PERCPU_USER_SP remembers; SP_EL1 stays the empty stack of exceptions.
 */
#include "port/percpu.h"
#include "startup/user.h"

#define KEPT_BYTES 192

    .macro FOR_EACH_Q operation, base
    \operation q0, q1, [\base, #0]
    \operation q2, q3, [\base, #32]
    \operation q4, q5, [\base, #64]
    \operation q6, q7, [\base, #96]
    \operation q8, q9, [\base, #128]
    \operation q10, q11, [\base, #160]
    \operation q12, q13, [\base, #192]
    \operation q14, q15, [\base, #224]
    \operation q16, q17, [\base, #256]
    \operation q18, q19, [\base, #288]
    \operation q20, q21, [\base, #320]
    \operation q22, q23, [\base, #352]
    \operation q24, q25, [\base, #384]
    \operation q26, q27, [\base, #416]
    \operation q28, q29, [\base, #448]
    \operation q30, q31, [\base, #480]
    .endm

    .macro X2_TO_X29 operation
    \operation x2, x3, [x0, #16]
    \operation x4, x5, [x0, #32]
    \operation x6, x7, [x0, #48]
    \operation x8, x9, [x0, #64]
    \operation x10, x11, [x0, #80]
    \operation x12, x13, [x0, #96]
    \operation x14, x15, [x0, #112]
    \operation x16, x17, [x0, #128]
    \operation x18, x19, [x0, #144]
    \operation x20, x21, [x0, #160]
    \operation x22, x23, [x0, #176]
    \operation x24, x25, [x0, #192]
    \operation x26, x27, [x0, #208]
    \operation x28, x29, [x0, #224]
    .endm

    .macro KEPT operation
    \operation x19, x20, [sp, #0]
    \operation x21, x22, [sp, #16]
    \operation x23, x24, [sp, #32]
    \operation x25, x26, [sp, #48]
    \operation x27, x28, [sp, #64]
    \operation x29, x30, [sp, #80]
    \operation d8, d9, [sp, #96]
    \operation d10, d11, [sp, #112]
    \operation d12, d13, [sp, #128]
    \operation d14, d15, [sp, #144]
    .endm

/* uint32_t user_enter(struct ash_user *user), on SP_EL0 */
    .section .text.user_enter, "ax", %progbits
    .global user_enter
    .type user_enter, %function
user_enter:
    paciasp
    sub     sp, sp, #KEPT_BYTES
    KEPT    stp
    mrs     x1, tpidr_el0
    mrs     x2, daif
    stp     x1, x2, [sp, #160]
    mrs     x1, fpcr
    str     x1, [sp, #176]
    mrs     x3, tpidr_el1
    mov     x4, sp
    str     x4, [x3, #PERCPU_USER_SP]
    str     x0, [x3, #PERCPU_USER]
    msr     daifset, #0xf                   /* nothing comes between here and EL0 */
    msr     spsel, #1
    ldp     x1, x2, [x0, #USER_SP]
    ldp     x3, x4, [x0, #USER_STATUS]
    msr     sp_el0, x1
    msr     elr_el1, x2
    msr     spsr_el1, x3
    msr     tpidr_el0, x4
    msr     tpidrro_el0, xzr                /* the exception entries' scratch register */
    ldp     x1, x2, [x0, #USER_FPSR]
    msr     fpsr, x1
    msr     fpcr, x2
    add     x1, x0, #USER_Q
    FOR_EACH_Q ldp, x1
    X2_TO_X29 ldp
    ldr     x30, [x0, #240]
    ldp     x0, x1, [x0]
    eret

/* From the vectors, on SP_EL1: x0 and x1 are there, x1 is the kind. */
    .section .text.user_leave, "ax", %progbits
    .global user_leave
    .type user_leave, %function
user_leave:
    bti     c
    mrs     x0, tpidr_el1
    ldr     x0, [x0, #PERCPU_USER]
    X2_TO_X29 stp
    str     x30, [x0, #240]
    ldp     x2, x3, [sp], #16
    stp     x2, x3, [x0]
    mrs     x2, sp_el0
    mrs     x3, elr_el1
    stp     x2, x3, [x0, #USER_SP]
    mrs     x2, spsr_el1
    mrs     x3, tpidr_el0
    stp     x2, x3, [x0, #USER_STATUS]
    mrs     x2, fpsr
    mrs     x3, fpcr
    stp     x2, x3, [x0, #USER_FPSR]
    add     x2, x0, #USER_Q
    FOR_EACH_Q stp, x2
    mrs     x3, tpidr_el1
    ldr     x4, [x3, #PERCPU_USER_SP]
    str     xzr, [x3, #PERCPU_USER]
    msr     spsel, #0
    mov     sp, x4
    mov     w0, w1
    ldr     x1, [sp, #176]
    msr     fpcr, x1
    ldp     x1, x2, [sp, #160]
    msr     tpidr_el0, x1
    KEPT    ldp
    add     sp, sp, #KEPT_BYTES
    msr     daif, x2
    autiasp
    ret
