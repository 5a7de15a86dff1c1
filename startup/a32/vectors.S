/* SPDX-License-Identifier: MIT */
/*
 * Exception vectors and entries. Each saves the interrupted registers and floating-point state as
 * struct trap_frame (trap_frame.h) on the stack of its own mode and calls C. The abort entry first
 * makes sure that its stack has not run over, and takes the emergency stack if it has.
 */
#include "port/percpu.h"
#include "startup/a32/fpu.inc"
#include "startup/a32/stacks.h"
#include "startup/a32/trap_frame.h"
#include "startup/trap.h"

    .syntax unified
    .arch armv7ve
    .fpu neon
    .arm

    .section .text.vectors, "ax", %progbits
    .global boot_vectors
    .balign 32
boot_vectors:
    b       .
    b       enter_undefined
    b       enter_call
    b       enter_prefetch
    b       enter_data
    b       .
    b       enter_irq
    b       enter_fiq

/* No monitor lives here: an SMC answers "not supported", as the SMC calling convention says it. */
    .global monitor_vectors
    .balign 32
monitor_vectors:
    b       .
    b       .
    b       refuse_smc
    b       .
    b       .
    b       .
    b       .
    b       .
refuse_smc:
    mvn     r0, #0
    movs    pc, lr

/* Saves everything on the stack of this mode and calls trap_enter(frame, kind). sp is already
 * FRAME_BYTES below its old value and lr is the address to return to. */
    .macro SAVE_AND_CALL kind
    stmia   sp, {r0-r12}
    str     lr, [sp, #FRAME_PC]
    mrs     r0, spsr
    str     r0, [sp, #FRAME_CPSR]
    mov     r1, #\kind
    b       save_and_call
    .endm

enter_undefined:
    sub     sp, sp, #FRAME_BYTES
    SAVE_AND_CALL 0
enter_call:
    push    {r0, lr}
    mrs     r0, spsr
    tst     r0, #0xf                        /* User mode has none of these bits */
    beq     user_call
    pop     {r0, lr}
    sub     sp, sp, #FRAME_BYTES
    SAVE_AND_CALL 1

/* The two swaps let one bit of sp be tested with every register intact: sp' = sp + r0,
 * r0' = sp' - r0 = sp, and back. Flags are free, SPSR has them. */
    .macro ABORT_ENTRY back, kind
    sub     lr, lr, #\back
    sub     sp, sp, #FRAME_BYTES
    add     sp, sp, r0
    sub     r0, sp, r0
    tst     r0, #STACK_ABT_BIT
    sub     r0, sp, r0
    sub     sp, sp, r0
    beq     abort_overflow_\kind
    SAVE_AND_CALL \kind
/* TPIDRURO, which user mode reads, holds r0 for a few instructions only. */
abort_overflow_\kind:
    mcr     p15, 0, r0, c13, c0, 3
    mrc     p15, 0, r0, c13, c0, 4
    str     sp, [r0, #PERCPU_SCRATCH]
    ldr     sp, [r0, #PERCPU_STACKS]
    add     sp, sp, #STACK_EMERGENCY_TOP
    sub     sp, sp, #FRAME_BYTES
    mrc     p15, 0, r0, c13, c0, 3
    stmia   sp, {r0-r12}
    mov     r1, #0
    mcr     p15, 0, r1, c13, c0, 3
    str     lr, [sp, #FRAME_PC]
    mrs     r0, spsr
    str     r0, [sp, #FRAME_CPSR]
    mov     r1, #(\kind | TRAP_OVERFLOWED)
    b       save_and_call
    .endm

enter_prefetch:
    ABORT_ENTRY 4, 2
enter_data:
    ABORT_ENTRY 8, 3

/* sp: frame, r0: interrupted CPSR, r1: kind. */
save_and_call:
    clrex                                   /* arm-rules 40 */
    and     r2, r0, #0x1f
    cmp     r2, #MODE_USR
    beq     user_leave
    mov     r6, r1
    mov     r4, sp
    mrs     r5, cpsr
    and     r1, r0, #0x1f
    and     r2, r5, #0x1f
    cmp     r1, r2
    beq     2f
    orr     r1, r1, #0xc0
    msr     cpsr_c, r1                      /* the interrupted mode, to read its sp and lr */
    mov     r2, sp
    mov     r3, lr
    msr     cpsr_c, r5
    b       3f
2:  add     r2, r4, #FRAME_BYTES            /* interrupted in its own mode: that lr is gone */
    ldr     r3, [r4, #FRAME_PC]
3:  str     r2, [r4, #FRAME_SP]
    str     r3, [r4, #FRAME_LR]
    bic     sp, sp, #7
    FPU_PUSH_SCRATCH
    vmrs    r0, fpscr
    push    {r0, r4}
    mov     r0, r4
    mov     r1, r6
    bl      trap_enter
    pop     {r0, r4}
    vmsr    fpscr, r0
    FPU_POP_SCRATCH
    mov     sp, r4
    ldr     r0, [sp, #FRAME_CPSR]
    msr     spsr_cxsf, r0
    ldr     lr, [sp, #FRAME_PC]
    ldmia   sp, {r0-r12}
    add     sp, sp, #FRAME_BYTES
    movs    pc, lr

/* Interrupts: the caller-saved registers only. */
    .macro INTERRUPT_ENTRY kind
    sub     lr, lr, #4
    push    {r0}
    mrs     r0, spsr
    tst     r0, #0xf                        /* User mode has none of these bits */
    pop     {r0}
    beq     user_interrupt_\kind
    push    {r0-r3, r12, lr}
    mrc     p15, 0, r1, c13, c0, 4
    mrs     r0, spsr
    str     lr, [r1, #PERCPU_PC]
    push    {r0, r4}
    mov     r4, sp
    bic     sp, sp, #7
    FPU_PUSH_SCRATCH
    vmrs    r0, fpscr
    push    {r0, r4}
    mov     r0, #\kind
    bl      trap_interrupt
    pop     {r0, r4}
    vmsr    fpscr, r0
    FPU_POP_SCRATCH
    mov     sp, r4
    clrex
    pop     {r0, r4}
    msr     spsr_cxsf, r0
    ldm     sp!, {r0-r3, r12, pc}^
    .endm

enter_irq:
    INTERRUPT_ENTRY 4
enter_fiq:
    INTERRUPT_ENTRY 5
user_interrupt_4:
    sub     sp, sp, #FRAME_BYTES
    SAVE_AND_CALL 4
user_interrupt_5:
    sub     sp, sp, #FRAME_BYTES
    SAVE_AND_CALL 5

/* int ash_trap_catch(void (*fn)(void *), void *arg, struct ash_trap *trap)
 * The frame that trap_unwind() goes back to: old catch, trap, CPSR, pad, d8-d15, r4-r11, lr. */
    .section .text.ash_trap_catch, "ax", %progbits
    .global ash_trap_catch
    .type ash_trap_catch, %function
ash_trap_catch:
    push    {r4-r11, lr}
    sub     sp, sp, #4
    vpush   {d8-d15}
    mrc     p15, 0, r4, c13, c0, 4
    ldr     r5, [r4, #PERCPU_CATCH]
    mrs     r7, cpsr
    mov     r6, r2
    push    {r5-r8}
    str     sp, [r4, #PERCPU_CATCH]
    mov     r3, r0
    mov     r0, r1
    blx     r3
    mov     r0, #0
catch_leave:                                /* r0: result */
    pop     {r5-r8}
    mrc     p15, 0, r4, c13, c0, 4
    str     r5, [r4, #PERCPU_CATCH]
    vpop    {d8-d15}
    add     sp, sp, #4
    pop     {r4-r11, pc}

/* _Noreturn void trap_unwind(int result): back to the innermost ash_trap_catch(), with the stacks
 * of all exception modes empty again. */
    .global trap_unwind
    .type trap_unwind, %function
trap_unwind:
    mrc     p15, 0, r4, c13, c0, 4
    ldr     r5, [r4, #PERCPU_CATCH]
    ldr     r6, [r4, #PERCPU_STACKS]
    ldr     r7, [r5, #8]                    /* CPSR of the catching context */
    cps     #MODE_FIQ
    add     sp, r6, #STACK_FIQ_TOP
    cps     #MODE_IRQ
    add     sp, r6, #STACK_IRQ_TOP
    cps     #MODE_ABT
    add     sp, r6, #STACK_ABT_TOP
    cps     #MODE_UND
    add     sp, r6, #STACK_UND_TOP
    cps     #MODE_SVC
    mov     sp, r5
    msr     cpsr_cxsf, r7
    b       catch_leave

/* _Noreturn void trap_on_emergency_stack(void (*fn)(void *), void *argument): fn works on copies
 * that lie higher on that stack, or elsewhere. r2: address to start below. */
    .global trap_on_emergency_stack
    .type trap_on_emergency_stack, %function
trap_on_emergency_stack:
    mov     sp, r2
    bic     sp, sp, #7
    mov     r3, r0
    mov     r0, r1
    blx     r3
    b       .
