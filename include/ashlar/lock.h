/* SPDX-License-Identifier: MIT */
/*
 * The spinlock type that public structs embed. Its operations are the library's own
 * (port/spinlock.h): products use the execution model's wait and wake.
 */
#ifndef ASHLAR_LOCK_H
#define ASHLAR_LOCK_H

#include <stdint.h>

#include "config.h"

/** A fair (ticket) spinlock; all zero is unlocked. With ASH_CPUS=1 it only masks interrupts. */
struct ash_spinlock {
#if ASH_CPUS > 1
    uint32_t next;    /**< the ticket that the next to come draws */
    uint32_t serving; /**< the ticket that holds the lock */
#else
    uint32_t held;
#endif
};

#endif
