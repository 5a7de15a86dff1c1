/* SPDX-License-Identifier: MIT */
/*
 * A program for AArch64 that starts the AArch32 firmware on a core that comes up in AArch64, as the
 * boot loaders of such boards do: it is entered in EL2, gives EL1 what it needs, sets HCR_EL2.RW to
 * 0 and returns to AArch32 SVC at `stub_target`, the device tree in r2. Calls (HVC) from below it
 * refuses.
 */
#define SVC_MASKED  0x1d3       /* PSTATE: AArch32 SVC, A, I, F masked */
#define SCTLR_OFF   0x00c50838  /* AArch32's bits that are RES1 */
#define EL2         (2 << 2)

    .text
    .global _start
_start:
    mov     x2, x0              /* the device tree, where AArch32 is told of it */
    mrs     x1, CurrentEL
    cmp     x1, #EL2
    b.ne    .                   /* nothing else can choose the state of EL1 */
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
    .ltorg

/* From a lower level in AArch32: what comes is an HVC, or a mistake that shows by going no further.
 */
    .balign 0x800
vectors:
    .space  0x600
    mov     x0, #-1
    eret
