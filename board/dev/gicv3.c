/* SPDX-License-Identifier: MIT */
/*
 * GICv3 (Arm IHI 0069): distributor and redistributors. The CPU interface is the port's
 * (gic_regs.h).
 *
 * All interrupts are Group 1 of the state that we run in, so that they arrive as IRQ and the same
 * registers acknowledge them: with two security states and in the secure one that is Secure
 * Group 1 (group bit 0, modifier bit 1), else plain Group 1.
 */
#include "ashlar/config.h"
#include "ashlar/errors.h"
#include "board/dev/gic.h"
#include "board/dev/mmio.h"
#include "port/gic_regs.h"
#include "port/port.h"

/* Sections 12.9 and 12.11; n is a register, irq an interrupt. The second 64 KiB of a redistributor
 * repeat the registers of the first 32 interrupts at the distributor's offsets. */
#define GICD_CTLR            0x0000u
#define GICD_TYPER           0x0004u
#define GICX_IGROUPR(n)      (0x0080u + 4 * (n))
#define GICX_ISENABLER(n)    (0x0100u + 4 * (n))
#define GICX_ICENABLER(n)    (0x0180u + 4 * (n))
#define GICX_ICPENDR(n)      (0x0280u + 4 * (n))
#define GICX_IPRIORITYR(irq) (0x0400u + (irq))
#define GICX_IGRPMODR(n)     (0x0d00u + 4 * (n))
#define GICD_IROUTER(irq)    (0x6000u + 8 * (irq))
#define GICR_CTLR            0x0000u
#define GICR_TYPER           0x0008u
#define GICR_WAKER           0x0014u
#define GICR_PRIVATE         0x10000u

#define GICD_CTLR_ENABLE_GROUP1        (1u << 1) /* non-secure view, or one security state */
#define GICD_CTLR_ENABLE_GROUP1_SECURE (1u << 2)
#define GICD_CTLR_ARE                  (1u << 4)
#define GICD_CTLR_ARE_NONSECURE        (1u << 5)
#define GICD_CTLR_DS                   (1u << 6)
#define GICD_CTLR_RWP                  (1u << 31)
#define GICR_CTLR_RWP                  (1u << 3)
#define GICR_TYPER_VLPIS               (1u << 1)
#define GICR_TYPER_LAST                (1u << 4)
#define GICR_WAKER_SLEEP               (1u << 1)
#define GICR_WAKER_ASLEEP              (1u << 2)

#define GICV3_PRIORITY 0xa0u
#define GICV3_PATIENCE 1000000u

struct gicv3_cpu {
    ash_va_t redistributor; /* 0: not up */
    uint32_t affinity;
};

static ash_va_t gicv3_distributor, gicv3_redistributors;
static uint64_t gicv3_redistributors_size;
static bool gicv3_secure; /* interrupts are Secure Group 1 */
static struct gicv3_cpu gicv3_cpus[ASH_CPUS];

/* Waits until the bits read 0; ASH_EIO if they never do. */
static int gicv3_wait(ash_va_t base, uint32_t offset, uint32_t bits)
{
    for (uint32_t i = 0; i < GICV3_PATIENCE; i++) {
        if ((mmio_read32(base, offset) & bits) == 0) {
            return 0;
        }
    }
    return ASH_EIO;
}

/* Group and modifier of the 32 interrupts of register n. */
static void gicv3_set_groups(ash_va_t base, uint32_t n)
{
    mmio_write32(base, GICX_IGROUPR(n), gicv3_secure ? 0 : UINT32_MAX);
    mmio_write32(base, GICX_IGRPMODR(n), gicv3_secure ? UINT32_MAX : 0);
}

static int gicv3_init(ash_va_t distributor, ash_va_t cpu, uint64_t cpu_size, bool secure)
{
    uint32_t words, control = GICD_CTLR_ARE;
    int error;

    gicv3_distributor = distributor;
    gicv3_redistributors = cpu;
    gicv3_redistributors_size = cpu_size;
    gicv3_secure = secure && (mmio_read32(distributor, GICD_CTLR) & GICD_CTLR_DS) == 0;
    if (gicv3_secure) {
        control |= GICD_CTLR_ARE_NONSECURE;
    }
    /* Affinity routing changes only with all groups disabled (12.9.4). */
    mmio_write32(distributor, GICD_CTLR, 0);
    error = gicv3_wait(distributor, GICD_CTLR, GICD_CTLR_RWP);
    if (error != 0) {
        return error;
    }
    mmio_write32(distributor, GICD_CTLR, control);
    words = (mmio_read32(distributor, GICD_TYPER) & 0x1f) + 1;
    for (uint32_t n = 1; n < words; n++) {
        mmio_write32(distributor, GICX_ICENABLER(n), UINT32_MAX);
        mmio_write32(distributor, GICX_ICPENDR(n), UINT32_MAX);
        gicv3_set_groups(distributor, n);
    }
    control |= gicv3_secure ? GICD_CTLR_ENABLE_GROUP1_SECURE : GICD_CTLR_ENABLE_GROUP1;
    mmio_write32(distributor, GICD_CTLR, control);
    error = gicv3_wait(distributor, GICD_CTLR, GICD_CTLR_RWP);
    return error != 0 ? error : (int)(32 * words);
}

