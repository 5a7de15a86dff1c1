/* SPDX-License-Identifier: MIT */
/*
 * The runs of a region, and the tree of what is free, against one byte a quantum, for regions that
 * start anywhere; and the self-check against every kind of damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alloc/pmem_runs.h"
#include "tests/unit/support.h"

#define MOST 70u

/* owner[i]: 0 if quantum i is free, else the number of the run that has it. */
static struct {
    uint64_t number; /* of the first quantum, in all of memory */
    uint32_t quanta;
    uint8_t owner[MOST];
} model;

static struct pmem_runs runs;
static struct pmem_tag tags[MOST];
static uint8_t nodes[512];

static void start(uint64_t number, uint32_t quanta)
{
    uint32_t first;
    unsigned levels = pmem_runs_levels(number, quanta, &first);

    /* Aligned as memory is, up to the size of the region. */
    assert_true((1u << levels) < 4 * quanta || levels == 0);
    assert_int_equal(first % (1u << (levels > 1 ? levels - 1 : 0)),
                     number % (1u << (levels > 1 ? levels - 1 : 0)));
    assert_true(pmem_tree_bytes(levels) <= sizeof(nodes));
    memset(tags, 0xa5, sizeof(tags));
    memset(nodes, 0xa5, sizeof(nodes));
    memset(&model, 0, sizeof(model));
    model.number = number;
    model.quanta = quanta;
    pmem_runs_init(&runs, number, quanta, tags, nodes);
}

static bool is_free(uint32_t at, uint32_t quanta)
{
    for (uint32_t i = at; i < at + quanta; i++) {
        if (i >= model.quanta || model.owner[i] != 0) {
            return false;
        }
    }
    return true;
}

static uint32_t lowest(uint32_t from, unsigned order)
{
    for (uint32_t at = from; at < model.quanta; at++) {
        if ((model.number + at) % (1u << order) == 0 && is_free(at, 1u << order)) {
            return at;
        }
    }
    return PMEM_NONE;
}

static void assert_matches(void)
{
    uint32_t longest = 0, length = 0, free = 0, at, quanta;

    assert_true(pmem_runs_sound(&runs));
    for (uint32_t i = 0; i < model.quanta; i++) {
        uint32_t run = pmem_runs_holding(&runs, i), begin = i, end = i;

        while (begin > 0 && model.owner[begin - 1] == model.owner[i]) {
            begin--;
        }
        while (end < model.quanta && model.owner[end] == model.owner[i]) {
            end++;
        }
        assert_true(pmem_runs_from(&runs, i, &at, &quanta) || (model.owner[i] && begin < i));
        if (model.owner[i] == 0) {
            uint32_t found[2];

            assert_int_equal(run, PMEM_NONE);
            assert_int_equal(at, i);
            assert_int_equal(quanta, end - i);
            pmem_runs_around(&runs, i, &found[0], &found[1]);
            assert_int_equal(found[0], begin);
            assert_int_equal(found[1], end);
        } else {
            assert_int_equal(run, begin);
            assert_int_equal(tags[run].quanta, end - begin);
        }
        assert_int_equal(pmem_runs_are_free(&runs, i, 1), model.owner[i] == 0);
        length = model.owner[i] == 0 ? length + 1 : 0;
        longest = length > longest ? length : longest;
        free += model.owner[i] == 0;
    }
    assert_int_equal(runs.free, free);
    assert_int_equal(pmem_runs_longest(&runs), longest);
    for (unsigned order = 0; order < 8; order++) {
        uint32_t from = support_random_below(model.quanta + 1);

        assert_int_equal(pmem_runs_find(&runs, from, order), lowest(from, order));
        assert_int_equal(pmem_runs_find(&runs, 0, order), lowest(0, order));
    }
}

static void take(uint32_t at, uint32_t quanta, uint8_t number)
{
    assert_true(pmem_runs_are_free(&runs, at, quanta));
    pmem_runs_take(&runs, at, quanta, PMEM_USED);
    memset(&model.owner[at], number, quanta);
}

