/* SPDX-License-Identifier: MIT */
/*
 * Runs suites and prints their results as TAP version 13. (Debian's newlib knows no %zu.) An
 * exception that a case does not expect fails that case and no other. Behind each case the
 * firmware's map must be sound.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ashlar/boot.h"
#include "ashlar/errors.h"
#include "ashlar/irq.h"
#include "ashlar/trap.h"
#include "port/spinlock.h"
#include "startup/boot_map.h"
#include "tests/target/suite.h"

#define CLOCK_LOOKS 10000000u /* until a clock counts as standing still: a second or less */

static struct {
    bool failed;
    const char *skipped; /* the reason */
} state;

void target_fail(const char *file, int line, const char *format, ...)
{
    va_list arguments;

    state.failed = true;
    printf("# %s:%d: ", file, line);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

void target_skip(const char *reason)
{
    state.skipped = reason;
}

void target_note(const char *format, ...)
{
    va_list arguments;

    printf("# ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

static void print_trap(const struct ash_trap *trap)
{
    target_note("unexpected %s: %s, level %d, %s, address 0x%lx, pc 0x%lx",
                ash_trap_kind_name(trap->kind), ash_trap_cause_name(trap->cause), trap->level,
                trap->write ? "write" : "read", (unsigned long)trap->address,
                (unsigned long)trap->pc);
}

static void check_boot_map(void)
{
    struct ash_mmu_report report;
    unsigned long saved = spinlock_acquire(&ash_boot_map_lock);
    int verdict = ash_mmu_verify(&ash_boot_map, &report);

    spinlock_release(&ash_boot_map_lock, saved);
    if (verdict != 0) {
        target_fail(__FILE__, __LINE__, "firmware map: %s at %#lx, level %u: %#llx", report.what,
                    (unsigned long)report.va.value, report.level,
                    (unsigned long long)report.descriptor);
    }
}

static void run_case(void *arg)
{
    ((const struct target_case *)arg)->run();
    check_boot_map();
}

/* Whatever the case did to the interrupt mask, or an exception in it, is undone. */
static bool run_one(const char *suite, const struct target_case *one, size_t number)
{
    unsigned long saved = port_irq_save();
    struct ash_trap trap;

    port_irq_restore(saved);
    state.failed = false;
    state.skipped = NULL;
    if (ash_trap_catch(run_case, (void *)(uintptr_t)one, &trap) != 0) {
        state.failed = true;
        print_trap(&trap);
    }
    port_irq_restore(saved);
    printf("%s %lu - %s/%s", state.failed ? "not ok" : "ok", (unsigned long)number, suite,
           one->name);
    if (state.skipped != NULL && !state.failed) {
        printf(" # SKIP %s", state.skipped);
    }
    printf("\n");
    return !state.failed;
}

static int run_suite(const struct target_suite *suite, size_t *number)
{
    int failed = 0;

    for (size_t i = 0; i < suite->count; i++) {
        *number += 1;
        failed += !run_one(suite->name, &suite->cases[i], *number);
    }
    return failed;
}

/* Limits of the tests are times: without a clock, some would wait for ever. */
static bool clock_runs(void)
{
    uint64_t start = ash_now_ns();

    for (uint32_t look = 0; look < CLOCK_LOOKS; look++) {
        if (ash_now_ns() != start) {
            return true;
        }
    }
    return false;
}

int target_run(const char *name)
{
    size_t planned = 0, number = 0;
    int failed = 0;

    for (size_t i = 0; target_suites[i] != NULL; i++) {
        if (name == NULL || strcmp(name, target_suites[i]->name) == 0) {
            planned += target_suites[i]->count;
        }
    }
    if (planned == 0) {
        return -1;
    }
    printf("TAP version 13\n1..%lu\n", (unsigned long)planned);
    if (!clock_runs()) {
        printf("Bail out! the clock does not run\n");
        return 1;
    }
    for (size_t i = 0; target_suites[i] != NULL; i++) {
        if (name == NULL || strcmp(name, target_suites[i]->name) == 0) {
            failed += run_suite(target_suites[i], &number);
        }
    }
    printf("# done %lu\n", (unsigned long)number);
    return failed;
}
