/* SPDX-License-Identifier: MIT */
/*
 * From the reset vector to C, with the MMU off: find out where we are (Hyp, Monitor, Secure or
 * Non-secure SVC; caches on or off), end in SVC with everything off, send secondary CPUs to the
 * pen, lay out RAM, call boot_start(). Nothing here runs once the MMU is on, so that page 0 can be
 * left unmapped. On A32 images linked at 0 this file is all there is in page 0.
 *
 * Registers: r11 the loader's r2 (device tree), r10 enum ash_boot_entry | ENTERED_CACHED.
 */
#include "port/percpu.h"
#include "startup/a32/stacks.h"
#include "startup/mailbox.h"

#define ENTRY_SVC      0
#define ENTRY_HYP      1
#define ENTRY_SECURE   2
#define ENTERED_CACHED 0x100

    .syntax unified
    .arch armv7ve
    .arch_extension sec
    .arch_extension virt
    .fpu neon
    .arm

/* What no image may find on: M, A, C; I; V (vectors at VBAR); WXN and UWXN (set again with our own
 * tables); EE (little-endian exceptions); TE (exceptions in Arm state). */
    .macro SCTLR_OFF reg
    bic     \reg, \reg, #7
    bic     \reg, \reg, #(3 << 12)
    bic     \reg, \reg, #(3 << 19)
    bic     \reg, \reg, #(1 << 25)
    bic     \reg, \reg, #(1 << 30)
    .endm

    .section .reset, "ax", %progbits
    .global _start
    .type _start, %function
    .balign 32
_start:                         /* also the vectors until the real ones are installed */
    b       reset
    b       undefined_probe
    b       .
    b       .
    b       .
    b       hyp_call            /* as Hyp vectors: a stray HVC from SVC */
    b       .
    b       .

/* Non-secure SVC has no SCR: the read is UNDEFINED, and r9 tells the reader so. */
undefined_probe:
    mov     r9, #0
    movs    pc, lr

/* No hypervisor lives here: "not supported", as the SMC calling convention says it. */
hyp_call:
    mvn     r0, #0
    eret

reset:
    mov     r11, r2
    mov     r10, #ENTRY_SVC
    mrs     r0, cpsr
    and     r0, r0, #0x1f
    cmp     r0, #MODE_HYP
    beq     from_hyp
    cpsid   aif, #MODE_SVC
    b       in_svc

/* Hyp: give the lower level its timers, floating point, debug and interrupts, then drop. */
from_hyp:
    mov     r10, #ENTRY_HYP
    mrc     p15, 4, r0, c1, c0, 0           /* HSCTLR */
    tst     r0, #5
    beq     1f
    orr     r10, r10, #ENTERED_CACHED
    bic     r0, r0, #4                      /* C first, as below for SVC */
    mcr     p15, 4, r0, c1, c0, 0
    isb
    bl      clean_by_set_way
    mrc     p15, 4, r0, c1, c0, 0
1:  bic     r0, r0, #1                      /* M */
    bic     r0, r0, #(1 << 12)              /* I */
    mcr     p15, 4, r0, c1, c0, 0
    isb
    mrc     p15, 0, r0, c1, c0, 0           /* SCTLR, UNKNOWN until somebody sets it */
    SCTLR_OFF r0
    mcr     p15, 0, r0, c1, c0, 0
    adr     r0, _start
    mcr     p15, 4, r0, c12, c0, 0          /* HVBAR */
    mov     r0, #0
    mcr     p15, 4, r0, c1, c1, 0           /* HCR: no trap, no stage 2 */
    mcr     p15, 4, r0, c1, c1, 3           /* HSTR */
    mcrr    p15, 4, r0, r0, c14             /* CNTVOFF */
    mcrr    p15, 6, r0, r0, c2              /* VTTBR */
    mrc     p15, 4, r0, c1, c1, 2           /* HCPTR: no trap of FP, NEON, CPACR */
    bic     r0, r0, #(3 << 10)
    bic     r0, r0, #(1 << 15)
    bic     r0, r0, #(1 << 20)
    bic     r0, r0, #(1 << 31)
    mcr     p15, 4, r0, c1, c1, 2
    mrc     p15, 0, r0, c9, c12, 0          /* PMCR.N: all counters for the lower level */
    ubfx    r0, r0, #11, #5
    mcr     p15, 4, r0, c1, c1, 1           /* HDCR */
    mov     r0, #3
    mcr     p15, 4, r0, c14, c1, 0          /* CNTHCTL: physical counter and timer */
    mrc     p15, 0, r0, c0, c0, 0
    mcr     p15, 4, r0, c0, c0, 0           /* VPIDR */
    mrc     p15, 0, r0, c0, c0, 5
    mcr     p15, 4, r0, c0, c0, 5           /* VMPIDR */
    mrc     p15, 0, r0, c0, c1, 1           /* ID_PFR1.GIC: registers of a GICv3 */
    tst     r0, #(0xf << 28)
    beq     1f
    mrc     p15, 4, r0, c12, c9, 5          /* ICC_HSRE: SRE and Enable */
    orr     r0, r0, #9
    mcr     p15, 4, r0, c12, c9, 5
    isb
