/* SPDX-License-Identifier: MIT */
/*
 * Catching what a provocation provokes, and what it must be.
 */
#ifndef ASHLAR_TARGET_CAUGHT_H
#define ASHLAR_TARGET_CAUGHT_H

#include "ashlar/trap.h"

struct expectation {
    enum ash_trap_kind kind;
    enum ash_trap_cause cause;
    bool write;
};

/** Runs a provocation; true if it was caught and is of the kind expected, else the case fails. */
bool caught(const char *name, const struct expectation *expected, struct ash_trap *trap);

#endif
