/* SPDX-License-Identifier: MIT */
/*
 * Driver of virtio block devices. Owns the queue and the headers and status bytes of requests, all
 * in one coherent buffer; the data is mapped by board/block.c.
 *
 * Request slot i uses descriptors 3i (header), 3i+1 (data) and 3i+2 (status), for good: nothing is
 * searched for, and a broken device can name no descriptor that is not checked.
 */
#include "board/dev/virtio_blk.h"

#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "board/block.h"
#include "board/dev/virtio.h"
#include "port/port.h"

/* Feature bits (5.2.3) and configuration (5.2.4) */
#define VIRTIO_BLK_SIZE_MAX        (1u << 1)
#define VIRTIO_BLK_READ_ONLY       (1u << 5)
#define VIRTIO_BLK_FLUSH           (1u << 9)
#define VIRTIO_BLK_CONFIG_CAPACITY 0u
#define VIRTIO_BLK_CONFIG_SIZE_MAX 8u
/* Requests (5.2.6) */
#define VIRTIO_BLK_IN          0u
#define VIRTIO_BLK_OUT         1u
#define VIRTIO_BLK_CMD_FLUSH   4u
#define VIRTIO_BLK_OK          0u
#define VIRTIO_BLK_UNSUPPORTED 2u
#define VIRTIO_BLK_PENDING     0xffu /* no status of the device */

#define VIRTIO_BLK_DEPTH       16u
#define VIRTIO_BLK_MAX_SECTORS 2048u /* a request takes a bounded time */

struct virtio_blk_header {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};

/* The driver's part of the buffer, behind the queue. */
struct virtio_blk_shared {
    struct virtio_blk_header header[VIRTIO_BLK_DEPTH];
    uint8_t status[VIRTIO_BLK_DEPTH];
};

struct virtio_blk {
    struct ash_block block; /* first: the two share their address */
    struct virtio_device device;
    struct virtio_queue queue;
    struct ash_dma_buffer buffer;
    volatile struct virtio_blk_shared *shared;
    uint64_t shared_bus;
    struct ash_block_request *request[VIRTIO_BLK_DEPTH]; /* NULL where the slot is free */
    uint32_t free;                                       /* bit i: slot i is free */
    uint32_t irq;
    uint16_t queue_size;
    bool coherent;
};

static struct virtio_blk virtio_blk_devices[BLOCK_DEVICES];
static unsigned virtio_blk_count;

/* From reset to ready; all slots free. The buffer is there and zeroed. */
static int virtio_blk_bring_up(struct virtio_blk *disk)
{
    struct ash_block_info *info = &disk->block.info;
    uint32_t features, most = VIRTIO_BLK_MAX_SECTORS;
    int error = virtio_reset(&disk->device);

    if (error == 0) {
        error = virtio_negotiate(&disk->device,
                                 VIRTIO_BLK_SIZE_MAX | VIRTIO_BLK_READ_ONLY | VIRTIO_BLK_FLUSH,
                                 &features);
    }
    if (error == 0) {
        error = virtio_queue_start(&disk->queue, &disk->device, 0, disk->queue_size,
                                   disk->buffer.block.ptr, disk->buffer.bus);
    }
    if (error != 0) {
        return error;
    }
    info->sectors = virtio_config64(&disk->device, VIRTIO_BLK_CONFIG_CAPACITY);
    if (features & VIRTIO_BLK_SIZE_MAX) {
        uint32_t size_max = virtio_config32(&disk->device, VIRTIO_BLK_CONFIG_SIZE_MAX);

        most = size_max / ASH_BLOCK_SECTOR < most ? size_max / ASH_BLOCK_SECTOR : most;
    }
    info->max_sectors = most;
    info->depth = disk->queue_size / 3 < VIRTIO_BLK_DEPTH ? disk->queue_size / 3 : VIRTIO_BLK_DEPTH;
    info->irq = disk->irq;
    info->read_only = (features & VIRTIO_BLK_READ_ONLY) != 0;
    info->volatile_cache = (features & VIRTIO_BLK_FLUSH) != 0;
    disk->free = (1u << info->depth) - 1;
    virtio_ready(&disk->device);
    return most == 0 ? ASH_ENODEV : 0;
}

static int virtio_blk_start(struct ash_block *block, struct ash_pmem *region)
{
    struct virtio_blk *disk = (struct virtio_blk *)block;
    size_t offset;
    int error;

    disk->queue_size = virtio_queue_limit(&disk->device, 0);
    if (disk->queue_size < 4) {
        return ASH_ENODEV;
    }
    offset = virtio_queue_bytes(disk->queue_size);
    port_zero(&block->dma, sizeof(block->dma));
    block->dma.name = "virtio-blk";
    block->dma.mask = UINT64_MAX;
    block->dma.coherent = disk->coherent;
    block->dma.bus_offset = ash_board.bus_offset;
    error = ash_dma_init(&block->dma);
    if (error != 0) {
        return error;
    }
    error = ash_dma_alloc(&block->dma, region, offset + sizeof(struct virtio_blk_shared),
                          &disk->buffer);
    if (error == 0) {
        disk->shared =
            (volatile struct virtio_blk_shared *)((uintptr_t)disk->buffer.block.ptr + offset);
        disk->shared_bus = disk->buffer.bus.value + offset;
        error = virtio_blk_bring_up(disk);
        if (error != 0) {
            (void)virtio_reset(&disk->device);
            (void)ash_dma_free(&disk->buffer);
        }
    }
    if (error != 0) {
        (void)ash_dma_exit(&block->dma);
    }
    return error;
}

static int virtio_blk_stop(struct ash_block *block)
{
    struct virtio_blk *disk = (struct virtio_blk *)block;
    int error = virtio_reset(&disk->device);

    if (error == 0) {
        error = ash_dma_free(&disk->buffer);
    }
    return error == 0 ? ash_dma_exit(&block->dma) : error;
}

