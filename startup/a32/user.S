/* SPDX-License-Identifier: MIT */
/*
 * Into User mode and back. The firmware's registers that C code keeps wait on its own stack, which
 * PERCPU_USER_SP remembers; the stacks of the other modes stay empty.
 */
#include "port/percpu.h"
#include "startup/a32/stacks.h"
#include "startup/a32/trap_frame.h"
#include "startup/user.h"

#define KIND_FIQ 5

    .syntax unified
    .arch armv7ve
    .fpu neon
    .arm

/* uint32_t user_enter(struct ash_user *user), in SVC */
    .section .text.user_enter, "ax", %progbits
    .global user_enter
    .type user_enter, %function
user_enter:
    push    {r4-r11, lr}
    vpush   {d8-d15}
    vmrs    r1, fpscr
    mrs     r2, cpsr
    mrc     p15, 0, r3, c13, c0, 2          /* TPIDRURW */
    push    {r1-r3}
    cpsid   aif                             /* nothing comes between here and User mode */
    mrc     p15, 0, r3, c13, c0, 4
    str     sp, [r3, #PERCPU_USER_SP]
    str     r0, [r3, #PERCPU_USER]
    ldr     r1, [r0, #USER_THREAD]
    mcr     p15, 0, r1, c13, c0, 2
    mov     r1, #0
    mcr     p15, 0, r1, c13, c0, 3          /* TPIDRURO, the abort entry's scratch register */
    ldr     r1, [r0, #USER_FPSCR]
    vmsr    fpscr, r1
    add     r1, r0, #USER_D
    vldmia  r1!, {d0-d15}
    vldmia  r1, {d16-d31}
    ldr     r1, [r0, #USER_STATUS]
    msr     spsr_cxsf, r1
    add     r1, r0, #USER_SP
    ldmia   r1, {sp, lr}^
    nop
    ldr     lr, [r0, #USER_PC]
    ldmia   r0, {r0-r12}
    movs    pc, lr

/* From the vectors, in the mode of the exception: sp its frame, r0 the CPSR that was, r1 the kind. */
    .section .text.user_leave, "ax", %progbits
    .global user_leave
    .type user_leave, %function
user_leave:
    mrc     p15, 0, r2, c13, c0, 4
    ldr     r2, [r2, #PERCPU_USER]
    str     r0, [r2, #USER_STATUS]
    ldr     r0, [sp, #FRAME_PC]
    str     r0, [r2, #USER_PC]
    add     r3, r2, #USER_SP
    stmia   r3, {sp, lr}^
    nop
    ldmia   sp!, {r4-r11}                   /* r0-r7 */
    stmia   r2, {r4-r11}
    ldmia   sp!, {r4-r8}                    /* r8-r12 */
    add     r3, r2, #32
    stmia   r3, {r4-r8}
    cmp     r1, #KIND_FIQ
    stmiaeq r3, {r8-r12}^                   /* that mode has others, which the frame has */
    nop
    add     sp, sp, #(FRAME_BYTES - 52)
    mrc     p15, 0, r3, c13, c0, 2
    str     r3, [r2, #USER_THREAD]
    vmrs    r3, fpscr
    str     r3, [r2, #USER_FPSCR]
    add     r3, r2, #USER_D
    vstmia  r3!, {d0-d15}
    vstmia  r3, {d16-d31}
    cpsid   aif, #MODE_SVC
    mrc     p15, 0, r3, c13, c0, 4
    mov     r0, #0
    str     r0, [r3, #PERCPU_USER]
    ldr     sp, [r3, #PERCPU_USER_SP]
    mov     r0, r1
    pop     {r1-r3}
    mcr     p15, 0, r3, c13, c0, 2
    vmsr    fpscr, r1
    vpop    {d8-d15}
    msr     cpsr_cxsf, r2
    pop     {r4-r11, pc}
