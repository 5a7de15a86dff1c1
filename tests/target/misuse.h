/* SPDX-License-Identifier: MIT */
/*
 * Calls that a checker tells of: the hook is exchanged around one call, and counts.
 */
#ifndef ASHLAR_TARGET_MISUSE_H
#define ASHLAR_TARGET_MISUSE_H

#include "ashlar/config.h"
#include "ashlar/fault.h"
#include "tests/target/suite.h"

static unsigned misuse_told;
static struct ash_fault misuse_last;

static void misuse_hook(const struct ash_fault *fault)
{
    misuse_told++;
    misuse_last = *fault;
}

/** The call returns the error, and the checker tells of it so many times (ASH_CHECK >= 1). */
#define MISUSE(call, error, times)                                                                 \
    do {                                                                                           \
        ash_fault_fn hook_ = ash_fault_hook;                                                       \
        int result_;                                                                               \
                                                                                                   \
        misuse_told = 0;                                                                           \
        ash_fault_hook = misuse_hook;                                                              \
        result_ = (call);                                                                          \
        ash_fault_hook = hook_;                                                                    \
        CHECK_EQ(result_, error);                                                                  \
        CHECK_EQ(misuse_told, ASH_CHECK >= 1 ? (times) : 0);                                       \
        CHECK(misuse_told == 0 || misuse_last.kind == ASH_FAULT_DMA);                              \
    } while (0)

#endif
