/* SPDX-License-Identifier: MIT */
/*
 * Virtio block device (Virtual I/O Device Version 1.2, section 5.2).
 */
#ifndef BOARD_DEV_VIRTIO_BLK_H
#define BOARD_DEV_VIRTIO_BLK_H

#include "ashlar/platform.h"

/**
 * Registers the device as the next block device if there is a virtio disk behind these registers.
 * Errors: ASH_ENODEV (something else), ASH_ENOMEM (too many), those of ash_map_device.
 */
int virtio_blk_probe(const struct ash_device *device);

#endif
