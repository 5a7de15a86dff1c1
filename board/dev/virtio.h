/* SPDX-License-Identifier: MIT */
/*
 * Virtio over MMIO (Virtual I/O Device Version 1.2, sections 2 and 4.2), legacy and modern: finding
 * a device, negotiating, and split virtqueues.
 */
#ifndef BOARD_DEV_VIRTIO_H
#define BOARD_DEV_VIRTIO_H

#include "ashlar/dma.h"
#include "ashlar/types.h"

#define VIRTIO_ID_BLOCK  2u
#define VIRTIO_QUEUE_MAX 64u

/* Descriptor flags (2.7.5) */
#define VIRTIO_DESC_NEXT  1u
#define VIRTIO_DESC_WRITE 2u /**< the device writes */

struct virtio_desc {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

struct virtio_used_entry {
    uint32_t id;
    uint32_t length;
};

struct virtio_device {
    ash_va_t base;
    bool modern; /**< register layout version 2 */
};

/** A split virtqueue in one coherent buffer; the driver's own part of the buffer follows it. */
struct virtio_queue {
    struct virtio_device *device;
    uint16_t number;
    uint16_t size;      /**< descriptors, a power of two */
    uint16_t published; /**< available entries so far */
    uint16_t seen;      /**< used entries so far */
    struct virtio_desc *desc;
    uint16_t *avail; /**< flags, index, ring[size] */
    uint16_t *used;  /**< flags, index, then entries */
};

/** Bytes of a queue of `size` descriptors: a multiple of 16. */
size_t virtio_queue_bytes(uint16_t size);

/** True if there is a device of this kind at `base`; *device is then filled. Device memory. */
bool virtio_find(ash_va_t base, uint32_t id, struct virtio_device *device);

/** Resets the device; it has forgotten all and touches no memory on return. ASH_EIO if not. */
int virtio_reset(struct virtio_device *device);

/**
 * After a reset: offers to drive the device with those of `wanted` (feature bits 0-31) that it has;
 * *features is what was agreed on. ASH_ENODEV if it wants something else.
 */
int virtio_negotiate(struct virtio_device *device, uint32_t wanted, uint32_t *features);

/** Most descriptors of queue `number`: a power of two up to VIRTIO_QUEUE_MAX; 0: no such queue. */
uint16_t virtio_queue_limit(struct virtio_device *device, uint16_t number);

/** Lays the queue out at `memory`/`bus` (page-aligned, zeroed, coherent) and tells the device. */
int virtio_queue_start(struct virtio_queue *queue, struct virtio_device *device, uint16_t number,
                       uint16_t size, void *memory, ash_bus_t bus);

/** The device may now work. */
void virtio_ready(struct virtio_device *device);

/** Makes the chain that starts at descriptor `head` available and notifies the device. */
void virtio_queue_give(struct virtio_queue *queue, uint16_t head);

/** The next chain that the device has used: its head and true, or false if there is none. */
bool virtio_queue_take(struct virtio_queue *queue, uint32_t *head);

/** Whether the device shall interrupt when it has used a chain. A hint: it may still do so. */
void virtio_queue_interrupts(struct virtio_queue *queue, bool on);

/** What the device's interrupt is about (bit 0: a queue, bit 1: configuration), acknowledged. */
uint32_t virtio_interrupt(struct virtio_device *device);

/** 32 and 64 bits of the configuration space; the latter read as one value. */
uint32_t virtio_config32(struct virtio_device *device, uint32_t offset);
uint64_t virtio_config64(struct virtio_device *device, uint32_t offset);

#endif