1:  mcr     p15, 4, r0, c8, c7, 0           /* TLBIALLH */
    mcr     p15, 4, r0, c8, c7, 4           /* TLBIALLNSNH */
    dsb     sy
    adr     r0, in_svc
    msr     elr_hyp, r0
    mov     r0, #(MODE_SVC | 0x1c0)         /* A, I, F masked */
    msr     spsr_cxsf, r0
    eret

in_svc:
    mrc     p15, 0, r0, c1, c0, 0           /* the probe's vectors: at VBAR, Arm, little-endian */
    bic     r0, r0, #(1 << 13)
    bic     r0, r0, #(1 << 25)
    bic     r0, r0, #(1 << 30)
    mcr     p15, 0, r0, c1, c0, 0
    isb
    adr     r0, _start
    mcr     p15, 0, r0, c12, c0, 0          /* VBAR: for the probe */
    isb
    tst     r10, #ENTRY_HYP
    bne     2f
    mrc     p15, 0, r0, c0, c1, 1           /* ID_PFR1.Security */
    tst     r0, #(0xf << 4)
    beq     2f
    mov     r9, #1
    mrc     p15, 0, r0, c1, c1, 0           /* SCR: UNDEFINED when Non-secure */
    cmp     r9, #0
    beq     2f
    bic     r0, r0, #0xe                    /* IRQ, FIQ and aborts stay in their own modes */
    mcr     p15, 0, r0, c1, c1, 0
    mov     r10, #ENTRY_SECURE
    ldr     r0, =monitor_vectors
    mcr     p15, 0, r0, c12, c0, 1          /* MVBAR: a stray SMC */
    cps     #MODE_MON
    mrc     p15, 0, r1, c0, c1, 1           /* ID_PFR1 */
    tst     r1, #(0xf << 28)
    beq     1f
    mrc     p15, 6, r0, c12, c12, 5         /* ICC_MSRE: SRE and Enable */
    orr     r0, r0, #9
    mcr     p15, 6, r0, c12, c12, 5
    isb
1:  tst     r1, #(0xf << 12)                /* with a Hyp mode there is CNTVOFF: Non-secure sees it */
    beq     1f
    mrc     p15, 0, r0, c1, c1, 0
    orr     r2, r0, #1                      /* SCR.NS */
    mcr     p15, 0, r2, c1, c1, 0
    isb
    mov     r2, #0
    mcrr    p15, 4, r2, r2, c14             /* CNTVOFF */
    mcr     p15, 0, r0, c1, c1, 0
    isb
1:  cps     #MODE_SVC

/* A loader may have left the MMU and the caches on. Caches off first, so that no new line comes
 * in; then what is dirty goes to memory, then the MMU goes off. */
2:  mrc     p15, 0, r0, c1, c0, 0           /* SCTLR */
    tst     r0, #5
    beq     3f
    orr     r10, r10, #ENTERED_CACHED
    bic     r0, r0, #4                      /* C */
    mcr     p15, 0, r0, c1, c0, 0
    isb
    bl      clean_by_set_way
    mrc     p15, 0, r0, c1, c0, 0
3:  SCTLR_OFF r0
    mcr     p15, 0, r0, c1, c0, 0
    isb
    mov     r0, #0
    mcr     p15, 0, r0, c7, c5, 0           /* ICIALLU */
    mcr     p15, 0, r0, c7, c5, 6           /* BPIALL */
    mcr     p15, 0, r0, c8, c7, 0           /* TLBIALL */
    dsb     sy
    isb

