/* SPDX-License-Identifier: MIT */
/*
 * Exception vectors and entries of EL1. Each saves the interrupted registers and floating-point
 * state on SP_EL1 and calls C; an exception that is no interrupt as struct trap_frame
 * (trap_frame.h). One that interrupts a program of SP_EL0 finds the stack of SP_EL1 empty. One that
 * interrupts a handler first makes sure that this stack has not run over, and takes the emergency
 * stack if it has.
 */
#include "port/percpu.h"
#include "startup/a64/registers.inc"
#include "startup/a64/stacks.h"
#include "startup/a64/trap_frame.h"
#include "startup/trap.h"

#define EC_SVC   0x15                        /* ESR_EL1.EC */
#define KIND_IRQ 4
#define KIND_FIQ 5

#define FP_BYTES        528                 /* FPSR and FPCR, q0-q31 */
#define INTERRUPT_BYTES 192

#define SPSR_EL1T       4
#define SPSR_PAN        (1 << 22)

    .macro TAKE bytes, kind, then
    sub     sp, sp, #\bytes
    stp     x0, x1, [sp]
    mov     x1, #\kind
    b       \then
    .endm

/* From a handler: the stack of SP_EL1 may have run over, be it the CPU's own or another that the
 * handler went to. The processor is asked whether it could write at its end, and STACK_MARGIN below.
 * TPIDRRO_EL0, which user mode reads, holds x0 for a while only; the CPU's scratch words hold x1, x2
 * and PAR_EL1, which the handler may be using. */
    .macro TAKE_CHECKED bytes, kind, then
    msr     tpidrro_el0, x0
    b       check_\kind
    .pushsection .text.vectors_checked, "ax", %progbits
