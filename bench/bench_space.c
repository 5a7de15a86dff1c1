/* SPDX-License-Identifier: MIT */
/*
 * Switches between two spaces that have their ASIDs, and the one that needs a new ASID.
 */
#include "ashlar/space.h"
#include "bench/bench.h"

#define SWITCHES 256u
#define RENEWALS 100u /* of spaces: fewer than ASIDs of 8 bits */

static struct bench bench;
static struct ash_space spaces[RENEWALS];

static void back_and_forth(void)
{
    struct ash_space *one = &spaces[0], *other = &spaces[1];

    ash_space_switch(one);
    ash_space_switch(other);
    bench_start(&bench, "space-switch");
    for (unsigned i = 0; i < SWITCHES; i++) {
        struct ash_space *to = i % 2 == 0 ? one : other;

        BENCH(&bench, ash_space_switch(to));
        BENCH_CHECK(ash_space_current() == to);
    }
    bench_print(&bench, 1);
}

static void first(void)
{
    bench_start(&bench, "space-switch-first");
    for (unsigned i = 2; i < RENEWALS; i++) {
        struct ash_space *to = &spaces[i];

        BENCH(&bench, ash_space_switch(to));
    }
    bench_print(&bench, 1);
}

void bench_space(void)
{
    for (unsigned i = 0; i < RENEWALS; i++) {
        BENCH_CHECK(ash_space_create(&spaces[i], "bench") == 0);
    }
    back_and_forth();
    first();
    ash_space_leave();
    for (unsigned i = 0; i < RENEWALS; i++) {
        BENCH_CHECK(ash_space_destroy(&spaces[i]) == 0);
    }
}
