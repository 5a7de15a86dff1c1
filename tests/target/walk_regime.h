/* SPDX-License-Identifier: MIT */
/*
 * Translation registers of a test's own: both halves of the address space are random tables, but
 * for the part of the lower one in which the firmware lies.
 */
#ifndef ASHLAR_TARGET_WALK_REGIME_H
#define ASHLAR_TARGET_WALK_REGIME_H

#include "tests/shared/walk_cases.h"

/** Which questions this processor is asked. */
enum walk_format walk_regime_format(void);

/** Why they cannot be asked on this machine, or NULL. */
const char *walk_regime_hindrance(void);

/** Walks use the set's tables; the firmware stays where it is. No interrupts, no output and no
 *  allocation meanwhile. */
void walk_regime_on(const struct walk_set *set);
void walk_regime_off(void);

#endif
