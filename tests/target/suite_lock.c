/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks on the running machine: their report, and at ASH_CHECK 2 their order. The hook's words
 * are compared, since they are all that tells which two locks stand the wrong way round.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ashlar/fault.h"
#include "port/spinlock.h"
#include "tests/target/suite.h"

static struct ash_spinlock outer = ASH_SPINLOCK(ASH_LOCK_MAP, "outer");
#if ASH_CHECK >= 2
static struct ash_spinlock inner = ASH_SPINLOCK(ASH_LOCK_PMEM, "inner");
#endif

static char printed[2048];
static size_t printed_length;

__attribute__((format(printf, 1, 2))) static int print_here(const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length =
        vsnprintf(printed + printed_length, sizeof(printed) - printed_length, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length < sizeof(printed) - printed_length) {
        printed_length += (size_t)length;
    }
    return length;
}

static void report_names_the_locks(void)
{
    if (!ASH_LOCKS_NAMED) {
        target_skip("locks have no names in this build");
        return;
    }
    spinlock_release(&outer, spinlock_acquire(&outer));
    printed_length = 0;
    ash_locks_report(print_here);
    CHECK(strstr(printed, "map            firmware ") != NULL);
    CHECK(strstr(printed, "map            outer ") != NULL);
    CHECK(strstr(printed, "frames         frames ") != NULL);
    CHECK(strstr(printed, "unnamed") == NULL);
}

#if ASH_CHECK >= 2
static char words[256];
static unsigned told;

static void hook(const struct ash_fault *fault)
{
    told++;
    snprintf(words, sizeof(words), "%s: %s", fault->module, fault->what);
}

static void misuse_is_told(void)
{
    ash_fault_fn before = ash_fault_hook;
    unsigned long saved, saved_inner;
    char order[256], twice[256];

    told = 0;
    ash_fault_hook = hook;
    saved = spinlock_acquire(&inner);
    saved_inner = spinlock_acquire(&outer);
    strcpy(order, words);
    spinlock_release(&outer, saved_inner);
    saved_inner = spinlock_acquire(&inner);
    strcpy(twice, words);
    spinlock_release(&inner, saved_inner);
    spinlock_release(&inner, saved);
    spinlock_release(&inner, saved);
    ash_fault_hook = before;
    CHECK_EQ(told, 3);
    CHECK(strcmp(order,
                 "locks: map \"outer\" is taken by a CPU that holds pmem region \"inner\"") == 0);
    CHECK(strcmp(twice, "locks: pmem region \"inner\" is taken by the CPU that holds it") == 0);
    CHECK(strcmp(words, "locks: pmem region \"inner\" is released by a CPU that holds none") == 0);
}
#else
static void misuse_is_told(void)
{
    target_skip("the order of locks is checked at ASH_CHECK 2");
}
#endif

static const struct target_case cases[] = {
    TARGET_CASE(report_names_the_locks),
    TARGET_CASE(misuse_is_told),
};
const struct target_suite suite_lock = TARGET_SUITE("lock", cases);
