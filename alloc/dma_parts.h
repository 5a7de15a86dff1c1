/* SPDX-License-Identifier: MIT */
/*
 * Which parts of a mapping the CPU has: a short list of spans, exact.
 */
#ifndef ALLOC_DMA_PARTS_H
#define ALLOC_DMA_PARTS_H

#include "ashlar/dma.h"

/** Adds [begin, end). False, and nothing has changed: there would be too many. */
bool dma_parts_add(struct ash_dma_parts *parts, size_t begin, size_t end);

/** Takes [begin, end) out. ASH_ENOTOWNER (not all of it is there), ASH_ENOMEM (too many would be
 *  left); then nothing has changed. */
int dma_parts_remove(struct ash_dma_parts *parts, size_t begin, size_t end);

#endif
