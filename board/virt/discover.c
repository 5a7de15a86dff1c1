/* SPDX-License-Identifier: MIT */
/*
 * Which device tree to believe on QEMU's virt machine, and the built-in table that stands in for
 * it, or for those of its nodes that boot cannot do without. Touches memory and registers only to
 * see whether they are there.
 */
#include "ashlar/boot.h"
#include "ashlar/trap.h"
#include "board/platform.h"
#include "board/table.h"
#include "board/virt/virt.h"
#include "port/image.h"
#include "port/port.h"

#define VIRT_FLASH_END    0x08000000u
#define VIRT_SECURE_GPIO  0x090b0000u /* line 0 powers off, line 1 resets */
#define VIRT_GIC          0x08000000u
#define VIRT_GICV2_CPU    0x08010000u
#define VIRT_GICV3_CPU    0x080a0000u
#define VIRT_TIMER_IRQ    27u
#define VIRT_VIRTIO       0x0a000000u
#define VIRT_VIRTIO_BYTES 0x200u
#define VIRT_VIRTIO_SLOTS 32u
#define VIRT_VIRTIO_IRQ   48u
#define VIRT_DEVICE_BYTES 0x1000u
#define VIRT_FALLBACK_RAM (16u << 20)
#define VIRT_TREE_BYTES   (2u << 20) /* QEMU makes 1 MiB */
/* Of what can be read with the MMU off. */
#define VIRT_ADDRESS_END ((uint64_t)1 << (sizeof(void *) == 8 ? 40 : 32))

/* Identification registers: GIC (IHI 0048B 4.4.17, IHI 0069 12.9.34), PL011 (DDI 0183G 3.3.16) */
#define VIRT_GICV2_ID  0xfe8u
#define VIRT_GICV3_ID  0xffe8u
#define VIRT_PL011_ID0 0xfe0u
#define VIRT_PL011_ID1 0xfe4u

struct virt_word {
    uintptr_t address;
    uint32_t value;
};

static void virt_read_word(void *arg)
{
    struct virt_word *word = arg;

    word->value = *(const volatile uint32_t *)word->address;
}

/* Reads a word where perhaps nothing answers; false then. MMU off. */
static bool virt_peek(uint64_t address, uint32_t *value)
{
    static struct ash_trap trap;
    struct virt_word word = {(uintptr_t)address, 0};

    if (address % 4 != 0 || address >= VIRT_ADDRESS_END ||
        ash_trap_catch(virt_read_word, &word, &trap) != 0) {
        return false;
    }
    *value = word.value;
    return true;
}

/* Bytes from `start` on that can be read, up to `most`. */
static uint64_t virt_readable(uint64_t start, uint64_t most)
{
    uint64_t bytes = 0;
    uint32_t value;

    while (bytes < most && virt_peek(start + bytes, &value)) {
        bytes = ash_align_down(start + bytes, ASH_PAGE_SIZE) + ASH_PAGE_SIZE - start;
    }
    return bytes < most ? bytes : most;
}

/* Bytes from `hint` on in which a tree may lie; 0 for what cannot be one. */
static uint64_t virt_room(uintptr_t hint, const struct ash_platform *fixed)
{
    uint64_t room = VIRT_TREE_BYTES;

    /* Page 0 is the reset vector's, and NULL is no hint. Reading a device may change it. */
    if (hint % 4 != 0 || hint < ASH_PAGE_SIZE || (hint >= VIRT_FLASH_END && hint < VIRT_RAM_BASE)) {
        return 0;
    }
    /* A tree at the fixed address says where RAM is; without one, the machine does. */
    if (fixed != NULL && hint >= VIRT_RAM_BASE) {
        uint64_t ram = platform_ram_from(fixed, ash_pa(hint));

        room = ram < room ? ram : room;
    }
    return virt_readable(hint, room);
}

static bool virt_is_gic(unsigned version, uint64_t base)
{
    uint32_t id;

    if (!virt_peek(base + (version == 2 ? VIRT_GICV2_ID : VIRT_GICV3_ID), &id)) {
        return false;
    }
    id = id >> 4 & 0xf; /* ArchRev; 4 is a superset of 3 */
    return id == version || (id == 4 && version == 3);
}

/* The CPU interface of a GICv2 cannot be told from other registers. */
static bool virt_has_irq(const struct ash_irq_controller *irq)
{
    uint32_t value;

    return (irq->version == 2 || irq->version == 3) &&
           virt_is_gic(irq->version, irq->distributor.base.value) &&
           (irq->version == 2 ? virt_peek(irq->cpu.base.value, &value)
                              : virt_is_gic(3, irq->cpu.base.value));
}

