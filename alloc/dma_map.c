/* SPDX-License-Identifier: MIT */
/*
 * Streaming mappings: memory changes hands between CPU and device, and each hand-over does the
 * barriers, the cache maintenance and, where the device works on a copy, the copying that the new
 * owner needs.
 *
 * The CPU's cache must hold no dirty line of memory that the device writes (its eviction would
 * destroy data), and no clean one when the CPU reads it (it would be stale). Lines may come into
 * the cache by speculation at any time, so both ends of a transfer need maintenance (arm-rules 21;
 * DDI 0487 B2.8, D7.5).
 *
 * A copy is written to by this file only, and its lines are cleaned at once: none of it is dirty.
 */
#include "alloc/dma_map.h"
#include "alloc/dma_check.h"
#include "alloc/dma_limits.h"
#include "alloc/dma_parts.h"
#include "alloc/dma_sum.h"
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

/* From the CPU to the device. */
static void dma_give(struct ash_dma_mapping *mapping, size_t begin, size_t end)
{
    uint8_t *memory = mapping->memory + begin;

    if (mapping->original != NULL) {
        port_copy(memory, mapping->original + begin, end - begin);
        mapping->copied += end - begin;
    }
    if (mapping->device->coherent) {
        port_dsb_sy(); /* the CPU's writes come before the one that starts the device */
    } else if (dma_device_writes(mapping->direction)) {
        port_cache_clean_invalidate(memory, end - begin);
    } else {
        port_cache_clean(memory, end - begin);
    }
}

/* A part that the device had. */
static void dma_take_devices(struct ash_dma_mapping *mapping, size_t begin, size_t end)
{
    if (begin == end) {
        return;
    }
    if (!mapping->device->coherent) {
        port_cache_invalidate(mapping->memory + begin, end - begin);
    }
    if (mapping->original != NULL) {
        port_copy(mapping->original + begin, mapping->memory + begin, end - begin);
        mapping->copied += end - begin;
    }
}

/* A part that the CPU had and may have written to: dirty lines are written back. What it wrote
 * beside a copy stays as it is. */
static void dma_take_own(const struct ash_dma_mapping *mapping, size_t begin, size_t end)
{
    if (begin < end && !mapping->device->coherent && mapping->original == NULL) {
        port_cache_clean_invalidate(mapping->memory + begin, end - begin);
    }
}

