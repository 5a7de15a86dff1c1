/* SPDX-License-Identifier: MIT */
/*
 * QEMU's virt machine: fixed addresses, which device tree to believe, and which drivers to use.
 * Everything else comes from the tree.
 */
#include "ashlar/board.h"

#include "ashlar/boot.h"
#include "ashlar/errors.h"
#include "board/dev/gic.h"
#include "board/dev/mmio.h"
#include "board/dev/pl011.h"
#include "board/dev/pl061.h"
#include "board/dev/psci.h"
#include "board/dev/timer.h"
#include "board/platform.h"
#include "port/port.h"

#define VIRT_RAM_BASE     0x40000000u
#define VIRT_IMAGE_RAM    0x40200000u /* where all images are linked to have theirs */
#define VIRT_IMAGE_BYTES  (2u << 20)
#define VIRT_FLASH_END    0x08000000u
#define VIRT_PL011        0x09000000u
#define VIRT_SECURE_GPIO  0x090b0000u /* line 0 powers off, line 1 resets */
#define VIRT_GIC          0x08000000u
#define VIRT_GICV2_ID     0xfe8u /* ICPIDR2, IHI 0048B section 4.4.17 */
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

/* What power_off and reset need after discovery, wherever they are called from. */
static enum ash_psci_conduit virt_psci;
static struct ash_gpio_line virt_power_off_line, virt_reset_line;
static ash_va_t virt_power_off_gpio, virt_reset_gpio;

/* Bytes from `hint` on that can be read without an abort; 0 for what cannot be a tree. */
static uint64_t virt_room(uint64_t hint, const struct ash_platform *fixed)
{
    if (hint % 4 != 0) {
        return 0;
    }
    if (hint < VIRT_FLASH_END) {
        return VIRT_FLASH_END - hint;
    }
    if (hint < VIRT_RAM_BASE || hint >= VIRT_ADDRESS_END) {
        return 0;
    }
    /* A tree at the fixed address says where RAM ends; without one, the register is believed. */
    return fixed != NULL ? platform_ram_from(fixed, ash_pa(hint)) : VIRT_ADDRESS_END - hint;
}

static uint64_t virt_least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void virt_fallback_devices(struct ash_platform *platform)
{
    static const char name[] = "virtio,mmio";

    for (uint32_t i = 0; i < VIRT_VIRTIO_SLOTS; i++) {
        struct ash_device *device = &platform->device[i];

        device->range.base = ash_pa(VIRT_VIRTIO + i * VIRT_VIRTIO_BYTES);
        device->range.size = VIRT_VIRTIO_BYTES;
        device->irq = VIRT_VIRTIO_IRQ + i;
        device->coherent = true;
        port_copy(device->name, name, sizeof(name));
    }
    platform->device_count = VIRT_VIRTIO_SLOTS;
    /* The identification of a GICv2 stands where a GICv3 reads as zero. */
    if ((mmio_read32(ash_va(VIRT_GIC), VIRT_GICV2_ID) >> 4 & 0xf) == 2) {
        platform->irq.version = 2;
        platform->irq.cpu = (struct ash_range){ash_pa(VIRT_GIC + 0x10000), 0x10000};
    } else {
        platform->irq.version = 3;
        platform->irq.cpu = (struct ash_range){ash_pa(VIRT_GIC + 0xa0000), 0xf60000};
    }
    platform->irq.distributor = (struct ash_range){ash_pa(VIRT_GIC), 0x10000};
    platform->timer_irq = VIRT_TIMER_IRQ;
}

