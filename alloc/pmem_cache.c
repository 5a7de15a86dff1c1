/* SPDX-License-Identifier: MIT */
/*
 * Cache maintenance of parts of a block, by what its view needs.
 */
#include "alloc/pmem_region.h"
#include "port/port.h"

static int pmem_check_part(const struct ash_pmem_block *block, uint64_t offset, uint64_t size,
                           const void *caller)
{
    int error = pmem_check_block(block, caller);

    if (error == 0 && (offset > block->size || size > block->size - offset)) {
        error = ASH_ERANGE;
    }
    return error;
}

/* Nothing of it can be in the cache: a barrier is all that it takes. */
static bool pmem_is_uncached(const struct ash_pmem_block *block, uint64_t size)
{
    if (block->flags != ASH_PMEM_CACHED || size == 0) {
        port_dsb_sy();
        return true;
    }
    return false;
}

int ash_pmem_flush(const struct ash_pmem_block *block, uint64_t offset, uint64_t size)
{
    int error = pmem_check_part(block, offset, size, __builtin_return_address(0));

    if (error == 0 && !pmem_is_uncached(block, size)) {
        port_cache_clean_invalidate((char *)block->ptr + offset, (size_t)size);
    }
    return error;
}

int ash_pmem_clean(const struct ash_pmem_block *block, uint64_t offset, uint64_t size)
{
    int error = pmem_check_part(block, offset, size, __builtin_return_address(0));

    if (error == 0 && !pmem_is_uncached(block, size)) {
        port_cache_clean((char *)block->ptr + offset, (size_t)size);
    }
    return error;
}

int ash_pmem_invalidate(const struct ash_pmem_block *block, uint64_t offset, uint64_t size)
{
    int error = pmem_check_part(block, offset, size, __builtin_return_address(0));

    if (error != 0) {
        return error;
    }
    if (!ash_is_aligned(offset | size, port_cache_line())) {
        return ASH_EALIGN; /* dirty neighbours in the same line would be lost (arm-rules 21) */
    }
    if (!pmem_is_uncached(block, size)) {
        port_cache_invalidate((char *)block->ptr + offset, (size_t)size);
    }
    return 0;
}
