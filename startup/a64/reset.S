/* SPDX-License-Identifier: MIT */
/*
 * From the reset vector to C, with the MMU off: find out where we are (EL3, EL2 or EL1, caches on or
 * off), end in EL1 with everything off, send secondary CPUs to the pen, lay out RAM, call
 * boot_start(). Entered in EL3, the firmware stays in the secure state. Nothing here runs in EL1 once
 * the MMU is on, so that page 0 can be left unmapped. In images linked at 0 this file is all there
 * is in page 0.
 *
 * Registers: x20 the loader's x0 (device tree), x21 enum ash_boot_entry | ENTERED_CACHED, x22 the
 * CPU's number.
 */
#include "port/percpu.h"
#include "startup/a64/stacks.h"
#include "startup/mailbox.h"

#define ENTRY_EL1      3
#define ENTRY_EL2      4
#define ENTRY_EL3      5
#define ENTERED_CACHED 0x100

/* Only the bits that are RES1 where they mean nothing: MMU and caches off, little-endian. */
#define SCTLR_EL1_OFF  0x30d00800
#define SCTLR_HIGH_OFF 0x30c50830           /* of EL2 and EL3 */
#define SCTLR_ENIA_BIT (1 << 31)

#define PSTATE_EL1     0x3c4                /* SP_EL0, D, A, I, F masked */

/* Registers that the assembler knows by name only with extensions on */
#define APIAKEYLO_EL1  s3_0_c2_c1_0
#define APIAKEYHI_EL1  s3_0_c2_c1_1
#define CPUECTLR_EL1   s3_1_c15_c2_1        /* Cortex-A35, A53, A57, A72, A73 */
#define HFGRTR_EL2     s3_4_c1_c1_4
#define HFGWTR_EL2     s3_4_c1_c1_5
#define HFGITR_EL2     s3_4_c1_c1_6
#define HDFGRTR_EL2    s3_4_c3_c1_4
#define HDFGWTR_EL2    s3_4_c3_c1_5
#define ID_AA64ISAR2   s3_0_c0_c6_2
#define RNDR           s3_3_c2_c4_0

    .section .reset, "ax", %progbits
    .global _start
    .type _start, %function
    .balign 0x800
_start:
    msr     daifset, #0xf
    mov     x20, x0
    mrs     x0, CurrentEL
    cmp     x0, #(2 << 2)
    b.hi    from_el3
    b.eq    from_el2
    mov     w21, #ENTRY_EL1
    b       in_el1

/* Caches off first, so that no new line comes in; then what is dirty goes to memory, then the MMU
 * goes off. A loader may have left any of them on. */
    .macro ALL_OFF el, off
    mrs     x0, sctlr_\el
    mov     w1, #5                          /* M, C */
    tst     w0, w1
    b.eq    1f
    orr     w21, w21, #ENTERED_CACHED
    bic     x0, x0, #(1 << 2)
    bic     x0, x0, #(1 << 12)              /* I */
    msr     sctlr_\el, x0
    isb
    bl      clean_by_set_way
1:  ldr     x0, =\off
    msr     sctlr_\el, x0
    isb
    .endm

/* The registers of a GICv3's CPU interface, where there is one: SRE and Enable. */
    .macro GIC_REGISTERS el
    mrs     x0, id_aa64pfr0_el1
    ubfx    x0, x0, #24, #4
    cbz     x0, 1f
    mrs     x0, icc_sre_\el
    mov     x1, #9
    orr     x0, x0, x1
    msr     icc_sre_\el, x0
    isb
1:
    .endm

    .macro DROP_TO_EL1 el
    adr     x0, calls_from_below
    msr     vbar_\el, x0
    ldr     x0, =SCTLR_EL1_OFF
    msr     sctlr_el1, x0
    mov     x0, #PSTATE_EL1
    msr     spsr_\el, x0
    adr     x0, in_el1
    msr     elr_\el, x0
    isb
    eret
    .endm