/* Cortex-A7 and A15 join coherency by ACTLR.SMP, before caches or the MMU go on. */
    mrc     p15, 0, r0, c0, c0, 0           /* MIDR */
    movw    r1, #0xfff0
    movt    r1, #0xff00
    and     r0, r0, r1
    movw    r1, #0xc070
    movt    r1, #0x4100
    movw    r2, #0xc0f0
    movt    r2, #0x4100
    cmp     r0, r1
    cmpne   r0, r2
    bne     3f
    mrc     p15, 0, r0, c1, c0, 1           /* ACTLR */
    tst     r0, #(1 << 6)
    orreq   r0, r0, #(1 << 6)
    mcreq   p15, 0, r0, c1, c0, 1
    isb
    b       4f

/* Cortex-A53, A57 and A72: CPUECTLR.SMPEN, which only the Secure state may always write. */
3:  tst     r10, #ENTRY_SECURE
    beq     4f
    movw    r1, #0xd030
    movt    r1, #0x4100
    movw    r2, #0xd070
    movt    r2, #0x4100
    cmp     r0, r1
    cmpne   r0, r2
    movw    r1, #0xd080
    movt    r1, #0x4100
    cmpne   r0, r1
    bne     4f
    mrrc    p15, 1, r0, r1, c15             /* CPUECTLR */
    orr     r0, r0, #(1 << 6)
    mcrr    p15, 1, r0, r1, c15
    isb

/* Floating point and NEON, the cycle counter. */
4:  mrc     p15, 0, r0, c1, c0, 2           /* CPACR */
    orr     r0, r0, #(0xf << 20)
    bic     r0, r0, #(3 << 30)              /* ASEDIS, D32DIS */
    mcr     p15, 0, r0, c1, c0, 2
    isb
    mov     r0, #(1 << 30)                  /* FPEXC.EN */
    vmsr    fpexc, r0
    mov     r0, #0
    vmsr    fpscr, r0
    mrc     p15, 0, r0, c9, c12, 0          /* PMCR: enable, reset cycles, no divider */
    orr     r0, r0, #5
    bic     r0, r0, #8
    mcr     p15, 0, r0, c9, c12, 0
    mov     r0, #(1 << 31)
    mcr     p15, 0, r0, c9, c12, 1          /* PMCNTENSET: cycle counter */
    mov     r0, #0
    mcr     p15, 0, r0, c9, c14, 0          /* PMUSERENR and CNTKCTL: neither counters nor timers */
    mcr     p15, 0, r0, c14, c1, 0          /* for User mode */

/* Flash may appear at the reset vector and elsewhere: from here on we are where we were linked to. */
    ldr     pc, =at_linked
at_linked:

/* One CPU goes on; the others wait. A linker script names the cluster if it is not number 0. */
    mrc     p15, 0, r0, c0, c0, 5           /* MPIDR */
    ubfx    r4, r0, #0, #24
    .weak   __cpu_cluster
    ldr     r0, =__cpu_cluster
    eors    r4, r4, r0
    bne     pen

    mov     r4, #0
    bl      set_stacks

/* .ramtext and .data from flash (nothing to do in a RAM image), .bss to zero. */
    ldr     r0, =__ram_load
    ldr     r1, =__ram_copy_start
    ldr     r2, =__ram_copy_end
    cmp     r0, r1
    beq     6f
5:  cmp     r1, r2
    ldmialo r0!, {r3-r6}
    stmialo r1!, {r3-r6}
    blo     5b
6:  ldr     r1, =__bss_start
    ldr     r2, =__bss_end
    mov     r3, #0
    mov     r4, #0
    mov     r5, #0
    mov     r6, #0
7:  cmp     r1, r2
    stmialo r1!, {r3-r6}
    blo     7b

    mov     r4, #0
    bl      set_percpu
    mov     r0, r11
    mov     r1, r10
    ldr     r2, =boot_start
    blx     r2
    b       .

/* The pen. Each CPU looks at its own mailbox: entry and its complement, so that what RAM holds at
 * power-on is not taken for an order. r4: MPIDR affinity in its cluster, the CPU number. */
pen:
    ubfx    r5, r4, #0, #8
    lsr     r6, r4, #8
    cmp     r6, #0
    bne     lost
    cmp     r5, #ASH_CPUS
    bhs     lost
    mov     r4, r5
    ldr     r11, =boot_mailbox
    add     r11, r11, r4, lsl #MAILBOX_SHIFT
