/* SPDX-License-Identifier: MIT */
/*
 * Driver of the DMA engine of BCM2835 to BCM2837. Owns the channels and their control blocks;
 * memory that transfers work on is the caller's, who has mapped it.
 */
#include "board/dev/bcm2835_dma.h"

#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "board/dev/mmio.h"
#include "port/port.h"

/* BCM2835 ARM Peripherals, 4.2.1: of a channel, each at a multiple of 0x100 */
#define DMA_CHANNEL(n)    (0x100u * (n))
#define DMA_CS            0x00u
#define DMA_CONBLK_AD     0x04u
#define DMA_DEBUG         0x20u
#define DMA_ENABLE        0xff0u /* of all channels */
#define DMA_CHANNEL_BYTES 0x1000u

#define CS_ACTIVE      (1u << 0)
#define CS_END         (1u << 1) /* written: cleared */
#define CS_INT         (1u << 2) /* written: cleared */
#define CS_ERROR       (1u << 8)
#define CS_PRIORITY    (8u << 16) /* in the middle, when things are normal and when not */
#define CS_PANIC       (8u << 20)
#define CS_WAIT_WRITES (1u << 28) /* the end comes after the last write has arrived */
#define CS_RESET       (1u << 31)
#define CS_DONE        (CS_END | CS_ERROR)

#define DEBUG_ERRORS 7u /* written: cleared */

#define TI_INTEN     (1u << 0)
#define TI_WAIT_RESP (1u << 3) /* each write is answered */
#define TI_DEST_INC  (1u << 4)
#define TI_SRC_INC   (1u << 8)

/* TXFR_LEN has 30 bits, and 16 in a lite channel; whole words of it */
#define LENGTH_MOST      0x3ffffffcu
#define LENGTH_MOST_LITE 0xfffcu

#define WORD            4u
#define DMA_IRQ_OWN     11u /* channels with an interrupt of their own */
#define DMA_PATIENCE_NS 10000000000u
#define DMA_DEVICE_NAME "brcm,bcm2835-dma"

static uint32_t dma_taken[BCM2835_DMA_CHANNELS];

static void dma_interrupt(void *arg)
{
    struct bcm2835_dma *dma = arg;
    uint32_t status = mmio_read32(dma->registers, DMA_CS);

    mmio_write32(dma->registers, DMA_CS, CS_INT | CS_END);
    port_store_release(&dma->status, status);
    port_send_event();
}

static int take_blocks(struct bcm2835_dma *dma, struct ash_pmem *region)
{
    int error = ash_dma_pool_create(&dma->pool, dma->dma.name, &dma->dma, region,
                                    sizeof(struct bcm2835_dma_block), BCM2835_DMA_ALIGN, 0,
                                    BCM2835_DMA_BLOCKS + 1);

    if (error != 0) {
        return error;
    }
    for (unsigned i = 0; i < BCM2835_DMA_BLOCKS; i++) {
        dma->block[i] = ash_dma_pool_alloc(&dma->pool, &dma->bus[i]);
    }
    dma->pattern = ash_dma_pool_alloc(&dma->pool, &dma->pattern_bus);
    return 0;
}

static int leave_blocks(struct bcm2835_dma *dma)
{
    for (unsigned i = 0; i < BCM2835_DMA_BLOCKS; i++) {
        (void)ash_dma_pool_free(&dma->pool, (void *)(uintptr_t)dma->block[i]);
    }
    (void)ash_dma_pool_free(&dma->pool, (void *)(uintptr_t)dma->pattern);
    return ash_dma_pool_destroy(&dma->pool);
}

