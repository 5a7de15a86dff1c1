/* SPDX-License-Identifier: MIT */
/*
 * The blocks of contiguous memory that a mapping lies in, held as long as it lasts: what a device
 * works on is not given to somebody else.
 */
#include "alloc/dma_map.h"
#include "alloc/pmem_region.h"

/* Passes the blocks of [pa, pa + size) in an order that stays, `most` of them; how many it was.
 * Ends at the first that is refused, and where part of a region is in no block (ASH_ENOENT). */
static uint32_t hold_pass(ash_pa_t pa, size_t size, uint32_t most,
                          int (*act)(const struct ash_pmem_block *block), int *error)
{
    const struct ash_pmem *region;
    uint32_t count = 0;

    for (unsigned n = 0; (region = ash_pmem_region(n)) != NULL; n++) {
        uint64_t at = region->range.base.value, end = at + region->range.size;

        at = at > pa.value ? at : pa.value;
        end = end < pa.value + size ? end : pa.value + size;
        while (at < end && count < most) {
            struct ash_pmem_block block;

            *error = ash_pmem_lookup(ash_pa(at), &block);
            if (*error == 0) {
                *error = act(&block);
            }
            if (*error != 0) {
                return count;
            }
            count++;
            at = block.pa.value + block.size;
        }
    }
    return count;
}

int dma_hold(ash_pa_t pa, size_t size, uint32_t *count)
{
    int error = 0;

    *count = hold_pass(pa, size, UINT32_MAX, ash_pmem_get, &error);
    if (error != 0) {
        dma_let_go(pa, size, *count);
    }
    return error;
}

void dma_let_go(ash_pa_t pa, size_t size, uint32_t count)
{
    int error = 0;

    (void)hold_pass(pa, size, count, ash_pmem_put, &error);
}
