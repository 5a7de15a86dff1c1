/* SPDX-License-Identifier: MIT */
/*
 * floats SEED [ROUNDS]: adds up a series in registers of floating point while others run as well,
 * and gets what one gets alone. Ends with 0.
 */
#include "program.h"

/* Halves have no rounding: each sum is exact. */
static double sum(unsigned long seed, int yielding)
{
    double a = (double)seed, b = 0.5, c = 0.25, d = 0.125;

    for (unsigned i = 0; i < 200; i++) {
        a += b;
        b += c;
        c += d;
        d += 0.125;
        if (yielding && i % 16 == 0) {
            (void)call(ASH_CALL_YIELD, 0, 0, 0);
        }
    }
    return a + b + c + d;
}

int main(int argc, char **argv)
{
    unsigned long seed = argc > 1 ? number_of(argv[1]) : 1;
    unsigned long rounds = argc > 2 ? number_of(argv[2]) : 20;
    double alone = sum(seed, 0);

    for (unsigned long i = 0; i < rounds; i++) {
        EXPECT(sum(seed, (int)(i & 1)) == alone);
    }
    return 0;
}
