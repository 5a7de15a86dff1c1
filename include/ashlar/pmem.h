/* SPDX-License-Identifier: MIT */
/*
 * pmem: named regions of physically contiguous memory, for devices and for whoever needs memory
 * that does not move.
 *
 * A region comes from the board or from the device tree's /reserved-memory and is registered once
 * at boot. Blocks are whole 4 KiB quanta. Everything that the allocator knows about a region lies
 * outside of it, so a device that writes too far corrupts data, never the allocator.
 *
 * A block is seen at VA = PA, in one of three views: cached, uncached (write-combining), ordered.
 * There is one view at a time: asking for another than cached re-types the block's pages in the
 * firmware's map, so no cacheable alias is left. That works for regions in the remap zone;
 * elsewhere it is refused with ASH_EBUSY and nothing changes.
 *
 * Blocks have an owner, who frees them, and references, of whoever else uses them: drivers while
 * their device works on one, mappings in spaces (pmem_share.h). A block that is freed while
 * references are held stays as it is until the last is put back.
 *
 * Context of all functions, unless said otherwise: MMU on, not in interrupts, no lock held, any
 * CPU. docs/pmem.md has the table of what interrupts may call.
 */
#ifndef ASHLAR_PMEM_H
#define ASHLAR_PMEM_H

#include "errors.h"
#include "lock.h"
#include "platform.h"
#include "print.h"
#include "types.h"
#include "usage.h"

#define ASH_PMEM_REGIONS 8
#define ASH_PMEM_QUANTUM ASH_PAGE_SIZE
/** Bytes of a region's name, the terminating zero included. */
#define ASH_PMEM_NAME ASH_PLATFORM_NAME

/* Flags of an allocation; unknown bits are refused. */
#define ASH_PMEM_CACHED 0x0u /**< Normal write-back, as the rest of RAM */
/** Normal Non-cacheable: no line of it is ever in a cache. The processor may combine writes and
 *  read ahead; any alignment. What coherent buffers, rings and frame buffers want. */
#define ASH_PMEM_UNCACHED     0x1u
#define ASH_PMEM_WRITECOMBINE ASH_PMEM_UNCACHED /**< on Arm the same */
#define ASH_PMEM_UNINIT       0x2u              /**< not zeroed: holds what the last owner left */
/** Device-nGnRE: each access reaches memory once, as it is written and in that order; aligned
 *  accesses only (no memcpy). Not with UNCACHED. */
#define ASH_PMEM_ORDERED 0x4u
/** Whose the block is: an enum ash_owner, or a product's own number (frames.h). */
#define ASH_PMEM_OWNER(owner) ((uint32_t)(owner) << 8)

struct ash_mmu;

/** A region; its fields are pmem's own. */
struct ash_pmem;

/** A block as its owner holds it: copy it freely, change nothing. */
struct ash_pmem_block {
    struct ash_pmem *region;
    void *ptr;      /**< first byte, in the view that the flags say */
    ash_pa_t pa;    /**< physical address of the first byte */
    uint64_t size;  /**< bytes, a multiple of the quantum */
    uint32_t flags; /**< the view: ASH_PMEM_CACHED, UNCACHED or ORDERED */
};

/** What a block must be like. Zero a field to leave it open (size excepted). */
struct ash_pmem_request {
    uint64_t size;     /**< bytes, rounded up to whole quanta */
    uint64_t align;    /**< of the physical address: a power of two, at least the quantum */
    uint64_t boundary; /**< a power of two: no multiple of it lies inside the block */
    uint64_t min;      /**< lowest physical address of the block's first byte */
    uint64_t max;      /**< highest physical address of the block's last byte */
    uint32_t flags;
};

/** All sizes in bytes. */
struct ash_pmem_stats {
    struct ash_range range;
    uint64_t free;
    uint64_t largest;    /**< of the free runs */
    uint64_t high_water; /**< most ever in use at a time */
    uint32_t blocks;     /**< in use */
    uint32_t leaving;    /**< of those: freed, but references hold them */
    uint32_t failures;   /**< valid requests that found no room */
};

/**
 * Forgets all regions and takes the map whose pages uncached blocks re-type, with its lock. map and
 * map_lock may both be NULL: then uncached blocks are refused with ASH_ENOSYS.
 * Called once by the boot code, before any other function here. One CPU.
 */
void ash_pmem_init(struct ash_mmu *map, struct ash_spinlock *map_lock);

/**
 * Registers [range.base, range.base + range.size) as region `name`. Nothing else may use that
 * memory: it was reserved before the frame allocator started, or allocated from it for
 * ASH_OWNER_PMEM. It must be mapped at VA = PA, Normal write-back, writable. The name is copied.
 * Bookkeeping, 10 to 12 bytes per quantum, is taken from the frame allocator for good.
 * Errors: ASH_EINVAL (size 0, no name or one that is too long), ASH_EALIGN (base or size is no
 * multiple of the quantum), ASH_ERANGE (wraps, or too large for the frame allocator's largest
 * block: 2 GiB by default), ASH_EFAULT (not mapped as demanded), ASH_EEXIST (the name is taken, or
 * the range overlaps a region, or memory of the frame allocator that was not allocated for
 * ASH_OWNER_PMEM), ASH_ENOMEM (no memory for the bookkeeping, or ASH_PMEM_REGIONS
 * regions are there). Cost: linear in the region's quanta. Registering is for one CPU at a time.
 */
int ash_pmem_add(const char *name, struct ash_range range);

/** The region of that name, or NULL. Any context. Cost: linear in the number of regions. */
struct ash_pmem *ash_pmem_find(const char *name);

