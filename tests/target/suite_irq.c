/* SPDX-License-Identifier: MIT */
/*
 * Interrupts: who gets them, what happens to those that nobody wants, and that the interrupted
 * program does not notice.
 */
#include "ashlar/errors.h"
#include "ashlar/irq.h"
#include "board/irq_table.h"
#include "port/port.h"
#include "tests/target/fpu_state.h"
#include "tests/target/suite.h"

#define SOFTWARE_IRQ  3u
#define UNCLAIMED_IRQ 5u
#define LAST_IRQS     40u /* the controller's last ones: shared, and quiet without their drivers */
#define PATIENCE      10000000u

static volatile uint32_t taken;
static void *volatile taken_arg;

static void take(void *arg)
{
    taken_arg = arg;
    taken++;
}

static void take_other(void *arg)
{
    (void)arg;
}

static bool wait_for_taken(uint32_t n)
{
    for (uint32_t i = 0; i < PATIENCE && taken < n; i++) {
    }
    return taken == n;
}

static void software_interrupt_arrives(void)
{
    static int token;
    unsigned long saved = port_irq_save();
    bool early, came;

    taken = 0;
    CHECK_EQ(ash_irq_attach(SOFTWARE_IRQ, take, &token), 0);
    CHECK_EQ(ash_irq_send(SOFTWARE_IRQ, 0), 0);
    /* Masked: it waits. */
    for (uint32_t i = 0; i < 1000 && taken == 0; i++) {
    }
    early = taken != 0;
    ash_irq_enable();
    came = wait_for_taken(1);
    for (uint32_t i = 2; came && i <= 100; i++) {
        (void)ash_irq_send(SOFTWARE_IRQ, 0);
        came = wait_for_taken(i);
    }
    ash_irq_disable();
    (void)ash_irq_detach(SOFTWARE_IRQ);
    port_irq_restore(saved);
    CHECK(!early);
    CHECK(came);
    CHECK(taken_arg == &token);
}

static uint32_t shared_irq(void)
{
    return irq_table_count() - LAST_IRQS;
}

static void attach_and_detach_refuse(void)
{
    uint32_t shared = shared_irq();

    CHECK_EQ(ash_irq_attach(shared, NULL, NULL), ASH_EINVAL);
    CHECK_EQ(ash_irq_attach(irq_table_count(), take, NULL), ASH_EINVAL);
    CHECK_EQ(ash_irq_attach(UINT32_MAX, take, NULL), ASH_EINVAL);
    CHECK_EQ(ash_irq_detach(UINT32_MAX), ASH_EINVAL);
    CHECK_EQ(ash_irq_detach(shared), ASH_ENOENT);
    CHECK_EQ(ash_irq_attach(shared, take, NULL), 0);
    CHECK_EQ(ash_irq_attach(shared, take, NULL), ASH_EEXIST);
    CHECK_EQ(ash_irq_detach(shared), 0);
    CHECK_EQ(ash_irq_detach(shared), ASH_ENOENT);
    CHECK_EQ(ash_irq_send(16, 0), ASH_EINVAL);
    CHECK_EQ(ash_irq_send(SOFTWARE_IRQ, UINT32_MAX), ASH_EINVAL);
}

/* A private interrupt may be attached again by the next CPU, with the same handler only. */
static void private_interrupt_is_shared_by_cpus(void)
{
    static int other;

    CHECK_EQ(ash_irq_attach(SOFTWARE_IRQ, take, NULL), 0);
    CHECK_EQ(ash_irq_attach(SOFTWARE_IRQ, take, NULL), 0);
    CHECK_EQ(ash_irq_attach(SOFTWARE_IRQ, take_other, NULL), ASH_EEXIST);
    CHECK_EQ(ash_irq_attach(SOFTWARE_IRQ, take, &other), ASH_EEXIST);
    CHECK_EQ(ash_irq_detach(SOFTWARE_IRQ), 0);
}

static void handlers_run_out_cleanly(void)
{
    uint32_t shared = shared_irq();
    uint32_t n = 0;
    int error = 0;

    while (n < LAST_IRQS && error == 0) {
        error = ash_irq_attach(shared + n, take, NULL);
        n += error == 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        CHECK_EQ(ash_irq_detach(shared + i), 0);
    }
    CHECK_EQ(error, ASH_ENOMEM);
    CHECK(n >= 16);
    CHECK_EQ(ash_irq_attach(shared, take, NULL), 0);
    CHECK_EQ(ash_irq_detach(shared), 0);
}

static void unclaimed_interrupt_is_counted(void)
{
    struct ash_irq_stats before, after;
    unsigned long saved = port_irq_save();

    ash_irq_stats(&before);
    irq_table_chip()->enable(UNCLAIMED_IRQ);
    (void)ash_irq_send(UNCLAIMED_IRQ, 0);
    ash_irq_enable();
    for (uint32_t i = 0; i < PATIENCE / 100; i++) {
        ash_irq_stats(&after);
        if (after.unclaimed != before.unclaimed) {
            break;
        }
    }
    ash_irq_disable();
    port_irq_restore(saved);
    CHECK_EQ(after.unclaimed, before.unclaimed + 1);
    CHECK_EQ(after.last_unclaimed, UNCLAIMED_IRQ);
}

static void spoil_and_take(void *arg)
{
    fpu_spoil();
    take(arg);
}

static void floating_point_state_is_kept(void)
{
    static uint64_t in[FPU_WORDS], out[FPU_WORDS];
    unsigned long saved = port_irq_save();
    uint32_t lost = 0;
    int error;

    for (unsigned i = 0; i < FPU_WORDS; i++) {
        in[i] = 0x0123456789abcdefu * (2 * i + 1);
        out[i] = 0;
    }
    taken = 0;
    error = ash_tick(1000, spoil_and_take, NULL);
    if (error == 0) {
        ash_irq_enable();
        lost = fpu_hold(in, out, &taken, 5);
        ash_irq_disable();
        (void)ash_tick(0, NULL, NULL);
    }
    port_irq_restore(saved);
    CHECK_EQ(error, 0);
    CHECK(taken >= 5);
    CHECK_EQ(lost, 0);
    for (unsigned i = 0; i < FPU_WORDS; i++) {
        CHECK_EQ(out[i], in[i]);
    }
}

static const struct target_case cases[] = {
    TARGET_CASE(software_interrupt_arrives),          TARGET_CASE(attach_and_detach_refuse),
    TARGET_CASE(private_interrupt_is_shared_by_cpus), TARGET_CASE(handlers_run_out_cleanly),
    TARGET_CASE(unclaimed_interrupt_is_counted),      TARGET_CASE(floating_point_state_is_kept),
};
const struct target_suite suite_irq = TARGET_SUITE("irq", cases);
