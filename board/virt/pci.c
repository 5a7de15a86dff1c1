/* SPDX-License-Identifier: MIT */
/*
 * virt's PCI host bridge: the tree says where its configuration space is; BARs get addresses at the
 * start of its window of 32-bit memory.
 */
#include "board/pci.h"

#define VIRT_PCI_NAME   "pci-host-ecam-generic"
#define VIRT_BARS       0x10000000u /* up to the board's vmap range */
#define VIRT_BARS_BYTES 0x10000000u

int board_find_pci(struct pci_host *host)
{
    return pci_host_init(host, ash_platform_device(VIRT_PCI_NAME, 0),
                         (struct ash_range){ash_pa(VIRT_BARS), VIRT_BARS_BYTES});
}
