/* SPDX-License-Identifier: MIT */
/*
 * Who handles which interrupt, whatever the controller: the table behind ash_irq_attach().
 */
#ifndef BOARD_IRQ_TABLE_H
#define BOARD_IRQ_TABLE_H

#include "ashlar/irq.h"
#include "ashlar/types.h"

/** Most interrupts of a controller. */
#define IRQ_TABLE_END 1020u

/** What the table wants of a controller. Each is called with its lock held or from an interrupt. */
struct irq_chip {
    uint32_t private_end;          /**< interrupts below it are each CPU's own */
    void (*enable)(uint32_t irq);  /**< it comes to this CPU, where the controller has the choice */
    void (*disable)(uint32_t irq); /**< has taken effect on return */
};

/** The controller works, and has `count` interrupts. Once, at boot. */
void irq_table_init(const struct irq_chip *chip, uint32_t count);
/** The controller, or NULL; and how many interrupts it has. */
const struct irq_chip *irq_table_chip(void);
uint32_t irq_table_count(void);

/** For struct ash_irq_ops; errors and context are those of irq.h. */
int irq_table_attach(uint32_t irq, void (*handler)(void *arg), void *arg);
int irq_table_detach(uint32_t irq);
void irq_table_stats(struct ash_irq_stats *stats);

/** The interrupt has come to this CPU: calls its handler. One without is disabled and counted. */
void irq_table_handle(uint32_t irq);
/** One that was withdrawn before it was taken is counted. */
void irq_table_spurious(void);

#endif