/* The device and its blocks; the registers are known. */
static int bring_up(struct bcm2835_dma *dma, struct ash_pmem *region)
{
    int error;

    dma->dma.name = "bcm2835-dma";
    dma->dma.mask = UINT32_MAX;
    dma->dma.alignment = WORD;
    dma->dma.segment = dma->channel < BCM2835_DMA_LITE ? LENGTH_MOST : LENGTH_MOST_LITE;
    dma->dma.bus_offset = ash_board.bus_offset;
    error = ash_dma_init(&dma->dma);
    if (error != 0) {
        return error;
    }
    error = take_blocks(dma, region);
    if (error == 0 && dma->irq != 0) {
        error = ash_irq_attach(dma->irq, dma_interrupt, dma);
        if (error != 0) {
            (void)leave_blocks(dma);
        }
    }
    if (error != 0) {
        (void)ash_dma_exit(&dma->dma);
    }
    return error;
}

int bcm2835_dma_open(struct bcm2835_dma *dma, unsigned channel, bool interrupts,
                     struct ash_pmem *region)
{
    const struct ash_device *device = ash_platform_device(DMA_DEVICE_NAME, 0);
    ash_va_t base = {0};
    int error;

    if (channel >= BCM2835_DMA_CHANNELS || (interrupts && channel >= DMA_IRQ_OWN)) {
        return ASH_EINVAL;
    }
    if (device == NULL) {
        return ASH_ENODEV;
    }
    if (!port_exchange32(&dma_taken[channel], 0, 1)) {
        return ASH_EEXIST;
    }
    port_zero(dma, sizeof(*dma));
    dma->channel = channel;
    dma->irq = interrupts ? device->irq + channel : 0;
    error = ash_map_device(device->range.base, DMA_CHANNEL_BYTES, &base);
    if (error == 0) {
        dma->registers = ash_va(base.value + DMA_CHANNEL(channel));
        mmio_write32(base, DMA_ENABLE, mmio_read32(base, DMA_ENABLE) | 1u << channel);
        mmio_write32(dma->registers, DMA_CS, CS_RESET);
        error = bring_up(dma, region);
    }
    if (error != 0) {
        port_store_release(&dma_taken[channel], 0);
    }
    return error;
}

int bcm2835_dma_close(struct bcm2835_dma *dma)
{
    struct ash_dma_stats stats;
    int error;

    ash_dma_stats(&dma->dma, &stats);
    if (dma->count != 0 || stats.live > 1) { /* the one is the pool of blocks */
        return ASH_EBUSY;
    }
    if (dma->irq != 0) {
        (void)ash_irq_detach(dma->irq);
    }
    mmio_write32(dma->registers, DMA_CS, CS_RESET);
    error = leave_blocks(dma);
    if (error == 0) {
        error = ash_dma_exit(&dma->dma);
    }
    port_store_release(&dma_taken[dma->channel], 0);
    return error;
}

/* How many bytes the segments have. */
static int measure(const struct ash_dma_segment *segment, unsigned count, uint64_t *bytes)
{
    *bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t bus = segment[i].bus.value, size = segment[i].size;

        if (bus > UINT32_MAX || size > UINT32_MAX || size > UINT32_MAX - bus + 1) {
            return ASH_ERANGE;
        }
        if (bus % WORD != 0 || size % WORD != 0) {
            return ASH_EALIGN;
        }
        *bytes += size;
    }
    return *bytes == 0 ? ASH_EINVAL : 0;
}

/* A place in a list of segments. */
struct place {
    const struct ash_dma_segment *segment; /* NULL: the same word again and again */
    uint64_t offset;
};

static void skip_empty(struct place *place)
{
    while (place->segment != NULL && place->offset == place->segment->size) {
        place->segment++;
        place->offset = 0;
    }
}

static uint64_t left_at(const struct place *place)
{
    return place->segment == NULL ? UINT64_MAX : place->segment->size - place->offset;
}

static uint32_t bus_at(const struct place *place, ash_bus_t word)
{
    return (uint32_t)(place->segment == NULL ? word.value
                                             : place->segment->bus.value + place->offset);
}

