/* SPDX-License-Identifier: MIT */
/*
 * The generic timer's virtual counter and timer of this CPU (DDI 0406C B8, DDI 0487 G8.7).
 */
#ifndef ASHLAR_PORT_A32_TIMER_REGS_H
#define ASHLAR_PORT_A32_TIMER_REGS_H

#include "port/port.h"

#define PORT_TIMER_ENABLE 1u
#define PORT_TIMER_MASK   2u

/** Hertz; what the firmware before us has written there. */
static inline uint32_t port_timer_frequency(void)
{
    return CP15_READ("p15, 0, %0, c14, c0, 0"); /* CNTFRQ */
}

/** The counter, not read ahead of what comes before. */
static inline uint64_t port_timer_count(void)
{
    port_isb();
    return CP15_READ64("p15, 1, %Q0, %R0, c14"); /* CNTVCT */
}

static inline void port_timer_set_compare(uint64_t count)
{
    CP15_WRITE64("p15, 3, %Q0, %R0, c14", count); /* CNTV_CVAL */
}

static inline void port_timer_set_control(uint32_t control)
{
    CP15_WRITE("p15, 0, %0, c14, c3, 1", control); /* CNTV_CTL */
    port_isb();
}

#endif
