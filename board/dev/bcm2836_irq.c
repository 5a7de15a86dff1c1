/* SPDX-License-Identifier: MIT */
/*
 * Driver of the interrupt controllers of BCM2836 and BCM2837.
 *
 * A mailbox has no bits that say which of its interrupts are wanted: one that is not is taken out
 * of the mailbox and waits here until it is.
 */
#include "board/dev/bcm2836_irq.h"

#include "ashlar/config.h"
#include "ashlar/errors.h"
#include "board/dev/mmio.h"
#include "board/irq_table.h"
#include "port/port.h"

#define IRQ_SOFTWARE_END 16u
#define IRQ_PRIVATE_END  20u
#define IRQ_GPU_END      84u

/* QA7: 4.4, 4.6, 4.7, 4.10, 4.8; of each core */
#define LOCAL_GPU_ROUTING          0x0cu
#define LOCAL_TIMER_CONTROL(cpu)   (0x40u + 4 * (cpu))
#define LOCAL_MAILBOX_CONTROL(cpu) (0x50u + 4 * (cpu))
#define LOCAL_SOURCE(cpu)          (0x60u + 4 * (cpu))
#define LOCAL_MAILBOX_SET(cpu)     (0x80u + 16 * (cpu)) /* of mailbox 0 */
#define LOCAL_MAILBOX_CLEAR(cpu)   (0xc0u + 16 * (cpu)) /* read: its contents */

#define SOURCE_TIMERS  0xfu
#define SOURCE_MAILBOX (1u << 4)
#define SOURCE_GPU     (1u << 8)

/* BCM2835 ARM Peripherals, 7.5; banks 0 and 1: GPU IRQ 0-31 and 32-63, bank 2: the ARM's own */
#define PENDING_BASIC 0x00u
#define PENDING(bank) (0x04u + 4 * (bank))
#define ENABLE(bank)  (0x10u + 4 * (bank))
#define DISABLE(bank) (0x1cu + 4 * (bank))
#define BASIC_OWN     0xffu /* the others repeat what is in the other banks */
#define BANK_BASIC    2u
#define CORES         4u

struct local_core {
    bool up;
    uint32_t wanted, waiting; /* software-generated; changed by its CPU only, interrupts masked */
};

static ash_va_t irq_local, irq_peripheral;
static struct local_core irq_cores[CORES];

static void local_change(uint32_t offset, uint32_t bit, bool on)
{
    uint32_t value = mmio_read32(irq_local, offset);

    mmio_write32(irq_local, offset, on ? value | bit : value & ~bit);
}

/* Bank and bit of a peripheral's interrupt. */
static uint32_t bank_of(uint32_t irq)
{
    return irq < IRQ_GPU_END ? (irq - IRQ_PRIVATE_END) / 32 : BANK_BASIC;
}

static uint32_t bit_of(uint32_t irq)
{
    return 1u << (irq < IRQ_GPU_END ? irq - IRQ_PRIVATE_END : irq - IRQ_GPU_END) % 32;
}

static void bcm2836_enable(uint32_t irq)
{
    struct local_core *core = &irq_cores[port_cpu()];
    uint32_t bit = 1u << irq % 32;

    if (irq < IRQ_SOFTWARE_END) {
        core->wanted |= bit;
        if (core->waiting & bit) {
            core->waiting &= ~bit;
            mmio_write32(irq_local, LOCAL_MAILBOX_SET(port_cpu()), bit);
        }
    } else if (irq < IRQ_PRIVATE_END) {
        local_change(LOCAL_TIMER_CONTROL(port_cpu()), 1u << (irq - IRQ_SOFTWARE_END), true);
    } else {
        mmio_write32(irq_peripheral, ENABLE(bank_of(irq)), bit_of(irq));
    }
}

static void bcm2836_disable(uint32_t irq)
{
    if (irq < IRQ_SOFTWARE_END) {
        irq_cores[port_cpu()].wanted &= ~(1u << irq);
    } else if (irq < IRQ_PRIVATE_END) {
        local_change(LOCAL_TIMER_CONTROL(port_cpu()), 1u << (irq - IRQ_SOFTWARE_END), false);
    } else {
        mmio_write32(irq_peripheral, DISABLE(bank_of(irq)), bit_of(irq));
    }
    /* Read back: the controller has seen the write. */
    (void)mmio_read32(irq_local, LOCAL_SOURCE(port_cpu()));
    port_dsb_sy();
}

