/* SPDX-License-Identifier: MIT */
/*
 * The descriptors of the SD/MMC controller's DMA ("Allwinner H3 Datasheet" V1.2, section 5.3.4):
 * one transfer is a chain of them. Pure.
 */
#ifndef BOARD_DEV_SUNXI_MMC_CHAIN_H
#define BOARD_DEV_SUNXI_MMC_CHAIN_H

#include "ashlar/types.h"

/** Bytes of one descriptor. Its field has 16 bits, and what 0 means in it depends on whom one
 *  asks: half of the range needs no answer. */
#define SUNXI_MMC_SEGMENT 0x8000u
/** Of addresses and sizes. */
#define SUNXI_MMC_ALIGNMENT 4u
/** Descriptors of a transfer. */
#define SUNXI_MMC_DESCRIPTORS(bytes) (((bytes) + SUNXI_MMC_SEGMENT - 1) / SUNXI_MMC_SEGMENT)

#define SUNXI_MMC_OWNED  (1u << 31) /**< the controller's, until it is through with it */
#define SUNXI_MMC_CHAIN  (1u << 4)  /**< `next` is an address */
#define SUNXI_MMC_FIRST  (1u << 3)
#define SUNXI_MMC_LAST   (1u << 2)
#define SUNXI_MMC_SILENT (1u << 1) /**< no interrupt when it is done */

struct sunxi_mmc_descriptor {
    uint32_t flags;
    uint32_t bytes;
    uint32_t data; /**< bus address */
    uint32_t next; /**< bus address of the next; 0 after the last */
};

/** Fills the chain at `chain`, whose bus address is chain_bus, for `bytes` at `data`. The last
 *  descriptor alone tells that it is done. */
static inline void sunxi_mmc_chain(volatile struct sunxi_mmc_descriptor *chain, uint32_t chain_bus,
                                   uint32_t data, uint32_t bytes)
{
    for (uint32_t i = 0; bytes != 0; i++) {
        uint32_t part = bytes < SUNXI_MMC_SEGMENT ? bytes : SUNXI_MMC_SEGMENT;
        bool last = part == bytes;

        chain_bus += sizeof(*chain);
        chain[i].bytes = part;
        chain[i].data = data;
        chain[i].next = last ? 0 : chain_bus;
        chain[i].flags = SUNXI_MMC_OWNED | SUNXI_MMC_CHAIN | (i == 0 ? SUNXI_MMC_FIRST : 0) |
                         (last ? SUNXI_MMC_LAST : SUNXI_MMC_SILENT);
        data += part;
        bytes -= part;
    }
}

#endif