/* Stay secure: SCR_EL3.NS clear. Nothing traps to here, EL1 has AArch64 and counts cycles. */
from_el3:
    mov     w21, #ENTRY_EL3
    ALL_OFF el3, SCTLR_HIGH_OFF
    tlbi    alle3
    mov     x0, #0x430                      /* SCR_EL3: RW, RES1 */
    orr     x0, x0, #(3 << 16)              /* APK, API: no trap of pointer authentication */
    msr     scr_el3, x0
    msr     cptr_el3, xzr
    msr     cntvoff_el2, xzr                /* nothing happens where there is no EL2 */
    mov     x0, #(1 << 17)                  /* MDCR_EL3.SPME */
    msr     mdcr_el3, x0
    isb
    GIC_REGISTERS el3

/* Cortex-A35, A53, A57, A72 and A73 join coherency by SMPEN, before caches or the MMU go on; EL3 is
 * where that may always be written, and whoever started us lower has done it (arm-rules 39). */
    mrs     x0, midr_el1
    ubfx    x1, x0, #24, #8
    cmp     x1, #0x41
    b.ne    3f
    ubfx    x0, x0, #4, #12
    movz    w1, #0xd03
    sub     w1, w0, w1
    cmp     w1, #1                          /* 0xd03, 0xd04 */
    b.ls    2f
    movz    w1, #0xd07
    sub     w1, w0, w1
    cmp     w1, #2                          /* 0xd07, 0xd08, 0xd09 */
    b.hi    3f
2:  mrs     x0, CPUECTLR_EL1
    tbnz    w0, #6, 3f
    orr     x0, x0, #(1 << 6)
    msr     CPUECTLR_EL1, x0
    isb
3:  DROP_TO_EL1 el3

/* Give EL1 its timers, floating point, debug and interrupts, no second stage. */
from_el2:
    mov     w21, #ENTRY_EL2
    ALL_OFF el2, SCTLR_HIGH_OFF
    mov     x0, #(1 << 31)                  /* HCR_EL2: RW */
    orr     x0, x0, #(3 << 40)              /* APK, API */
    msr     hcr_el2, x0
    isb
    tlbi    alle2
    tlbi    alle1
    dsb     sy
    msr     hstr_el2, xzr
    msr     vttbr_el2, xzr
    msr     cntvoff_el2, xzr
    mov     x0, #0x33ff                     /* CPTR_EL2: RES1, no trap of FP, NEON, CPACR */
    msr     cptr_el2, x0
    mrs     x0, pmcr_el0                    /* N: all counters for the lower level */
    ubfx    x0, x0, #11, #5
    msr     mdcr_el2, x0
    mov     x0, #3
    msr     cnthctl_el2, x0                 /* physical counter and timer */
    mrs     x0, midr_el1
    msr     vpidr_el2, x0
    mrs     x0, mpidr_el1
    msr     vmpidr_el2, x0
    mrs     x0, id_aa64mmfr0_el1            /* FGT: fine-grained traps */
    lsr     x0, x0, #56
    and     x0, x0, #0xf
    cbz     x0, 2f
    msr     HFGRTR_EL2, xzr
    msr     HFGWTR_EL2, xzr
    msr     HFGITR_EL2, xzr
    msr     HDFGRTR_EL2, xzr
    msr     HDFGWTR_EL2, xzr
2:  GIC_REGISTERS el2
    DROP_TO_EL1 el2

in_el1:
    msr     spsel, #0
    ALL_OFF el1, SCTLR_EL1_OFF
    ic      iallu
    tlbi    vmalle1
    dsb     sy
    isb

/* Floating point and NEON, the cycle counter. */
    mov     x0, #(3 << 20)                  /* CPACR_EL1.FPEN */
    msr     cpacr_el1, x0
    isb
    msr     fpcr, xzr
    msr     fpsr, xzr
    mrs     x0, pmcr_el0                    /* enable, reset cycles, no divider */
    mov     w1, #5
    orr     x0, x0, x1
    bic     x0, x0, #(1 << 3)
    bic     x0, x0, #(1 << 5)
    msr     pmcr_el0, x0
    msr     pmccfiltr_el0, xzr
    mov     x0, #(1 << 31)
    msr     pmcntenset_el0, x0
    msr     pmuserenr_el0, xzr              /* neither counters nor timers for EL0 */
    msr     cntkctl_el1, xzr

