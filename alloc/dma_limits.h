/* SPDX-License-Identifier: MIT */
/*
 * What the files of dma share: a device's constraints, checked.
 */
#ifndef ALLOC_DMA_LIMITS_H
#define ALLOC_DMA_LIMITS_H

#include "ashlar/dma.h"

/** The device went through ash_dma_init and not yet through ash_dma_exit. */
bool dma_is_ready(const struct ash_dma_device *device);

/** One mapping or buffer more (1) or less (-1). */
void dma_count(struct ash_dma_device *device, int change);

/** 0 and the bus address if one transfer may go to [pa, pa + size). ASH_EINVAL, ASH_ERANGE,
 *  ASH_EALIGN as ash_dma_map. */
int dma_fits(const struct ash_dma_device *device, ash_pa_t pa, uint64_t size, ash_bus_t *bus);

#endif