check_\kind:
    mrs     x0, tpidr_el1
    stp     x1, x2, [x0, #PERCPU_SCRATCH]
    mrs     x1, par_el1
    str     x1, [x0, #(PERCPU_SCRATCH + 2 * PERCPU_WORD)]
    sub     x1, sp, #1
    at      s1e1w, x1
    isb
    mrs     x2, par_el1
    sub     x1, sp, #STACK_MARGIN
    at      s1e1w, x1
    isb
    mrs     x1, par_el1
    orr     x2, x2, x1                      /* bit 0: F */
    ldr     x1, [x0, #(PERCPU_SCRATCH + 2 * PERCPU_WORD)]
    msr     par_el1, x1
    tbnz    x2, #0, stack_overflow
    ldp     x1, x2, [x0, #PERCPU_SCRATCH]
    mrs     x0, tpidrro_el0
    msr     tpidrro_el0, xzr
    TAKE    \bytes, \kind, \then
    .popsection
    .endm

/* From user mode (user.S): calls, and the rest. */
    .macro TAKE_USER bytes, kind, then
    stp     x0, x1, [sp, #-16]
    .if \kind == VECTOR_SYNCHRONOUS
    mrs     x0, esr_el1
    lsr     w0, w0, #26
    cmp     w0, #EC_SVC
    b.eq    user_call
    .endif
    mov     x1, #\kind
    b       user_leave
    .endm

/* Synchronous, IRQ, FIQ, SError of one origin; all are taken by `take`. */
    .macro VECTORS take
    .balign 0x80
    \take   FRAME_BYTES, VECTOR_SYNCHRONOUS, save_and_call
    .balign 0x80
    \take   INTERRUPT_BYTES, KIND_IRQ, interrupt
    .balign 0x80
    \take   INTERRUPT_BYTES, KIND_FIQ, interrupt
    .balign 0x80
    \take   FRAME_BYTES, VECTOR_SERROR, save_and_call
    .endm

    .section .text.vectors, "ax", %progbits
    .global boot_vectors
    .balign 0x800
boot_vectors:
    VECTORS TAKE                            /* EL1 with SP_EL0: programs */
    VECTORS TAKE_CHECKED                    /* EL1 with SP_EL1: handlers */
    VECTORS TAKE_USER                       /* EL0, AArch64 */
    VECTORS TAKE                            /* EL0, AArch32: nobody starts that */

/* x0: percpu, with x1 and x2 in its scratch words; TPIDRRO_EL0: x0. */
stack_overflow:
    mov     x1, sp
    str     x1, [x0, #(PERCPU_SCRATCH + 3 * PERCPU_WORD)]
    ldr     x1, [x0, #PERCPU_STACKS]
    add     x1, x1, #(STACK_EMERGENCY_TOP >> 12), lsl #12
    sub     sp, x1, #FRAME_BYTES
    ldp     x1, x2, [x0, #PERCPU_SCRATCH]
    mrs     x0, tpidrro_el0
    msr     tpidrro_el0, xzr
    stp     x0, x1, [sp]
    mov     x1, #(VECTOR_SYNCHRONOUS | TRAP_OVERFLOWED)

/* sp: frame, with x0 and x1; x1: kind. */
save_and_call:
    X2_TO_X19 stp, sp
    X20_TO_X29 stp, sp
    str     x30, [sp, #240]
    mrs     x2, elr_el1
    mrs     x3, spsr_el1
    add     x4, sp, #FRAME_BYTES
    tbnz    w3, #0, 1f                      /* SPSR.M[0]: it was SP_EL1 */
    mrs     x4, sp_el0
1:  stp     x4, x2, [sp, #FRAME_SP]
    str     x3, [sp, #FRAME_STATUS]
    mov     x0, sp
    bl      save_floating_point
    bl      trap_enter
    bl      restore_floating_point
    ldp     x4, x2, [sp, #FRAME_SP]
    ldr     x3, [sp, #FRAME_STATUS]
    msr     elr_el1, x2
    msr     spsr_el1, x3
    tbnz    w3, #0, 2f
    msr     sp_el0, x4
2:  ldr     x30, [sp, #240]
    ldp     x28, x29, [sp, #224]
    ldp     x26, x27, [sp, #208]
    ldp     x24, x25, [sp, #192]
    ldp     x22, x23, [sp, #176]
    ldp     x20, x21, [sp, #160]
    X2_TO_X19 ldp, sp
    ldp     x0, x1, [sp]
    add     sp, sp, #FRAME_BYTES
    eret                                    /* clears the exclusive monitor (arm-rules 40) */

/* Interrupts: the caller-saved registers only, then onto the IRQ stack, unless what was interrupted
 * is a handler. */
interrupt:
    X2_TO_X19 stp, sp
    mrs     x2, elr_el1
    mrs     x3, tpidr_el1
    mrs     x19, spsr_el1
    str     x2, [x3, #PERCPU_PC]
    stp     x30, x2, [sp, #160]
    str     x19, [sp, #176]
    bl      save_floating_point
    mov     x0, x1
    tst     x19, #1
    mov     x19, sp
    b.ne    1f
    mrs     x2, tpidr_el1
    ldr     x2, [x2, #PERCPU_STACKS]
    add     sp, x2, #(STACK_IRQ_TOP >> 12), lsl #12
1:  bl      trap_interrupt
    mov     sp, x19
    bl      restore_floating_point
    ldp     x30, x2, [sp, #160]
    ldr     x3, [sp, #176]
    msr     elr_el1, x2
    msr     spsr_el1, x3
    X2_TO_X19 ldp, sp
    ldp     x0, x1, [sp]
    add     sp, sp, #INTERRUPT_BYTES
    eret

/* All of it: C code keeps the low halves of q8-q15 only. Uses x2, x3. */
save_floating_point:
    sub     sp, sp, #FP_BYTES
    mrs     x2, fpsr
    mrs     x3, fpcr
    stp     x2, x3, [sp]
    Q0_TO_Q31 stp, sp, 16
    ret

restore_floating_point:
    Q0_TO_Q31 ldp, sp, 16
    ldp     x2, x3, [sp]
    msr     fpsr, x2
    msr     fpcr, x3
    add     sp, sp, #FP_BYTES
    ret

/* int ash_trap_catch(void (*fn)(void *), void *arg, struct ash_trap *trap)
 * The frame that trap_unwind() goes back to: old catch, trap, DAIF, pad, x19-x30, d8-d15. */
    .section .text.ash_trap_catch, "ax", %progbits
    .global ash_trap_catch
    .type ash_trap_catch, %function
ash_trap_catch:
    paciasp
    sub     sp, sp, #192
    stp     x19, x20, [sp, #32]
    stp     x21, x22, [sp, #48]
    stp     x23, x24, [sp, #64]
    stp     x25, x26, [sp, #80]
    stp     x27, x28, [sp, #96]
    stp     x29, x30, [sp, #112]
    stp     d8, d9, [sp, #128]
    stp     d10, d11, [sp, #144]
    stp     d12, d13, [sp, #160]
    stp     d14, d15, [sp, #176]
    mrs     x3, tpidr_el1
    ldr     x4, [x3, #PERCPU_CATCH]
    stp     x4, x2, [sp]
    mrs     x4, daif
    str     x4, [sp, #16]
    mov     x4, sp
    str     x4, [x3, #PERCPU_CATCH]
    mov     x3, x0
    mov     x0, x1
    blr     x3
    mov     x0, #0
catch_leave:                                /* x0: result */
    mrs     x3, tpidr_el1
    ldr     x4, [sp]
    str     x4, [x3, #PERCPU_CATCH]
    ldp     d14, d15, [sp, #176]
    ldp     d12, d13, [sp, #160]
    ldp     d10, d11, [sp, #144]
    ldp     d8, d9, [sp, #128]
    ldp     x29, x30, [sp, #112]
    ldp     x27, x28, [sp, #96]
    ldp     x25, x26, [sp, #80]
    ldp     x23, x24, [sp, #64]
    ldp     x21, x22, [sp, #48]
    ldp     x19, x20, [sp, #32]
    add     sp, sp, #192
    autiasp
    ret

/* _Noreturn void trap_unwind(int result): back to the innermost ash_trap_catch(), with the stack of
 * exceptions empty again, masks as they were there, and PAN as it was at the exception, which has
 * set it. */
    .global trap_unwind
    .type trap_unwind, %function
trap_unwind:
    bti     c
    mrs     x3, tpidr_el1
    ldr     x4, [x3, #PERCPU_CATCH]
    ldr     x5, [x3, #PERCPU_STACKS]
    ldr     x6, [x4, #16]                   /* DAIF of the catching context */
    add     sp, x5, #(STACK_EXCEPTION_TOP >> 12), lsl #12
    msr     sp_el0, x4
    mrs     x7, spsr_el1
    and     x7, x7, #SPSR_PAN
    orr     x7, x7, x6                      /* and EL1 with SP_EL0 */
    orr     x7, x7, #SPSR_EL1T
    msr     spsr_el1, x7
    adr     x7, catch_leave
    msr     elr_el1, x7
    eret

/* _Noreturn void trap_on_emergency_stack(void (*fn)(void *), void *argument, uintptr_t top) */
    .global trap_on_emergency_stack
    .type trap_on_emergency_stack, %function
trap_on_emergency_stack:
    bti     c
    mov     sp, x2
    mov     x3, x0
    mov     x0, x1
    blr     x3
    b       .
