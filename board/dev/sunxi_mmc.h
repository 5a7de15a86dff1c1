/* SPDX-License-Identifier: MIT */
/*
 * Allwinner's SD/MMC host controller (SMHC), with its own DMA (IDMAC): sun5i and later, such as the
 * H3 ("Allwinner H3 Datasheet" V1.2, section 5.3).
 */
#ifndef BOARD_DEV_SUNXI_MMC_H
#define BOARD_DEV_SUNXI_MMC_H

#include "ashlar/platform.h"
#include "board/dev/sd.h"

/**
 * Registers the controller's slot as the next block device, with a card in it or not: that is seen
 * when it is opened (ASH_ENODEV: no SD memory card). Without its card all requests fail with
 * ASH_EIO, until it is back; another card must be opened. set_clock gives the controller its module
 * clock for a speed: 400 kHz or 24 MHz, as fast as the card's; it is called with the device's lock
 * held. Errors: ASH_ENOMEM (too many), those of ash_map_device.
 */
int sunxi_mmc_probe(const struct ash_device *device, void (*set_clock)(enum sd_speed speed));

#endif
