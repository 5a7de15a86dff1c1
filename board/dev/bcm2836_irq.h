/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of BCM2836 and BCM2837: a controller next to the cores (QA7 rev 3.4, 4.4 to 4.10) and,
 * behind it, the one of all peripherals (BCM2835 ARM Peripherals, 7.5).
 *
 * Numbers, as ash_irq_attach() takes them:
 *     0-15   software-generated: bits of the core's mailbox 0
 *    16-19   of the core: physical timer (secure, non-secure), hypervisor timer, virtual timer
 *    20-83   of peripherals: GPU IRQ 0-63
 *    84-91   of peripherals: ARM timer, mailbox, doorbells, GPU halts, illegal accesses
 * Those of peripherals come to CPU 0, whoever attaches them: there is one choice for all of them.
 */
#ifndef BOARD_DEV_BCM2836_IRQ_H
#define BOARD_DEV_BCM2836_IRQ_H

#include "ashlar/board.h"

#define BCM2836_IRQ_TIMER_VIRTUAL 19u
#define BCM2836_IRQ_GPU(n)        (20u + (n))
#define BCM2836_IRQ_END           92u

/** Starts both controllers, whose registers are at `local` and at `peripheral`, and this CPU's
 *  part. */
void bcm2836_irq_init(ash_va_t local, ash_va_t peripheral);
/** Starts this CPU's part. ASH_ENODEV: the controllers are not started. */
int bcm2836_irq_cpu_init(void);

extern const struct ash_irq_ops bcm2836_irq_ops;

#endif