/** The n-th region in the order of registration, or NULL. Any context. */
struct ash_pmem *ash_pmem_region(unsigned n);

/** The region's name. Any context. */
const char *ash_pmem_name(const struct ash_pmem *region);

/**
 * Takes a block of at least `size` bytes whose physical address is a multiple of `align` (0: the
 * quantum). Where it lies: a power of two of quanta aligned to itself in the lowest place; all else
 * at the lowest place of the lowest free run that holds an aligned power of two of quanta in which
 * it fits for certain; if there is none, in the lowest place. So nothing is refused for which there
 * is room. Its bytes read zero, for the CPU and for devices, unless flags has ASH_PMEM_UNINIT.
 * Errors: ASH_EINVAL (size 0, unknown flags, two views, no such owner), ASH_EALIGN (align is no
 * power of two or below the quantum), ASH_ENOMEM (no room), ASH_ENOSYS (another view than cached
 * without a map), ASH_EBUSY (the same, but the region is outside the remap zone).
 * Cost: under the region's lock with interrupts masked, logarithmic in the region's quanta, but for
 * the last of these three cases: then that for each free run below the one found that is at least
 * a quarter as long as needed. Then, unless ASH_PMEM_UNINIT and cached, linear in size (zeroing,
 * re-typing, cache lines) without that lock: the map's is held for 64 pages at a time.
 * Barriers and caches: cached: the zeros are cleaned to PoC, DSB SY. Other views: pages re-typed by
 * break-before-make, then lines cleaned and invalidated to PoC, DSB SY.
 */
int ash_pmem_alloc(struct ash_pmem *region, uint64_t size, uint64_t align, uint32_t flags,
                   struct ash_pmem_block *block);

/**
 * The same with all constraints. Further errors: ASH_EINVAL (boundary is no power of two),
 * ASH_ERANGE (size is larger than boundary or than the window: can never succeed).
 */
int ash_pmem_alloc_request(struct ash_pmem *region, const struct ash_pmem_request *request,
                           struct ash_pmem_block *block);

/**
 * Takes exactly [offset, offset + size) of the region, both multiples of the quantum.
 * Errors as ash_pmem_alloc; ASH_EALIGN (offset or size), ASH_ERANGE (beyond the region),
 * ASH_EBUSY (part of it is in use).
 */
int ash_pmem_alloc_at(struct ash_pmem *region, uint64_t offset, uint64_t size, uint32_t flags,
                      struct ash_pmem_block *block);

/**
 * Gives a block back; it must be whole. If references are held, the block stays as it is until the
 * last is put back, and is nobody's any more to free. Its pages are made cached again.
 * A block that was never given out, was freed already, or has another start or size goes to
 * ash_fault_hook; if that returns: ASH_ECORRUPT.
 * Cost: logarithmic in the region's quanta, plus re-typing linear in size unless the block is
 * cached (64 pages under the map's lock at a time). Barriers: those of break-before-make.
 */
int ash_pmem_free(const struct ash_pmem_block *block);

/**
 * Takes a reference, which holds the block beyond ash_pmem_free() until it is put back. For whoever
 * uses memory that it does not own, such as a driver whose device works on it.
 * Errors: ASH_EBUSY (65,535 references are held); a bad block as ash_pmem_free, but one that is
 * freed and held by references is good. Context: any. Cost: constant.
 */
int ash_pmem_get(const struct ash_pmem_block *block);

/** Puts a reference back; the last one of a freed block does what ash_pmem_free() does of one that
 *  nobody holds. A put without a get goes to ash_fault_hook. Context: any. Cost: constant, or that
 *  of ash_pmem_free(). */
int ash_pmem_put(const struct ash_pmem_block *block);

/** Frees all blocks of an owner, in all regions; returns how many. Cost: linear in the number of
 * all blocks and holes, a region's lock being let go at least every 64 of them. */
uint32_t ash_pmem_release(unsigned owner);

/** Bytes of the blocks of an owner, in all regions. Context: any. */
uint64_t ash_pmem_owned(unsigned owner);

/**
 * Finds the block that holds the byte at pa: *block is what its owner holds.
 * Errors: ASH_ENOENT (in no block in use). Context: any. Cost: logarithmic in the region's quanta.
 */
int ash_pmem_lookup(ash_pa_t pa, struct ash_pmem_block *block);

/**
 * Writes the lines of [offset, offset + size) of the block back to memory (clean), drops them
 * (invalidate), or both (flush), to PoC, DSB SY. Blocks in another view than cached need only the
 * DSB. Invalidating wants both to be multiples of the cache line, so that nothing else is lost.
 * Errors: ASH_ERANGE (not inside the block), ASH_EALIGN (invalidate); a bad block as ash_pmem_get.
 * Context: any. Cost: linear in size.
 */
int ash_pmem_flush(const struct ash_pmem_block *block, uint64_t offset, uint64_t size);
int ash_pmem_clean(const struct ash_pmem_block *block, uint64_t offset, uint64_t size);
int ash_pmem_invalidate(const struct ash_pmem_block *block, uint64_t offset, uint64_t size);

/** Fills *stats. Context: any. Cost: linear in the number of free runs, under the region's lock. */
void ash_pmem_stats(struct ash_pmem *region, struct ash_pmem_stats *stats);

/** Describes each region: usage.h. */
void ash_pmem_usage(ash_usage_visit visit, void *arg);

/**
 * Checks the region's bookkeeping as a whole: 0 or ASH_ECORRUPT.
 * Context: any. Cost: linear in the region's quanta, under its lock: for tests.
 */
int ash_pmem_verify(struct ash_pmem *region);

/** Prints all regions and their blocks. No lock is held while printing. */
void ash_pmem_report(ash_print_fn print);

#endif
