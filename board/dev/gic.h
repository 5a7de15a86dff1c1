/* SPDX-License-Identifier: MIT */
/*
 * Arm Generic Interrupt Controller, versions 2 and 3: the part that does not depend on the version.
 */
#ifndef BOARD_DEV_GIC_H
#define BOARD_DEV_GIC_H

#include "ashlar/board.h"
#include "board/irq_table.h"

/** Interrupt numbers: 0-15 software-generated, 16-31 private to a CPU, 32-1019 shared. */
#define GIC_SOFTWARE_END 16u
#define GIC_PRIVATE_END  32u
#define GIC_IRQ_END      IRQ_TABLE_END

/** What the versions do differently. */
struct gic_version {
    /** Brings up the distributor, all interrupts disabled. The number of interrupts, or an error.
     */
    int (*init)(ash_va_t distributor, ash_va_t cpu, uint64_t cpu_size, bool secure);
    /** Brings up this CPU's part. */
    int (*cpu_init)(void);
    struct irq_chip chip;
    uint32_t (*acknowledge)(void); /**< what end() wants; the number is in the low 10 bits */
    void (*end)(uint32_t acknowledged);
    int (*send)(uint32_t irq, unsigned cpu);
};
extern const struct gic_version gicv2, gicv3;

/** Maps and starts the controller, and this CPU's part of it. Errors: ASH_ENODEV, ASH_EIO, those of
 *  ash_map_device. */
int gic_init(const struct ash_irq_controller *controller, bool secure);
/** Starts this CPU's part, on a CPU that gic_init did not run on. */
int gic_cpu_init(void);

extern const struct ash_irq_ops gic_irq_ops;

#endif
