/* SPDX-License-Identifier: MIT */
/*
 * Interrupts and time for programs: thin, checked calls to the board's operations.
 * Handlers run in the interrupt with interrupts masked, on the IRQ (or FIQ) stack; the interrupted
 * floating-point state is kept.
 */
#ifndef ASHLAR_IRQ_H
#define ASHLAR_IRQ_H

#include <stdint.h>

/** Interrupts that nobody wanted, since boot. */
struct ash_irq_stats {
    uint32_t spurious;       /**< withdrawn before they were taken */
    uint32_t unclaimed;      /**< without a handler: disabled when they came */
    uint32_t last_unclaimed; /**< number of the last of them */
};

/**
 * Calls handler(arg) on interrupt `irq` (the controller's number) and enables it; a shared
 * interrupt comes to this CPU, or to CPU 0 where the controller has no choice (BCM283x). An
 * interrupt that is private to each CPU is attached by each of them with the same handler and arg.
 * Errors: ASH_EINVAL (no such interrupt, no handler), ASH_EEXIST (taken), ASH_ENOMEM (all 32
 * handlers are taken), ASH_ENODEV (no controller).
 * Context: MMU on, any. Cost: bounded. Barriers: DSB before the interrupt is enabled.
 */
int ash_irq_attach(uint32_t irq, void (*handler)(void *arg), void *arg);

/**
 * Disables the interrupt and forgets its handler. On another CPU the handler may still be running.
 * Errors: ASH_EINVAL, ASH_ENOENT (not attached), ASH_ENODEV. Context: MMU on, any.
 */
int ash_irq_detach(uint32_t irq);

/**
 * Sends software-generated interrupt `irq` (0 to 15) to CPU `cpu`, which may be this one.
 * Errors: ASH_EINVAL (no such interrupt, or that CPU takes none yet), ASH_ENODEV.
 * Context: any. Barriers: DSB before it is sent.
 */
int ash_irq_send(uint32_t irq, unsigned cpu);

/** Fills *stats; all zero without a controller. Any context. */
void ash_irq_stats(struct ash_irq_stats *stats);

/** Lets this CPU take interrupts, or not. */
void ash_irq_enable(void);
void ash_irq_disable(void);

/** Nanoseconds since the board's devices came up; monotonic. 0 without a clock. Any context. */
uint64_t ash_now_ns(void);

/**
 * Calls tick(arg) hz times a second from the timer interrupt of this CPU; hz 0 stops it. Ticks that
 * come too late are not made up.
 * Errors: ASH_EINVAL (no function, or faster than the timer counts), ASH_ENODEV, ASH_ENOMEM (all
 * handlers are taken). Context: any.
 */
int ash_tick(uint32_t hz, void (*tick)(void *arg), void *arg);

#endif
