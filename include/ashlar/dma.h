/* SPDX-License-Identifier: MIT */
/*
 * dma: memory that a device reads and writes.
 *
 * A driver describes its device once. Then there are two ways:
 *   - a coherent buffer (ash_dma_alloc): device and CPU use it at the same time, for rings and
 *     descriptors; ash_dma_barrier() orders the accesses;
 *   - a streaming mapping (ash_dma_map ... ash_dma_unmap) of memory that exists already: it belongs
 *     to the device from map to unmap, and the sync calls hand parts of it over in between.
 *
 * The rule of cache lines: a device that is not coherent writes to memory behind the cache, so the
 * lines it writes to must hold nothing else. A mapping that such a device writes to starts and ends
 * at a multiple of ash_dma_cache_alignment(); others are refused.
 */
#ifndef ASHLAR_DMA_H
#define ASHLAR_DMA_H

#include "errors.h"
#include "pmem.h"
#include "types.h"

/** Who writes: the CPU before (the device reads), the device, or both. */
enum ash_dma_direction {
    ASH_DMA_TO_DEVICE = 1,
    ASH_DMA_FROM_DEVICE = 2,
    ASH_DMA_BIDIRECTIONAL = 3,
};

/** A device: the driver fills in the first part and calls ash_dma_init. */
struct ash_dma_device {
    const char *name;
    uint64_t mask;      /**< highest bus address that it can drive: 2^n - 1 */
    uint64_t alignment; /**< of bus addresses: a power of two; 0: any */
    uint64_t boundary;  /**< no transfer crosses a multiple of it: a power of two; 0: none */
    uint64_t segment;   /**< most bytes of one transfer; 0: no limit */
    int64_t bus_offset; /**< bus address minus physical address */
    bool coherent;      /**< it sees the CPU's caches: no maintenance, only barriers */

    uint32_t ready; /**< ash_dma_init was here; private */
    uint32_t live;  /**< mappings and buffers in use; private */
};

/** A coherent buffer. */
struct ash_dma_buffer {
    struct ash_pmem_block block; /**< what the CPU uses: ptr, pa, size */
    ash_bus_t bus;               /**< what the device is told */
    struct ash_dma_device *device;
};

/**
 * A streaming mapping, in the driver's memory; all zero when not in use. `bus` is for the device;
 * the rest is dma's own record of what was mapped and of who owns it. One CPU at a time uses it.
 */
struct ash_dma_mapping {
    ash_bus_t bus;
    struct ash_dma_device *device; /**< NULL: not mapped */
    ash_pa_t pa;
    uint8_t *cpu;
    size_t size;
    enum ash_dma_direction direction;
    size_t cpu_begin, cpu_end; /**< offsets: what sync calls gave to the CPU lies between them */
};

/**
 * Checks the constraints and makes the device usable.
 * Errors: ASH_EINVAL (mask is not 2^n - 1; alignment or boundary is no power of two, or the bus
 * offset no multiple of it; no address within mask and offset), ASH_EEXIST (it is usable already).
 * Context: any.
 */
int ash_dma_init(struct ash_dma_device *device);

/** Ends the device's use. Errors: ASH_EINVAL (not usable), ASH_EBUSY (mappings or buffers are in
 *  use: the driver leaks them). */
int ash_dma_exit(struct ash_dma_device *device);

/**
 * A coherent buffer of at least `size` bytes (whole pages) out of `region`, zeroed, within the
 * device's mask, alignment and boundary; `segment` limits transfers, not buffers. Uncached unless
 * the device is coherent.
 * Errors: ASH_EINVAL (device not ready, size 0), ASH_ERANGE (larger than the boundary, or the
 * device cannot reach the region), and those of ash_pmem_alloc. Context: not in interrupts. Cost,
 * barriers and caches: ash_pmem_alloc.
 */
int ash_dma_alloc(struct ash_dma_device *device, struct ash_pmem *region, uint64_t size,
                  struct ash_dma_buffer *buffer);

/** Gives it back; the device must have stopped using it. Errors: those of ash_pmem_free;
 * ASH_ECORRUPT for a second free, after ash_fault_hook. */
