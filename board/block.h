/* SPDX-License-Identifier: MIT */
/*
 * Between block devices in general (board/block.c) and their drivers.
 */
#ifndef BOARD_BLOCK_H
#define BOARD_BLOCK_H

#include "ashlar/block.h"
#include "ashlar/lock.h"

#define BLOCK_DEVICES 4

/** What a driver does. All but start and stop are called with the device's lock held. */
struct block_driver {
    /** Starts the device with memory from `region`; fills block->info. */
    int (*start)(struct ash_block *block, struct ash_pmem *region);
    /** Resets the device for good and gives the memory back. Nothing is in flight. */
    int (*stop)(struct ash_block *block);
    /** Gives one request, checked and mapped, to the device. ASH_EBUSY: no room. */
    int (*submit)(struct ash_block *block, struct ash_block_request *request);
    /** Calls block_finish() for each request that the device is through with. */
    void (*collect)(struct ash_block *block);
    /** Lets the device raise interrupts, or not. */
    void (*set_interrupts)(struct ash_block *block, bool on);
    /** True if this device raised the interrupt; takes it back. */
    bool (*acknowledge)(struct ash_block *block);
    /**
     * Resets the device, finishes all requests with ASH_ETIMEDOUT, starts it again. On an error the
     * requests are finished all the same, and of the rest only set_interrupts, acknowledge and stop
     * are called from then on.
     */
    int (*recover)(struct ash_block *block);
};

/** The general part of a driver's device. */
struct ash_block {
    const struct block_driver *driver;
    struct ash_spinlock lock;
    struct ash_block_info info;
    struct ash_dma_device dma;
    enum ash_block_mode mode;
    bool open;
    bool dead; /* did not come back from a reset */
    uint32_t in_flight;
    uint64_t timeout_ns;
    uint32_t patience; /* where no clock runs, this many looks stand for the timeout */
    struct ash_block_request *finished; /* to be called back when the lock is free */
};

/** For drivers that found a device: makes it the next one. ASH_ENOMEM if there are too many. */
int block_register(struct ash_block *block);

/** For drivers, under the lock: the device is through with this request. */
void block_finish(struct ash_block *block, struct ash_block_request *request, int result);

/** The board's: looks for devices and has their drivers register them. */
void board_find_block_devices(void);

#endif
