/* SPDX-License-Identifier: MIT */
/*
 * Who handles which interrupt. Owns the table of handlers and the counts of interrupts that nobody
 * wanted; the registers belong to gicv2.c and gicv3.c.
 */
#include "board/dev/gic.h"

#include "ashlar/boot.h"
#include "ashlar/errors.h"
#include "ashlar/irq.h"
#include "port/spinlock.h"

#define GIC_HANDLERS 32

struct gic_handler {
    void (*function)(void *arg);
    void *arg;
};

static const struct gic_version *gic;
static uint32_t gic_irqs;
static struct ash_spinlock gic_lock = ASH_SPINLOCK(ASH_LOCK_INTERRUPTS, "gic");
static struct gic_handler gic_handlers[GIC_HANDLERS];
static uint8_t gic_slot[GIC_IRQ_END]; /* index into gic_handlers plus 1; 0: nobody's */
static struct ash_irq_stats gic_counts;

int gic_init(const struct ash_irq_controller *controller, bool secure)
{
    const struct gic_version *version = controller->version == 2   ? &gicv2
                                        : controller->version == 3 ? &gicv3
                                                                   : NULL;
    ash_va_t distributor, cpu;
    int result;

    if (version == NULL) {
        return ASH_ENODEV;
    }
    result =
        ash_map_device(controller->distributor.base, controller->distributor.size, &distributor);
    if (result == 0) {
        result = ash_map_device(controller->cpu.base, controller->cpu.size, &cpu);
    }
    if (result == 0) {
        result = version->init(distributor, cpu, controller->cpu.size, secure);
    }
    if (result < 0) {
        return result;
    }
    gic_irqs = (uint32_t)result < GIC_IRQ_END ? (uint32_t)result : GIC_IRQ_END;
    result = version->cpu_init();
    if (result == 0) {
        gic = version;
    }
    return result;
}

int gic_cpu_init(void)
{
    return gic == NULL ? ASH_ENODEV : gic->cpu_init();
}

/* An index of gic_handlers that is free. */
static int gic_free_slot(void)
{
    for (unsigned slot = 0; slot < GIC_HANDLERS; slot++) {
        if (gic_handlers[slot].function == NULL) {
            return (int)slot;
        }
    }
    return ASH_ENOMEM;
}

/* Under the lock. A private interrupt is enabled by each CPU for itself: the same handler again. */
static int gic_attach_locked(uint32_t irq, void (*handler)(void *arg), void *arg)
{
    int slot = gic_slot[irq] - 1;

    if (slot >= 0) {
        if (irq >= GIC_PRIVATE_END || gic_handlers[slot].function != handler ||
            gic_handlers[slot].arg != arg) {
            return ASH_EEXIST;
        }
    } else {
        slot = gic_free_slot();
        if (slot < 0) {
            return slot;
        }
        gic_handlers[slot].arg = arg;
        gic_handlers[slot].function = handler;
        gic_slot[irq] = (uint8_t)(slot + 1);
        port_dsb_sy(); /* the handler is there before the interrupt is */
    }
    gic->enable(irq);
    return 0;
}

static int gic_attach(uint32_t irq, void (*handler)(void *arg), void *arg)
{
    unsigned long saved;
    int error;

    if (gic == NULL) {
        return ASH_ENODEV;
    }
    if (irq >= gic_irqs || handler == NULL) {
        return ASH_EINVAL;
    }
    saved = spinlock_acquire(&gic_lock);
    error = gic_attach_locked(irq, handler, arg);
    spinlock_release(&gic_lock, saved);
    return error;
}

static int gic_detach(uint32_t irq)
{
    int error = ASH_ENOENT;
    unsigned long saved;

    if (gic == NULL) {
        return ASH_ENODEV;
    }
    if (irq >= gic_irqs) {
        return ASH_EINVAL;
    }
    saved = spinlock_acquire(&gic_lock);
    if (gic_slot[irq] != 0) {
        gic->disable(irq);
        gic_handlers[gic_slot[irq] - 1].function = NULL;
        gic_slot[irq] = 0;
        error = 0;
    }
    spinlock_release(&gic_lock, saved);
    return error;
}

static bool gic_dispatch(void)
{
    uint32_t acknowledged, irq;
    struct gic_handler handler = {NULL, NULL};

    if (gic == NULL) {
        return false;
    }
    acknowledged = gic->acknowledge();
    irq = acknowledged & 0x3ff;
    if (irq >= GIC_IRQ_END) {
        /* Withdrawn before it was taken: there is nothing to end. */
        (void)port_fetch_add_relaxed(&gic_counts.spurious, 1);
        return false;
    }
    if (gic_slot[irq] != 0) {
        handler = gic_handlers[gic_slot[irq] - 1];
    }
    if (handler.function != NULL) {
        handler.function(handler.arg);
    } else {
        /* Left enabled, one that nobody serves would come again at once, for ever. */
        gic->disable(irq);
        (void)port_fetch_add_relaxed(&gic_counts.unclaimed, 1);
        gic_counts.last_unclaimed = irq;
    }
    gic->end(acknowledged);
    return true;
}

static int gic_send(uint32_t irq, unsigned cpu)
{
    if (gic == NULL) {
        return ASH_ENODEV;
    }
    return irq >= GIC_SOFTWARE_END ? ASH_EINVAL : gic->send(irq, cpu);
}

static void gic_stats(struct ash_irq_stats *stats)
{
    *stats = gic_counts;
}

const struct ash_irq_ops gic_irq_ops = {gic_attach, gic_detach, gic_dispatch, gic_send, gic_stats};
