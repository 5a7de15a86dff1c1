/* SPDX-License-Identifier: MIT */
/*
 * GICv2 (Arm IHI 0048): the registers of the distributor and of the CPU interface.
 *
 * One set-up serves every case. Interrupts are left in Group 0 where we may choose (secure state,
 * or no security extensions), and bit 0 of both control registers enables that group; a non-secure
 * view shows Group 1 in the same bit and ignores writes of groups. Group 0 is signalled as IRQ, as
 * FIQEn stays 0.
 */
#include "ashlar/config.h"
#include "ashlar/errors.h"
#include "board/dev/gic.h"
#include "board/dev/mmio.h"
#include "port/port.h"

/* Section 4.3 and 4.4; n is a register, irq an interrupt */
#define GICD_CTLR            0x000u
#define GICD_TYPER           0x004u
#define GICD_IGROUPR(n)      (0x080u + 4 * (n))
#define GICD_ISENABLER(n)    (0x100u + 4 * (n))
#define GICD_ICENABLER(n)    (0x180u + 4 * (n))
#define GICD_ICPENDR(n)      (0x280u + 4 * (n))
#define GICD_IPRIORITYR(irq) (0x400u + (irq))
#define GICD_ITARGETSR(irq)  (0x800u + (irq))
#define GICD_SGIR            0xf00u
#define GICC_CTLR            0x00u
#define GICC_PMR             0x04u
#define GICC_BPR             0x08u
#define GICC_IAR             0x0cu
#define GICC_EOIR            0x10u

#define GICV2_ENABLE   1u
#define GICV2_PRIORITY 0xa0u

static ash_va_t gicv2_distributor, gicv2_interface;
static uint8_t gicv2_target[ASH_CPUS]; /* the bit that stands for each CPU; 0: not up */

static int gicv2_init(ash_va_t distributor, ash_va_t cpu, uint64_t cpu_size, bool secure)
{
    uint32_t words;

    (void)secure;
    if (cpu_size < 0x100) {
        return ASH_ENODEV;
    }
    gicv2_distributor = distributor;
    gicv2_interface = cpu;
    mmio_write32(distributor, GICD_CTLR, 0);
    words = (mmio_read32(distributor, GICD_TYPER) & 0x1f) + 1;
    for (uint32_t n = 1; n < words; n++) {
        mmio_write32(distributor, GICD_ICENABLER(n), UINT32_MAX);
        mmio_write32(distributor, GICD_ICPENDR(n), UINT32_MAX);
        mmio_write32(distributor, GICD_IGROUPR(n), 0);
    }
    mmio_write32(distributor, GICD_CTLR, GICV2_ENABLE);
    return (int)(32 * words);
}

static int gicv2_cpu_init(void)
{
    /* The target register of a private interrupt reads as this CPU's own bit (4.3.12); a GIC with
     * one CPU has no such registers and they read 0. */
    uint8_t target = mmio_read8(gicv2_distributor, GICD_ITARGETSR(0));

    gicv2_target[port_cpu()] = target != 0 ? target : 1;
    mmio_write32(gicv2_distributor, GICD_ICENABLER(0), UINT32_MAX);
    mmio_write32(gicv2_distributor, GICD_IGROUPR(0), 0);
    mmio_write32(gicv2_interface, GICC_PMR, 0xff);
    mmio_write32(gicv2_interface, GICC_BPR, 0);
    mmio_write32(gicv2_interface, GICC_CTLR, GICV2_ENABLE);
    return 0;
}

static void gicv2_enable(uint32_t irq)
{
    mmio_write8(gicv2_distributor, GICD_IPRIORITYR(irq), GICV2_PRIORITY);
    if (irq >= GIC_PRIVATE_END) {
        mmio_write8(gicv2_distributor, GICD_ITARGETSR(irq), gicv2_target[port_cpu()]);
    }
    mmio_write32(gicv2_distributor, GICD_ISENABLER(irq / 32), 1u << irq % 32);
}

static void gicv2_disable(uint32_t irq)
{
    mmio_write32(gicv2_distributor, GICD_ICENABLER(irq / 32), 1u << irq % 32);
    /* Read back: the distributor has seen the write. */
    (void)mmio_read32(gicv2_distributor, GICD_ICENABLER(irq / 32));
    port_dsb_sy();
}

static uint32_t gicv2_acknowledge(void)
{
    return mmio_read32(gicv2_interface, GICC_IAR);
}

static void gicv2_end(uint32_t acknowledged)
{
    port_dsb_sy(); /* the device has seen the handler's writes before the interrupt may come again
                    */
    mmio_write32(gicv2_interface, GICC_EOIR, acknowledged);
}

static int gicv2_send(uint32_t irq, unsigned cpu)
{
    if (cpu >= ASH_CPUS || gicv2_target[cpu] == 0) {
        return ASH_EINVAL;
    }
    port_dsb_sy(); /* what the interrupt announces is visible first */
    mmio_write32(gicv2_distributor, GICD_SGIR, (uint32_t)gicv2_target[cpu] << 16 | irq);
    return 0;
}

const struct gic_version gicv2 = {
    gicv2_init,        gicv2_cpu_init, {GIC_PRIVATE_END, gicv2_enable, gicv2_disable},
    gicv2_acknowledge, gicv2_end,      gicv2_send};