static size_t dma_clamp(size_t value, size_t low, size_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* From the device to the CPU. */
static void dma_take(struct ash_dma_mapping *mapping, size_t begin, size_t end)
{
    /* What told the CPU that the device has finished comes before all that follows. */
    port_dmb_sy();
    if (!dma_device_writes(mapping->direction)) {
        return;
    }
    for (unsigned i = 0; i < mapping->held.count; i++) {
        size_t own = dma_clamp(mapping->held.part[i].begin, begin, end);
        size_t past = dma_clamp(mapping->held.part[i].end, begin, end);

        dma_take_devices(mapping, begin, own);
        dma_take_own(mapping, own, past);
        begin = past;
    }
    dma_take_devices(mapping, begin, end);
}

int dma_direct(const struct ash_dma_device *device, ash_pa_t pa, size_t size,
               enum ash_dma_direction direction, ash_bus_t *bus)
{
    int error = dma_fits(device, pa, size, bus);

    /* Invalidation works on whole lines. */
    if (error == 0 && dma_device_writes(direction) &&
        !ash_is_aligned(pa.value | size, ash_dma_cache_alignment(device))) {
        error = ASH_EALIGN;
    }
    return error;
}

/* It exists, is what it was, and the CPU has left alone what it did not have. */
static int dma_check(const struct ash_dma_mapping *mapping, const void *caller)
{
    const struct dma_record expected = {
        .device = mapping->device,
        .owner = mapping,
        .pa = mapping->pa.value,
        .size = mapping->size,
        .direction = mapping->direction,
        .caller = caller,
    };
    int error;

    if (mapping->device == NULL) {
        return dma_misuse("a mapping that is not there: ended before, or never made",
                          (uintptr_t)mapping, caller, ASH_ENOENT);
    }
    error = dma_check_same(&expected, mapping->record);
    if (error == 0 && dma_sum(mapping) != mapping->sum) {
        (void)dma_misuse("the CPU wrote to memory that a device had", mapping->pa.value, caller, 0);
    }
    return error;
}

static int dma_begin(struct ash_dma_device *device, ash_pa_t pa, size_t size,
                     enum ash_dma_direction direction, struct ash_dma_mapping *mapping)
{
    ash_pa_t work = pa;
    ash_bus_t bus;
    int error = dma_direct(device, pa, size, direction, &bus);

    if (error != 0 && device->bounce != NULL && (device->segment == 0 || size <= device->segment)) {
        error = dma_bounce_take(device, pa, size, &work);
        bus.value = work.value + (uint64_t)device->bus_offset;
    }
    if (error != 0) {
        return error;
    }
    *mapping = (struct ash_dma_mapping){
        .bus = bus,
        .device = device,
        .pa = pa,
        .work = work,
        .memory = port_ptr(work),
        .original = work.value == pa.value ? NULL : port_ptr(pa),
        .size = size,
        .direction = direction,
    };
    return 0;
}

int dma_map(struct ash_dma_device *device, ash_pa_t pa, size_t size,
            enum ash_dma_direction direction, struct ash_dma_mapping *mapping, const void *caller)
{
    const struct dma_record wanted = {
        .device = device,
        .owner = mapping,
        .pa = pa.value,
        .size = size,
        .direction = direction,
        .caller = caller,
    };
    uint32_t record, holds;
    uint64_t end;
    int error;

    if (!dma_is_ready(device) || size == 0 || !dma_is_direction(direction)) {
        return ASH_EINVAL;
    }
    if (mapping->device != NULL) {
        return dma_misuse("a mapping in use is made again", pa.value, caller, ASH_EBUSY);
    }
    if (!ash_range_end(pa.value, size, &end) || port_ptr(pa) == NULL ||
        port_ptr(ash_pa(end - 1)) == NULL) {
        return ASH_ERANGE;
    }
    error = dma_hold(pa, size, &holds);
    if (error != 0) {
        return error != ASH_ENOENT ? error
                                   : dma_misuse("contiguous memory is mapped that nobody has",
                                                pa.value, caller, error);
    }
    error = dma_check_begin(&wanted, &record);
    if (error == 0) {
        error = dma_begin(device, pa, size, direction, mapping);
        if (error != 0) {
            (void)dma_check_end(device, pa, record);
        }
    }
    if (error != 0) {
        dma_let_go(pa, size, holds);
        return error;
    }
    mapping->record = record;
    mapping->holds = holds;
    dma_count(device, 1);
    dma_give(mapping, 0, size);
    mapping->sum = dma_sum(mapping);
    return 0;
}

int ash_dma_map(struct ash_dma_device *device, ash_pa_t pa, size_t size,
                enum ash_dma_direction direction, struct ash_dma_mapping *mapping)
{
    return dma_map(device, pa, size, direction, mapping, __builtin_return_address(0));
}

int dma_unmap(struct ash_dma_mapping *mapping, const void *caller)
{
    int error = dma_check(mapping, caller);

    if (error != 0) {
        return error;
    }
    dma_take(mapping, 0, mapping->size);
    if (mapping->original != NULL) {
        dma_bounce_give(mapping->device, mapping->work, mapping->size, mapping->copied);
    }
    (void)dma_check_end(mapping->device, mapping->pa, mapping->record);
    dma_let_go(mapping->pa, mapping->size, mapping->holds);
    dma_count(mapping->device, -1);
    *mapping = (struct ash_dma_mapping){.device = NULL};
    return 0;
}

int ash_dma_unmap(struct ash_dma_mapping *mapping)
{
    return dma_unmap(mapping, __builtin_return_address(0));
}

/* The part shares no line with another that may have another owner. */
static bool dma_is_whole_lines(const struct ash_dma_mapping *mapping, size_t begin, size_t end)
{
    size_t line = ash_dma_cache_alignment(mapping->device);

    return !dma_device_writes(mapping->direction) ||
           ((begin == 0 || ash_is_aligned(mapping->work.value + begin, line)) &&
            (end == mapping->size || ash_is_aligned(mapping->work.value + end, line)));
}

static int dma_check_part(const struct ash_dma_mapping *mapping, size_t offset, size_t size,
                          enum ash_dma_direction direction, const void *caller)
{
    uint64_t address = mapping->pa.value + offset;
    int error = dma_check(mapping, caller);

    if (error != 0) {
        return error;
    }
    if (size == 0 || !dma_is_direction(direction)) {
        return ASH_EINVAL;
    }
    if (offset > mapping->size || size > mapping->size - offset) {
        return dma_misuse("a part outside of the mapping", address, caller, ASH_ERANGE);
    }
    if (direction != mapping->direction && mapping->direction != ASH_DMA_BIDIRECTIONAL) {
        return dma_misuse("a part in the wrong direction", address, caller, ASH_EPERM);
    }
    if (!dma_is_whole_lines(mapping, offset, offset + size)) {
        return dma_misuse("a part that shares a cache line", address, caller, ASH_EALIGN);
    }
    return 0;
}

int dma_sync_for_cpu(struct ash_dma_mapping *mapping, size_t offset, size_t size,
                     enum ash_dma_direction direction, const void *caller)
{
    int error = dma_check_part(mapping, offset, size, direction, caller);
    struct ash_dma_parts held = mapping->held;

    if (error == 0 && !dma_parts_add(&held, offset, offset + size)) {
        error = ASH_ENOMEM;
    }
    if (error == 0) {
        dma_take(mapping, offset, offset + size);
        mapping->held = held;
        mapping->sum = dma_sum(mapping);
    }
    return error;
}

int ash_dma_sync_for_cpu(struct ash_dma_mapping *mapping, size_t offset, size_t size,
                         enum ash_dma_direction direction)
{
    return dma_sync_for_cpu(mapping, offset, size, direction, __builtin_return_address(0));
}

int dma_sync_for_device(struct ash_dma_mapping *mapping, size_t offset, size_t size,
                        enum ash_dma_direction direction, const void *caller)
{
    int error = dma_check_part(mapping, offset, size, direction, caller);

    if (error == 0) {
        error = dma_parts_remove(&mapping->held, offset, offset + size);
        if (error == ASH_ENOTOWNER) {
            (void)dma_misuse("a part is given back that the CPU does not have",
                             mapping->pa.value + offset, caller, error);
        }
    }
    if (error == 0) {
        dma_give(mapping, offset, offset + size);
        mapping->sum = dma_sum(mapping);
    }
    return error;
}

int ash_dma_sync_for_device(struct ash_dma_mapping *mapping, size_t offset, size_t size,
                            enum ash_dma_direction direction)
{
    return dma_sync_for_device(mapping, offset, size, direction, __builtin_return_address(0));
}