/* The redistributor that carries this CPU's affinity; base 0 if there is none. */
static ash_va_t gicv3_find(uint32_t affinity)
{
    uint64_t offset = 0;

    while (offset + 2 * GICR_PRIVATE <= gicv3_redistributors_size) {
        ash_va_t base = ash_va(gicv3_redistributors.value + (uintptr_t)offset);
        uint32_t type = mmio_read32(base, GICR_TYPER);

        if (mmio_read32(base, GICR_TYPER + 4) == affinity) {
            return base;
        }
        if (type & GICR_TYPER_LAST) {
            break;
        }
        offset += (type & GICR_TYPER_VLPIS) ? 4 * GICR_PRIVATE : 2 * GICR_PRIVATE;
    }
    return ash_va(0);
}

static int gicv3_cpu_init(void)
{
    struct gicv3_cpu *cpu = &gicv3_cpus[port_cpu()];
    uint32_t affinity = port_affinity();
    ash_va_t base = gicv3_find(affinity), private;
    int error;

    if (base.value == 0 || !port_gic_use_registers()) {
        return ASH_ENODEV;
    }
    mmio_write32(base, GICR_WAKER, mmio_read32(base, GICR_WAKER) & ~GICR_WAKER_SLEEP);
    error = gicv3_wait(base, GICR_WAKER, GICR_WAKER_ASLEEP);
    if (error != 0) {
        return error;
    }
    private = ash_va(base.value + GICR_PRIVATE);
    mmio_write32(private, GICX_ICENABLER(0), UINT32_MAX);
    gicv3_set_groups(private, 0);
    error = gicv3_wait(base, GICR_CTLR, GICR_CTLR_RWP);
    if (error != 0) {
        return error;
    }
    port_gic_open();
    cpu->affinity = affinity;
    cpu->redistributor = base;
    return 0;
}

/* Where the registers of an interrupt are: this CPU's redistributor for private ones. */
static ash_va_t gicv3_registers(uint32_t irq)
{
    return irq < GIC_PRIVATE_END ? ash_va(gicv3_cpus[port_cpu()].redistributor.value + GICR_PRIVATE)
                                 : gicv3_distributor;
}

static void gicv3_enable(uint32_t irq)
{
    ash_va_t base = gicv3_registers(irq);

    mmio_write8(base, GICX_IPRIORITYR(irq), GICV3_PRIORITY);
    if (irq >= GIC_PRIVATE_END) {
        uint32_t affinity = gicv3_cpus[port_cpu()].affinity;

        mmio_write32(base, GICD_IROUTER(irq), affinity & 0xffffff); /* bit 31: any CPU */
        mmio_write32(base, GICD_IROUTER(irq) + 4, affinity >> 24);  /* Aff3 */
    }
    mmio_write32(base, GICX_ISENABLER(irq / 32), 1u << irq % 32);
}

static void gicv3_disable(uint32_t irq)
{
    mmio_write32(gicv3_registers(irq), GICX_ICENABLER(irq / 32), 1u << irq % 32);
    if (irq < GIC_PRIVATE_END) {
        (void)gicv3_wait(gicv3_cpus[port_cpu()].redistributor, GICR_CTLR, GICR_CTLR_RWP);
    } else {
        (void)gicv3_wait(gicv3_distributor, GICD_CTLR, GICD_CTLR_RWP);
    }
    port_dsb_sy();
}

static uint32_t gicv3_acknowledge(void)
{
    return port_gic_acknowledge();
}

static void gicv3_end(uint32_t acknowledged)
{
    port_dsb_sy(); /* the device has seen the handler's writes before the interrupt may come again
                    */
    port_gic_end(acknowledged);
}

static int gicv3_send(uint32_t irq, unsigned cpu)
{
    if (cpu >= ASH_CPUS || gicv3_cpus[cpu].redistributor.value == 0) {
        return ASH_EINVAL;
    }
    port_gic_send(irq, gicv3_cpus[cpu].affinity);
    return 0;
}

const struct gic_version gicv3 = {
    gicv3_init,        gicv3_cpu_init, {GIC_PRIVATE_END, gicv3_enable, gicv3_disable},
    gicv3_acknowledge, gicv3_end,      gicv3_send};
