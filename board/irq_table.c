/* SPDX-License-Identifier: MIT */
/*
 * Who handles which interrupt. Owns the table of handlers and the counts of interrupts that nobody
 * wanted; the registers belong to the drivers of interrupt controllers.
 */
#include "board/irq_table.h"

#include "ashlar/errors.h"
#include "port/spinlock.h"

#define IRQ_HANDLERS 32

struct irq_handler {
    void (*function)(void *arg);
    void *arg;
};

static const struct irq_chip *irq_chip;
static uint32_t irq_count;
static struct ash_spinlock irq_lock = ASH_SPINLOCK(ASH_LOCK_INTERRUPTS, "interrupts");
static struct irq_handler irq_handlers[IRQ_HANDLERS];
static uint8_t irq_slot[IRQ_TABLE_END]; /* index into irq_handlers plus 1; 0: nobody's */
static struct ash_irq_stats irq_counts;

void irq_table_init(const struct irq_chip *chip, uint32_t count)
{
    irq_count = count < IRQ_TABLE_END ? count : IRQ_TABLE_END;
    irq_chip = chip;
}

const struct irq_chip *irq_table_chip(void)
{
    return irq_chip;
}

uint32_t irq_table_count(void)
{
    return irq_count;
}

/* An index of irq_handlers that is free. */
static int irq_free_slot(void)
{
    for (unsigned slot = 0; slot < IRQ_HANDLERS; slot++) {
        if (irq_handlers[slot].function == NULL) {
            return (int)slot;
        }
    }
    return ASH_ENOMEM;
}

/* Under the lock. A private interrupt is enabled by each CPU for itself: the same handler again. */
static int irq_attach_locked(uint32_t irq, void (*handler)(void *arg), void *arg)
{
    int slot = irq_slot[irq] - 1;

    if (slot >= 0) {
        if (irq >= irq_chip->private_end || irq_handlers[slot].function != handler ||
            irq_handlers[slot].arg != arg) {
            return ASH_EEXIST;
        }
    } else {
        slot = irq_free_slot();
        if (slot < 0) {
            return slot;
        }
        irq_handlers[slot].arg = arg;
        irq_handlers[slot].function = handler;
        irq_slot[irq] = (uint8_t)(slot + 1);
        port_dsb_sy(); /* the handler is there before the interrupt is */
    }
    irq_chip->enable(irq);
    return 0;
}

int irq_table_attach(uint32_t irq, void (*handler)(void *arg), void *arg)
{
    unsigned long saved;
    int error;

    if (irq_chip == NULL) {
        return ASH_ENODEV;
    }
    if (irq >= irq_count || handler == NULL) {
        return ASH_EINVAL;
    }
    saved = spinlock_acquire(&irq_lock);
    error = irq_attach_locked(irq, handler, arg);
    spinlock_release(&irq_lock, saved);
    return error;
}

int irq_table_detach(uint32_t irq)
{
    int error = ASH_ENOENT;
    unsigned long saved;

    if (irq_chip == NULL) {
        return ASH_ENODEV;
    }
    if (irq >= irq_count) {
        return ASH_EINVAL;
    }
    saved = spinlock_acquire(&irq_lock);
    if (irq_slot[irq] != 0) {
        irq_chip->disable(irq);
        irq_handlers[irq_slot[irq] - 1].function = NULL;
        irq_slot[irq] = 0;
        error = 0;
    }
    spinlock_release(&irq_lock, saved);
    return error;
}

/* Under the lock: a slot may go from one interrupt to another, on another CPU. */
static struct irq_handler irq_handler_locked(uint32_t irq)
{
    struct irq_handler handler = {NULL, NULL};

    if (irq_slot[irq] != 0) {
        handler = irq_handlers[irq_slot[irq] - 1];
    } else {
        /* Left enabled, one that nobody serves would come again at once, for ever. */
        irq_chip->disable(irq);
        irq_counts.unclaimed++;
        irq_counts.last_unclaimed = irq;
    }
    return handler;
}

void irq_table_handle(uint32_t irq)
{
    unsigned long saved = spinlock_acquire(&irq_lock);
    struct irq_handler handler = irq_handler_locked(irq);

    spinlock_release(&irq_lock, saved);
    if (handler.function != NULL) {
        handler.function(handler.arg);
    }
}

void irq_table_spurious(void)
{
    (void)port_fetch_add_relaxed(&irq_counts.spurious, 1);
}

void irq_table_stats(struct ash_irq_stats *stats)
{
    *stats = irq_counts;
}
