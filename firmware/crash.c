/* SPDX-License-Identifier: MIT */
/*
 * The prompt's `crash`: a provoked exception that ends in its report, on a CPU of one's choice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ashlar/cpu.h"
#include "ashlar/errors.h"
#include "ashlar/irq.h"
#include "firmware/prompt.h"
#include "port/port.h"
#include "tests/target/provoke.h"

#define PATIENCE_NS 2000000000ull

static void run(void *provocation)
{
    ((const struct provocation *)provocation)->run(NULL);
}

/* For the others to find that this CPU does not answer. */
static void hang(void *unused)
{
    (void)unused;
    ash_irq_disable();
    for (;;) {
    }
}

static const struct provocation hanging = {"hang", "mask interrupts and spin", hang,
                                           ASH_STACK_NONE};

static void run_on(unsigned cpu, const struct provocation *provocation)
{
    int error = ash_cpu_call(cpu, run, (void *)(uintptr_t)provocation);

    if (error != 0) {
        printf("CPU %u: %s\n", cpu, ash_strerror(error));
    }
}

/* CPUs that are ready to crash, and how many it will be; 0: not known yet. */
static uint32_t gathered, expected;

/* None is stopped before it has something to report as well. */
static void run_together(void *provocation)
{
    ash_irq_disable();
    (void)port_fetch_add(&gathered, 1);
    while (port_load_acquire(&gathered) != port_load_acquire(&expected)) {
        port_relax();
    }
    run(provocation);
}

static void run_on_all(const struct provocation *provocation)
{
    uint32_t callees = 0;

    for (unsigned cpu = 1; cpu < ASH_CPUS; cpu++) {
        callees += ash_cpu_call(cpu, run_together, (void *)(uintptr_t)provocation) == 0;
    }
    port_store_release(&expected, callees + 1);
    run_together((void *)(uintptr_t)provocation);
}

int crash(const char *argument)
{
    size_t length = strcspn(argument, " ");
    const char *where = argument + length + strspn(argument + length, " ");
    const struct provocation *provocation;
    char name[24];

    snprintf(name, sizeof(name), "%.*s", (int)length, argument);
    provocation = strcmp(name, hanging.name) == 0 ? &hanging : provoke_find(name);
    if (provocation == NULL) {
        printf("no kind \"%s\"\n", name);
        return -1;
    }
    fflush(stdout);
    if (strcmp(where, "all") == 0) {
        run_on_all(provocation);
    } else if (*where == '\0' || strcmp(where, "0") == 0) {
        run((void *)(uintptr_t)provocation);
    } else {
        uint64_t start = ash_now_ns(); /* 0: no clock, and no waiting */

        run_on((unsigned)strtoul(where, NULL, 10), provocation);
        while (start != 0 && ash_now_ns() - start < PATIENCE_NS) {
        }
    }
    printf("%s: nothing happened\n", name);
    return 0;
}

void crash_list(void)
{
    const struct provocation *p;

    for (unsigned n = 0; (p = provoke_nth(n)) != NULL; n++) {
        printf("  %-18s %s\n", p->name, p->help);
    }
    printf("  %-18s %s\n", hanging.name, hanging.help);
}
