/* SPDX-License-Identifier: MIT */
/*
 * What an update does with the other CPUs: all wait in RAM, or it is refused, and none is waited
 * for that is at work.
 */
#include "ashlar/cpu.h"
#include "ashlar/errors.h"
#include "board/update.h"
#include "port/port.h"
#include "tests/target/on_cpus.h"
#include "tests/target/suite.h"

static uint32_t go_on, masked;

static void work(void *arg)
{
    (void)arg;
    while (port_load_acquire(&go_on) == 0 && !on_cpus_late()) {
        port_relax();
    }
}

static void note(void *arg)
{
    (void)arg;
    masked += on_cpus_masked() ? 1 : 0;
}

static void other_cpus_wait_and_go_on(void)
{
    const char *what = "";

    ON_CPUS_OR_SKIP();
    on_cpus_begin();
    masked = 0;
    CHECK_EQ(update_park_cpus(&what), 0);
    for (unsigned cpu = 1; cpu < on_cpus_there(); cpu++) {
        CHECK(ash_cpu_busy(cpu));
    }
    update_release_cpus();
    for (unsigned cpu = 1; cpu < on_cpus_there(); cpu++) {
        CHECK(!ash_cpu_busy(cpu));
        CHECK_EQ(on_cpu(cpu, note, NULL), 0);
    }
    CHECK_EQ(masked, 0);
}

static void one_at_work_refuses(void)
{
    unsigned last = on_cpus_there() - 1;
    const char *what = "";
    int error;

    ON_CPUS_OR_SKIP();
    on_cpus_begin();
    go_on = 0;
    CHECK_EQ(ash_cpu_call(last, work, NULL), 0);
    error = update_park_cpus(&what);
    CHECK(ash_cpu_busy(last));
    port_store_release(&go_on, 1);
    CHECK_EQ(error, ASH_EBUSY);
    CHECK_EQ(what[0], 'a');
    CHECK_EQ(on_cpu_done(last), 0);
    for (unsigned cpu = 1; cpu < last; cpu++) {
        CHECK(!ash_cpu_busy(cpu));
    }
}

static const struct target_case cases[] = {
    TARGET_CASE(other_cpus_wait_and_go_on),
    TARGET_CASE(one_at_work_refuses),
};

const struct target_suite suite_update = TARGET_SUITE("update", cases);
