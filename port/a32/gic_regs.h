/* SPDX-License-Identifier: MIT */
/*
 * The GICv3 CPU interface of this CPU, as system registers (Arm IHI 0069, chapter 12.4), for
 * interrupts of Group 1 of the current security state.
 */
#ifndef ASHLAR_PORT_A32_GIC_REGS_H
#define ASHLAR_PORT_A32_GIC_REGS_H

#include "port/port.h"

/** Affinity of this CPU as the GIC compares it: Aff2.Aff1.Aff0 (AArch32 has no Aff3). */
static inline uint32_t port_gic_affinity(void)
{
    return CP15_READ(CP15_MPIDR) & 0xffffffu;
}

/** Turns the system registers on; false where the level above does not allow them. */
static inline bool port_gic_use_registers(void)
{
    CP15_WRITE("p15, 0, %0, c12, c12, 5", CP15_READ("p15, 0, %0, c12, c12, 5") | 1u); /* ICC_SRE */
    port_isb();
    return (CP15_READ("p15, 0, %0, c12, c12, 5") & 1u) != 0;
}

/** Lets every priority through and takes Group 1; end of interrupt also deactivates. */
static inline void port_gic_open(void)
{
    CP15_WRITE("p15, 0, %0, c4, c6, 0", 0xff); /* ICC_PMR */
    CP15_WRITE("p15, 0, %0, c12, c12, 3", 0);  /* ICC_BPR1 */
    CP15_WRITE("p15, 0, %0, c12, c12, 4",
               CP15_READ("p15, 0, %0, c12, c12, 4") & ~2u); /* ICC_CTLR.EOImode */
    CP15_WRITE("p15, 0, %0, c12, c12, 7", 1);               /* ICC_IGRPEN1 */
    port_isb();
}

static inline uint32_t port_gic_acknowledge(void)
{
    uint32_t irq = CP15_READ("p15, 0, %0, c12, c12, 0"); /* ICC_IAR1 */

    port_dsb_sy(); /* the acknowledge has reached the GIC before the handler touches the device */
    return irq;
}

static inline void port_gic_end(uint32_t irq)
{
    CP15_WRITE("p15, 0, %0, c12, c12, 1", irq); /* ICC_EOIR1 */
    port_isb();
}

/** Sends software-generated interrupt 0 to 15 to the CPU with this affinity. */
static inline void port_gic_send(uint32_t irq, uint32_t affinity)
{
    uint64_t request = (uint64_t)(affinity >> 16 & 0xff) << 32 | (uint64_t)irq << 24 |
                       (affinity >> 8 & 0xff) << 16 | 1u << (affinity & 0xf);

    port_dsb_sy(); /* what the interrupt announces is visible first */
    CP15_WRITE64("p15, 0, %Q0, %R0, c12", request); /* ICC_SGI1R */
    port_isb();
}

#endif
