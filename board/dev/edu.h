/* SPDX-License-Identifier: MIT */
/*
 * QEMU's educational PCI device (QEMU, docs/specs/edu.txt): 4 KiB of memory of its own, and a DMA
 * engine between that and ours which reaches as many address bits as it was configured with. It
 * does not say how many, and cuts off the rest of an address silently.
 *
 * All functions: MMU on, not in interrupts, one CPU at a time.
 */
#ifndef BOARD_DEV_EDU_H
#define BOARD_DEV_EDU_H

#include "ashlar/dma.h"
#include "board/dev/pci.h"

/** Bytes of the device's memory that a transfer may use: QEMU takes the last one for too many. */
#define EDU_BYTES 4095u

struct edu {
    struct ash_dma_device dma; /**< transfers are mapped for this device */
    struct ash_dma_bounce bounce;
    ash_va_t registers;
};

/**
 * Brings up the first such device, which reaches the bus addresses of `mask`; what it cannot reach
 * goes through a bounce buffer out of `region`.
 * Errors: ASH_ENODEV (none there, or it does not answer), those of pci_map_bar, ash_dma_init and
 * ash_dma_bounce_create.
 */
int edu_open(struct edu *edu, struct pci_host *host, uint64_t mask, struct ash_pmem *region);

/** Ends its use. ASH_EBUSY: memory is still mapped for it. */
int edu_close(struct edu *edu);

/**
 * Moves `size` bytes between the memory at `bus` (from ash_dma_map) and [offset, offset + size) of
 * the device's, and waits for the end: the device takes a tenth of a second.
 * Errors: ASH_EINVAL (size 0), ASH_ERANGE (more than EDU_BYTES), ASH_ETIMEDOUT (it works on).
 */
int edu_write(struct edu *edu, uint32_t offset, ash_bus_t bus, uint32_t size);
int edu_read(struct edu *edu, uint32_t offset, ash_bus_t bus, uint32_t size);

#endif
