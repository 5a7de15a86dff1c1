/* SPDX-License-Identifier: MIT */
/*
 * What fuzzers count, and how they make decisions of their input.
 */
#include "tests/fuzz/fuzz.h"

uint64_t fuzz_steps;

static const uint8_t *input;
static size_t input_left;

void fuzz_input(const uint8_t *data, size_t size)
{
    input = data;
    input_left = size;
}

size_t fuzz_input_left(void)
{
    return input_left;
}

uint32_t fuzz_draw(uint32_t n)
{
    uint32_t value = 0;

    for (uint32_t range = n - 1; range > 0 && n > 0; range >>= 8) {
        value = value << 8 | (input_left > 0 ? *input : 0);
        input += input_left > 0;
        input_left -= input_left > 0;
    }
    return n == 0 ? 0 : value % n;
}