/* One CPU goes on; the others wait. A linker script names the cluster if it is not number 0. */
    mrs     x0, mpidr_el1
    and     x1, x0, #0xffffff
    and     x0, x0, #(0xff << 32)
    orr     x22, x0, x1
    .weak   __cpu_cluster
    ldr     x0, =__cpu_cluster
    eor     x22, x22, x0
    cbnz    x22, pen
    bl      set_stacks

/* .ramtext, .data and .tdata from flash (nothing to do in a RAM image), .bss to zero. */
    ldr     x0, =__ram_load
    ldr     x1, =__ram_copy_start
    ldr     x2, =__ram_copy_end
    cmp     x0, x1
    b.eq    6f
5:  cmp     x1, x2
    b.hs    6f
    ldp     x3, x4, [x0], #16
    stp     x3, x4, [x1], #16
    b       5b
6:  ldr     x1, =__bss_start
    ldr     x2, =__bss_end
7:  cmp     x1, x2
    b.hs    8f
    stp     xzr, xzr, [x1], #16
    b       7b
8:  bl      set_percpu

/* A key of this boot for pointer authentication: random where the CPU has a generator. */
    bl      has_pointer_authentication
    cbz     x0, 9f
    mrs     x0, cntpct_el0
    mrs     x1, id_aa64isar0_el1
    lsr     x1, x1, #60
    cbz     x1, 1f
    mrs     x0, RNDR
1:  ldr     x1, =0x9e3779b97f4a7c15
    mul     x2, x0, x1
    eor     x1, x2, x0, ror #29
    ldr     x3, =boot_pointer_key
    stp     x1, x2, [x3]
    bl      authenticate_pointers
9:  mov     x0, x20
    mov     w1, w21
    bl      boot_start
    b       .

/* The pen. Each CPU looks at its own mailbox: entry and its complement, so that what RAM holds at
 * power-on is not taken for an order. x22: MPIDR affinity in its cluster, the CPU number. */
pen:
    cmp     x22, #ASH_CPUS
    b.hs    lost
    ldr     x23, =boot_mailbox
    add     x23, x23, x22, lsl #MAILBOX_SHIFT
