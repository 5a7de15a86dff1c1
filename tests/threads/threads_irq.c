/* SPDX-License-Identifier: MIT */
/*
 * The table of interrupt handlers on several CPUs: each has interrupts of its own, which it
 * attaches, takes and detaches, and all want one more, which one has at a time. Meanwhile one of
 * them hands a slot from one interrupt to another, and the others take the first of these. The
 * controller is the test's.
 */
#include "board/dev/gic.c"
#include "board/irq_table.c"
#include "tests/threads/threads.h"

#define ROUNDS 400u
#define FIRST  32u
#define OWN    6u   /* interrupts of a CPU */
#define WANTED 200u /* by all */
#define PAIR   210u /* two that come and go in one slot */
#define INTIDS 256
#define NONE   1023u /* what the controller says when an interrupt was withdrawn */

static uint32_t enabled[INTIDS];
static uint64_t taken[THREADS_MOST];
static uint64_t turns; /* of the one that has the wanted interrupt */
static _Thread_local uint32_t pending;

int ash_map_device(ash_pa_t pa, uint64_t size, ash_va_t *va)
{
    (void)size;
    *va = ash_va((uintptr_t)pa.value);
    return 0;
}

static int init(ash_va_t distributor, ash_va_t cpu, uint64_t cpu_size, bool secure)
{
    (void)distributor;
    (void)cpu;
    (void)cpu_size;
    (void)secure;
    return INTIDS;
}

static int cpu_init(void)
{
    return 0;
}

static void enable(uint32_t irq)
{
    MUST(port_exchange32(&enabled[irq], 0, 1) || irq >= PAIR);
}

static void disable(uint32_t irq)
{
    MUST(port_exchange32(&enabled[irq], 1, 0) || irq >= PAIR);
}

static uint32_t acknowledge(void)
{
    MUST(pending >= PAIR || port_load_acquire(&enabled[pending]) == 1);
    return pending;
}

static void end(uint32_t acknowledged)
{
    MUST(acknowledged == pending);
}

static int send_nothing(uint32_t irq, unsigned cpu)
{
    (void)irq;
    (void)cpu;
    return 0;
}

const struct gic_version gicv2 = {init,        cpu_init, {FIRST, enable, disable},
                                  acknowledge, end,      send_nothing};
const struct gic_version gicv3;

static void take(void *arg)
{
    MUST(arg == &taken[port_cpu()]);
    ++*(uint64_t *)arg;
}

static char pair[2];

static void take_first(void *arg)
{
    MUST(arg == &pair[0] && pending == PAIR);
}

static void take_second(void *arg)
{
    MUST(arg == &pair[1] && pending == PAIR + 1);
}

static void use_pair(void)
{
    if (port_cpu() == 0) {
        MUST(gic_irq_ops.attach(PAIR, take_first, &pair[0]) == 0);
        MUST(gic_irq_ops.detach(PAIR) == 0);
        MUST(gic_irq_ops.attach(PAIR + 1, take_second, &pair[1]) == 0);
        MUST(gic_irq_ops.detach(PAIR + 1) == 0);
    } else {
        pending = PAIR;
        MUST(gic_irq_ops.dispatch());
    }
}

static void use_own(uint64_t *count)
{
    uint32_t irq = FIRST + OWN * port_cpu() + threads_random_below(OWN);
    uint64_t before = *count;

    MUST(gic_irq_ops.attach(irq, take, count) == 0);
    MUST(gic_irq_ops.attach(irq, take, count) == ASH_EEXIST);
    pending = irq;
    MUST(gic_irq_ops.dispatch() && *count == before + 1);
    MUST(gic_irq_ops.detach(irq) == 0);
    MUST(gic_irq_ops.detach(irq) == ASH_ENOENT);
}

static void work(void *arg)
{
    uint64_t *count = &taken[port_cpu()];

    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        int error = gic_irq_ops.attach(WANTED, take, count);

        MUST(error == 0 || error == ASH_EEXIST);
        if (error == 0) {
            turns++;
            MUST(gic_irq_ops.detach(WANTED) == 0);
        }
        use_own(count);
        use_pair();
        pending = NONE;
        MUST(!gic_irq_ops.dispatch());
    }
}

int main(void)
{
    const struct ash_irq_controller controller = {.version = 2};
    struct ash_irq_stats before, after;

    MUST(gic_init(&controller, false) == 0);
    for (unsigned threads = 2; threads <= THREADS_MOST; threads++) {
        turns = 0;
        gic_irq_ops.stats(&before);
        threads_run(threads, work, NULL);
        gic_irq_ops.stats(&after);
        MUST(after.spurious - before.spurious == ROUNDS * threads);
        MUST(turns > 0 && turns <= (uint64_t)ROUNDS * threads);
    }
    return 0;
}
