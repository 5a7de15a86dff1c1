/* SPDX-License-Identifier: MIT */
/*
 * Whether memory that a device has stays as it is: a sum of it.
 */
#ifndef ALLOC_DMA_SUM_H
#define ALLOC_DMA_SUM_H

#include "ashlar/dma.h"

/** What the device has of a mapping, as one number; 0 for memory that the device itself writes to,
 *  which no sum judges, and at ASH_CHECK 0. Cost: at most 2 * ASH_DMA_SUMMED bytes for each of
 *  ASH_DMA_PARTS + 1 parts; at ASH_CHECK 2 all of it. */
uint32_t dma_sum(const struct ash_dma_mapping *mapping);

#endif
