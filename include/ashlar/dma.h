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
 * at a multiple of ash_dma_cache_alignment().
 *
 * A mapping that breaks this rule, or that the device cannot reach, goes through a bounce buffer if
 * the device has one: the device works on a copy, and each hand-over copies. All calls then mean
 * what they mean without it. Without a bounce buffer such mappings are refused.
 *
 * The checker (ASH_CHECK >= 1) notes every mapping and buffer, ASH_DMA_RECORDS at a time. Misuse
 * goes to ash_fault_hook (ASH_FAULT_DMA); if that returns, the call returns its error and has
 * changed nothing. What it looks for:
 *   - a mapping that overlaps another, or a buffer, if one of the devices writes (map: ASH_EBUSY);
 *   - memory that is read-only, or part of a stack, for a device that writes (map: ASH_EPERM);
 *   - memory of a region of pmem that nobody has (map: ASH_ENOENT);
 *   - a mapping in use that is mapped again (map: ASH_EBUSY);
 *   - a part outside of the mapping, in the wrong direction, that shares a line, or that the CPU
 * was not given (sync: ASH_ERANGE, ASH_EPERM, ASH_EALIGN, ASH_ENOTOWNER);
 *   - a mapping that is not there: unmapped twice, or never checked for failure (unmap, sync:
 *     ASH_ENOENT); one, or a buffer, that was changed or copied (ASH_ECORRUPT);
 *   - mappings and buffers that a driver leaves behind (exit: ASH_EBUSY);
 *   - memory that the CPU wrote to while the device had it, where the device only reads, or works
 *     on a copy (unmap, sync; they go on): the first and last ASH_DMA_SUMMED bytes of each part
 * that the device has; at ASH_CHECK 2 all of it. (Where the device writes itself nobody can tell.)
 */
#ifndef ASHLAR_DMA_H
#define ASHLAR_DMA_H

#include "config.h"
#include "errors.h"
#include "lock.h"
#include "pmem.h"
#include "print.h"
#include "regions.h"
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
    uint64_t keep;      /**< address bits that a copy has in common: 2^n - 1; 0: none */
    struct ash_dma_bounce *bounce; /**< where its copies lie; NULL: it has none */

    uint32_t ready; /**< ash_dma_init was here; private */
    uint32_t live;  /**< mappings and buffers in use; private */
    uint32_t most;  /**< most that were ever in use at once; private */
};

/** A bounce buffer or a pool of objects in the list of those. dma's own. */
struct ash_dma_member {
    void *self;
    void (*describe)(void *self, struct ash_usage *usage);
    struct ash_dma_member *next, **link; /* in the list: the next, what points here */
};

/** Most slots, and bytes, of a bounce buffer: a search looks at each slot at most once, with
 *  interrupts masked. */
#define ASH_DMA_BOUNCE_SLOTS 2048u
#define ASH_DMA_BOUNCE_MAX   ((uint64_t)ASH_DMA_BOUNCE_SLOTS * ASH_DMA_SLOT)

/**
 * A bounce buffer: memory that weak devices reach, cut into slots of ASH_DMA_SLOT bytes. Several
 * devices may share one. Its fields are dma's own.
 */
struct ash_dma_bounce {
    struct ash_spinlock lock; /* of what follows `slots` */
    const char *name;
    struct ash_pmem_block block;
    struct ash_dma_member member;
    uint32_t slots;                               /* 0: not made */
    uint32_t busy, most, live, devices, failures; /* slots, slots, mappings */
    uint64_t mapped, copied;                      /* mappings; bytes, in both directions */
    uint32_t used[ASH_DMA_BOUNCE_SLOTS / 32u];    /* a bit a slot */
};

/** The same for the eye: see ash_dma_bounce_stats. */
struct ash_dma_bounce_stats {
    uint64_t size;     /**< bytes */
    uint64_t used;     /**< bytes of slots in use */
    uint64_t most;     /**< most that were ever in use at once */
    uint64_t mapped;   /**< mappings that went through it */
    uint64_t copied;   /**< bytes copied, in both directions */
    uint32_t failures; /**< mappings refused for lack of room */
};

/** A coherent buffer. */
struct ash_dma_buffer {
    struct ash_pmem_block block; /**< what the CPU uses: ptr, pa, size */
    ash_bus_t bus;               /**< what the device is told */
    struct ash_dma_device *device;
    uint32_t record; /**< the checker's */
};

/** Separate parts of a mapping that the CPU can have at a time. */
#define ASH_DMA_PARTS 4u

/** The parts of a mapping that the CPU has, in order; parts that touch are one. */
struct ash_dma_parts {
    unsigned count;
    struct {
        size_t begin, end; /**< offsets */
    } part[ASH_DMA_PARTS];
};

/**
 * A streaming mapping, in the driver's memory; all zero when not in use. `bus` is for the device;
 * the rest is dma's own record of what was mapped and of who owns it. One CPU at a time uses it.
 */
