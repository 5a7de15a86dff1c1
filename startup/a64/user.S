/* SPDX-License-Identifier: MIT */
/*
 * Into EL0 and back. The firmware's registers that C code keeps wait on its own stack, which
 * PERCPU_USER_SP remembers; SP_EL1 stays the empty stack of exceptions.
 */
#include "port/percpu.h"
#include "startup/a64/registers.inc"
#include "startup/user.h"

#define KEPT_BYTES 192

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
    Q0_TO_Q31 ldp, x1, 0
    X2_TO_X19 ldp, x0
    X20_TO_X29 ldp, x0
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
    X2_TO_X19 stp, x0
    X20_TO_X29 stp, x0
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
    Q0_TO_Q31 stp, x2, 0
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