static void virt_default_irq(struct ash_irq_controller *irq)
{
    if (virt_is_gic(2, VIRT_GIC)) {
        irq->version = 2;
        irq->cpu = (struct ash_range){ash_pa(VIRT_GICV2_CPU), 0x10000};
    } else {
        irq->version = 3;
        irq->cpu = (struct ash_range){ash_pa(VIRT_GICV3_CPU), 0xf60000};
    }
    irq->distributor = (struct ash_range){ash_pa(VIRT_GIC), 0x10000};
}

/* A disk may be polled, but need not be: which interrupt is whose is known. */
static void virt_default_interrupts(struct ash_platform *platform)
{
    for (unsigned i = 0; i < platform->device_count; i++) {
        struct ash_device *device = &platform->device[i];
        uint64_t offset = device->range.base.value - VIRT_VIRTIO;

        if (device->irq == 0 && offset < VIRT_VIRTIO_SLOTS * VIRT_VIRTIO_BYTES) {
            device->irq = VIRT_VIRTIO_IRQ + (uint32_t)(offset / VIRT_VIRTIO_BYTES);
        }
    }
}

static bool virt_has_console(const struct ash_range *console)
{
    uint64_t base = console->base.value;
    uint32_t id0, id1;

    return console->size >= VIRT_DEVICE_BYTES && virt_peek(base + VIRT_PL011_ID0, &id0) &&
           virt_peek(base + VIRT_PL011_ID1, &id1) && (id0 & 0xff) == 0x11 && (id1 & 0xf) == 0;
}

/* What boot needs and the tree does not have, or has where something else is. */
static void virt_complete(struct ash_platform *platform)
{
    if (!virt_has_console(&platform->console)) {
        platform->console = (struct ash_range){ash_pa(VIRT_PL011), VIRT_DEVICE_BYTES};
        platform->built_in |= ASH_PART_CONSOLE;
    }
    if (!virt_has_irq(&platform->irq)) {
        virt_default_irq(&platform->irq);
        virt_default_interrupts(platform);
        platform->built_in |= ASH_PART_IRQ;
    }
    if (platform->timer_irq == 0) {
        platform->timer_irq = VIRT_TIMER_IRQ;
        platform->built_in |= ASH_PART_TIMER;
    }
}

static void virt_fallback_devices(struct ash_platform *platform)
{
    static const char name[] = "virtio,mmio";

    for (uint32_t i = 0; i < VIRT_VIRTIO_SLOTS; i++) {
        struct ash_device *device = &platform->device[i];

        device->range.base = ash_pa(VIRT_VIRTIO + i * VIRT_VIRTIO_BYTES);
        device->range.size = VIRT_VIRTIO_BYTES;
        device->coherent = true;
        port_copy(device->name, name, sizeof(name));
    }
    platform->device_count = VIRT_VIRTIO_SLOTS;
}

/* What QEMU always has, when no tree says more; the rest comes from virt_complete(). */
static void virt_fallback(struct ash_platform *platform, bool secure, int error)
{
    platform_clear(platform);
    platform->source = ASH_PLATFORM_FALLBACK;
    platform->source_error = error;
    platform->secure = secure;
    (void)platform_add_ram(platform, (struct ash_range){ash_pa(VIRT_RAM_BASE), VIRT_FALLBACK_RAM});
    platform->flash[0] = (struct ash_range){ash_pa(0), VIRT_FLASH_END};
    platform->flash_count = 1;
    virt_fallback_devices(platform);
    if (secure) {
        platform->power_off.gpio = (struct ash_range){ash_pa(VIRT_SECURE_GPIO), VIRT_DEVICE_BYTES};
        platform->power_off.line = 0;
        platform->restart.gpio = platform->power_off.gpio;
        platform->restart.line = 1;
    } else {
        platform->psci = ash_boot_info.below_el2 ? ASH_PSCI_SMC : ASH_PSCI_HVC;
    }
}

void virt_find_platform(const void *hint, struct ash_platform *platform)
{
    const void *fixed = (const void *)(uintptr_t)VIRT_RAM_BASE;
    bool secure = ash_boot_info.secure;
    int error = table_read_tree(platform, fixed, VIRT_TREE_BYTES, image_ram(), secure);
    uint64_t room = hint == fixed ? 0 : virt_room((uintptr_t)hint, error == 0 ? platform : NULL);
    bool by_register = room != 0 && table_read_tree(platform, hint, room, image_ram(), secure) == 0;

    if (by_register) {
        platform->source = ASH_PLATFORM_REGISTER;
    } else if (error != 0) {
        virt_fallback(platform, secure, error);
    } else {
        if (platform->tree.base.value != VIRT_RAM_BASE) {
            (void)table_read_tree(platform, fixed, VIRT_TREE_BYTES, image_ram(), secure);
        }
        platform->source = hint == fixed ? ASH_PLATFORM_REGISTER : ASH_PLATFORM_FIXED;
    }
    virt_complete(platform);
}
