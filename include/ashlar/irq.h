/* SPDX-License-Identifier: MIT */
/*
 * Interrupts and time for programs: thin, checked calls to the board's operations.
 * Handlers run in the interrupt with interrupts masked, on the IRQ (or FIQ) stack; the interrupted
 * floating-point state is kept.
 */
#ifndef ASHLAR_IRQ_H
#define ASHLAR_IRQ_H

#include <stdint.h>

/**
 * Calls handler(arg) on interrupt `irq` (the controller's number) and enables it.
 * Errors: ASH_EINVAL, ASH_EEXIST (taken), ASH_ENODEV (no controller).
 */
int ash_irq_attach(uint32_t irq, void (*handler)(void *arg), void *arg);

/** Disables the interrupt and forgets its handler. ASH_EINVAL, ASH_ENOENT. */
int ash_irq_detach(uint32_t irq);

/** Lets this CPU take interrupts, or not. */
void ash_irq_enable(void);
void ash_irq_disable(void);

/** Nanoseconds since boot. Any context. */
uint64_t ash_now_ns(void);

/** Calls tick(arg) hz times a second from the timer interrupt of this CPU; hz 0 stops it.
 *  Errors: ASH_EINVAL, ASH_ENODEV. */
int ash_tick(uint32_t hz, void (*tick)(void *arg), void *arg);

#endif