int ash_dma_free(struct ash_dma_buffer *buffer);

/**
 * Gives [pa, pa + size) to the device. From here to ash_dma_unmap the CPU does not touch it, but
 * for parts that ash_dma_sync_for_cpu has handed over. mapping->bus goes to the device. The memory
 * is in the identity map and, for the directions in which the device writes, writable. Errors:
 * ASH_EINVAL (device not ready, size 0, no such direction), ASH_EBUSY (the mapping is in use),
 * ASH_ERANGE (beyond the mask, longer than a transfer, across a boundary, wraps, not directly
 * mapped), ASH_EALIGN (the device's alignment, or the rule of cache lines).
 * Context: any. Cost: linear in size where there are caches to maintain, else constant.
 * Barriers and caches: coherent: DSB SY. Otherwise lines are cleaned (to the device) or cleaned and
 * invalidated (the device writes: no line may be written back over its data) to PoC, DSB SY.
 */
int ash_dma_map(struct ash_dma_device *device, ash_pa_t pa, size_t size,
                enum ash_dma_direction direction, struct ash_dma_mapping *mapping);

/**
 * Takes all of it back from the device, which must have finished.
 * Errors: ASH_ENOENT (not mapped: a second unmap). Context: any. Cost: linear in size.
 * Barriers and caches: DMB SY, then, if a device that is not coherent wrote, lines are invalidated
 * to PoC (they may have been fetched meanwhile by speculation), DSB SY.
 */
int ash_dma_unmap(struct ash_dma_mapping *mapping);

/**
 * Hands [offset, offset + size) of the mapping over to the CPU, which then sees what the device
 * wrote. direction is the mapping's, or any for a bidirectional one.
 * Errors: ASH_ENOENT (not mapped), ASH_EINVAL (size 0), ASH_ERANGE (not inside), ASH_EPERM (another
 * direction), ASH_EALIGN (the rule of cache lines, for offset and size). Context, cost: unmap.
 * Barriers and caches: as unmap; lines of a part that the CPU had already are cleaned as well.
 */
int ash_dma_sync_for_cpu(struct ash_dma_mapping *mapping, size_t offset, size_t size,
                         enum ash_dma_direction direction);

/**
 * Hands [offset, offset + size) back to the device, which then sees what the CPU wrote.
 * Errors: as ash_dma_sync_for_cpu; ASH_ENOTOWNER (the CPU was not given that part).
 * Context, cost, caches: ash_dma_map.
 */
int ash_dma_sync_for_device(struct ash_dma_mapping *mapping, size_t offset, size_t size,
                            enum ash_dma_direction direction);

/**
 * Orders all memory accesses before it before all accesses after it, as devices see them (DMB SY):
 * between filling a descriptor and publishing it, and between seeing a completion and reading what
 * it completes. Any context.
 */
void ash_dma_barrier(void);

/**
 * The bus address of [pa, pa + size), if the device can reach all of it.
 * Errors: ASH_EINVAL (device not ready), ASH_ERANGE. Any context, constant.
 */
int ash_dma_bus(const struct ash_dma_device *device, ash_pa_t pa, uint64_t size, ash_bus_t *bus);

/** The physical address behind a bus address of this device: ASH_ERANGE if there is none. */
int ash_dma_bus_to_pa(const struct ash_dma_device *device, ash_bus_t bus, ash_pa_t *pa);

/** The physical address of memory in the identity map (what frames, heap and pmem give; not vmap):
 *  ASH_ERANGE if ptr is not its own physical address. Any context, constant. */
int ash_dma_pa(const void *ptr, ash_pa_t *pa);

/** Most bytes of one mapping, whatever its address. */
uint64_t ash_dma_max_mapping_size(const struct ash_dma_device *device);

/** Both the alignment and the granule of memory that the device writes to, in bytes: the data cache
 *  line of this processor, 1 for a coherent device. */
size_t ash_dma_cache_alignment(const struct ash_dma_device *device);

/** True if the sync calls do more than a barrier. */
bool ash_dma_need_sync(const struct ash_dma_device *device);

#endif
