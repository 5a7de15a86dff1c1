/* SPDX-License-Identifier: MIT */
/*
 * Coherent buffers: memory that a device and the CPU use at the same time.
 */
#include "alloc/dma_limits.h"
#include "alloc/pmem_region.h"
#include "ashlar/dma.h"

int dma_block(const struct ash_dma_device *device, struct ash_pmem *region,
              struct ash_pmem_request *request, struct ash_pmem_block *block)
{
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

int ash_dma_alloc(struct ash_dma_device *device, struct ash_pmem *region, uint64_t size,
                  struct ash_dma_buffer *buffer)
{
    struct ash_pmem_request request = {.size = size};
    struct ash_pmem_block block;
    int error;

    if (!dma_is_ready(device) || size == 0) {
        return ASH_EINVAL;
    }
    request.flags = device->coherent ? ASH_PMEM_CACHED : ASH_PMEM_UNCACHED;
    if (device->boundary > ASH_PMEM_QUANTUM) {
        request.boundary = device->boundary;
    } else if (device->boundary != 0 && size > device->boundary) {
        return ASH_ERANGE;
    }
    error = dma_block(device, region, &request, &block);
    if (error != 0) {
        return error;
    }
    buffer->block = block;
    buffer->bus.value = block.pa.value + (uint64_t)device->bus_offset;
    buffer->device = device;
    dma_count(device, 1);
    return 0;
}

int ash_dma_free(struct ash_dma_buffer *buffer)
{
    int error = ash_pmem_free(&buffer->block);

    if (error == 0) {
        dma_count(buffer->device, -1);
    }
    return error;
}
