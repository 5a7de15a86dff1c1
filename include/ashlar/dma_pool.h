/* SPDX-License-Identifier: MIT */
/*
 * dma_pool: small equal objects that a device and the CPU use at the same time, such as
 * descriptors, out of one coherent buffer.
 *
 * Which objects are out is kept elsewhere: a device that writes too far breaks data, never the
 * pool.
 */
#ifndef ASHLAR_DMA_POOL_H
#define ASHLAR_DMA_POOL_H

#include "dma.h"

/** A pool; its fields are the module's own. */
struct ash_dma_pool {
    struct ash_spinlock lock; /* of free, fresh, used, failures and what next points to */
    const char *name;
    struct ash_dma_member member;
    struct ash_dma_buffer buffer;
    uint32_t *next; /* of each object: its successor in the free list, or that it is out */
    ash_frame_t frame;
    unsigned order;
    uint32_t count, free, fresh, used, failures;
    uint64_t stride, window, per; /* bytes; `per` objects in each `window` */
};

struct ash_dma_pool_stats {
    uint64_t size;       /**< bytes from object to object */
    uint32_t count;      /**< objects */
    uint32_t used;       /**< out now */
    uint32_t high_water; /**< most ever out at once */
    uint32_t failures;   /**< requests that found none */
};

/**
 * Makes a pool of `count` objects of `size` bytes for the device, out of `region`: each aligned to
 * `align` (a power of two; 0: 8) and to the device's alignment, and crossing no multiple of
 * `boundary` (a power of two; 0: any) nor of the device's boundary. The name is kept.
 * Errors: ASH_EINVAL (device not ready; size or count 0; align or boundary no power of two; size
 * larger than a boundary), ASH_ERANGE (too many objects), ASH_EEXIST (it is made already), and
 * those of ash_dma_alloc. Context: not in interrupts, no lock held.
 */
int ash_dma_pool_create(struct ash_dma_pool *pool, const char *name, struct ash_dma_device *device,
                        struct ash_pmem *region, size_t size, uint64_t align, uint64_t boundary,
                        uint32_t count);

/** Gives its memory back. Errors: ASH_EINVAL (not made), ASH_EBUSY (objects are out), and those of
 *  ash_dma_free. Context: not in interrupts, no lock held. */
int ash_dma_pool_destroy(struct ash_dma_pool *pool);

/** An object, zeroed, and its bus address; NULL at once if all are out. Any context; constant, and
 *  the zeroing. ash_dma_barrier() orders it before what tells the device. */
void *ash_dma_pool_alloc(struct ash_dma_pool *pool, ash_bus_t *bus);

/** Gives it back; the device must have stopped using it. A pointer that is no object, or one that
 *  is not out, goes to ash_fault_hook; if that returns: ASH_ECORRUPT. Any context, constant. */
int ash_dma_pool_free(struct ash_dma_pool *pool, void *object);

/** Fills *stats. Any context, constant. */
void ash_dma_pool_stats(struct ash_dma_pool *pool, struct ash_dma_pool_stats *stats);

#endif
