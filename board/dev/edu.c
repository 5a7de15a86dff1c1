/* SPDX-License-Identifier: MIT */
/*
 * Driver of the educational device: its DMA engine, polled.
 */
#include "board/dev/edu.h"

#include "ashlar/errors.h"
#include "ashlar/irq.h"
#include "board/dev/mmio.h"
#include "port/port.h"

#define EDU_VENDOR 0x1234u
#define EDU_DEVICE 0x11e8u

#define EDU_ID          0x00u
#define EDU_ID_VALUE    0x010000edu
#define EDU_LIVENESS    0x04u /* gives back the complement of what was written */
#define EDU_LIVE        0x5a17c0deu
#define EDU_SOURCE      0x80u
#define EDU_DESTINATION 0x88u
#define EDU_COUNT       0x90u
#define EDU_COMMAND     0x98u
#define EDU_START       0x1u
#define EDU_TO_MEMORY   0x2u
#define EDU_BUFFER      0x40000u /* of its own memory, as its DMA engine counts */

#define EDU_BOUNCE (4u * ASH_PAGE_SIZE)

#define EDU_PATIENCE_NS 10000000000u

int edu_open(struct edu *edu, struct pci_host *host, uint64_t mask, struct ash_pmem *region)
{
    struct pci_device device;
    uint64_t size;
    int error = pci_find(host, EDU_VENDOR, EDU_DEVICE, 0, &device);

    if (error == 0) {
        error = pci_map_bar(host, &device, 0, &edu->registers, &size);
    }
    if (error != 0) {
        return error;
    }
    mmio_write32(edu->registers, EDU_LIVENESS, EDU_LIVE);
    if (mmio_read32(edu->registers, EDU_ID) != EDU_ID_VALUE ||
        mmio_read32(edu->registers, EDU_LIVENESS) != ~EDU_LIVE) {
        return ASH_ENODEV;
    }
    port_zero(&edu->dma, sizeof(edu->dma));
    port_zero(&edu->bounce, sizeof(edu->bounce));
    edu->dma.name = "edu";
    edu->dma.mask = mask;
    edu->dma.segment = EDU_BYTES;
    edu->dma.coherent = host->coherent;
    edu->dma.bounce = &edu->bounce;
    error = ash_dma_bounce_create(&edu->bounce, edu->dma.name, region, EDU_BOUNCE, &edu->dma);
    if (error == 0) {
        error = ash_dma_init(&edu->dma);
        if (error != 0) {
            (void)ash_dma_bounce_destroy(&edu->bounce);
        }
    }
    return error;
}

int edu_close(struct edu *edu)
{
    int error = ash_dma_exit(&edu->dma);

    return error != 0 ? error : ash_dma_bounce_destroy(&edu->bounce);
}

/* Its address registers are 64 bits wide, but take 32 at once: the upper half of a mask of 32 bits
 * or less is 0. */
static int edu_move(struct edu *edu, uint64_t from, uint64_t to, uint32_t size, uint32_t command)
{
    uint64_t start = ash_now_ns();

    mmio_write32(edu->registers, EDU_SOURCE, (uint32_t)from);
    mmio_write32(edu->registers, EDU_DESTINATION, (uint32_t)to);
    mmio_write32(edu->registers, EDU_COUNT, size);
    ash_dma_barrier();
    mmio_write32(edu->registers, EDU_COMMAND, command);
    while ((mmio_read32(edu->registers, EDU_COMMAND) & EDU_START) != 0) {
        if (ash_now_ns() - start > EDU_PATIENCE_NS) {
            return ASH_ETIMEDOUT;
        }
    }
    return 0;
}

static int edu_check(uint32_t offset, uint32_t size)
{
    return size == 0                                         ? ASH_EINVAL
           : offset > EDU_BYTES || size > EDU_BYTES - offset ? ASH_ERANGE
                                                             : 0;
}

int edu_write(struct edu *edu, uint32_t offset, ash_bus_t bus, uint32_t size)
{
    int error = edu_check(offset, size);

    return error != 0 ? error : edu_move(edu, bus.value, EDU_BUFFER + offset, size, EDU_START);
}

int edu_read(struct edu *edu, uint32_t offset, ash_bus_t bus, uint32_t size)
{
    int error = edu_check(offset, size);

    return error != 0
               ? error
               : edu_move(edu, EDU_BUFFER + offset, bus.value, size, EDU_START | EDU_TO_MEMORY);
}