static void virtio_blk_describe(struct virtio_blk *disk, uint16_t index, uint64_t address,
                                uint32_t length, uint16_t flags)
{
    volatile struct virtio_desc *desc = &disk->queue.desc[index];

    desc->address = address;
    desc->length = length;
    desc->flags = flags;
    desc->next = (uint16_t)(index + 1);
}

static int virtio_blk_submit(struct ash_block *block, struct ash_block_request *request)
{
    struct virtio_blk *disk = (struct virtio_blk *)block;
    volatile struct virtio_blk_shared *shared = disk->shared;
    uint32_t slot;
    uint16_t head, at;

    if (disk->free == 0) {
        return ASH_EBUSY;
    }
    slot = (uint32_t)__builtin_ctz(disk->free);
    disk->free &= disk->free - 1;
    disk->request[slot] = request;
    shared->header[slot].type = request->op == ASH_BLOCK_READ    ? VIRTIO_BLK_IN
                                : request->op == ASH_BLOCK_WRITE ? VIRTIO_BLK_OUT
                                                                 : VIRTIO_BLK_CMD_FLUSH;
    shared->header[slot].reserved = 0;
    shared->header[slot].sector = request->op == ASH_BLOCK_FLUSH ? 0 : request->sector;
    shared->status[slot] = VIRTIO_BLK_PENDING;
    head = at = (uint16_t)(3 * slot);
    virtio_blk_describe(disk, at++,
                        disk->shared_bus + offsetof(struct virtio_blk_shared, header) +
                            slot * sizeof(struct virtio_blk_header),
                        sizeof(struct virtio_blk_header), VIRTIO_DESC_NEXT);
    if (request->op != ASH_BLOCK_FLUSH) {
        virtio_blk_describe(disk, at++, request->mapping.bus.value,
                            request->count * ASH_BLOCK_SECTOR,
                            request->op == ASH_BLOCK_READ ? VIRTIO_DESC_NEXT | VIRTIO_DESC_WRITE
                                                          : VIRTIO_DESC_NEXT);
    }
    virtio_blk_describe(disk, at,
                        disk->shared_bus + offsetof(struct virtio_blk_shared, status) + slot, 1,
                        VIRTIO_DESC_WRITE);
    virtio_queue_give(&disk->queue, head);
    return 0;
}

static void virtio_blk_collect(struct ash_block *block)
{
    struct virtio_blk *disk = (struct virtio_blk *)block;
    uint32_t head;

    while (virtio_queue_take(&disk->queue, &head)) {
        uint32_t slot = head / 3;
        struct ash_block_request *request;
        uint8_t status;

        /* A device that names what it was not given is believed nothing. */
        if (head % 3 != 0 || slot >= block->info.depth || (disk->free >> slot & 1) != 0) {
            continue;
        }
        status = disk->shared->status[slot];
        request = disk->request[slot];
        disk->request[slot] = NULL;
        disk->free |= 1u << slot;
        block_finish(block, request,
                     status == VIRTIO_BLK_OK            ? 0
                     : status == VIRTIO_BLK_UNSUPPORTED ? ASH_ENOSYS
                                                        : ASH_EIO);
    }
}

static void virtio_blk_set_interrupts(struct ash_block *block, bool on)
{
    virtio_queue_interrupts(&((struct virtio_blk *)block)->queue, on);
}

static bool virtio_blk_acknowledge(struct ash_block *block)
{
    return virtio_interrupt(&((struct virtio_blk *)block)->device) != 0;
}

static int virtio_blk_recover(struct ash_block *block)
{
    struct virtio_blk *disk = (struct virtio_blk *)block;
    int error = virtio_reset(&disk->device);

    /* Whatever becomes of the device: no slot holds a request from here on. */
    for (uint32_t slot = 0; slot < VIRTIO_BLK_DEPTH; slot++) {
        struct ash_block_request *lost = disk->request[slot];

        disk->request[slot] = NULL;
        if (lost != NULL) {
            block_finish(block, lost, ASH_ETIMEDOUT);
        }
    }
    disk->free = (1u << block->info.depth) - 1;
    if (error == 0) {
        port_zero(disk->buffer.block.ptr, (size_t)disk->buffer.block.size);
        disk->queue.seen = 0;
        error = virtio_blk_bring_up(disk);
    }
    if (error == 0 && block->mode == ASH_BLOCK_INTERRUPT) {
        virtio_queue_interrupts(&disk->queue, true);
    }
    return error;
}

static const struct block_driver virtio_blk_driver = {
    .start = virtio_blk_start,
    .stop = virtio_blk_stop,
    .submit = virtio_blk_submit,
    .collect = virtio_blk_collect,
    .set_interrupts = virtio_blk_set_interrupts,
    .acknowledge = virtio_blk_acknowledge,
    .recover = virtio_blk_recover,
};

int virtio_blk_probe(const struct ash_device *device)
{
    struct virtio_blk *disk = &virtio_blk_devices[virtio_blk_count];
    ash_va_t base;
    int error;

    if (virtio_blk_count == BLOCK_DEVICES) {
        return ASH_ENOMEM;
    }
    error = ash_map_device(device->range.base, device->range.size, &base);
    if (error != 0) {
        return error;
    }
    if (!virtio_find(base, VIRTIO_ID_BLOCK, &disk->device)) {
        return ASH_ENODEV;
    }
    disk->irq = device->irq;
    disk->coherent = device->coherent;
    disk->block.driver = &virtio_blk_driver;
    error = block_register(&disk->block);
    if (error == 0) {
        virtio_blk_count++;
    }
    return error;
}
