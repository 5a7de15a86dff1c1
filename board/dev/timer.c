/* SPDX-License-Identifier: MIT */
/*
 * Clock and tick by the generic timer's virtual counter. Owns the timer of every CPU.
 */
#include "board/dev/timer.h"

#include "ashlar/boot.h"
#include "ashlar/errors.h"
#include "ashlar/irq.h"
#include "port/timer_regs.h"

struct timer_tick {
    void (*function)(void *arg);
    void *arg;
    uint64_t interval; /* in counts */
    uint64_t next;     /* count at which the tick is due */
};

static uint32_t timer_irq, timer_frequency;
static uint32_t timer_board_hz; /* what the board counts; 0: unknown */
static uint64_t timer_start;    /* count at boot */
static uint64_t timer_scale;    /* nanoseconds of one count, times 2^32 */
static struct timer_tick timer_ticks[ASH_CPUS];

void timer_cpu_init(void)
{
    if (timer_board_hz != 0 && ash_boot_info.secure && port_timer_frequency() == 0) {
        port_timer_set_frequency(timer_board_hz);
    }
    port_timer_set_control(0);
    port_timer_event_stream();
}

int timer_init(uint32_t irq, uint32_t hz)
{
    timer_board_hz = hz;
    timer_cpu_init();
    timer_frequency = port_timer_frequency();
    if (timer_frequency == 0) {
        timer_frequency = hz;
    }
    if (timer_frequency == 0) {
        return ASH_ENODEV;
    }
    timer_irq = irq;
    timer_scale = ((uint64_t)1000000000 << 32) / timer_frequency;
    timer_start = port_timer_count();
    return 0;
}

/* count * timer_scale / 2^32, with 128 bits on the way: right for the 584 years of the result. */
static uint64_t timer_now_ns(void)
{
    uint64_t count = port_timer_count() - timer_start;
    uint64_t low = (uint32_t)count;

    return (count >> 32) * timer_scale + low * (timer_scale >> 32) +
           (low * (uint32_t)timer_scale >> 32);
}

static void timer_interrupt(void *arg)
{
    struct timer_tick *tick = &timer_ticks[port_cpu()];
    uint64_t now = port_timer_count();

    (void)arg;
    if (tick->function == NULL || now < tick->next) {
        return;
    }
    /* From the time it was due, so that latency does not add up; ticks missed are not made up. */
    tick->next += tick->interval;
    if (tick->next <= now) {
        tick->next = now + tick->interval;
    }
    port_timer_set_compare(tick->next);
    port_isb(); /* the timer's output falls before the interrupt is ended */
    tick->function(tick->arg);
}

static int timer_tick(uint32_t hz, void (*function)(void *arg), void *arg)
{
    unsigned long saved;
    struct timer_tick *tick;
    int error;

    if (timer_frequency == 0 || timer_irq == 0) {
        return ASH_ENODEV;
    }
    if (hz > timer_frequency || (hz != 0 && function == NULL)) {
        return ASH_EINVAL;
    }
    if (hz != 0) {
        error = ash_irq_attach(timer_irq, timer_interrupt, NULL);
        if (error != 0) {
            return error;
        }
    }
    saved = port_irq_save();
    tick = &timer_ticks[port_cpu()];
    port_timer_set_control(0);
    tick->function = hz == 0 ? NULL : function;
    tick->arg = arg;
    if (hz != 0) {
        tick->interval = timer_frequency / hz;
        tick->next = port_timer_count() + tick->interval;
        port_timer_set_compare(tick->next);
        port_timer_set_control(PORT_TIMER_ENABLE);
    }
    port_irq_restore(saved);
    return 0;
}

const struct ash_clock_ops timer_clock_ops = {timer_now_ns, timer_tick};
