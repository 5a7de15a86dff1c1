/* SPDX-License-Identifier: MIT */
/*
 * Virtio's MMIO transport and split virtqueues, little-endian (which legacy devices are on a
 * little-endian processor). Owns the registers; memory comes from the device's driver.
 */
#include "board/dev/virtio.h"

#include "ashlar/errors.h"
#include "board/dev/mmio.h"
#include "port/port.h"

/* Section 4.2.2, and 4.2.4 for the legacy ones */
#define VIRTIO_MAGIC             0x000u
#define VIRTIO_VERSION           0x004u
#define VIRTIO_DEVICE_ID         0x008u
#define VIRTIO_FEATURES          0x010u
#define VIRTIO_FEATURES_SELECT   0x014u
#define VIRTIO_ACCEPTED          0x020u
#define VIRTIO_ACCEPTED_SELECT   0x024u
#define VIRTIO_GUEST_PAGE_SIZE   0x028u /* legacy */
#define VIRTIO_QUEUE_SELECT      0x030u
#define VIRTIO_QUEUE_NUM_MAX     0x034u
#define VIRTIO_QUEUE_NUM         0x038u
#define VIRTIO_QUEUE_ALIGN       0x03cu /* legacy */
#define VIRTIO_QUEUE_PFN         0x040u /* legacy */
#define VIRTIO_QUEUE_READY       0x044u
#define VIRTIO_QUEUE_NOTIFY      0x050u
#define VIRTIO_INTERRUPT_STATUS  0x060u
#define VIRTIO_INTERRUPT_ACK     0x064u
#define VIRTIO_STATUS            0x070u
#define VIRTIO_QUEUE_DESC        0x080u
#define VIRTIO_QUEUE_DRIVER      0x090u
#define VIRTIO_QUEUE_DEVICE      0x0a0u
#define VIRTIO_CONFIG_GENERATION 0x0fcu
#define VIRTIO_CONFIG            0x100u

#define VIRTIO_MAGIC_VALUE        0x74726976u /* "virt" */
#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER      2u
#define VIRTIO_STATUS_DRIVER_OK   4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_FEATURE_VERSION_1  (1u << 0) /* bit 32 */

#define VIRTIO_PAGE         4096u /* of legacy queues: unit of their address, and alignment */
#define VIRTIO_PATIENCE     1000000u
#define VIRTIO_NO_INTERRUPT 1u

static uint32_t virtio_read(const struct virtio_device *device, uint32_t offset)
{
    return mmio_read32(device->base, offset);
}

static void virtio_write(const struct virtio_device *device, uint32_t offset, uint32_t value)
{
    mmio_write32(device->base, offset, value);
}

bool virtio_find(ash_va_t base, uint32_t id, struct virtio_device *device)
{
    uint32_t version = mmio_read32(base, VIRTIO_VERSION);

    if (mmio_read32(base, VIRTIO_MAGIC) != VIRTIO_MAGIC_VALUE || (version != 1 && version != 2) ||
        mmio_read32(base, VIRTIO_DEVICE_ID) != id) {
        return false;
    }
    device->base = base;
    device->modern = version == 2;
    return true;
}

int virtio_reset(struct virtio_device *device)
{
    virtio_write(device, VIRTIO_STATUS, 0);
    for (uint32_t i = 0; i < VIRTIO_PATIENCE; i++) {
        if (virtio_read(device, VIRTIO_STATUS) == 0) {
            port_dsb_sy();
            return 0;
        }
    }
    return ASH_EIO;
}

int virtio_negotiate(struct virtio_device *device, uint32_t wanted, uint32_t *features)
{
    uint32_t status = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;

    virtio_write(device, VIRTIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE);
    virtio_write(device, VIRTIO_STATUS, status);
    virtio_write(device, VIRTIO_FEATURES_SELECT, 0);
    *features = virtio_read(device, VIRTIO_FEATURES) & wanted;
    virtio_write(device, VIRTIO_ACCEPTED_SELECT, 0);
    virtio_write(device, VIRTIO_ACCEPTED, *features);
    if (!device->modern) {
        virtio_write(device, VIRTIO_GUEST_PAGE_SIZE, VIRTIO_PAGE);
        return 0;
    }
    virtio_write(device, VIRTIO_FEATURES_SELECT, 1);
    if ((virtio_read(device, VIRTIO_FEATURES) & VIRTIO_FEATURE_VERSION_1) == 0) {
        return ASH_ENODEV;
    }
    virtio_write(device, VIRTIO_ACCEPTED_SELECT, 1);
    virtio_write(device, VIRTIO_ACCEPTED, VIRTIO_FEATURE_VERSION_1);
    virtio_write(device, VIRTIO_STATUS, status | VIRTIO_STATUS_FEATURES_OK);
    return virtio_read(device, VIRTIO_STATUS) & VIRTIO_STATUS_FEATURES_OK ? 0 : ASH_ENODEV;
}

uint16_t virtio_queue_limit(struct virtio_device *device, uint16_t number)
{
    uint32_t limit, size = VIRTIO_QUEUE_MAX;

    virtio_write(device, VIRTIO_QUEUE_SELECT, number);
    limit = virtio_read(device, VIRTIO_QUEUE_NUM_MAX);
    while (size > limit) {
        size /= 2;
    }
    return (uint16_t)size;
}

