/* SPDX-License-Identifier: MIT */
/*
 * The operations of the execution model in use, and the default: a CPU is a context, and waits by
 * WFE. Owns the counts of wakes, by which no wake is missed.
 */
#include "ashlar/exec.h"

#include "ashlar/irq.h"
#include "port/port.h"

/* Channels share counts: who waits on another one of the same count looks again for nothing. */
#define COUNTS 16u

static uint32_t wakes[COUNTS]; /* 0: none ever */

/* What each CPU saw of a count when it last waited for it, and on which channel. */
struct look {
    const void *channel;
    uint32_t wakes;
};
static struct {
    struct look last[COUNTS];
} seen[ASH_CPUS] __attribute__((aligned(64)));

static unsigned count_of(const void *channel)
{
    return ((uint32_t)(uintptr_t)channel * 0x9e3779b1u) >> 28;
}

static void *default_current(void)
{
    return &seen[port_cpu()];
}

static void default_wake(const void *channel)
{
    uint32_t *count = &wakes[count_of(channel)], value;

    do {
        value = port_load_acquire(count);
    } while (!port_exchange32(count, value, (value + 2) | 1));
    port_send_event();
}

/* The event register remembers a wake that comes between the look and the wait. */
static int default_wait(const void *channel, uint64_t deadline_ns)
{
    unsigned n = count_of(channel);
    struct look *last = &seen[port_cpu()].last[n];
    uint32_t now;

    if (last->channel != channel) { /* when it last waited on this one is not known any more */
        last->channel = channel;
        last->wakes = 0;
    }
    while ((now = port_load_acquire(&wakes[n])) == last->wakes) {
        if (deadline_ns != ASH_EXEC_NEVER && ash_now_ns() >= deadline_ns) {
            return ASH_ETIMEDOUT;
        }
        port_wait_event();
    }
    last->wakes = now;
    return 0;
}

static const struct ash_exec_ops default_ops = {default_current, default_wait, default_wake,
                                                ash_now_ns};
static const struct ash_exec_ops *in_use = &default_ops;

int ash_exec_use(const struct ash_exec_ops *ops)
{
    if (ops != NULL &&
        (ops->current == NULL || ops->wait == NULL || ops->wake == NULL || ops->now == NULL)) {
        return ASH_EINVAL;
    }
    in_use = ops != NULL ? ops : &default_ops;
    return 0;
}

void *ash_exec_current(void)
{
    return in_use->current();
}

int ash_exec_wait(const void *channel, uint64_t deadline_ns)
{
    return in_use->wait(channel, deadline_ns);
}

void ash_exec_wake(const void *channel)
{
    in_use->wake(channel);
}

uint64_t ash_exec_now(void)
{
    return in_use->now();
}