pen_wait:
    ldr     r0, [r11, #MAILBOX_ENTRY]
    ldr     r1, [r11, #MAILBOX_CHECK]
    mvn     r1, r1
    cmp     r0, r1
    bne     1f
    cmp     r0, #0
    bne     2f
1:  wfe
    b       pen_wait
2:  dmb     sy
    mov     r10, r0
    ldr     r9, [r11, #MAILBOX_ARGUMENT]
    mov     r0, #0                          /* the order is taken: a reset must not repeat it */
    str     r0, [r11, #MAILBOX_ENTRY]
    str     r0, [r11, #MAILBOX_CHECK]
    dsb     sy
    bl      set_stacks
    bl      set_percpu
    ldr     r0, =boot_vectors
    mcr     p15, 0, r0, c12, c0, 0          /* VBAR: a fault there gets its report */
    isb
    cpsie   a
    mov     r0, r9
    blx     r10
    cpsid   a
    ldr     r11, =boot_mailbox
    mrc     p15, 0, r4, c0, c0, 5
    ubfx    r4, r4, #0, #8
    add     r11, r11, r4, lsl #MAILBOX_SHIFT
    mov     r0, #0
    dmb     sy
    str     r0, [r11, #MAILBOX_BUSY]
    dsb     sy
    sev
    b       pen_wait

/* A CPU that the library was not built for. */
lost:
    wfe
    b       lost

/* r4: CPU number. Sets the stack pointer of every mode; ends in SVC. Uses r0, r1. */
set_stacks:
    mov     r1, lr
    ldr     r0, =boot_stacks
    movw    r2, #:lower16:STACKS_BYTES
    movt    r2, #:upper16:STACKS_BYTES
    mla     r0, r2, r4, r0
    .macro STACK mode, top
    cps     #\mode
    add     sp, r0, #\top
    .endm
    STACK   MODE_FIQ, STACK_FIQ_TOP
    STACK   MODE_IRQ, STACK_IRQ_TOP
    STACK   MODE_ABT, STACK_ABT_TOP
    STACK   MODE_UND, STACK_UND_TOP
    STACK   MODE_SVC, STACK_SVC_TOP
    bx      r1

/* r4: CPU number. Fills percpu[r4] and points TPIDRPRW to it. Uses r0-r2. */
set_percpu:
    ldr     r0, =percpu
    add     r0, r0, r4, lsl #PERCPU_SHIFT
    str     r4, [r0, #PERCPU_NUMBER]
    ldr     r1, =boot_stacks
    movw    r2, #:lower16:STACKS_BYTES
    movt    r2, #:upper16:STACKS_BYTES
    mla     r1, r2, r4, r1
    str     r1, [r0, #PERCPU_STACKS]
    mov     r1, #0
    str     r1, [r0, #PERCPU_CATCH]
    str     r1, [r0, #PERCPU_REPORTING]
    mov     r2, #PERCPU_INSIDE_START
    str     r2, [r0, #PERCPU_INSIDE]
    mcr     p15, 0, r1, c13, c0, 3          /* TPIDRURO: nothing of the firmware's in there */
    mcr     p15, 0, r0, c13, c0, 4
    bx      lr

/* Cleans and invalidates every data and unified level up to coherency (CLIDR.LoC) by set and way:
 * only for one CPU with nobody else running (arm-rules 20). No memory access; uses r0-r9, r12. */
clean_by_set_way:
    dmb     sy
    mrc     p15, 1, r0, c0, c0, 1           /* CLIDR */
    ubfx    r12, r0, #24, #3                /* LoC */
    mov     r9, r0
    mov     r1, #0                          /* level */
1:  cmp     r1, r12
    bhs     5f
    add     r2, r1, r1, lsl #1
    lsr     r2, r9, r2
    and     r2, r2, #7                      /* cache type at this level */
    cmp     r2, #2
    blo     4f                              /* none, or instructions only */
    lsl     r2, r1, #1
    mcr     p15, 2, r2, c0, c0, 0           /* CSSELR */
    isb
    mrc     p15, 1, r3, c0, c0, 0           /* CCSIDR */
    and     r4, r3, #7
    add     r4, r4, #4                      /* log2 of line bytes */
    ubfx    r5, r3, #3, #10                 /* ways - 1 */
    clz     r6, r5                          /* shift of the way number */
    ubfx    r7, r3, #13, #15                /* sets - 1 */
2:  mov     r8, r5
3:  orr     r0, r2, r7, lsl r4
    lsl     r3, r8, r6
    orr     r0, r0, r3
    mcr     p15, 0, r0, c7, c14, 2          /* DCCISW */
    subs    r8, r8, #1
    bpl     3b
    subs    r7, r7, #1
    bpl     2b
4:  add     r1, r1, #1
    b       1b
5:  mov     r0, #0
    mcr     p15, 2, r0, c0, c0, 0
    dsb     sy
    isb
    bx      lr
    .ltorg