/* The layout that legacy devices demand (2.7.2); modern ones take any. */
static size_t virtio_used_offset(uint16_t size)
{
    size_t available = sizeof(struct virtio_desc) * size + sizeof(uint16_t) * (3u + size);

    return (available + VIRTIO_PAGE - 1) & ~(size_t)(VIRTIO_PAGE - 1);
}

size_t virtio_queue_bytes(uint16_t size)
{
    size_t used = sizeof(uint16_t) * 3 + sizeof(struct virtio_used_entry) * size;

    return virtio_used_offset(size) + ((used + 15) & ~(size_t)15);
}

static void virtio_write_address(struct virtio_device *device, uint32_t offset, uint64_t address)
{
    virtio_write(device, offset, (uint32_t)address);
    virtio_write(device, offset + 4, (uint32_t)(address >> 32));
}

int virtio_queue_start(struct virtio_queue *queue, struct virtio_device *device, uint16_t number,
                       uint16_t size, void *memory, ash_bus_t bus)
{
    size_t avail = sizeof(struct virtio_desc) * size, used = virtio_used_offset(size);

    queue->device = device;
    queue->number = number;
    queue->size = size;
    queue->published = 0;
    queue->seen = 0;
    queue->desc = memory;
    queue->avail = (uint16_t *)((uintptr_t)memory + avail);
    queue->used = (uint16_t *)((uintptr_t)memory + used);
    queue->avail[0] = VIRTIO_NO_INTERRUPT;
    virtio_write(device, VIRTIO_QUEUE_SELECT, number);
    virtio_write(device, VIRTIO_QUEUE_NUM, size);
    port_dmb_sy(); /* the device finds the queue as it was laid out */
    if (device->modern) {
        virtio_write_address(device, VIRTIO_QUEUE_DESC, bus.value);
        virtio_write_address(device, VIRTIO_QUEUE_DRIVER, bus.value + avail);
        virtio_write_address(device, VIRTIO_QUEUE_DEVICE, bus.value + used);
        virtio_write(device, VIRTIO_QUEUE_READY, 1);
        return virtio_read(device, VIRTIO_QUEUE_READY) == 1 ? 0 : ASH_EIO;
    }
    virtio_write(device, VIRTIO_QUEUE_ALIGN, VIRTIO_PAGE);
    virtio_write(device, VIRTIO_QUEUE_PFN, (uint32_t)(bus.value / VIRTIO_PAGE));
    return virtio_read(device, VIRTIO_QUEUE_PFN) == (uint32_t)(bus.value / VIRTIO_PAGE) ? 0
                                                                                        : ASH_EIO;
}

void virtio_ready(struct virtio_device *device)
{
    virtio_write(device, VIRTIO_STATUS,
                 virtio_read(device, VIRTIO_STATUS) | VIRTIO_STATUS_DRIVER_OK);
}

void virtio_queue_give(struct virtio_queue *queue, uint16_t head)
{
    volatile uint16_t *avail = queue->avail;

    avail[2 + (queue->published & (queue->size - 1))] = head;
    queue->published++;
    port_dmb_sy(); /* descriptors and ring entry before the index that publishes them */
    avail[1] = queue->published;
    port_dmb_sy(); /* the index before the notification */
    virtio_write(queue->device, VIRTIO_QUEUE_NOTIFY, queue->number);
}

bool virtio_queue_take(struct virtio_queue *queue, uint32_t *head)
{
    const volatile uint16_t *used = queue->used;
    const volatile struct virtio_used_entry *entries;

    if (used[1] == queue->seen) {
        return false;
    }
    port_dmb_sy(); /* the index before the entry, and before what the device wrote */
    entries = (const volatile struct virtio_used_entry *)(used + 2);
    *head = entries[queue->seen & (queue->size - 1)].id;
    queue->seen++;
    return true;
}

void virtio_queue_interrupts(struct virtio_queue *queue, bool on)
{
    *(volatile uint16_t *)queue->avail = (uint16_t)(on ? 0 : VIRTIO_NO_INTERRUPT);
    port_dmb_sy(); /* before the caller looks for what was used until now */
}

uint32_t virtio_interrupt(struct virtio_device *device)
{
    uint32_t status = virtio_read(device, VIRTIO_INTERRUPT_STATUS);

    virtio_write(device, VIRTIO_INTERRUPT_ACK, status);
    return status;
}

uint32_t virtio_config32(struct virtio_device *device, uint32_t offset)
{
    return virtio_read(device, VIRTIO_CONFIG + offset);
}

uint64_t virtio_config64(struct virtio_device *device, uint32_t offset)
{
    uint32_t low, high, generation, again;

    /* Version 2 counts changes (4.2.2.2); before, all that can be done is to read twice. */
    do {
        generation = device->modern ? virtio_read(device, VIRTIO_CONFIG_GENERATION)
                                    : virtio_config32(device, offset + 4);
        low = virtio_config32(device, offset);
        high = virtio_config32(device, offset + 4);
        again = device->modern ? virtio_read(device, VIRTIO_CONFIG_GENERATION) : high;
    } while (generation != again);
    return (uint64_t)high << 32 | low;
}
