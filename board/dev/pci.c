/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space and the addresses of BARs. Bridges to further buses are left alone.
 */
#include "board/dev/pci.h"

#include "ashlar/boot.h"
#include "ashlar/errors.h"
#include "board/dev/mmio.h"

#define PCI_BUS_BYTES      (1u << 20) /* 32 devices of 8 functions */
#define PCI_FUNCTIONS      256u
#define PCI_FUNCTION_BYTES 4096u
#define PCI_NONE           0xffffffffu

/* Header type 0 (PCI 3.0, 6.1) */
#define PCI_ID             0x00u
#define PCI_COMMAND        0x04u
#define PCI_CLASS          0x08u /* revision in the low byte */
#define PCI_BAR            0x10u
#define PCI_BARS           6u
#define PCI_COMMAND_MEMORY 0x2u
#define PCI_COMMAND_MASTER 0x4u
#define PCI_COMMAND_WRITES 0xffffu /* the upper half is status: bits are cleared by writing 1 */
#define PCI_BAR_IO         0x1u
#define PCI_BAR_TYPE       0x6u
#define PCI_BAR_64         0x4u
#define PCI_BAR_FLAGS      0xfu

int pci_host_init(struct pci_host *host, const struct ash_device *ecam, struct ash_range window)
{
    if (ecam == NULL || ecam->range.size < PCI_BUS_BYTES) {
        return ASH_ENODEV;
    }
    host->window = window;
    host->next = window.base.value;
    host->coherent = ecam->coherent;
    return ash_map_device(ecam->range.base, PCI_BUS_BYTES, &host->ecam);
}

int pci_find(const struct pci_host *host, uint16_t vendor, uint16_t id, unsigned n,
             struct pci_device *device)
{
    for (uint32_t function = 0; function < PCI_FUNCTIONS; function++) {
        ash_va_t config = ash_va(host->ecam.value + function * PCI_FUNCTION_BYTES);
        uint32_t ids = mmio_read32(config, PCI_ID);

        if (ids != PCI_NONE && (uint16_t)ids == vendor && ids >> 16 == id && n-- == 0) {
            device->config = config;
            device->vendor = vendor;
            device->id = id;
            device->revision = (uint8_t)mmio_read32(config, PCI_CLASS);
            return 0;
        }
    }
    return ASH_ENODEV;
}

static void pci_command(const struct pci_device *device, uint32_t clear, uint32_t set)
{
    uint32_t command = mmio_read32(device->config, PCI_COMMAND) & PCI_COMMAND_WRITES;

    mmio_write32(device->config, PCI_COMMAND, (command & ~clear) | set);
}

/* Which address bits the BAR decodes; its own bits are put back. Decoding is off. */
static uint64_t pci_bar_size(const struct pci_device *device, uint32_t low, bool wide)
{
    uint32_t was = mmio_read32(device->config, low);
    uint64_t mask;

    mmio_write32(device->config, low, PCI_NONE);
    mask = mmio_read32(device->config, low) & ~PCI_BAR_FLAGS;
    mmio_write32(device->config, low, was);
    if (mask == 0) {
        return 0;
    }
    mask |= (uint64_t)PCI_NONE << 32;
    if (wide) {
        uint32_t was_high = mmio_read32(device->config, low + 4);

        mmio_write32(device->config, low + 4, PCI_NONE);
        mask &= (uint64_t)mmio_read32(device->config, low + 4) << 32 | PCI_NONE;
        mmio_write32(device->config, low + 4, was_high);
    }
    return ~mask + 1;
}

/* An address of the window, a multiple of the size, for the BAR. */
static int pci_place(struct pci_host *host, uint64_t size, uint64_t *base)
{
    uint64_t end = host->window.base.value + host->window.size;
    uint64_t at;

    if (!ash_align_up(host->next, size, &at) || at > end || size > end - at) {
        return ASH_ENOMEM;
    }
    host->next = at + size;
    *base = at;
    return 0;
}

int pci_map_bar(struct pci_host *host, const struct pci_device *device, unsigned bar, ash_va_t *va,
                uint64_t *size)
{
    uint32_t low = PCI_BAR + 4 * bar;
    uint64_t base;
    uint32_t value;
    bool wide;
    int error;

    if (bar >= PCI_BARS) {
        return ASH_EINVAL;
    }
    value = mmio_read32(device->config, low);
    wide = (value & PCI_BAR_TYPE) == PCI_BAR_64;
    if ((value & PCI_BAR_IO) != 0 || (wide && bar + 1 == PCI_BARS)) {
        return ASH_EINVAL;
    }
    pci_command(device, PCI_COMMAND_MEMORY, 0);
    *size = pci_bar_size(device, low, wide);
    if (*size == 0) {
        return ASH_EINVAL;
    }
    base = value & ~PCI_BAR_FLAGS;
    if (wide) {
        base |= (uint64_t)mmio_read32(device->config, low + 4) << 32;
    }
    /* One that this driver, or a loader, placed before stays where it is. */
    if (base < host->window.base.value || base - host->window.base.value >= host->window.size) {
        error = pci_place(host, *size, &base);
        if (error != 0) {
            return error;
        }
        mmio_write32(device->config, low, (uint32_t)base);
        if (wide) {
            mmio_write32(device->config, low + 4, (uint32_t)(base >> 32));
        }
    }
    pci_command(device, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    return ash_map_device(ash_pa(base), *size, va);
}
