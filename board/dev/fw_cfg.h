/* SPDX-License-Identifier: MIT */
/*
 * QEMU's configuration device (QEMU, docs/specs/fw_cfg.rst): named files that QEMU offers to the
 * firmware, moved by its DMA interface. A transfer is finished when the call returns.
 *
 * All functions: MMU on, not in interrupts, one CPU at a time.
 */
#ifndef BOARD_DEV_FW_CFG_H
#define BOARD_DEV_FW_CFG_H

#include "ashlar/dma.h"
#include "ashlar/platform.h"

/** Bytes of a file's name, the terminating zero included. */
#define FW_CFG_NAME 56u
/** The key of the directory, a file without a name. */
#define FW_CFG_DIRECTORY 0x19u

struct fw_cfg {
    struct ash_dma_device dma; /**< transfers are mapped for this device */
    ash_va_t registers;
    struct ash_dma_buffer command; /**< what the device is told, and the directory's entries */
};

struct fw_cfg_file {
    uint16_t key;
    uint32_t size; /**< bytes */
};

/**
 * Brings up the device behind these registers; its command comes out of `region`.
 * Errors: ASH_ENODEV (device NULL, something else, or without DMA), those of ash_map_device,
 * ash_dma_init and ash_dma_alloc.
 */
int fw_cfg_open(struct fw_cfg *fw, const struct ash_device *device, struct ash_pmem *region);

/** Ends its use. ASH_EBUSY: memory is still mapped for it. */
int fw_cfg_close(struct fw_cfg *fw);

/** The file of that name. ASH_ENOENT; ASH_EIO (the device reports an error). Linear in files. */
int fw_cfg_find(struct fw_cfg *fw, const char *name, struct fw_cfg_file *file);

/**
 * Moves [offset, offset + size) of a file to or from the memory at `bus` (from ash_dma_map). Bytes
 * behind the file's end read 0.
 * Errors: ASH_EIO (the device reports an error: the file cannot be written, or not as long).
 */
int fw_cfg_read(struct fw_cfg *fw, uint16_t key, uint32_t offset, ash_bus_t bus, uint32_t size);
int fw_cfg_write(struct fw_cfg *fw, uint16_t key, uint32_t offset, ash_bus_t bus, uint32_t size);

/** Reads `size` bytes from a file's start, one by one through a register: slow, and without DMA. */
void fw_cfg_read_bytes(struct fw_cfg *fw, uint16_t key, uint8_t *bytes, uint32_t size);

#endif
