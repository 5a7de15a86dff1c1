/* SPDX-License-Identifier: MIT */
/*
 * dma_list: scatter lists, several parts of memory that one request of a device works on.
 *
 * Each part is a streaming mapping, or several where the device's boundary or its longest transfer
 * cuts it; what the device cannot have is copied, as with ash_dma_map. What the device is told are
 * segments: neighbours on the bus are one, as far as boundary and longest transfer allow.
 */
#ifndef ASHLAR_DMA_LIST_H
#define ASHLAR_DMA_LIST_H

#include "dma.h"

/** One transfer of the device. */
struct ash_dma_segment {
    ash_bus_t bus;
    uint64_t size;
};

/** A list; the driver fills in the first part, and the arrays last as long as the mapping does. */
struct ash_dma_list {
    struct ash_dma_mapping *mappings; /**< dma's own; all zero when not in use */
    struct ash_dma_segment *segments; /**< for the device */
    unsigned capacity;                /**< of both arrays */

    struct ash_dma_device *device; /**< NULL: not mapped */
    unsigned count;                /**< segments */
    unsigned mapped;               /**< mappings; private */
};

/**
 * Gives the parts to the device, all or none; list->segments[0 ... count - 1] are what it is told.
 * Errors: ASH_EINVAL (no parts, and as ash_dma_map), ASH_EBUSY (the list is in use), ASH_ENOMEM
 * (capacity is too small, or the bounce buffer full), and those of ash_dma_map for a part.
 * Context, cost, barriers and caches: ash_dma_map for each part.
 */
int ash_dma_map_list(struct ash_dma_device *device, const struct ash_range *parts, unsigned count,
                     enum ash_dma_direction direction, struct ash_dma_list *list)
    __attribute__((warn_unused_result));

/** Takes all of it back. Errors: ASH_ENOENT (not mapped), and those of ash_dma_unmap: then the
 *  mappings before the one that is wrong are still there. Context, cost, caches: ash_dma_unmap. */
int ash_dma_unmap_list(struct ash_dma_list *list);

/** Hands all of it over, as ash_dma_sync_for_cpu and ash_dma_sync_for_device. Errors: ASH_ENOENT
 *  (not mapped), and theirs, with what was handed over before staying so. */
int ash_dma_sync_list_for_cpu(struct ash_dma_list *list, enum ash_dma_direction direction);
int ash_dma_sync_list_for_device(struct ash_dma_list *list, enum ash_dma_direction direction);

#endif
