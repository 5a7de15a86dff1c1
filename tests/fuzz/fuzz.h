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
#include <stdio.h>
#include <stdlib.h>

/** Stops the program, as a finding, if the condition is false. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "shadow: line %d: %s\n", __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Operations done so far; each fuzzer of an allocator counts its own. */
extern uint64_t fuzz_steps;

/** Begins to take decisions from these bytes; from then on, what is left of them. */
void fuzz_input(const uint8_t *data, size_t size);
size_t fuzz_input_left(void);
/** A decision: 0 ... n - 1 (n 0: 0), from as few bytes as can tell; 0 when they are used up. */
uint32_t fuzz_draw(uint32_t n);

#endif
