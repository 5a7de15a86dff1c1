/* SPDX-License-Identifier: MIT */
/*
 * Self-tests on the target: a suite is a named list of cases, a case a function that checks.
 * Results are TAP on the console: the plan first, then one line a case.
 *
 *     static void splits_evenly(void) { CHECK_EQ(2 + 2, 4); }
 *     static const struct target_case cases[] = {TARGET_CASE(splits_evenly)};
 *     const struct target_suite suite_example = TARGET_SUITE("example", cases);
 *
 * and one line in suites.c. A case leaves the machine as it found it.
 */
#ifndef ASHLAR_TARGET_SUITE_H
#define ASHLAR_TARGET_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct target_case {
    const char *name;
    void (*run)(void);
};

struct target_suite {
    const char *name;
    const struct target_case *cases;
    size_t count;
};

#define TARGET_CASE(function)                                                                      \
    {                                                                                              \
#function, function                                                                        \
    }
#define TARGET_SUITE(title, cases)                                                                 \
    {                                                                                              \
        title, cases, sizeof(cases) / sizeof((cases)[0])                                           \
    }

/** Marks the running case as failed and says why. */
void target_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Marks the running case as skipped, with the reason. The case then returns. */
void target_skip(const char *reason);
/** A line of diagnosis: "# ...". */
void target_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Fails and leaves the (void) function when the condition is false. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            target_fail(__FILE__, __LINE__, "%s", #condition);                                     \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/** Fails and leaves the (void) function unless both integers are equal; prints both. */
#define CHECK_EQ(actual, expected)                                                                 \
    do {                                                                                           \
        long long actual_ = (long long)(actual), expected_ = (long long)(expected);                \
        if (actual_ != expected_) {                                                                \
            target_fail(__FILE__, __LINE__, "%s is %#llx, expected %s = %#llx", #actual,           \
                        (unsigned long long)actual_, #expected, (unsigned long long)expected_);    \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/** Runs one suite, or all if name is NULL; prints TAP; the number of failed cases, -1 if unknown.
 */
int target_run(const char *name);
/** The suites, ended by NULL. */
extern const struct target_suite *const target_suites[];

#endif
