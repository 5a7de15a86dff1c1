/* SPDX-License-Identifier: MIT */
/*
 * A map of a test's own in the upper half of the address space, beside the firmware's.
 */
#ifndef ASHLAR_TARGET_UPPER_HALF_H
#define ASHLAR_TARGET_UPPER_HALF_H

#include "port/port.h"

/** log2 of the addresses that it takes from the firmware's map while it is on. */
#define UPPER_HALF_BITS 30u
#define UPPER_HALF_BASE (~(uintptr_t)0 << UPPER_HALF_BITS)

/** After a change of the control register of translation, which TLBs may cache: what they hold
 * goes. */
static inline void upper_half_settle(void)
{
    port_isb();
    port_tlbi_all();
    port_dsb_ish();
    port_isb();
}

/** Walks of the upper half use `root`. Memory that the firmware has there cannot be reached: no
 *  interrupts, no allocation and no output meanwhile. */
void upper_half_on(ash_pa_t root, unsigned asid);
void upper_half_off(void);

#endif
