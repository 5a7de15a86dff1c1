/* SPDX-License-Identifier: MIT */
/*
 * PCI behind an ECAM window (PCI Express Base Specification, 7.2.2; PCI Local Bus
 * Specification 3.0, chapter 6): finding the devices of bus 0 and giving their memory BARs
 * addresses.
 *
 * All functions: MMU on, not in interrupts, one CPU at a time.
 */
#ifndef BOARD_DEV_PCI_H
#define BOARD_DEV_PCI_H

#include "ashlar/platform.h"

/** A host bridge. */
struct pci_host {
    ash_va_t ecam;           /**< configuration space of bus 0 */
    struct ash_range window; /**< physical addresses below 4 GiB for BARs, the same on the bus */
    uint64_t next;           /**< the first of them that is free */
    bool coherent;           /**< DMA of its devices sees the CPU's caches */
};

/** One function of a device. */
struct pci_device {
    ash_va_t config;
    uint16_t vendor, id;
    uint8_t revision;
};

/**
 * Maps the configuration space of bus 0. Errors: ASH_ENODEV (no bridge: `ecam` is NULL or too
 * small), those of ash_map_device.
 */
int pci_host_init(struct pci_host *host, const struct ash_device *ecam, struct ash_range window);

/** The n-th function on bus 0 with these numbers: ASH_ENODEV if there is none. */
int pci_find(const struct pci_host *host, uint16_t vendor, uint16_t id, unsigned n,
             struct pci_device *device);

/**
 * Sizes memory BAR `bar` (0 to 5), gives it an address of the window unless it has one there, turns
 * on memory accesses and bus mastering, and maps the registers.
 * Errors: ASH_EINVAL (no such BAR, or none for memory), ASH_ENOMEM (the window is used up), those
 * of ash_map_device.
 */
int pci_map_bar(struct pci_host *host, const struct pci_device *device, unsigned bar, ash_va_t *va,
                uint64_t *size);

#endif
