/* SPDX-License-Identifier: MIT */
/*
 * The DMA engine of BCM2835 to BCM2837 (BCM2835 ARM Peripherals, chapter 4): a channel that copies
 * and fills memory, by a chain of control blocks.
 *
 * Its addresses are those of the GPU's bus (1.2.3, 1.2.4): what it works on are segments, from
 * ash_dma_map and ash_dma_map_list for `dma` of the channel. It moves bytes; this driver gives it
 * words, which is all that QEMU's model knows. Channels 7 to 14 are "lite": 64 KiB at most in one
 * block (4.5).
 *
 * All functions: MMU on, one CPU at a time for a channel. Not in interrupts, unless it says so.
 */
#ifndef BOARD_DEV_BCM2835_DMA_H
#define BOARD_DEV_BCM2835_DMA_H

#include "ashlar/dma.h"
#include "ashlar/dma_list.h"
#include "ashlar/dma_pool.h"

#define BCM2835_DMA_CHANNELS 15u
#define BCM2835_DMA_LITE     7u /* the first of those */
/** Most blocks of one transfer: both lists are cut where one of them is, and at the longest block.
 */
#define BCM2835_DMA_BLOCKS 32u
#define BCM2835_DMA_ALIGN  32u /* of control blocks: 4.2.1.1 */

/** A control block, as the engine reads it (4.2.1.1). */
struct bcm2835_dma_block {
    uint32_t information; /**< of the transfer: TI */
    uint32_t source, destination, length, stride, next;
    uint32_t reserved[2]; /**< 0 */
};

/** A channel; its fields are the driver's own, but for `dma`. */
struct bcm2835_dma {
    struct ash_dma_device dma; /**< what transfers work on is mapped for this device */
    struct ash_dma_pool pool;  /* control blocks, and the word that fills */
    ash_va_t registers;
    unsigned channel, count; /* count: blocks of the transfer that runs; 0: none */
    uint32_t irq;            /* 0: polled */
    uint32_t status;         /* by the interrupt: CS at the end; 0: not yet */
    volatile struct bcm2835_dma_block *block[BCM2835_DMA_BLOCKS];
    ash_bus_t bus[BCM2835_DMA_BLOCKS];
    volatile uint32_t *pattern;
    ash_bus_t pattern_bus;
};

/**
 * Takes a channel of the board's engine, with its control blocks out of `region`; its end comes as
 * an interrupt, or is polled. The GPU's firmware uses some channels itself: 0, 2, 4, 5 and 8 to 14
 * are ours, as a rule.
 * Errors: ASH_EINVAL (no such channel, or interrupts wanted of 11 to 14, which share one),
 * ASH_ENODEV (the board has no such engine), ASH_EEXIST (the channel is taken), and those of
 * ash_map_device, ash_dma_init, ash_dma_pool_create and ash_irq_attach.
 */
int bcm2835_dma_open(struct bcm2835_dma *dma, unsigned channel, bool interrupts,
                     struct ash_pmem *region);

/** Gives it back. ASH_EBUSY: a transfer runs, or memory is still mapped for it. */
int bcm2835_dma_close(struct bcm2835_dma *dma);

/**
 * Starts to copy all of `from` to all of `to`, which have the same size in all.
 * Errors: ASH_EBUSY (a transfer runs), ASH_EINVAL (nothing to do, or the sizes differ), ASH_EALIGN
 * (not whole words), ASH_ERANGE (beyond the bus), ASH_ENOMEM (more than BCM2835_DMA_BLOCKS blocks).
 * Cost: linear in the blocks. Barriers: ash_dma_barrier before the engine is told.
 */
int bcm2835_dma_copy(struct bcm2835_dma *dma, const struct ash_dma_segment *to, unsigned to_count,
                     const struct ash_dma_segment *from, unsigned from_count);

/** Starts to fill all of `to` with a word. Errors, cost and barriers: bcm2835_dma_copy. */
int bcm2835_dma_fill(struct bcm2835_dma *dma, const struct ash_dma_segment *to, unsigned to_count,
                     uint32_t word);

/**
 * Waits for the end; with interrupts, they must be enabled. Then the channel is free again,
 * whatever is returned. Errors: ASH_ENOENT (no transfer runs), ASH_EIO (the engine says so: a part
 * may have been done), ASH_ETIMEDOUT (it was stopped after ten seconds).
 * Barriers: ash_dma_barrier behind the end.
 */
int bcm2835_dma_wait(struct bcm2835_dma *dma);

#endif
