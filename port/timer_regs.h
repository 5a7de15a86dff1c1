/* SPDX-License-Identifier: MIT */
/*
 * The generic timer's virtual counter and timer of this CPU (DDI 0406C B8, DDI 0487 D11 and G6).
 */
#ifndef ASHLAR_PORT_TIMER_REGS_H
#define ASHLAR_PORT_TIMER_REGS_H

#include "port/port.h"

#define PORT_TIMER_ENABLE 1u
#define PORT_TIMER_MASK   2u

/** Hertz; what the firmware before us has written there. */
static inline uint32_t port_timer_frequency(void)
{
    return SYS_READ(SYS_CNTFRQ);
}

/** Tells this CPU what it counts: software's part (DDI 0406C B8.1.1). Only from the Secure state of
 *  a processor without AArch64 above it; elsewhere UNDEFINED. */
static inline void port_timer_set_frequency(uint32_t hz)
{
    SYS_WRITE(SYS_CNTFRQ, hz);
    port_isb();
}

/** The counter, not read ahead of what comes before. */
static inline uint64_t port_timer_count(void)
{
    port_isb();
    return SYS_READ64(SYS_CNTVCT);
}

static inline void port_timer_set_compare(uint64_t count)
{
    SYS_WRITE64(SYS_CNTV_CVAL, count);
}

static inline void port_timer_set_control(uint32_t control)
{
    SYS_WRITE(SYS_CNTV_CTL, control);
    port_isb();
}

/** An event each 2^16 counts, which ends a wait for events (CNTKCTL.EVNTEN, EVNTI = 15); user mode
 *  reads no counter and sets no timer. */
static inline void port_timer_event_stream(void)
{
    SYS_WRITE(SYS_CNTKCTL, 1u << 2 | 15u << 4);
    port_isb();
}

#endif
