/* SPDX-License-Identifier: MIT */
/*
 * Devices: what they can reach, and buffers that they share with the CPU.
 * A constraint is about bus addresses; memory is found by physical ones. Only this file converts.
 */
#include "ashlar/dma.h"

#include "alloc/dma_limits.h"
#include "alloc/pmem_region.h"
#include "ashlar/vmap.h"
#include "port/port.h"

/* A device that went through ash_dma_init; not a value that memory has by chance. */
#define DMA_READY 0x444d4131u

bool dma_is_ready(const struct ash_dma_device *device)
{
    return device != NULL && device->ready == DMA_READY;
}

void dma_count(struct ash_dma_device *device, int change)
{
    (void)port_fetch_add(&device->live, (uint32_t)change);
}

/* The physical addresses [*first, *last] that the device reaches; false if there are none. */
static bool dma_window(const struct ash_dma_device *device, uint64_t *first, uint64_t *last)
{
    uint64_t offset = (uint64_t)device->bus_offset;

    if (device->bus_offset >= 0) {
        *first = 0;
        *last = device->mask - offset;
        return device->mask >= offset;
    }
    *first = -offset;
    if (__builtin_add_overflow(device->mask, *first, last)) {
        *last = UINT64_MAX;
    }
    return true;
}

static bool dma_power_fits(uint64_t power, int64_t offset)
{
    return power == 0 || (ash_is_power_of_two(power) && ash_is_aligned((uint64_t)offset, power));
}

int ash_dma_init(struct ash_dma_device *device)
{
    uint64_t first, last;

    if (dma_is_ready(device)) {
        return ASH_EEXIST;
    }
    if ((device->mask & (device->mask + 1)) != 0 || device->mask == 0 ||
        !dma_power_fits(device->alignment, device->bus_offset) ||
        !dma_power_fits(device->boundary, device->bus_offset) ||
        !dma_window(device, &first, &last)) {
        return ASH_EINVAL;
    }
    device->live = 0;
    device->ready = DMA_READY;
    return 0;
}

int ash_dma_exit(struct ash_dma_device *device)
{
    if (!dma_is_ready(device)) {
        return ASH_EINVAL;
    }
    if (port_load_acquire(&device->live) != 0) {
        return ASH_EBUSY;
    }
    device->ready = 0;
    return 0;
}

int ash_dma_bus(const struct ash_dma_device *device, ash_pa_t pa, uint64_t size, ash_bus_t *bus)
{
    uint64_t first, last, end;

    if (!dma_is_ready(device) || size == 0) {
        return ASH_EINVAL;
    }
    if (!dma_window(device, &first, &last) || !ash_range_end(pa.value, size, &end) ||
        pa.value < first || end - 1 > last) {
        return ASH_ERANGE;
    }
    bus->value = pa.value + (uint64_t)device->bus_offset;
    return 0;
}

int ash_dma_bus_to_pa(const struct ash_dma_device *device, ash_bus_t bus, ash_pa_t *pa)
{
    uint64_t value;

    if (!dma_is_ready(device)) {
        return ASH_EINVAL;
    }
    if (bus.value > device->mask || __builtin_sub_overflow(bus.value, device->bus_offset, &value)) {
        return ASH_ERANGE;
    }
    *pa = ash_pa(value);
    return 0;
}

int dma_fits(const struct ash_dma_device *device, ash_pa_t pa, uint64_t size, ash_bus_t *bus)
{
    int error = ash_dma_bus(device, pa, size, bus);

    if (error != 0) {
        return error;
    }
    if (device->segment != 0 && size > device->segment) {
        return ASH_ERANGE;
    }
    if (device->boundary != 0 &&
        ((bus->value ^ (bus->value + size - 1)) & -device->boundary) != 0) {
        return ASH_ERANGE;
    }
    if (device->alignment != 0 && !ash_is_aligned(bus->value, device->alignment)) {
        return ASH_EALIGN;
    }
    return 0;
}

int ash_dma_alloc(struct ash_dma_device *device, struct ash_pmem *region, uint64_t size,
                  struct ash_dma_buffer *buffer)
{
    struct ash_pmem_request request = {
        .size = size,
        .align = ASH_PMEM_QUANTUM,
    };
    struct ash_pmem_block block;
    int error;

    if (!dma_is_ready(device) || size == 0) {
        return ASH_EINVAL;
    }
    request.flags = device->coherent ? ASH_PMEM_CACHED : ASH_PMEM_UNCACHED;
    if (device->alignment > ASH_PMEM_QUANTUM) {
        request.align = device->alignment;
    }
    if (device->boundary > ASH_PMEM_QUANTUM) {
        request.boundary = device->boundary;
    } else if (device->boundary != 0 && size > device->boundary) {
        return ASH_ERANGE;
    }
    if (!dma_window(device, &request.min, &request.max) ||
        request.min > region->range.base.value + (region->range.size - 1) ||
        request.max < region->range.base.value || request.max == 0) {
        return ASH_ERANGE;
    }
    error = ash_pmem_alloc_request(region, &request, &block);
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

void ash_dma_barrier(void)
{
    port_dmb_sy();
}

int ash_dma_pa(const void *ptr, ash_pa_t *pa)
{
    ash_pa_t self = ash_pa((uintptr_t)ptr);

    if (port_ptr(self) != ptr || ash_vmap_contains(ptr)) {
        return ASH_ERANGE;
    }
    *pa = self;
    return 0;
}

uint64_t ash_dma_max_mapping_size(const struct ash_dma_device *device)
{
    uint64_t most = device->mask == UINT64_MAX ? UINT64_MAX : device->mask + 1;

    if (device->boundary != 0 && device->boundary < most) {
        most = device->boundary;
    }
    if (device->segment != 0 && device->segment < most) {
        most = device->segment;
    }
    return most;
}

size_t ash_dma_cache_alignment(const struct ash_dma_device *device)
{
    return device->coherent ? 1 : port_cache_line();
}

bool ash_dma_need_sync(const struct ash_dma_device *device)
{
    return !device->coherent;
}
