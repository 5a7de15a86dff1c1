/* SPDX-License-Identifier: MIT */
/*
 * Streaming mappings: memory changes hands between CPU and device, and each hand-over does the
 * barriers and the cache maintenance that the new owner needs.
 *
 * The CPU's cache must hold no dirty line of memory that the device writes (its eviction would
 * destroy data), and no clean one when the CPU reads it (it would be stale). Lines may come into
 * the cache by speculation at any time, so both ends of a transfer need maintenance (arm-rules 21;
 * DDI 0487 B2.8, D7.5).
 */
#include "alloc/dma_limits.h"
#include "ashlar/dma.h"
#include "port/port.h"

static bool dma_device_writes(enum ash_dma_direction direction)
{
    return (direction & ASH_DMA_FROM_DEVICE) != 0;
}

static bool dma_is_direction(enum ash_dma_direction direction)
{
    return direction >= ASH_DMA_TO_DEVICE && direction <= ASH_DMA_BIDIRECTIONAL;
}

/* Invalidation works on whole lines: both values must be multiples of one. */
static bool dma_breaks_lines(const struct ash_dma_device *device, enum ash_dma_direction direction,
                             uint64_t start, uint64_t size)
{
    return dma_device_writes(direction) &&
           !ash_is_aligned(start | size, ash_dma_cache_alignment(device));
}

/* From the CPU to the device. */
static void dma_give(const struct ash_dma_mapping *mapping, size_t begin, size_t end)
{
    if (mapping->device->coherent) {
        port_dsb_sy(); /* the CPU's writes come before the one that starts the device */
    } else if (dma_device_writes(mapping->direction)) {
        port_cache_clean_invalidate(mapping->cpu + begin, end - begin);
    } else {
        port_cache_clean(mapping->cpu + begin, end - begin);
    }
}

static void dma_drop_lines(const struct ash_dma_mapping *mapping, size_t begin, size_t end)
{
    if (begin < end) {
        port_cache_invalidate(mapping->cpu + begin, end - begin);
    }
}

static size_t dma_clamp(size_t value, size_t low, size_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* From the device to the CPU. */
static void dma_take(const struct ash_dma_mapping *mapping, size_t begin, size_t end)
{
    /* What told the CPU that the device has finished comes before all that follows. */
    port_dmb_sy();
    if (mapping->device->coherent || !dma_device_writes(mapping->direction)) {
        return;
    }
    /* Where the CPU has been allowed to write its lines may be dirty: those are written back. */
    size_t mine = dma_clamp(mapping->cpu_begin, begin, end);
    size_t past = dma_clamp(mapping->cpu_end, mine, end);

    dma_drop_lines(mapping, begin, mine);
    if (mine < past) {
        port_cache_clean_invalidate(mapping->cpu + mine, past - mine);
    }
    dma_drop_lines(mapping, past, end);
}

int ash_dma_map(struct ash_dma_device *device, ash_pa_t pa, size_t size,
                enum ash_dma_direction direction, struct ash_dma_mapping *mapping)
{
    ash_bus_t bus;
    int error;

    if (!dma_is_ready(device) || size == 0 || !dma_is_direction(direction)) {
        return ASH_EINVAL;
    }
    if (mapping->device != NULL) {
        return ASH_EBUSY;
    }
    error = dma_fits(device, pa, size, &bus);
    if (error != 0) {
        return error;
    }
    if (dma_breaks_lines(device, direction, pa.value, size)) {
        return ASH_EALIGN;
    }
    if (port_ptr(pa) == NULL || port_ptr(ash_pa(pa.value + size - 1)) == NULL) {
        return ASH_ERANGE;
    }
    *mapping = (struct ash_dma_mapping){
        .bus = bus,
        .device = device,
        .pa = pa,
        .cpu = port_ptr(pa),
        .size = size,
        .direction = direction,
    };
    dma_count(device, 1);
    dma_give(mapping, 0, size);
    return 0;
}

int ash_dma_unmap(struct ash_dma_mapping *mapping)
{
    if (mapping->device == NULL) {
        return ASH_ENOENT;
    }
    dma_take(mapping, 0, mapping->size);
    dma_count(mapping->device, -1);
    *mapping = (struct ash_dma_mapping){.device = NULL};
    return 0;
}

static int dma_check_part(const struct ash_dma_mapping *mapping, size_t offset, size_t size,
                          enum ash_dma_direction direction)
{
    if (mapping->device == NULL) {
        return ASH_ENOENT;
    }
    if (size == 0 || !dma_is_direction(direction)) {
        return ASH_EINVAL;
    }
    if (offset > mapping->size || size > mapping->size - offset) {
        return ASH_ERANGE;
    }
    if (direction != mapping->direction && mapping->direction != ASH_DMA_BIDIRECTIONAL) {
        return ASH_EPERM;
    }
    return dma_breaks_lines(mapping->device, mapping->direction, offset, size) ? ASH_EALIGN : 0;
}

int ash_dma_sync_for_cpu(struct ash_dma_mapping *mapping, size_t offset, size_t size,
                         enum ash_dma_direction direction)
{
    int error = dma_check_part(mapping, offset, size, direction);
    size_t end = offset + size;

    if (error != 0) {
        return error;
    }
    dma_take(mapping, offset, end);
    if (mapping->cpu_end == 0) {
        mapping->cpu_begin = offset;
        mapping->cpu_end = end;
    } else {
        /* One span for all parts: what lies between two of them counts as the CPU's, which only
         * makes dma_take write back lines there that are clean. */
        mapping->cpu_begin = offset < mapping->cpu_begin ? offset : mapping->cpu_begin;
        mapping->cpu_end = end > mapping->cpu_end ? end : mapping->cpu_end;
    }
    return 0;
}

int ash_dma_sync_for_device(struct ash_dma_mapping *mapping, size_t offset, size_t size,
                            enum ash_dma_direction direction)
{
    int error = dma_check_part(mapping, offset, size, direction);
    size_t end = offset + size;

    if (error != 0) {
        return error;
    }
    if (offset < mapping->cpu_begin || end > mapping->cpu_end) {
        return ASH_ENOTOWNER;
    }
    dma_give(mapping, offset, end);
    if (offset == mapping->cpu_begin) {
        mapping->cpu_begin = end;
    } else if (end == mapping->cpu_end) {
        mapping->cpu_end = offset;
    }
    if (mapping->cpu_begin == mapping->cpu_end) {
        mapping->cpu_begin = mapping->cpu_end = 0;
    }
    return 0;
}
