/* SPDX-License-Identifier: MIT */
/*
 * Where the machine's RAM ends, for devices that are to reach none or all of it.
 */
#ifndef ASHLAR_TARGET_RAM_H
#define ASHLAR_TARGET_RAM_H

#include "ashlar/platform.h"

/** Behind the last byte of RAM. */
static inline uint64_t ram_end(void)
{
    uint64_t end = 0;

    for (unsigned i = 0; i < ash_platform.ram_count; i++) {
        const struct ash_range *ram = &ash_platform.ram[i];

        end = ram->base.value + ram->size > end ? ram->base.value + ram->size : end;
    }
    return end;
}

#endif
