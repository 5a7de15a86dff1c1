/* SPDX-License-Identifier: MIT */
/*
 * The shared parts of the unit tests: the fault recorder and the random numbers.
 */
#include "tests/unit/support.h"

#include <stdio.h>
#include <stdlib.h>

struct support_faults support_faults;

static uint32_t state = 1;

static void record(const struct ash_fault *fault)
{
    support_faults.count++;
    support_faults.last = *fault;
}

ash_fault_fn ash_fault_hook = record;

void support_faults_reset(void)
{
    support_faults = (struct support_faults){0};
    ash_fault_hook = record;
}

void support_seed(uint32_t seed)
{
    const char *replay = getenv("ASH_SEED");

    if (replay != NULL) {
        seed = (uint32_t)strtoul(replay, NULL, 0);
    }
    state = seed != 0 ? seed : 1;
    printf("# ASH_SEED=%u\n", (unsigned)state);
}

uint32_t support_random(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

uint32_t support_random_below(uint32_t n)
{
    return (uint32_t)((uint64_t)support_random() * n >> 32);
}
