/* SPDX-License-Identifier: MIT */
/*
 * What a fuzzer is: a function that takes bytes for decisions and stops the program (abort, or a
 * sanitizer's report) when something is wrong. libFuzzer makes the bytes from what it has seen;
 * seeded.c makes them from a seed, on both word sizes, for as many steps as are asked for.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Operations done so far; each fuzzer of an allocator counts its own. */
extern uint64_t fuzz_steps;

#endif
