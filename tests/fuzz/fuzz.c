/* SPDX-License-Identifier: MIT */
/*
 * What all fuzzers count.
 */
#include "tests/fuzz/fuzz.h"

uint64_t fuzz_steps;