/* What QEMU always has, when no tree says more. */
static void virt_fallback(struct ash_platform *platform, bool secure, int error)
{
    platform_clear(platform);
    platform->source = ASH_PLATFORM_FALLBACK;
    platform->source_error = error;
    platform->secure = secure;
    (void)platform_add_ram(platform, (struct ash_range){ash_pa(VIRT_RAM_BASE), VIRT_FALLBACK_RAM});
    platform->flash[0] = (struct ash_range){ash_pa(0), VIRT_FLASH_END};
    platform->flash_count = 1;
    platform->console = (struct ash_range){ash_pa(VIRT_PL011), VIRT_DEVICE_BYTES};
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

/* A tree is of no use if the image would have no RAM to run in. */
static int virt_read(struct ash_platform *platform, const void *tree, uint64_t room, bool secure)
{
    int error = platform_from_tree(platform, tree, room, secure);

    if (error != 0) {
        return error;
    }
    if (platform_ram_from(platform, ash_pa(VIRT_IMAGE_RAM)) < VIRT_IMAGE_BYTES) {
        return ASH_ERANGE;
    }
    for (unsigned i = 0; i < platform->reserved_count; i++) {
        const struct ash_range *range = &platform->reserved[i].range;

        if (range->base.value < VIRT_IMAGE_RAM + VIRT_IMAGE_BYTES &&
            range->base.value + range->size > VIRT_IMAGE_RAM) {
            return ASH_EBUSY;
        }
    }
    return 0;
}

static void virt_discover(const void *hint, struct ash_platform *platform)
{
    const void *fixed = (const void *)(uintptr_t)VIRT_RAM_BASE;
    bool secure = ash_boot_info.secure;
    int error = virt_read(platform, fixed, VIRT_TREE_BYTES, secure);
    uint64_t room = hint == fixed ? 0 : virt_room((uintptr_t)hint, error == 0 ? platform : NULL);
    bool by_register =
        room != 0 && virt_read(platform, hint, virt_least(room, VIRT_TREE_BYTES), secure) == 0;

    if (by_register) {
        platform->source = ASH_PLATFORM_REGISTER;
    } else if (error != 0) {
        virt_fallback(platform, secure, error);
    } else {
        if (platform->tree.base.value != VIRT_RAM_BASE) {
            (void)virt_read(platform, fixed, VIRT_TREE_BYTES, secure);
        }
        platform->source = hint == fixed ? ASH_PLATFORM_REGISTER : ASH_PLATFORM_FIXED;
    }
    virt_psci = platform->psci;
    virt_power_off_line = platform->power_off;
    virt_reset_line = platform->restart;
    virt_power_off_gpio = ash_va((uintptr_t)platform->power_off.gpio.base.value);
    virt_reset_gpio = ash_va((uintptr_t)platform->restart.gpio.base.value);
}

static void virt_console_init(const struct ash_platform *platform)
{
    pl011_init(ash_va((uintptr_t)platform->console.base.value));
}

/* Maps a device that early code used by its physical address. Size 0: there is none. */
static int virt_map(const struct ash_range *range, ash_va_t *va)
{
    return range->size == 0 ? 0 : ash_map_device(range->base, range->size, va);
}

static int virt_init(const struct ash_platform *platform)
{
    ash_va_t console = ash_va(0);
    int error = virt_map(&platform->console, &console);

    if (error != 0) {
        return error;
    }
    pl011_move(console);
    error = virt_map(&platform->power_off.gpio, &virt_power_off_gpio);
    if (error != 0) {
        return error;
    }
    error = virt_map(&platform->restart.gpio, &virt_reset_gpio);
    if (error != 0) {
        return error;
    }
    error = gic_init(&platform->irq, platform->secure);
    if (error != 0) {
        return error;
    }
    return timer_init(platform->timer_irq);
}

static int virt_cpu_start(unsigned cpu, ash_pa_t entry)
{
    if (cpu == 0 || cpu >= ash_platform.cpu_count || cpu >= ASH_PLATFORM_CPUS) {
        return ASH_ENODEV;
    }
    if (ash_platform.secure) {
        return 0; /* all of them came to the reset vector */
    }
    return psci_cpu_on(ash_platform.psci, ash_platform.cpu_id[cpu], entry);
}

static void virt_power_off(void)
{
    psci_system_off(virt_psci);
    if (virt_power_off_line.gpio.size != 0) {
        pl061_activate(virt_power_off_gpio, virt_power_off_line.line,
                       virt_power_off_line.active_low);
    }
}

static void virt_reset(void)
{
    psci_system_reset(virt_psci);
    if (virt_reset_line.gpio.size != 0) {
        pl061_activate(virt_reset_gpio, virt_reset_line.line, virt_reset_line.active_low);
    }
}

static const struct ash_console_ops virt_console = {pl011_put, pl011_get};

const struct ash_board ash_board = {
    .name = "virt",
    .remap_bytes = 4u << 20,
    .pmem_bytes = 2u << 20,
    .space_bits = 0,
    .vmap = {{0x20000000}, 0x1eff0000},
    .bus_offset = 0,
    .discover = virt_discover,
    .console_init = virt_console_init,
    .init = virt_init,
    .console = &virt_console,
    .clock = &timer_clock_ops,
    .irq = &gic_irq_ops,
    .cpu_start = virt_cpu_start,
    .power_off = virt_power_off,
    .reset = virt_reset,
};
