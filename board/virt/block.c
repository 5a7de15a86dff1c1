/* SPDX-License-Identifier: MIT */
/*
 * Where virt's disks are: behind the virtio-mmio slots.
 */
#include "board/block.h"
#include "board/dev/virtio_blk.h"

#define VIRT_VIRTIO_NAME "virtio,mmio"

/* QEMU fills the slots from the last one down, in the order of its command line: that order is
 * kept. */
void board_find_block_devices(void)
{
    unsigned slots = 0;

    while (ash_platform_device(VIRT_VIRTIO_NAME, slots) != NULL) {
        slots++;
    }
    while (slots-- > 0) {
        (void)virtio_blk_probe(ash_platform_device(VIRT_VIRTIO_NAME, slots));
    }
}