pen_wait:
    ldp     x0, x1, [x23, #MAILBOX_ENTRY]
    mvn     x1, x1
    cmp     x0, x1
    b.ne    1f
    cbnz    x0, 2f
1:  wfe
    b       pen_wait
2:  dmb     sy
    mov     x24, x0
    ldr     x25, [x23, #MAILBOX_ARGUMENT]
    stp     xzr, xzr, [x23, #MAILBOX_ENTRY] /* the order is taken: a reset must not repeat it */
    dsb     sy
    bl      set_stacks
    bl      set_percpu
    bl      has_pointer_authentication
    cbz     x0, 3f
    bl      authenticate_pointers
3:  ldr     x0, =boot_vectors
    msr     vbar_el1, x0                    /* a fault there gets its report */
    isb
    msr     daifclr, #4
    mov     x0, x25
    blr     x24
    msr     daifset, #0xf
    dmb     sy
    str     xzr, [x23, #MAILBOX_BUSY]
    dsb     sy
    sev
    b       pen_wait

/* A CPU that the library was not built for. */
lost:
    wfe
    b       lost

/* Sets the stack pointers; ends on SP_EL0. Uses x0, x1. */
set_stacks:
    ldr     x0, =boot_stacks
    ldr     x1, =STACKS_BYTES
    madd    x0, x22, x1, x0
    msr     spsel, #1
    add     sp, x0, #(STACK_EXCEPTION_TOP >> 12), lsl #12
    msr     spsel, #0
    add     sp, x0, #(STACK_PROGRAM_TOP >> 12), lsl #12
    ret

/* Fills percpu[x22] and points TPIDR_EL1 to it, TPIDR_EL0 to the C library's. Uses x0-x2. */
set_percpu:
    ldr     x0, =percpu
    add     x0, x0, x22, lsl #PERCPU_SHIFT
    ldr     x1, =boot_stacks
    ldr     x2, =STACKS_BYTES
    madd    x1, x22, x2, x1
    str     x22, [x0, #PERCPU_NUMBER]
    str     x1, [x0, #PERCPU_STACKS]
    str     xzr, [x0, #PERCPU_CATCH]
    str     xzr, [x0, #PERCPU_REPORTING]
    mov     x1, #PERCPU_INSIDE_START
    str     x1, [x0, #PERCPU_INSIDE]
    msr     tpidr_el1, x0
    msr     tpidrro_el0, xzr                /* nothing of the firmware's in there */
    ldr     x0, =__tls_thread
    msr     tpidr_el0, x0
    ret

/* x0: not 0 if the CPU has FEAT_PAuth with any algorithm. Uses x1. */
has_pointer_authentication:
    mrs     x0, id_aa64isar1_el1
    and     x0, x0, #0xff0                  /* APA, API */
    mrs     x1, ID_AA64ISAR2
    and     x1, x1, #0xf000                 /* APA3 */
    orr     x0, x0, x1
    ret

/* From here on PACIASP and AUTIASP are more than hints. Uses x0, x1. */
authenticate_pointers:
    ldr     x0, =boot_pointer_key
    ldp     x0, x1, [x0]
    msr     APIAKEYLO_EL1, x0
    msr     APIAKEYHI_EL1, x1
    mrs     x0, sctlr_el1
    orr     x0, x0, #SCTLR_ENIA_BIT
    msr     sctlr_el1, x0
    isb
    ret

/* Cleans and invalidates every data and unified level up to coherency (CLIDR.LoC) by set and way:
 * only for one CPU with nobody else running (arm-rules 20). No memory access; uses x0-x12. */
clean_by_set_way:
    dmb     sy
    mrs     x9, clidr_el1
    ubfx    x10, x9, #24, #3                /* LoC */
    mrs     x11, id_aa64mmfr2_el1
    ubfx    x11, x11, #20, #4               /* CCIDX: CCSIDR has wider fields */
    mov     x1, #0                          /* level */
1:  cmp     x1, x10
    b.hs    5f
    add     x2, x1, x1, lsl #1
    lsr     x2, x9, x2
    and     x2, x2, #7                      /* cache type at this level */
    cmp     x2, #2
    b.lo    4f                              /* none, or instructions only */
    lsl     x2, x1, #1
    msr     csselr_el1, x2
    isb
    mrs     x3, ccsidr_el1
    and     x4, x3, #7
    add     x4, x4, #4                      /* log2 of line bytes */
    ubfx    x5, x3, #3, #10                 /* ways - 1 */
    ubfx    x7, x3, #13, #15                /* sets - 1 */
    cbz     x11, 6f
    ubfx    x5, x3, #3, #21
    ubfx    x7, x3, #32, #24
6:  clz     w6, w5                          /* shift of the way number */
2:  mov     x8, x5
3:  lsl     x0, x7, x4
    orr     x0, x0, x2
    lsl     x12, x8, x6
    orr     x0, x0, x12
    dc      cisw, x0
    subs    x8, x8, #1
    b.pl    3b
    subs    x7, x7, #1
    b.pl    2b
4:  add     x1, x1, #1
    b       1b
5:  msr     csselr_el1, xzr
    dsb     sy
    isb
    ret
    .ltorg

/* Vectors of the level that we came from: no monitor and no hypervisor lives there. A call from
 * below gets "not supported", as the SMC calling convention says it; anything else stops. */
    .balign 0x800
calls_from_below:
    .rept 8
    b       .
    .balign 0x80
    .endr
    mrs     x0, CurrentEL
    tbnz    w0, #2, 1f                      /* EL3 */
    mrs     x0, esr_el2
    b       2f
1:  mrs     x0, esr_el3
2:  lsr     w0, w0, #26
    sub     w0, w0, #0x16                   /* HVC, SMC */
    cmp     w0, #1
    b.hi    .
    mov     x0, #-1
    eret
    .rept 7
    .balign 0x80
    b       .
    .endr

    .section .noinit, "aw", %nobits
    .balign 16
boot_pointer_key:
    .skip   16
