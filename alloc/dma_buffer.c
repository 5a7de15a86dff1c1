/* SPDX-License-Identifier: MIT */
/*
 * Coherent buffers: memory that a device and the CPU use at the same time.
 */
#include "alloc/dma_check.h"
#include "alloc/dma_limits.h"
#include "alloc/pmem_region.h"
#include "ashlar/dma.h"
#include "ashlar/frames.h"
#include "port/outside.h"

int dma_block(const struct ash_dma_device *device, struct ash_pmem *region,
              struct ash_pmem_request *request, struct ash_pmem_block *block)
{
    request->flags |= ASH_PMEM_OWNER((unsigned)ASH_OWNER_DMA);
    if (request->align < device->alignment) {
        request->align = device->alignment;
    }
    if (request->align < ASH_PMEM_QUANTUM) {
        request->align = ASH_PMEM_QUANTUM;
    }
    if (!dma_window(device, &request->min, &request->max) ||
        request->min > region->range.base.value + (region->range.size - 1) ||
        request->max < region->range.base.value || request->max == 0) {
        return ASH_ERANGE;
    }
    return ash_pmem_alloc_request(region, request, block);
}

/* What the checker's record of it says. */
static struct dma_record dma_record_of(const struct ash_dma_buffer *buffer,
                                       const struct ash_dma_buffer *place, const void *caller)
{
    return (struct dma_record){
        .device = buffer->device,
        .owner = place,
        .pa = buffer->block.pa.value,
        .size = buffer->block.size,
        .direction = DMA_BUFFER,
        .caller = caller,
    };
}

int dma_buffer_make(struct ash_dma_device *device, struct ash_pmem *region,
                    struct ash_pmem_request *request, struct ash_dma_buffer *buffer,
                    const void *caller)
{
    struct ash_dma_buffer made = {.device = device};
    struct dma_record record;
    int error;

    request->flags = device->coherent ? ASH_PMEM_CACHED : ASH_PMEM_UNCACHED;
    error = dma_block(device, region, request, &made.block);
    if (error != 0) {
        return error;
    }
    made.bus.value = made.block.pa.value + (uint64_t)device->bus_offset;
    record = dma_record_of(&made, buffer, caller);
    error = dma_check_begin(&record, &made.record);
    if (error != 0) {
        (void)ash_pmem_free(&made.block);
        return error;
    }
    *buffer = made;
    dma_count(device, 1);
    return 0;
}

int ash_dma_alloc(struct ash_dma_device *device, struct ash_pmem *region, uint64_t size,
                  struct ash_dma_buffer *buffer)
{
    struct ash_pmem_request request = {.size = size};

    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }
    if (!dma_is_ready(device) || size == 0) {
        return ASH_EINVAL;
    }
    if (device->boundary > ASH_PMEM_QUANTUM) {
        request.boundary = device->boundary;
    } else if (device->boundary != 0 && size > device->boundary) {
        return ASH_ERANGE;
    }
    return dma_buffer_make(device, region, &request, buffer, __builtin_return_address(0));
}

int ash_dma_free(struct ash_dma_buffer *buffer)
{
    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }

    struct ash_dma_buffer old = *buffer;
    struct dma_record record = dma_record_of(&old, buffer, __builtin_return_address(0));
    int error = dma_check_same(&record, old.record);
    bool known;

    if (error != 0) {
        return error;
    }
    /* Before: from the moment it is free it may be somebody else's. */
    known = dma_check_end(old.device, old.block.pa, old.record);
    error = ash_pmem_free(&old.block);
    if (error == 0) {
        *buffer = (struct ash_dma_buffer){.device = NULL};
        dma_count(old.device, -1);
    } else if (known) {
        (void)dma_check_begin(&record, &buffer->record);
    }
    return error;
}