/* One block for each run in which neither list ends; the number of them, or ASH_ENOMEM. */
static int chain(struct bcm2835_dma *dma, struct place to, struct place from, uint64_t bytes)
{
    unsigned count = 0;

    while (bytes > 0) {
        uint64_t length = dma->dma.segment;
        volatile struct bcm2835_dma_block *block;

        if (count == BCM2835_DMA_BLOCKS) {
            return ASH_ENOMEM;
        }
        skip_empty(&to);
        skip_empty(&from);
        length = left_at(&to) < length ? left_at(&to) : length;
        length = left_at(&from) < length ? left_at(&from) : length;
        block = dma->block[count];
        block->information = TI_WAIT_RESP | TI_DEST_INC | (from.segment != NULL ? TI_SRC_INC : 0);
        block->source = bus_at(&from, dma->pattern_bus);
        block->destination = bus_at(&to, dma->pattern_bus);
        block->length = (uint32_t)length;
        block->stride = 0;
        block->next = 0;
        if (count > 0) {
            dma->block[count - 1]->next = (uint32_t)dma->bus[count].value;
        }
        count++;
        bytes -= length;
        to.offset += length;
        from.offset += from.segment != NULL ? length : 0;
    }
    if (dma->irq != 0) {
        dma->block[count - 1]->information |= TI_INTEN;
    }
    return (int)count;
}

static int start(struct bcm2835_dma *dma, struct place to, struct place from, uint64_t bytes)
{
    int count = chain(dma, to, from, bytes);

    if (count < 0) {
        return count;
    }
    dma->count = (unsigned)count;
    port_store_release(&dma->status, 0);
    mmio_write32(dma->registers, DMA_CONBLK_AD, (uint32_t)dma->bus[0].value);
    ash_dma_barrier();
    mmio_write32(dma->registers, DMA_CS, CS_ACTIVE | CS_PRIORITY | CS_PANIC | CS_WAIT_WRITES);
    return 0;
}

int bcm2835_dma_copy(struct bcm2835_dma *dma, const struct ash_dma_segment *to, unsigned to_count,
                     const struct ash_dma_segment *from, unsigned from_count)
{
    uint64_t bytes = 0, same = 0;
    int error = dma->count != 0 ? ASH_EBUSY : measure(to, to_count, &bytes);

    if (error == 0) {
        error = measure(from, from_count, &same);
    }
    if (error == 0 && bytes != same) {
        error = ASH_EINVAL;
    }
    return error != 0 ? error : start(dma, (struct place){to, 0}, (struct place){from, 0}, bytes);
}

int bcm2835_dma_fill(struct bcm2835_dma *dma, const struct ash_dma_segment *to, unsigned to_count,
                     uint32_t word)
{
    uint64_t bytes = 0;
    int error = dma->count != 0 ? ASH_EBUSY : measure(to, to_count, &bytes);

    if (error != 0) {
        return error;
    }
    *dma->pattern = word;
    return start(dma, (struct place){to, 0}, (struct place){NULL, 0}, bytes);
}

/* CS as it is, or as the interrupt found it. */
static uint32_t status_of(const struct bcm2835_dma *dma)
{
    return dma->irq != 0 ? port_load_acquire(&dma->status) : mmio_read32(dma->registers, DMA_CS);
}

int bcm2835_dma_wait(struct bcm2835_dma *dma)
{
    uint64_t begin = ash_now_ns();
    uint32_t status;

    if (dma->count == 0) {
        return ASH_ENOENT;
    }
    /* An error stops the engine and comes without an interrupt. */
    while (((status = status_of(dma)) & CS_DONE) == 0 &&
           (mmio_read32(dma->registers, DMA_CS) & CS_ERROR) == 0 &&
           ash_now_ns() - begin <= DMA_PATIENCE_NS) {
    }
    status |= mmio_read32(dma->registers, DMA_CS) & CS_ERROR;
    ash_dma_barrier();
    if ((status & CS_DONE) != CS_END) {
        mmio_write32(dma->registers, DMA_CS, CS_RESET);
        mmio_write32(dma->registers, DMA_DEBUG, DEBUG_ERRORS);
    } else {
        mmio_write32(dma->registers, DMA_CS, CS_INT | CS_END);
    }
    dma->count = 0;
    return (status & CS_ERROR) != 0 ? ASH_EIO : (status & CS_END) != 0 ? 0 : ASH_ETIMEDOUT;
}