struct ash_dma_mapping {
    ash_bus_t bus;
    struct ash_dma_device *device; /**< NULL: not mapped */
    ash_pa_t pa;
    ash_pa_t work;     /**< what the device works on: pa, or where the copy lies */
    uint8_t *memory;   /**< the same for the CPU */
    uint8_t *original; /**< what the driver mapped, if the device works on a copy; else NULL */
    size_t size;
    enum ash_dma_direction direction;
    uint64_t copied;           /**< bytes, between the two */
    uint32_t holds;            /**< blocks of pmem that it has a reference of */
    uint32_t record, sum;      /**< the checker's */
    struct ash_dma_parts held; /**< what sync calls gave to the CPU */
};

/**
 * Takes note of the RAM that there is, so that devices that reach none of it are refused, and of
 * the memory that stacks lie in, for the checker; and forgets all devices, mappings and buffers.
 * Called by the boot code, before any other function here; without it, nothing is refused for those
 * reasons. One CPU, not in interrupts.
 */
void ash_dma_setup(const struct ash_regions *regions, struct ash_range stacks);

/**
 * Checks the constraints and makes the device usable.
 * Errors: ASH_EINVAL (mask or keep is not 2^n - 1; alignment or boundary is no power of two, or the
 * bus offset no multiple of it or of keep + 1; no address within mask and offset), ASH_ERANGE (the
 * device reaches none of the RAM, or not all of its bounce buffer), ASH_EALIGN (the bounce buffer
 * does not have the device's alignment), ASH_EEXIST (it is usable already). Context: any.
 */
int ash_dma_init(struct ash_dma_device *device);

/** Ends the device's use. Errors: ASH_EINVAL (not usable), ASH_EBUSY (mappings or buffers are in
 *  use: the driver leaks them). */
int ash_dma_exit(struct ash_dma_device *device);

/**
 * Makes a bounce buffer of `size` bytes (rounded up to pages; at most ASH_DMA_BOUNCE_MAX) out of
 * `region`, within the mask and with the alignment of `device`, which need not be ready. The name
 * is kept. Its slots are cached memory; whoever made it sets device->bounce before ash_dma_init.
 * Errors: ASH_EINVAL (size 0, constraints that ash_dma_init refuses), ASH_ERANGE (too large, or the
 * device cannot reach the region), ASH_EEXIST (it is made already), ASH_ENOMEM, and those of
 * ash_pmem_alloc. Context: not in interrupts, no lock held.
 */
int ash_dma_bounce_create(struct ash_dma_bounce *bounce, const char *name, struct ash_pmem *region,
                          uint64_t size, const struct ash_dma_device *device);

/** Gives its memory back. Errors: ASH_EINVAL (not made), ASH_EBUSY (a ready device has it).
 *  Context: not in interrupts, no lock held. */
int ash_dma_bounce_destroy(struct ash_dma_bounce *bounce);

/** Fills *stats. Any context, constant. */
void ash_dma_bounce_stats(struct ash_dma_bounce *bounce, struct ash_dma_bounce_stats *stats);

/**
 * A coherent buffer of at least `size` bytes (whole pages) out of `region`, zeroed, within the
 * device's mask, alignment and boundary; `segment` limits transfers, not buffers. Uncached unless
 * the device is coherent.
 * Errors: ASH_EINVAL (device not ready, size 0), ASH_ERANGE (larger than the boundary, or the
 * device cannot reach the region), and those of ash_pmem_alloc. Context: not in interrupts, no lock
 * held. Cost, barriers and caches: ash_pmem_alloc.
 */
int ash_dma_alloc(struct ash_dma_device *device, struct ash_pmem *region, uint64_t size,
                  struct ash_dma_buffer *buffer);

/** Gives it back, by the struct that ash_dma_alloc filled in; the device must have stopped using
 * it. Errors: those of ash_pmem_free; ASH_ECORRUPT for a second free, after ash_fault_hook.
 * Context: not in interrupts, no lock held. */
int ash_dma_free(struct ash_dma_buffer *buffer);

/**
 * Gives [pa, pa + size) to the device. From here to ash_dma_unmap the CPU does not touch it, but
 * for parts that ash_dma_sync_for_cpu has handed over. mapping->bus goes to the device. The memory
 * is in the identity map and, for the directions in which the device writes, writable.
 *
 * If the device has a bounce buffer, what it cannot reach, what crosses its boundary or has another
 * alignment, and what breaks the rule of cache lines is copied there: in whatever direction, so
 * that bytes that the device leaves alone are what they were. The rest of the slots is zero.
 *
 * Blocks of pmem that it lies in are held (ash_pmem_get): if their owner frees them, they go with
 * ash_dma_unmap.
 *
 * Errors: ASH_EINVAL (device not ready, size 0, no such direction), ASH_EBUSY (the mapping is in
 * use), ASH_ERANGE (longer than a transfer, wraps, not directly mapped; beyond the mask or across a
 * boundary, without a bounce buffer or longer than what can be copied), ASH_EALIGN (the device's
 * alignment, or the rule of cache lines, without a bounce buffer), ASH_ENOMEM (no room in it),
 * ASH_ENOENT (part of it is of a region of pmem, but of no block), ASH_EBUSY also as ash_pmem_get.
 * Context: any; it never waits. Cost: linear in size where there are caches to maintain or bytes to
 * copy, else constant; with a bounce buffer, also linear in its slots under its lock; for
 * memory of pmem, ash_pmem_lookup for each block.
 * Barriers and caches: coherent: DSB SY. Otherwise lines are cleaned (to the device) or cleaned and
 * invalidated (the device writes: no line may be written back over its data) to PoC, DSB SY.
 */
