/* SPDX-License-Identifier: MIT */
/*
 * Interrupts and time for programs: what is asked of the board, checked. Owns nothing.
 */
#include "ashlar/irq.h"

#include "ashlar/board.h"
#include "ashlar/errors.h"
#include "port/port.h"

int ash_irq_attach(uint32_t irq, void (*handler)(void *arg), void *arg)
{
    if (handler == NULL) {
        return ASH_EINVAL;
    }
    return ash_board.irq == NULL ? ASH_ENODEV : ash_board.irq->attach(irq, handler, arg);
}

int ash_irq_detach(uint32_t irq)
{
    return ash_board.irq == NULL ? ASH_ENODEV : ash_board.irq->detach(irq);
}

int ash_irq_send(uint32_t irq, unsigned cpu)
{
    return ash_board.irq == NULL ? ASH_ENODEV : ash_board.irq->send(irq, cpu);
}

void ash_irq_stats(struct ash_irq_stats *stats)
{
    *stats = (struct ash_irq_stats){0};
    if (ash_board.irq != NULL) {
        ash_board.irq->stats(stats);
    }
}

void ash_irq_enable(void)
{
    port_irq_unmask();
}

void ash_irq_disable(void)
{
    (void)port_irq_save();
}

uint64_t ash_now_ns(void)
{
    return ash_board.clock == NULL ? 0 : ash_board.clock->now_ns();
}

int ash_tick(uint32_t hz, void (*tick)(void *arg), void *arg)
{
    if (hz != 0 && tick == NULL) {
        return ASH_EINVAL;
    }
    return ash_board.clock == NULL ? ASH_ENODEV : ash_board.clock->tick(hz, tick, arg);
}
