/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the translation tables: an input's first byte chooses the format, the rest every step, of
 * as many maps as it lasts for. What was done is printed at the end.
 */
#include "tests/fuzz/soak.h"

#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct soak_counts counts[SOAK_FORMATS];

static void print(void)
{
    soak_print_counts(counts);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return atexit(print);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct soak soak;
    struct soak_step step;
    unsigned format;

    if (size == 0) {
        return 0;
    }
    format = data[0] % SOAK_FORMATS;
    soak.seed = 0;
    soak_bytes(&soak.source, data + 1, size - 1);
    while (!soak.source.over) {
        soak_start(&soak, &soak_formats[format], &counts[format]);
        for (;;) {
            soak_choose(&soak, &step);
            if (soak.source.over || step.verb == SOAK_RENEW) {
                break;
            }
            soak_perform(&soak, &step);
        }
        soak_end(&soak);
    }
    return 0;
}