static void matches_the_model(void **state)
{
    unsigned takes = 0, gives = 0;

    (void)state;
    support_seed(7);
    for (unsigned round = 0; round < 60; round++) {
        start(support_random_below(200), 1 + support_random_below(MOST));
        assert_matches();
        for (unsigned step = 1; step < 200; step++) {
            uint32_t at = support_random_below(model.quanta);
            uint32_t run = pmem_runs_holding(&runs, at);

            if (run == PMEM_NONE) {
                uint32_t begin, end;

                pmem_runs_around(&runs, at, &begin, &end);
                take(at, 1 + support_random_below(end - at), (uint8_t)(1 + step));
                takes++;
            } else {
                memset(&model.owner[run], 0, tags[run].quanta);
                pmem_runs_give(&runs, run);
                gives++;
            }
            assert_matches();
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

                start(a, 12);
                take(0, a, 1);
                take(a, b, 2);
                take(a + b, 12 - a - b, 3);
                assert_int_equal(runs.free, 0);
                for (unsigned i = 0; i < 3; i++) {
                    pmem_runs_give(&runs, starts[orders[order][i]]);
                    assert_true(pmem_runs_sound(&runs));
                }
                assert_int_equal(pmem_runs_longest(&runs), 12);
            }
        }
    }
}

static void iterates_from_anywhere(void **state)
{
    static const struct {
        uint32_t index, at, quanta;
    } rows[] = {{0, 0, 3}, {1, 1, 2}, {3, 3, 4}, {4, 7, 2}, {6, 7, 2}, {8, 8, 1}, {9, 9, 1}};
    uint32_t at, quanta;

    (void)state;
    start(0, 10);
    take(3, 4, 1);
    take(9, 1, 2);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(pmem_runs_from(&runs, rows[i].index, &at, &quanta));
        assert_int_equal(at, rows[i].at);
        assert_int_equal(quanta, rows[i].quanta);
    }
    assert_false(pmem_runs_from(&runs, 10, &at, &quanta));
}

/* Every field of every tag and every node, changed, is noticed, but for what cannot be known:
 * references and marks of a run in use. */
static void damage_is_noticed(void **state)
{
    struct pmem_tag good[10];
    uint8_t good_nodes[64];

    (void)state;
    start(5, 10);
    take(3, 4, 1);
    memcpy(good, tags, sizeof(good));
    memcpy(good_nodes, nodes, sizeof(good_nodes));
    assert_int_equal(runs.tree.levels, 4);
    for (unsigned i = 0; i < 10; i++) {
        for (unsigned field = 0; field < 4; field++) {
            memcpy(tags, good, sizeof(good));
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
                tags[i].marks ^= 1;
                break;
            }
            assert_int_equal(pmem_runs_sound(&runs), i == 3 && field >= 2);
        }
    }
    memcpy(tags, good, sizeof(good));
    for (unsigned i = 1; i < 32; i++) {
        for (unsigned value = 0; value < 8; value++) {
            memcpy(nodes, good_nodes, sizeof(good_nodes));
            nodes[i] = (uint8_t)value;
            assert_int_equal(pmem_runs_sound(&runs), value == good_nodes[i]);
        }
    }
    memcpy(nodes, good_nodes, sizeof(good_nodes));
    tags[3].quanta = UINT32_MAX; /* beyond the region */
    assert_false(pmem_runs_sound(&runs));
    memcpy(tags, good, sizeof(good));
    tags[3].state = PMEM_LEAVING; /* and nobody holds it */
    assert_false(pmem_runs_sound(&runs));
    tags[3].refs = 1;
    assert_true(pmem_runs_sound(&runs));
    tags[3].state = PMEM_CHANGING;
    assert_false(pmem_runs_sound(&runs));
    memcpy(tags, good, sizeof(good));
    runs.free--;
    assert_false(pmem_runs_sound(&runs));
    runs.free++;
    assert_true(pmem_runs_sound(&runs));
    pmem_tree_take_block(&runs.tree, 6, 1); /* and nobody has it */
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
