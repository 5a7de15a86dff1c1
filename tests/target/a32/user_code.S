/* SPDX-License-Identifier: MIT */
/*
 * user_code.h for AArch32.
 */
/* Numbers of the double registers that there are, and of the single ones */
#define S_NUMBERS 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
#ifdef __ARM_NEON
#define D_NUMBERS S_NUMBERS
#else
#define D_NUMBERS 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
#endif

    .syntax unified
    .arch armv7ve
    .arch_extension sec
    .arch_extension virt
    .fpu neon
    .arm

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
    ldr     r1, [r0]
    svc     #0
    b       .
PIECE user_store
    str     r1, [r0]
    svc     #0
    b       .
PIECE user_jump
    bx      r0
PIECE user_undefined
    udf     #0
PIECE user_forbidden
    mrc     p15, 0, r0, c1, c0, 0           /* SCTLR */
    mcr     p15, 0, r0, c1, c0, 0
    mcr     p15, 0, r0, c1, c0, 2           /* CPACR */
    mcrr    p15, 0, r0, r0, c2              /* TTBR0 */
    mrrc    p15, 1, r0, r1, c2              /* TTBR1 */
    mcr     p15, 0, r0, c2, c0, 2           /* TTBCR */
    mrc     p15, 0, r0, c5, c0, 0           /* DFSR */
    mcr     p15, 0, r0, c7, c5, 0           /* ICIALLU */
    mcr     p15, 0, r0, c7, c6, 1           /* DCIMVAC */
    mcr     p15, 0, r0, c7, c6, 2           /* DCISW */
    mcr     p15, 0, r0, c7, c10, 1          /* DCCMVAC */
    mcr     p15, 0, r0, c7, c8, 0           /* ATS1CPR */
    mcr     p15, 0, r0, c8, c7, 0           /* TLBIALL */
    mcr     p15, 0, r0, c8, c3, 0           /* TLBIALLIS */
    mcr     p15, 0, r0, c10, c2, 0          /* MAIR0 */
    mcr     p15, 0, r0, c12, c0, 0          /* VBAR */
    mrc     p15, 0, r0, c13, c0, 4          /* TPIDRPRW */
    mcr     p15, 0, r0, c13, c0, 3          /* TPIDRURO */
    mrc     p15, 0, r0, c0, c0, 0           /* MIDR */
    mrc     p15, 0, r0, c0, c0, 5           /* MPIDR */
    mrc     p15, 0, r0, c9, c13, 0          /* PMCCNTR */
    mrc     p15, 0, r0, c9, c12, 0          /* PMCR */
    mcr     p15, 0, r0, c9, c14, 0          /* PMUSERENR */
    mrrc    p15, 0, r0, r1, c14             /* CNTPCT */
    mrrc    p15, 1, r0, r1, c14             /* CNTVCT */
    mrc     p15, 0, r0, c14, c3, 1          /* CNTV_CTL */
    mcr     p15, 0, r0, c14, c3, 1
    mrc     p15, 0, r0, c14, c0, 0          /* CNTFRQ */
    vmrs    r0, fpexc
    hvc     #0
    smc     #0
PIECE user_forbidden_end

PIECE user_allowed
    cpsid   aif
    cps     #0x13
    msr     cpsr_c, #0xd3                   /* SVC, interrupts masked */
    mcr     p15, 0, r0, c7, c10, 4          /* DSB, DMB, ISB as CP15 has them */
    mcr     p15, 0, r0, c7, c10, 5
    mcr     p15, 0, r0, c7, c5, 4
    mrc     p15, 0, r1, c13, c0, 2          /* TPIDRURW */
    sev
    wfe
    yield
    svc     #0
    b       .
PIECE user_breakpoint
    bkpt    #0
PIECE user_thumb
    .thumb
    svc     #0
    udf     #0
    .arm
PIECE user_misaligned
    add     r0, r0, #2
    ldmia   r0, {r1, r2}
PIECE user_spin
1:  add     r1, r1, #1
    b       1b

PIECE user_holds
    .irp n, D_NUMBERS
    add     r2, r0, #\n
    vmov    d\n, r0, r2
    .endr
1:  mov     r1, #0
    .irp n, D_NUMBERS
    vmov    r3, r2, d\n
    sub     r2, r2, r0
    sub     r2, r2, #\n
    orr     r1, r1, r2
    eor     r3, r3, r0
    orr     r1, r1, r3
    .endr
    svc     #0
    b       1b

/* FPSCR: flags, QC, rounding mode, cumulative bits */
PIECE user_turns
1:  mrc     p15, 0, r0, c13, c0, 2          /* TPIDRURW */
    mvn     r0, r0
    mcr     p15, 0, r0, c13, c0, 2
    vmrs    r0, fpscr
    eor     r0, r0, #0xf8000000
    eor     r0, r0, #0x00c00000
    eor     r0, r0, #0x9f
    vmsr    fpscr, r0
    .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,14
    mvn     r\n, r\n
    .endr
    .irp n, S_NUMBERS
    vmov    r0, s\n
    mvn     r0, r0
    vmov    s\n, r0
    .endr
#ifdef __ARM_NEON
    .irp n, 8,9,10,11,12,13,14,15
    vmvn    q\n, q\n
    .endr
#endif
    add     sp, sp, #16
    msr     cpsr_f, #0xf8000000
    svc     #0
PIECE user_turned
    mrs     r0, cpsr
    svc     #0
    b       1b

PIECE user_reads_only
    mrc     p15, 0, r1, c13, c0, 3
    svc     #0
    b       .

PIECE user_exclusive
    ldrex   r1, [r0]
    mov     r2, r0
    svc     #0
    strex   r1, r2, [r2]
    svc     #0
    b       .
PIECE user_code_end

    .section .text.user_spoil, "ax", %progbits
    .global user_spoil
    .type user_spoil, %function
user_spoil:
    push    {r4, lr}
    bl      fpu_spoil
    ldr     r0, =0x5a5a5a5a
    mov     r1, r0
    mov     r2, r0
    mov     r3, r0
    mov     r12, r0
    mov     lr, r0
    msr     cpsr_f, #0
    mov     r0, #1
    pop     {r4, pc}
    .size user_spoil, . - user_spoil
