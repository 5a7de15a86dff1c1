/* SPDX-License-Identifier: MIT */
/*
 * The GICv3 CPU interface of this CPU, as system registers (Arm IHI 0069, chapter 12.4), for
 * interrupts of Group 1 of the current security state.
 */
#ifndef ASHLAR_PORT_GIC_REGS_H
#define ASHLAR_PORT_GIC_REGS_H

#include "port/port.h"

/** Turns the system registers on; false where the level above does not allow them. */
static inline bool port_gic_use_registers(void)
{
    SYS_WRITE(SYS_ICC_SRE, SYS_READ(SYS_ICC_SRE) | 1u);
    port_isb();
    return (SYS_READ(SYS_ICC_SRE) & 1u) != 0;
}

/** Lets every priority through and takes Group 1; end of interrupt also deactivates. */
static inline void port_gic_open(void)
{
    SYS_WRITE(SYS_ICC_PMR, 0xff);
    SYS_WRITE(SYS_ICC_BPR1, 0);
    SYS_WRITE(SYS_ICC_CTLR, SYS_READ(SYS_ICC_CTLR) & ~2u); /* EOImode */
    SYS_WRITE(SYS_ICC_IGRPEN1, 1);
    port_isb();
}

static inline uint32_t port_gic_acknowledge(void)
{
    uint32_t irq = SYS_READ(SYS_ICC_IAR1);

    port_dsb_sy(); /* the acknowledge has reached the GIC before the handler touches the device */
    return irq;
}

static inline void port_gic_end(uint32_t irq)
{
    SYS_WRITE(SYS_ICC_EOIR1, irq);
    port_isb();
}

/** Sends software-generated interrupt 0 to 15 to the CPU with this affinity. */
static inline void port_gic_send(uint32_t irq, uint32_t affinity)
{
    uint64_t request = (uint64_t)(affinity >> 24) << 48 | (uint64_t)(affinity >> 16 & 0xff) << 32 |
                       (uint64_t)irq << 24 | (affinity >> 8 & 0xff) << 16 | 1u << (affinity & 0xf);

    port_dsb_sy(); /* what the interrupt announces is visible first */
    SYS_WRITE64(SYS_ICC_SGI1R, request);
    port_isb();
}

#endif
