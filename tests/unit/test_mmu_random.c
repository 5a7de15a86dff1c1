/* SPDX-License-Identifier: MIT */
/*
 * Random operations against a flat list of what is mapped (tests/fuzz), for a moment and with the
 * sanitizers; and the same with every table that an operation takes failing once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/fuzz/soak.h"
#include "tests/unit/support.h"

static struct soak soak;

static void failed(void)
{
    fail();
}

static int setup(void **state)
{
    (void)state;
    soak_failed = failed;
    return 0;
}

static void against_the_list(void **state)
{
    (void)state;
    support_seed(20240611);
    for (unsigned format = 0; format < SOAK_FORMATS; format++) {
        struct soak_counts counts[SOAK_FORMATS] = {{0}};

        soak_run(&soak, support_random(), 5000, 1u << format, counts);
        soak_print_counts(counts);
        assert_true(counts[format].changed * 100 > counts[format].steps * 60);
    }
}

/* The n-th table cannot be had, for every n: nothing has changed, nothing is kept. */
static void failing_tables(void **state)
{
    (void)state;
    support_seed(7);
    for (unsigned format = 0; format < SOAK_FORMATS; format++) {
        struct soak_counts counts = {0};

        while (counts.failures < 300) {
            soak.seed = 0;
            soak_seed(&soak.source, support_random());
            soak_start(&soak, &soak_formats[format], &counts);
            for (unsigned n = 0; n < 60; n++) {
                struct soak_step step;

                soak_choose(&soak, &step);
                step.bad = 0;
                step.fail_at = 0;
                if (step.verb != SOAK_RENEW) {
                    soak_perform_failing(&soak, &step);
                }
            }
            soak_end(&soak);
        }
        printf("# %s: %llu failures injected\n", soak_formats[format].name,
               (unsigned long long)counts.failures);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_the_list),
        cmocka_unit_test(failing_tables),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
