/* SPDX-License-Identifier: MIT */
/*
 * Between the parts of virt's board folder: where things are on that machine, whatever a tree says.
 */
#ifndef BOARD_VIRT_VIRT_H
#define BOARD_VIRT_VIRT_H

#include "ashlar/platform.h"

#define VIRT_RAM_BASE 0x40000000u
#define VIRT_PL011    0x09000000u

/* The second flash bank holds two slots of images (ashlar/slot.h); slot-*.ld have the same. */
#define VIRT_SLOT_BASE  0x04000000u
#define VIRT_SLOT_BYTES 0x02000000u

/** The board's `discover`, without what board.c keeps of it. */
void virt_find_platform(const void *hint, struct ash_platform *platform);

/** For an image that runs from a slot: the other one is a device. */
void virt_split_flash(struct ash_platform *platform);

#endif
