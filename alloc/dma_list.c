/* SPDX-License-Identifier: MIT */
/*
 * Scatter lists: cuts parts where a transfer must end, maps each piece, and joins for the device
 * what lies together on the bus.
 */
#include "ashlar/dma_list.h"

#include "alloc/dma_check.h"
#include "alloc/dma_limits.h"
#include "alloc/dma_map.h"

static uint64_t list_least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Where a part may be cut: the rest must be aligned as the device wants it, and share no line. */
static uint64_t list_granule(const struct ash_dma_device *device, enum ash_dma_direction direction)
{
    uint64_t line = direction == ASH_DMA_TO_DEVICE ? 1 : ash_dma_cache_alignment(device);

    return device->alignment > line ? device->alignment : line;
}

/* How much of [pa, pa + size) goes to the device as one mapping, as it lies; 0: none. */
static uint64_t list_direct(const struct ash_dma_device *device, ash_pa_t pa, uint64_t size,
                            enum ash_dma_direction direction)
{
    uint64_t first, last, piece = size;
    ash_bus_t bus;

    if (!dma_window(device, &first, &last) || pa.value < first || pa.value > last) {
        return 0;
    }
    if (last - pa.value < piece - 1) {
        piece = last - pa.value + 1;
    }
    if (device->boundary != 0) {
        uint64_t behind = (pa.value + (uint64_t)device->bus_offset) & (device->boundary - 1);

        piece = list_least(piece, device->boundary - behind);
    }
    if (device->segment != 0) {
        piece = list_least(piece, device->segment);
    }
    if (piece < size) {
        piece = ash_align_down(piece, list_granule(device, direction));
    }
    return piece != 0 && dma_direct(device, pa, (size_t)piece, direction, &bus) == 0 ? piece : 0;
}

/* How much of it is copied as one mapping; 0: it must be refused as it is. */
static uint64_t list_copied(const struct ash_dma_device *device, uint64_t size,
                            enum ash_dma_direction direction)
{
    uint64_t granule = list_granule(device, direction), piece;

    if (device->bounce == NULL) {
        return 0;
    }
    piece = list_least(size, dma_bounce_limit(device));
    if (device->segment != 0) {
        piece = list_least(piece, device->segment);
    }
    return piece < size && piece > granule ? ash_align_down(piece, granule) : piece;
}

/* One more piece for the device. */
static void list_tell(struct ash_dma_list *list, ash_bus_t bus, uint64_t size)
{
    const struct ash_dma_device *device = list->device;
    struct ash_dma_segment *last = &list->segments[list->count];

    if (list->count > 0) {
        uint64_t whole, end = bus.value + size - 1;

        last--;
        whole = last->size + size;
        if (last->bus.value + last->size == bus.value &&
            (device->segment == 0 || whole <= device->segment) &&
            (device->boundary == 0 || ((last->bus.value ^ end) & -device->boundary) == 0)) {
            last->size = whole;
            return;
        }
        last++;
    }
    *last = (struct ash_dma_segment){bus, size};
    list->count++;
}

static int list_map_part(struct ash_dma_list *list, struct ash_range part,
                         enum ash_dma_direction direction, const void *caller)
{
    uint64_t end;

    if (part.size == 0) {
        return ASH_EINVAL;
    }
    if (part.size > SIZE_MAX || !ash_range_end(part.base.value, part.size, &end)) {
        return ASH_ERANGE;
    }
    while (part.size != 0) {
        uint64_t piece = list_direct(list->device, part.base, part.size, direction);
        int error;

        if (list->mapped == list->capacity) {
            return ASH_ENOMEM;
        }
        if (piece == 0) {
            piece = list_copied(list->device, part.size, direction);
        }
        if (piece == 0) {
            piece = part.size; /* ash_dma_map says why not */
        }
        error = dma_map(list->device, part.base, (size_t)piece, direction,
                        &list->mappings[list->mapped], caller);
        if (error != 0) {
            return error;
        }
        list_tell(list, list->mappings[list->mapped++].bus, piece);
        part.base.value += piece;
        part.size -= piece;
    }
    return 0;
}

static int list_unmap(struct ash_dma_list *list, const void *caller)
{
    while (list->mapped > 0) {
        int error = dma_unmap(&list->mappings[list->mapped - 1], caller);

        if (error != 0) {
            return error;
        }
        list->mapped--;
    }
    list->device = NULL;
    list->count = 0;
    return 0;
}

int ash_dma_map_list(struct ash_dma_device *device, const struct ash_range *parts, unsigned count,
                     enum ash_dma_direction direction, struct ash_dma_list *list)
{
    const void *caller = __builtin_return_address(0);
    int error = 0;

    if (!dma_is_ready(device) || count == 0) {
        return ASH_EINVAL;
    }
    if (list->device != NULL) {
        return dma_misuse("a list in use is mapped again", parts[0].base.value, caller, ASH_EBUSY);
    }
    list->device = device;
    list->count = list->mapped = 0;
    for (unsigned i = 0; i < count && error == 0; i++) {
        error = list_map_part(list, parts[i], direction, caller);
    }
    if (error != 0) {
        (void)list_unmap(list, caller);
    }
    return error;
}

static int list_is_there(const struct ash_dma_list *list, const void *caller)
{
    return list->device != NULL
               ? 0
               : dma_misuse("a list that is not mapped", (uintptr_t)list, caller, ASH_ENOENT);
}

int ash_dma_unmap_list(struct ash_dma_list *list)
{
    int error = list_is_there(list, __builtin_return_address(0));

    return error == 0 ? list_unmap(list, __builtin_return_address(0)) : error;
}

int ash_dma_sync_list_for_cpu(struct ash_dma_list *list, enum ash_dma_direction direction)
{
    int error = list_is_there(list, __builtin_return_address(0));

    for (unsigned i = 0; i < list->mapped && error == 0; i++) {
        error = dma_sync_for_cpu(&list->mappings[i], 0, list->mappings[i].size, direction,
                                 __builtin_return_address(0));
    }
    return error;
}

int ash_dma_sync_list_for_device(struct ash_dma_list *list, enum ash_dma_direction direction)
{
    int error = list_is_there(list, __builtin_return_address(0));

    for (unsigned i = 0; i < list->mapped && error == 0; i++) {
        error = dma_sync_for_device(&list->mappings[i], 0, list->mappings[i].size, direction,
                                    __builtin_return_address(0));
    }
    return error;
}
