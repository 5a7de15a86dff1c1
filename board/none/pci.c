/* SPDX-License-Identifier: MIT */
/*
 * For boards whose folder has no pci.c: there is no host bridge.
 */
#include "board/pci.h"

#include "ashlar/errors.h"

int board_find_pci(struct pci_host *host)
{
    (void)host;
    return ASH_ENODEV;
}
