/* SPDX-License-Identifier: MIT */
/*
 * spin [N]: counts to N thousand without a call; only the timer takes the processor from it. Ends
 * with 0.
 */
#include "program.h"

int main(int argc, char **argv)
{
    unsigned long rounds = 1000 * (argc > 1 ? number_of(argv[1]) : 1000);

    for (volatile unsigned long i = 0; i < rounds; i++) {
    }
    return 0;
}
