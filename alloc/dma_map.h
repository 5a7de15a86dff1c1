/* SPDX-License-Identifier: MIT */
/*
 * Mappings for the other files of dma: the public calls, with who called them.
 */
#ifndef ALLOC_DMA_MAP_H
#define ALLOC_DMA_MAP_H

#include "ashlar/dma.h"

/** The device may have the memory itself: 0 and its bus address. ASH_ERANGE, ASH_EALIGN. */
int dma_direct(const struct ash_dma_device *device, ash_pa_t pa, size_t size,
               enum ash_dma_direction direction, ash_bus_t *bus);

int dma_map(struct ash_dma_device *device, ash_pa_t pa, size_t size,
            enum ash_dma_direction direction, struct ash_dma_mapping *mapping, const void *caller);
int dma_unmap(struct ash_dma_mapping *mapping, const void *caller);
int dma_sync_for_cpu(struct ash_dma_mapping *mapping, size_t offset, size_t size,
                     enum ash_dma_direction direction, const void *caller);
int dma_sync_for_device(struct ash_dma_mapping *mapping, size_t offset, size_t size,
                        enum ash_dma_direction direction, const void *caller);

/* alloc/dma_hold.c */

/** Takes a reference of each block of pmem that [pa, pa + size) lies in; how many these are. None
 *  on an error: ASH_ENOENT (part of a region that is in no block), and those of ash_pmem_get. */
int dma_hold(ash_pa_t pa, size_t size, uint32_t *count);
void dma_let_go(ash_pa_t pa, size_t size, uint32_t count);

#endif
