/* SPDX-License-Identifier: MIT */
/*
 * Where a contiguous block may lie, against a search that tries every quantum.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc/pmem_place.h"
#include "tests/unit/support.h"

#define Q 0x1000ull

struct row {
    struct pmem_limits limits;
    uint64_t begin, end;
    uint64_t expected; /* 0: does not fit */
};

static void known_cases(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* the whole run, and one quantum too much */
        {{Q, Q, 0, 0, UINT64_MAX}, 7 * Q, 8 * Q, 7 * Q},
        {{2 * Q, Q, 0, 0, UINT64_MAX}, 7 * Q, 8 * Q, 0},
        /* alignment is of the address, not of the place in the run */
        {{Q, 4 * Q, 0, 0, UINT64_MAX}, 7 * Q, 20 * Q, 8 * Q},
        {{Q, 16 * Q, 0, 0, UINT64_MAX}, 17 * Q, 32 * Q, 0},
        {{Q, 16 * Q, 0, 0, UINT64_MAX}, 17 * Q, 33 * Q, 32 * Q},
        /* boundary: touching a multiple is not crossing it */
        {{4 * Q, Q, 8 * Q, 0, UINT64_MAX}, 4 * Q, 40 * Q, 4 * Q},
        {{4 * Q, Q, 8 * Q, 0, UINT64_MAX}, 5 * Q, 40 * Q, 8 * Q},
        {{8 * Q, Q, 8 * Q, 0, UINT64_MAX}, 9 * Q, 24 * Q, 16 * Q},
        {{8 * Q, Q, 8 * Q, 0, UINT64_MAX}, 9 * Q, 23 * Q, 0},
        {{2 * Q, 32 * Q, 8 * Q, 0, UINT64_MAX}, 1 * Q, 99 * Q, 32 * Q},
        /* window, its end exclusive */
        {{2 * Q, Q, 0, 10 * Q, 12 * Q}, 0, 99 * Q, 10 * Q},
        {{2 * Q, Q, 0, 10 * Q + 1, 13 * Q}, 0, 99 * Q, 11 * Q},
        {{2 * Q, Q, 0, 10 * Q + 1, 13 * Q - 1}, 0, 99 * Q, 0},
        {{2 * Q, 8 * Q, 0, 10 * Q, 17 * Q}, 0, 99 * Q, 0},
        /* ends of the number range: nothing wraps */
        {{Q, Q, 0, 0, UINT64_MAX}, UINT64_MAX - Q + 1, UINT64_MAX, 0},
        {{Q, 1ull << 63, 0, 0, UINT64_MAX}, (1ull << 63) + Q, UINT64_MAX, 0},
        {{1ull << 63, Q, 1ull << 63, 0, UINT64_MAX}, Q, UINT64_MAX, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t at = 0;
        bool fits = pmem_place(&rows[i].limits, rows[i].begin, rows[i].end, &at);

        print_message("# row %zu\n", i);
        assert_int_equal(fits, rows[i].expected != 0);
        assert_int_equal(at, rows[i].expected);
    }
}

/* The definition, in the plainest words. */
static bool is_allowed(const struct pmem_limits *limits, uint64_t begin, uint64_t end, uint64_t at)
{
    if (at < begin || at + limits->size > end || at % limits->align != 0 || at < limits->begin ||
        at + limits->size > limits->end) {
        return false;
    }
    return limits->boundary == 0 ||
           at / limits->boundary == (at + limits->size - 1) / limits->boundary;
}

static void matches_a_search(void **state)
{
    unsigned found = 0;

    (void)state;
    support_seed(41);
    for (unsigned i = 0; i < 20000; i++) {
        struct pmem_limits limits = {
            .size = (1 + support_random_below(12)) * Q,
            .align = Q << support_random_below(6),
            .begin = support_random_below(40) * Q + support_random_below(2) * 0x800,
        };
        uint64_t begin = support_random_below(40) * Q;
        uint64_t end = begin + (1 + support_random_below(60)) * Q;
        uint64_t at = 0, expected = begin;

        limits.end = limits.begin + support_random_below(60 * (uint32_t)Q);
        if (support_random_below(2) == 0) {
            limits.end = UINT64_MAX;
        }
        if (support_random_below(2) == 0) {
            limits.boundary = Q << (4 + support_random_below(3));
        }
        while (expected < end && !is_allowed(&limits, begin, end, expected)) {
            expected += Q;
        }
        assert_int_equal(pmem_place(&limits, begin, end, &at), expected < end);
        if (expected < end) {
            assert_int_equal(at, expected);
            found++;
        }
    }
    assert_in_range(found, 4000, 19000); /* both outcomes were tried */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_cases),
        cmocka_unit_test(matches_a_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
