/* SPDX-License-Identifier: MIT */
/*
 * Block devices: disks that move sectors of 512 bytes to and from physical memory by DMA.
 *
 *     struct ash_block *disk;
 *     ash_block_open(0, ash_pmem_find("dma"), &disk);
 *     ash_block_read(disk, 0, 8, buffer.pa);          // waits
 *
 * or, with up to `depth` requests in flight, ash_block_submit() and ash_block_wait().
 *
 * A device is polled (the default) or reports by interrupt; both may be waited for. The memory of a
 * request belongs to the device from submit until the request is done.
 *
 * Context: unless said otherwise, not in interrupts; those that wait, open or close with no lock
 * held. ASH_CHECK 1 tells of interrupts, 2 of locks (ash_fault_hook).
 * Locks: each device has its own, held for a bounded time, never while waiting or in callbacks.
 */
#ifndef ASHLAR_BLOCK_H
#define ASHLAR_BLOCK_H

#include "dma.h"
#include "errors.h"
#include "pmem.h"
#include "types.h"

#define ASH_BLOCK_SECTOR 512u

struct ash_block;

enum ash_block_op { ASH_BLOCK_READ, ASH_BLOCK_WRITE, ASH_BLOCK_FLUSH };
enum ash_block_mode { ASH_BLOCK_POLLED, ASH_BLOCK_INTERRUPT };

struct ash_block_info {
    uint64_t sectors;     /**< capacity, in sectors of 512 bytes */
    uint32_t max_sectors; /**< most that one request may move */
    uint32_t depth;       /**< requests that may be in flight */
    uint32_t irq;         /**< interrupt number; 0: the device can only be polled */
    bool read_only;
    bool volatile_cache; /**< writes are safe only after a flush */
};

/** One transfer. The caller fills in the first part and leaves it alone until it is done. */
struct ash_block_request {
    enum ash_block_op op;
    uint32_t count;  /**< sectors; 0 for a flush */
    uint64_t sector; /**< first one */
    ash_pa_t memory; /**< count * 512 bytes, contiguous, directly mapped */
    /** Called once when it is done, in the context that found that out (an interrupt, or whoever
     *  polls), with no lock held; may submit again. NULL: nobody. */
    void (*done)(struct ash_block_request *request);
    void *context; /**< the caller's own */

    int result;        /**< 0 or an error, once it is done */
    uint32_t finished; /**< private, as is the rest */
    struct ash_dma_mapping mapping;
    struct ash_block_request *next;
};

/** Number of block devices; the first call looks for them. Cost of the first: linear in devices. */
unsigned ash_block_count(void);

/**
 * Takes device n (0 ... count-1) and starts it, with rings from `region`.
 * Errors: ASH_ENODEV (no such device, or one that we cannot drive), ASH_EBUSY (open already),
 * ASH_EINVAL (region is NULL), ASH_EIO (it does not start), those of ash_dma_alloc.
 */
int ash_block_open(unsigned n, struct ash_pmem *region, struct ash_block **block);

/** Stops the device and gives its memory back. ASH_EBUSY while requests are in flight. */
int ash_block_close(struct ash_block *block);

/** Fills *info. Any context. */
void ash_block_get_info(const struct ash_block *block, struct ash_block_info *info);

/**
 * Chooses how completions are found out. In interrupt mode the CPU that asked serves the interrupt;
 * ash_block_wait() then relies on interrupts being enabled there.
 * Errors: ASH_ENODEV (the device has no interrupt), those of ash_irq_attach.
 */
int ash_block_set_mode(struct ash_block *block, enum ash_block_mode mode);

/** Nanoseconds that ash_block_wait() gives a request; 10 seconds at open. Any context. */
void ash_block_set_timeout(struct ash_block *block, uint64_t timeout_ns);

/**
 * Hands a request to the device and returns.
 * Errors: ASH_EINVAL (op, or no sectors), ASH_ERANGE (beyond the device, or more than max_sectors),
 * ASH_EPERM (write to a read-only device), ASH_EBUSY (depth requests are in flight), ASH_EIO (the
 * device is dead), those of ash_dma_map. Any context. Cost: constant, plus cache lines of the
 * memory. Barriers: DMB before the device sees it, and what ash_dma_map does.
 */
int ash_block_submit(struct ash_block *block, struct ash_block_request *request);

/** Finishes what the device has done by now. Needed in polled mode, harmless in the other.
 *  Any context. */
void ash_block_poll(struct ash_block *block);

/** True once the request is done; its result and memory may then be looked at. Any context. */
bool ash_block_done(const struct ash_block_request *request);

/**
 * Waits until the request is done and returns its result: 0, ASH_EIO (the device says that it
 * failed), ASH_ENOSYS (it does not know the operation), ASH_ETIMEDOUT. After a time-out the device
 * has been reset and started again: all requests that were in flight are done, with ASH_ETIMEDOUT,
 * and their memory is the caller's again. If it did not come back, submit says ASH_EIO from then
 * on.
 */
int ash_block_wait(struct ash_block *block, struct ash_block_request *request);

/**
 * Moves sectors and waits; any count, in requests of max_sectors. Errors: those of submit and wait;
 * sectors before the failing request have been moved. ash_block_flush: 0 as well where there is no
 * cache to flush.
 */
int ash_block_read(struct ash_block *block, uint64_t sector, uint32_t count, ash_pa_t memory);
int ash_block_write(struct ash_block *block, uint64_t sector, uint32_t count, ash_pa_t memory);
int ash_block_flush(struct ash_block *block);

#endif
