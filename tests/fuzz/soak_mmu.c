/* SPDX-License-Identifier: MIT */
/*
 * A soak of the translation tables from a seed:
 *   soak_mmu [--steps N] [--format NAME] [--seed N | --session N]
 * runs N steps in all; --session repeats one session of a run, as a finding prints it. Without a
 * format they take turns. --list prints their names.
 */
#include "ashlar/fault.h"
#include "tests/fuzz/soak.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SHARE  60u    /* percent of the steps that must change something */
#define ENOUGH 10000u /* steps that show it */

#define PATIENCE 20u /* seconds in which one step at least must be done */

static struct soak soak;

/* Nothing that is driven here tells of anything. */
static void fault(const struct ash_fault *told)
{
    soak_fail("%s: %s", told->module, told->what);
}

ash_fault_fn ash_fault_hook = fault;

/* A step that never ends is a finding. */
static void look(int number)
{
    static uint64_t last = UINT64_MAX;

    (void)number;
    if (soak.before + soak.number == last) {
        soak_fail("a step goes on for more than %u s", PATIENCE);
    }
    last = soak.before + soak.number;
    alarm(PATIENCE);
}

/* Others stop a run as well: the simulated machine, an assertion. */
static void stopped(int number)
{
    (void)number;
    soak_print_session();
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int usage(void)
{
    fprintf(stderr, "usage: soak_mmu [--steps N] [--format NAME] [--seed N | --session N]\n");
    return 2;
}

static unsigned find_format(const char *name)
{
    for (unsigned i = 0; i < SOAK_FORMATS; i++) {
        if (strcmp(soak_formats[i].name, name) == 0) {
            return 1u << i;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct soak_counts counts[SOAK_FORMATS] = {{0}};
    uint64_t steps = 200000, seed = 1;
    unsigned formats = (1u << SOAK_FORMATS) - 1;
    double start = now();

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (unsigned i = 0; i < SOAK_FORMATS; i++) {
            printf("%s\n", soak_formats[i].name);
        }
        return 0;
    }
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        uint64_t number = strtoull(value, NULL, 0);

        if (strcmp(argv[i], "--steps") == 0 && number > 0) {
            steps = number;
        } else if (strcmp(argv[i], "--seed") == 0 && number > 0) {
            seed = number << 32;
        } else if (strcmp(argv[i], "--session") == 0 && number > 0) {
            seed = number;
        } else if (strcmp(argv[i], "--format") == 0 && find_format(value) != 0) {
            formats = find_format(value);
        } else {
            return usage();
        }
    }
    signal(SIGALRM, look);
    signal(SIGABRT, stopped);
    alarm(PATIENCE);
    printf("from session %#llx on\n", (unsigned long long)seed);
    fflush(stdout);
    soak_run(&soak, seed, steps, formats, counts);
    soak_print_counts(counts);
    printf("%llu steps in %.0f s, %.0f a second\n", (unsigned long long)steps, now() - start,
           (double)steps / (now() - start));
    for (unsigned i = 0; i < SOAK_FORMATS; i++) {
        if (counts[i].steps > ENOUGH && counts[i].changed * 100 < counts[i].steps * SHARE) {
            printf("%s: less than %u %% of the steps changed something\n", soak_formats[i].name,
                   SHARE);
            return 1;
        }
    }
    return 0;
}
