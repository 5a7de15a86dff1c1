/* SPDX-License-Identifier: MIT */
/*
 * For boards whose folder has no block.c: there are no disks.
 */
#include "board/block.h"

void board_find_block_devices(void)
{
}
