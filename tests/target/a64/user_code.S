/* SPDX-License-Identifier: MIT */
/*
 * user_code.h for AArch64.
 */
    .macro PIECE name
    .global \name
\name:
    .endm

    .section .rodata.user_code, "a", %progbits
    .balign 8
PIECE user_code_start
PIECE user_calls
1:  svc     #0
    b       1b
PIECE user_load
    ldr     x1, [x0]
    svc     #0
    b       .
PIECE user_store
    str     x1, [x0]
    svc     #0
    b       .
PIECE user_jump
    br      x0
PIECE user_undefined
    udf     #0
PIECE user_forbidden
    mrs     x0, sctlr_el1
    msr     sctlr_el1, x0
    msr     cpacr_el1, x0
    msr     ttbr0_el1, x0
    mrs     x0, ttbr1_el1
    msr     tcr_el1, x0
    mrs     x0, esr_el1
    msr     mair_el1, x0
    msr     vbar_el1, x0
    mrs     x0, tpidr_el1
    msr     tpidrro_el0, x0
    mrs     x0, midr_el1
    mrs     x0, mpidr_el1
    msr     elr_el1, x0
    msr     spsr_el1, x0
    msr     sp_el0, x0
    msr     spsel, #1
    msr     daifset, #0xf
    mrs     x0, daif
    mrs     x0, CurrentEL
    ic      iallu
    ic      ialluis
    dc      ivac, x0
    dc      isw, x0
    at      s1e1r, x0
    tlbi    vmalle1
    tlbi    vmalle1is
    mrs     x0, pmccntr_el0
    mrs     x0, pmcr_el0
    msr     pmuserenr_el0, x0
    mrs     x0, cntpct_el0
    mrs     x0, cntvct_el0
    mrs     x0, cntv_ctl_el0
    msr     cntv_ctl_el0, x0
    mrs     x0, cntfrq_el0
    eret
    hvc     #0
    smc     #0
PIECE user_forbidden_end

PIECE user_allowed
    dc      cvac, x0
    dc      cvau, x0
    dc      civac, x0
    ic      ivau, x0
    dsb     sy
    isb
    mrs     x1, ctr_el0
    mrs     x1, dczid_el0
    mrs     x1, tpidr_el0
    sevl
    wfe
    yield
    svc     #0
    b       .
PIECE user_breakpoint
    brk     #0
PIECE user_misaligned
    add     x0, x0, #2
    ldaxr   x1, [x0]
PIECE user_spin
1:  add     x1, x1, #1
    b       1b

PIECE user_holds
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    add     x2, x0, #\n
    dup     v\n\().2d, x2
    .endr
1:  mov     x1, #0
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    umov    x2, v\n\().d[1]
    sub     x2, x2, x0
    sub     x2, x2, #\n
    orr     x1, x1, x2
    .endr
    svc     #0
    b       1b

PIECE user_turns
1:  mrs     x0, tpidr_el0
    mvn     x0, x0
    msr     tpidr_el0, x0
    mrs     x0, fpsr
    eor     x0, x0, #0x08000000             /* QC, and the cumulative bits */
    eor     x0, x0, #0x1f
    eor     x0, x0, #0x80
    msr     fpsr, x0
    mrs     x0, fpcr
    eor     x0, x0, #0x00c00000             /* the rounding mode */
    msr     fpcr, x0
    .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    mvn     x\n, x\n
    .endr
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    mvn     v\n\().16b, v\n\().16b
    .endr
    add     sp, sp, #16
    mov     x0, #0xf0000000
    msr     nzcv, x0
    svc     #0
PIECE user_turned
    mrs     x0, nzcv
    svc     #0
    b       1b

PIECE user_reads_only
    mrs     x1, tpidrro_el0
    svc     #0
    b       .

PIECE user_exclusive
    ldxr    x1, [x0]
    mov     x2, x0
    svc     #0
    stxr    w1, x2, [x2]
    svc     #0
    b       .
PIECE user_code_end

    .section .text.user_spoil, "ax", %progbits
    .global user_spoil
    .type user_spoil, %function
user_spoil:
    paciasp
    stp     x29, x30, [sp, #-16]!
    bl      fpu_spoil
    ldr     w0, =0x0800009f
    msr     fpsr, x0
    ldr     x0, =0x5a5a5a5a5a5a5a5a
    .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18
    mov     x\n, x0
    .endr
    msr     nzcv, xzr
    mov     w0, #1
    ldp     x29, x30, [sp], #16
    autiasp
    ret
    .size user_spoil, . - user_spoil