static uint32_t lowest(uint32_t bits)
{
    return (uint32_t)__builtin_ctz(bits);
}

/* What others sent, one at a time; a bit is cleared before it is served, so that none is lost that
 * is sent meanwhile. */
static void take_software(struct local_core *core, unsigned cpu)
{
    uint32_t sent = mmio_read32(irq_local, LOCAL_MAILBOX_CLEAR(cpu));
    uint32_t irq;

    if (sent == 0) {
        return;
    }
    irq = lowest(sent);
    mmio_write32(irq_local, LOCAL_MAILBOX_CLEAR(cpu), 1u << irq);
    port_dsb_sy(); /* what it announces is read after it */
    if (core->wanted & 1u << irq) {
        irq_table_handle(irq);
    } else {
        core->waiting |= 1u << irq;
    }
}

static bool take_peripheral(void)
{
    for (uint32_t bank = 0; bank < BANK_BASIC; bank++) {
        uint32_t pending = mmio_read32(irq_peripheral, PENDING(bank));

        if (pending != 0) {
            irq_table_handle(IRQ_PRIVATE_END + 32 * bank + lowest(pending));
            return true;
        }
    }
    if (mmio_read32(irq_peripheral, PENDING_BASIC) & BASIC_OWN) {
        irq_table_handle(IRQ_GPU_END + lowest(mmio_read32(irq_peripheral, PENDING_BASIC)));
        return true;
    }
    return false;
}

static bool bcm2836_dispatch(void)
{
    unsigned cpu = port_cpu();
    uint32_t source;

    if (irq_local.value == 0) {
        return false;
    }
    source = mmio_read32(irq_local, LOCAL_SOURCE(cpu));
    if (source & SOURCE_TIMERS) {
        irq_table_handle(IRQ_SOFTWARE_END + lowest(source));
    } else if (source & SOURCE_MAILBOX) {
        take_software(&irq_cores[cpu], cpu);
    } else if ((source & SOURCE_GPU) == 0 || !take_peripheral()) {
        irq_table_spurious();
        return false;
    }
    port_dsb_sy(); /* the device has seen the handler's writes before the interrupt may come again
                    */
    return true;
}

static int bcm2836_send(uint32_t irq, unsigned cpu)
{
    if (irq_local.value == 0) {
        return ASH_ENODEV;
    }
    if (irq >= IRQ_SOFTWARE_END || cpu >= CORES || !irq_cores[cpu].up) {
        return ASH_EINVAL;
    }
    port_dsb_sy(); /* what the interrupt announces is visible first */
    mmio_write32(irq_local, LOCAL_MAILBOX_SET(cpu), 1u << irq);
    return 0;
}

int bcm2836_irq_cpu_init(void)
{
    unsigned cpu = port_cpu();

    if (irq_local.value == 0 || cpu >= CORES) {
        return ASH_ENODEV;
    }
    mmio_write32(irq_local, LOCAL_TIMER_CONTROL(cpu), 0);
    mmio_write32(irq_local, LOCAL_MAILBOX_CLEAR(cpu), UINT32_MAX);
    mmio_write32(irq_local, LOCAL_MAILBOX_CONTROL(cpu), 1); /* mailbox 0, as IRQ */
    irq_cores[cpu].up = true;
    return 0;
}

void bcm2836_irq_init(ash_va_t local, ash_va_t peripheral)
{
    static const struct irq_chip chip = {IRQ_PRIVATE_END, bcm2836_enable, bcm2836_disable};

    irq_local = local;
    irq_peripheral = peripheral;
    mmio_write32(local, LOCAL_GPU_ROUTING, 0); /* to CPU 0, as IRQ */
    for (uint32_t bank = 0; bank <= BANK_BASIC; bank++) {
        mmio_write32(peripheral, DISABLE(bank), UINT32_MAX);
    }
    (void)bcm2836_irq_cpu_init();
    irq_table_init(&chip, BCM2836_IRQ_END);
}

const struct ash_irq_ops bcm2836_irq_ops = {irq_table_attach, irq_table_detach, bcm2836_dispatch,
                                            bcm2836_send, irq_table_stats};
