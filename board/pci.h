/* SPDX-License-Identifier: MIT */
/*
 * Where a board's PCI host bridge is, if it has one.
 */
#ifndef BOARD_PCI_H
#define BOARD_PCI_H

#include "board/dev/pci.h"

/** Makes the host bridge usable. ASH_ENODEV: the board has none. MMU on, not in interrupts. */
int board_find_pci(struct pci_host *host);

#endif
