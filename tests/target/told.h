/* SPDX-License-Identifier: MIT */
/*
 * A hook that counts, for suites of pools and object caches: what it was told of since it was
 * asked.
 */
#ifndef ASHLAR_TARGET_TOLD_H
#define ASHLAR_TARGET_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "ashlar/fault.h"

static unsigned faults;
static struct ash_fault last_fault;

static void record(const struct ash_fault *fault)
{
    faults++;
    last_fault = *fault;
}

static bool told(enum ash_fault_kind kind, const void *block)
{
    bool right = faults == 1 && last_fault.kind == kind && last_fault.address == (uintptr_t)block &&
                 last_fault.caller != NULL;

    faults = 0;
    return right;
}

#endif
