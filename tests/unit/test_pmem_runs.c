/* SPDX-License-Identifier: MIT */
/*
 * The runs of a region against one byte a quantum, and the self-check against every kind of damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alloc/pmem_runs.h"
#include "tests/unit/support.h"

#define MOST 64u

/* owner[i]: 0 if quantum i is free, else the number of the block that holds it. */
struct model {
    uint32_t quanta;
    uint8_t owner[MOST];
};

static void assert_matches(const struct pmem_runs *runs, const struct model *model)
{
    uint32_t longest = 0, length = 0, free = 0;

    assert_true(pmem_runs_sound(runs));
    for (uint32_t i = 0; i < model->quanta; i++) {
        uint32_t run = pmem_runs_holding(runs, i);

        assert_int_equal(runs->tags[run].state == PMEM_FREE, model->owner[i] == 0);
        for (uint32_t j = 0; j < runs->tags[run].quanta; j++) {
            assert_int_equal(model->owner[run + j], model->owner[i]);
        }
        /* A run is as long as it can be. */
        assert_true(run == 0 || model->owner[run - 1] != model->owner[run] || model->owner[run]);
        length = model->owner[i] == 0 ? length + 1 : 0;
        longest = length > longest ? length : longest;
        free += model->owner[i] == 0;
    }
    assert_int_equal(runs->free, free);
    assert_int_equal(pmem_runs_longest(runs), longest);
}

static void take_in_model(struct pmem_runs *runs, struct model *model, uint32_t at, uint32_t quanta,
                          uint8_t number)
{
    pmem_runs_take(runs, pmem_runs_holding(runs, at), at, quanta);
    memset(&model->owner[at], number, quanta);
}

static void matches_the_model(void **state)
{
    struct pmem_tag tags[MOST];
    struct pmem_runs runs;
    unsigned takes = 0, gives = 0;

    (void)state;
    support_seed(7);
    for (unsigned round = 0; round < 40; round++) {
        struct model model = {.quanta = 1 + support_random_below(MOST)};

        memset(tags, 0xa5, sizeof(tags));
        pmem_runs_init(&runs, tags, model.quanta);
        assert_matches(&runs, &model);
        for (unsigned step = 1; step < 200; step++) {
            uint32_t at = support_random_below(model.quanta);
            uint32_t run = pmem_runs_holding(&runs, at);

            if (runs.tags[run].state == PMEM_FREE) {
                uint32_t room = run + runs.tags[run].quanta - at;

                take_in_model(&runs, &model, at, 1 + support_random_below(room),
                              (uint8_t)(1 + step));
                takes++;
            } else {
                memset(&model.owner[run], 0, runs.tags[run].quanta);
                pmem_runs_give(&runs, run);
                gives++;
            }
            assert_matches(&runs, &model);
        }
    }
    assert_true(takes > 1000 && gives > 1000);
}

static void joins_on_both_sides(void **state)
{
    (void)state;
    /* Every split of 12 quanta into three runs, given back in every order: one run is left. */
    for (uint32_t a = 1; a < 11; a++) {
        for (uint32_t b = 1; a + b < 12; b++) {
            for (unsigned order = 0; order < 6; order++) {
                static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
                const uint32_t starts[3] = {0, a, a + b};
                struct pmem_tag tags[12];
                struct pmem_runs runs;

                pmem_runs_init(&runs, tags, 12);
                pmem_runs_take(&runs, 0, 0, a);
                pmem_runs_take(&runs, a, a, b);
                pmem_runs_take(&runs, a + b, a + b, 12 - a - b);
                for (unsigned i = 0; i < 3; i++) {
                    pmem_runs_give(&runs, starts[orders[order][i]]);
                    assert_true(pmem_runs_sound(&runs));
                }
                assert_int_equal(tags[0].quanta, 12);
                assert_int_equal(pmem_runs_longest(&runs), 12);
            }
        }
    }
}

static void iterates_from_anywhere(void **state)
{
    struct pmem_tag tags[10];
    struct pmem_runs runs;

    (void)state;
    pmem_runs_init(&runs, tags, 10);
    pmem_runs_take(&runs, 0, 3, 4);
    assert_int_equal(pmem_runs_from(&runs, 0), 0);
    assert_int_equal(pmem_runs_from(&runs, 1), 3);
    assert_int_equal(pmem_runs_from(&runs, 3), 3);
    assert_int_equal(pmem_runs_from(&runs, 4), 7);
    assert_int_equal(pmem_runs_from(&runs, 8), 10);
    assert_int_equal(pmem_runs_from(&runs, 10), 10);
}

/* Every single field of every tag, changed, is noticed, but for what cannot be known: references
 * and view of a block in use. */
static void damage_is_noticed(void **state)
{
    struct pmem_tag tags[10], good[10];
    struct pmem_runs runs;

    (void)state;
    pmem_runs_init(&runs, tags, 10);
    pmem_runs_take(&runs, 0, 3, 4);
    tags[3].state = PMEM_USED;
    memcpy(good, tags, sizeof(good));
    for (unsigned i = 0; i < 10; i++) {
        for (unsigned field = 0; field < 4; field++) {
            memcpy(tags, good, sizeof(tags));
            switch (field) {
            case 0:
                tags[i].quanta += 1;
                break;
            case 1:
                tags[i].state = PMEM_CHANGING + 1;
                break;
            case 2:
                tags[i].refs += 1;
                break;
            default:
                tags[i].flags ^= 1;
                break;
            }
            assert_int_equal(pmem_runs_sound(&runs), i == 3 && field >= 2);
        }
    }
    memcpy(tags, good, sizeof(tags));
    tags[3].state = PMEM_FREE; /* free runs side by side */
    assert_false(pmem_runs_sound(&runs));
    memcpy(tags, good, sizeof(tags));
    tags[0].quanta = 0; /* would never end */
    assert_false(pmem_runs_sound(&runs));
    memcpy(tags, good, sizeof(tags));
    tags[7].quanta = UINT32_MAX; /* beyond the region */
    assert_false(pmem_runs_sound(&runs));
    memcpy(tags, good, sizeof(tags));
    runs.free--;
    assert_false(pmem_runs_sound(&runs));
    runs.free++;
    assert_true(pmem_runs_sound(&runs));

    /* Nothing is wrong but that two free runs were not joined. */
    pmem_runs_init(&runs, tags, 10);
    tags[0].quanta = tags[3].quanta = 4;
    tags[4] = (struct pmem_tag){.quanta = 6, .state = PMEM_FREE};
    tags[9].quanta = 6;
    assert_false(pmem_runs_sound(&runs));
    tags[4].state = PMEM_CHANGING;
    runs.free = 4;
    assert_true(pmem_runs_sound(&runs));
    tags[4].flags = 1; /* of the block that it was */
    assert_true(pmem_runs_sound(&runs));
    tags[4].refs = 1;
    assert_false(pmem_runs_sound(&runs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_model),
        cmocka_unit_test(joins_on_both_sides),
        cmocka_unit_test(iterates_from_anywhere),
        cmocka_unit_test(damage_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
