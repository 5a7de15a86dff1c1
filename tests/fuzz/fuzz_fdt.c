/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the device tree reader and what is made of trees. Any input must be survived, and what the
 * reader accepts it must read as libfdt does.
 */
#include "tests/unit/fdt_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* malloc's alignment, which a blob may expect, and exactly its size. */
    uint8_t *blob = malloc(size == 0 ? 1 : size);

    memcpy(blob, data, size);
    (void)oracle_read(blob, size);
    free(blob);
    return 0;
}
