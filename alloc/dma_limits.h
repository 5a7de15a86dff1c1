/* SPDX-License-Identifier: MIT */
/*
 * What the files of dma share: a device's constraints, checked, and memory within them.
 */
#ifndef ALLOC_DMA_LIMITS_H
#define ALLOC_DMA_LIMITS_H

#include "ashlar/dma.h"

/** The device went through ash_dma_init and not yet through ash_dma_exit. */
bool dma_is_ready(const struct ash_dma_device *device);

/** Its constraints do not contradict themselves. */
bool dma_is_sound(const struct ash_dma_device *device);

/** One mapping or buffer more (1) or less (-1). */
void dma_count(struct ash_dma_device *device, int change);

/** The physical addresses [*first, *last] that the device reaches; false if there are none. */
bool dma_window(const struct ash_dma_device *device, uint64_t *first, uint64_t *last);

/** It reaches all of [pa, pa + size), which does not wrap. */
bool dma_reaches(const struct ash_dma_device *device, ash_pa_t pa, uint64_t size);

/** 0 and the bus address if one transfer may go to [pa, pa + size). ASH_EINVAL, ASH_ERANGE,
 *  ASH_EALIGN as ash_dma_map. */
int dma_fits(const struct ash_dma_device *device, ash_pa_t pa, uint64_t size, ash_bus_t *bus);

/** A block of the region with the size, boundary and flags of the request, where the device reaches
 *  it, with its alignment and that of the request. ASH_ERANGE, and as ash_pmem_alloc_request. */
int dma_block(const struct ash_dma_device *device, struct ash_pmem *region,
              struct ash_pmem_request *request, struct ash_pmem_block *block);

/** A coherent buffer in such a block, noted for the checker. */
int dma_buffer_make(struct ash_dma_device *device, struct ash_pmem *region,
                    struct ash_pmem_request *request, struct ash_dma_buffer *buffer,
                    const void *caller);

/* alloc/dma_report.c: the list of devices that are ready. */

void dma_list_start(void);
void dma_list_add(const struct ash_dma_device *device);
void dma_list_remove(const struct ash_dma_device *device);

/* alloc/dma_usage.c: the list of bounce buffers and pools of objects. */

void dma_members_start(void);
void dma_enlist(struct ash_dma_member *member, void *self,
                void (*describe)(void *self, struct ash_usage *usage));
void dma_delist(struct ash_dma_member *member);

/* alloc/dma_bounce.c: the device has a bounce buffer. */

/** One device more, or less. ASH_EINVAL, ASH_ERANGE, ASH_EALIGN as ash_dma_init. */
int dma_bounce_join(struct ash_dma_device *device);
void dma_bounce_leave(struct ash_dma_device *device);

/** Most bytes that a mapping of the device can have in it, wherever its original lies. */
uint64_t dma_bounce_limit(const struct ash_dma_device *device);

/** Takes slots for a copy of [pa, pa + size) and clears what the copy leaves over; *copy is where
 *  it goes. ASH_ERANGE, ASH_EALIGN (alignment and keep contradict each other), ASH_ENOMEM. */
int dma_bounce_take(struct ash_dma_device *device, ash_pa_t pa, size_t size, ash_pa_t *copy);

/** Gives them back, after so many bytes were copied. */
void dma_bounce_give(struct ash_dma_device *device, ash_pa_t copy, size_t size, uint64_t copied);

#endif