int ash_dma_map(struct ash_dma_device *device, ash_pa_t pa, size_t size,
                enum ash_dma_direction direction, struct ash_dma_mapping *mapping)
    __attribute__((warn_unused_result));

/**
 * Takes all of it back from the device, which must have finished.
 * Errors: ASH_ENOENT (not mapped: a second unmap). Context: any. Cost: linear in size, and that of
 * ash_pmem_put for memory of pmem.
 * Barriers and caches: DMB SY, then, if a device that is not coherent wrote, lines are invalidated
 * to PoC (they may have been fetched meanwhile by speculation), DSB SY.
 */
int ash_dma_unmap(struct ash_dma_mapping *mapping);

/**
 * Hands [offset, offset + size) of the mapping over to the CPU, which then sees what the device
 * wrote. direction is the mapping's, or any for a bidirectional one.
 * Errors: ASH_ENOENT (not mapped), ASH_EINVAL (size 0), ASH_ERANGE (not inside), ASH_EPERM (another
 * direction), ASH_EALIGN (the rule of cache lines, for both ends of the part unless they are those
 * of the mapping), ASH_ENOMEM (the CPU would have more than ASH_DMA_PARTS separate parts).
 * Context, cost: unmap.
 * Barriers and caches: as unmap; lines of a part that the CPU had already are cleaned as well.
 */
int ash_dma_sync_for_cpu(struct ash_dma_mapping *mapping, size_t offset, size_t size,
                         enum ash_dma_direction direction);

/**
 * Hands [offset, offset + size) back to the device, which then sees what the CPU wrote.
 * Errors: as ash_dma_sync_for_cpu; ASH_ENOTOWNER (the CPU was not given all of that part).
 * Context, cost, caches: ash_dma_map.
 */
int ash_dma_sync_for_device(struct ash_dma_mapping *mapping, size_t offset, size_t size,
                            enum ash_dma_direction direction);

/** True if the device works on a copy of what was mapped. */
static inline bool ash_dma_is_bounced(const struct ash_dma_mapping *mapping)
{
    return mapping->original != NULL;
}

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

/** Most bytes of one mapping, whatever its address: with a bounce buffer, what fits into it when it
 *  is empty. Any context, constant. */
uint64_t ash_dma_max_mapping_size(const struct ash_dma_device *device);

/** Both the alignment and the granule of memory that the device writes to, in bytes: the data cache
 *  line of this processor, 1 for a coherent device. */
size_t ash_dma_cache_alignment(const struct ash_dma_device *device);

/** True if the sync calls do more than a barrier. */
bool ash_dma_need_sync(const struct ash_dma_device *device);

/** The smallest mask with which a device with this bus offset reaches all RAM; UINT64_MAX if RAM
 *  has no bus address or none is known. Any context, constant. */
uint64_t ash_dma_required_mask(const struct ash_dma_device *device);

/** Up to multiples of this, parts of a list that meet on the bus become one segment; 0: without
 *  limit. Any context, constant. */
uint64_t ash_dma_merge_boundary(const struct ash_dma_device *device);

struct ash_dma_stats {
    uint32_t live;       /**< mappings and buffers of the device in use */
    uint32_t most;       /**< most that were ever in use at once */
    uint32_t recorded;   /**< those of all devices that the checker knows */
    uint32_t unrecorded; /**< for how many of them, ever, it had no room */
    uint32_t misused;    /**< how often it told of misuse, by whatever device */
};

/** Fills *stats. Any context, constant. */
void ash_dma_stats(const struct ash_dma_device *device, struct ash_dma_stats *stats);

/**
 * Describes each bounce buffer and each pool of coherent objects (usage.h); the memory of both, and
 * buffers, are of pmem, which describes it as well. The largest request of a bounce buffer is its
 * longest run of free slots. Not in interrupts, no lock held. Cost: quadratic in the number of
 * those, which is small; a lock is held for a time linear in the slots of one.
 */
void ash_dma_usage(ash_usage_visit visit, void *arg);

/** Prints the devices that are ready, their bounce buffers, and (ASH_CHECK >= 1) every mapping and
 *  buffer. No lock is held while printing. Not in interrupts, no lock held, and not while
 *  devices come and go. */
void ash_dma_report(ash_print_fn print);

#endif
