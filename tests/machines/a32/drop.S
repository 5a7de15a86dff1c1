/* SPDX-License-Identifier: MIT */
/*
 * A program for AArch64 that starts the AArch32 firmware on a core that comes up in AArch64, as the
 * boot loaders of such boards do. Entered in EL2, it gives EL1 what it needs, sets HCR_EL2.RW to 0
 * and returns to AArch32 SVC at `stub_target`, the device tree in r2; entered in EL3 (of a core
 * without EL2), it does so by SCR_EL3.RW and leaves the secure state, all interrupts to the other.
 * Calls from below (HVC, SMC) it refuses.
 */
#define SVC_MASKED  0x1d3       /* PSTATE: AArch32 SVC, A, I, F masked */
#define SCTLR_OFF   0x00c50838  /* AArch32's bits that are RES1 */
#define SCR_NS_A32  0x131       /* NS, RES1, HCE; RW = 0: EL1 is AArch32 */
#define EL2         (2 << 2)

/* QEMU's virt */
#define GICD        0x08000000
#define GICC        0x08010000
#define GICD_CTLR   0x000
#define GICD_TYPER  0x004
#define GICD_GROUPS 0x080
#define GICC_PMR    0x004
#define GICD_DS     (1 << 6)    /* GICv3: one security state is all there is */
#define CPUECTLR    s3_1_c15_c2_1

    .text
    .global _start
_start:
    mov     x2, x0              /* the device tree, where AArch32 is told of it */
    mrs     x1, CurrentEL
    cmp     x1, #EL2
    b.hi    from_el3
    b.lo    .                   /* nothing else can choose the state of EL1 */
    adr     x1, vectors
    msr     vbar_el2, x1
    msr     hcr_el2, xzr        /* RW = 0: EL1 is AArch32 */
    mov     x1, #0x33ff
    msr     cptr_el2, x1
    msr     hstr_el2, xzr
    msr     vttbr_el2, xzr
    msr     cntvoff_el2, xzr
    mov     x1, #3
    msr     cnthctl_el2, x1
    mrs     x1, pmcr_el0
    ubfx    x1, x1, #11, #5
    msr     mdcr_el2, x1
    mrs     x1, midr_el1
    msr     vpidr_el2, x1
    mrs     x1, mpidr_el1
    msr     vmpidr_el2, x1
    mrs     x1, id_aa64pfr0_el1
    ubfx    x1, x1, #24, #4     /* the registers of a GICv3: SRE, Enable */
    cbz     x1, 1f
    mrs     x1, icc_sre_el2
    mov     x3, #9
    orr     x1, x1, x3
    msr     icc_sre_el2, x1
    isb
1:  ldr     x1, =SCTLR_OFF
    msr     sctlr_el1, x1
    tlbi    alle1
    dsb     sy
    mov     x1, #SVC_MASKED
    msr     spsr_el2, x1
    ldr     x1, =stub_target
    msr     elr_el2, x1
    mov     x0, #0
    mov     x1, #0
    isb
    eret

from_el3:
    adr     x1, vectors
    msr     vbar_el3, x1
    mov     x1, #SCR_NS_A32
    msr     scr_el3, x1
    msr     cptr_el3, xzr
    msr     mdcr_el3, xzr
    mrs     x1, CPUECTLR        /* SMPEN (arm-rules 39) */
    orr     x1, x1, #(1 << 6)
    msr     CPUECTLR, x1
    isb
    ldr     x3, =GICD
    mrs     x1, id_aa64pfr0_el1
    ubfx    x1, x1, #24, #4
    cbz     x1, 1f
    mov     x1, #0xf            /* ICC_SRE_EL3: SRE, DFB, DIB, Enable */
    msr     icc_sre_el3, x1
    mov     w1, #GICD_DS
    str     w1, [x3, #GICD_CTLR]
    b       3f
1:  ldr     w1, [x3, #GICD_TYPER]
    and     w1, w1, #0x1f       /* that many more words of 32 interrupts */
    add     x3, x3, #GICD_GROUPS
    mov     w4, #-1
2:  str     w4, [x3], #4        /* Group 1 */
    subs    w1, w1, #1
    b.pl    2b
    ldr     x3, =GICC
    mov     w1, #0xff
    str     w1, [x3, #GICC_PMR] /* what the non-secure state may set is its lower half */
3:  ldr     x1, =SCTLR_OFF
    msr     sctlr_el1, x1
    tlbi    alle1
    dsb     sy
    mov     x1, #SVC_MASKED
    msr     spsr_el3, x1
    ldr     x1, =stub_target
    msr     elr_el3, x1
    mov     x0, #0
    mov     x1, #0
    isb
    eret
    .ltorg

/* From a lower level in AArch32: what comes is a call, or a mistake that shows by going no further.
 */
    .balign 0x800
vectors:
    .space  0x600
    mov     x0, #-1
    eret
