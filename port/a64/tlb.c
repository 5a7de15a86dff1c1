/* SPDX-License-Identifier: MIT */
/*
 * TLB invalidation of ranges.
 */
#include "port/port.h"

/* A range operation covers (NUM + 1) * 2^(5 * SCALE + 1) pages from BaseADDR on
 * (DDI 0487 D8.13.5, C5.5 TLBI RVAE1IS). */
#define RANGE_SCALES     4u
#define RANGE_UNIT(s)    ((uintptr_t)1 << (5 * (s) + 1))
#define RANGE_TG_4K      (1ull << 46)
#define RANGE_SCALE(s)   ((uint64_t)(s) << 44)
#define RANGE_NUM(n)     ((uint64_t)((n)-1) << 39)
#define RANGE_ADDRESS(v) ((v) >> ASH_PAGE_SHIFT & 0x1fffffffffull)

/* RVAE1IS and RVAAE1IS: entries of all levels. */
static void invalidate_units(uint64_t operand, unsigned asid)
{
    if (asid == PORT_ASID_GLOBAL) {
        __asm__ volatile("sys #0, c8, c2, #3, %0" ::"r"(operand) : "memory");
    } else {
        __asm__ volatile("sys #0, c8, c2, #1, %0" ::"r"(operand | (uint64_t)(asid & 0xffff) << 48)
                         : "memory");
    }
}

void port_tlbi_range(ash_va_t va, uintptr_t pages, unsigned asid)
{
    bool ranges = port_has_range_tlbi();

    for (unsigned scale = 0; pages != 0;) {
        uintptr_t units = pages / RANGE_UNIT(scale) % 32;

        if (pages % 2 != 0 || !ranges) {
            port_tlbi_page_walk(va, asid);
            pages--;
            va.value += ASH_PAGE_SIZE;
            continue;
        }
        /* The last scale takes what is left, 32 units at a time. */
        if (scale == RANGE_SCALES - 1 && pages / RANGE_UNIT(scale) >= 32) {
            units = 32;
        }
        if (units != 0) {
            invalidate_units(RANGE_TG_4K | RANGE_SCALE(scale) | RANGE_NUM(units) |
                                 RANGE_ADDRESS(va.value),
                             asid);
            pages -= units * RANGE_UNIT(scale);
            va.value += (units * RANGE_UNIT(scale)) << ASH_PAGE_SHIFT;
        }
        scale += scale < RANGE_SCALES - 1;
    }
}
