/* SPDX-License-Identifier: MIT */
/*
 * Devices: what they can reach.
 * A constraint is about bus addresses; memory is found by physical ones. Only this file converts.
 */
#include "ashlar/dma.h"

#include "alloc/dma_check.h"
#include "alloc/dma_limits.h"
#include "ashlar/vmap.h"
#include "port/outside.h"
#include "port/port.h"

/* A device that went through ash_dma_init; not a value that memory has by chance. */
#define DMA_READY 0x444d4131u

/* The RAM that there is. */
static struct ash_range dma_ram[ASH_REGIONS_RAM];
static unsigned dma_ram_count;

void ash_dma_setup(const struct ash_regions *regions, struct ash_range stacks)
{
    if (!outside_interrupts(__func__)) {
        return;
    }
    dma_list_start();
    dma_members_start();
    dma_check_start(stacks);
    for (unsigned i = 0; i < regions->ram_count; i++) {
        dma_ram[i] = regions->ram[i];
    }
    dma_ram_count = regions->ram_count;
}

bool dma_is_ready(const struct ash_dma_device *device)
{
    return device != NULL && device->ready == DMA_READY;
}

void dma_count(struct ash_dma_device *device, int change)
{
    uint32_t now = port_fetch_add(&device->live, (uint32_t)change) + (uint32_t)change;
    uint32_t most = port_load_acquire(&device->most);

    while (change > 0 && now > most && !port_exchange32(&device->most, most, now)) {
        most = port_load_acquire(&device->most);
    }
}

bool dma_window(const struct ash_dma_device *device, uint64_t *first, uint64_t *last)
{
    uint64_t offset = (uint64_t)device->bus_offset;

    if (device->bus_offset >= 0) {
        *first = 0;
        *last = device->mask - offset;
        return device->mask >= offset;
    }
    *first = -offset;
    if (__builtin_add_overflow(device->mask, *first, last)) {
        *last = UINT64_MAX;
    }
    return true;
}

static bool dma_power_fits(uint64_t power, int64_t offset)
{
    return power == 0 || (ash_is_power_of_two(power) && ash_is_aligned((uint64_t)offset, power));
}

bool dma_is_sound(const struct ash_dma_device *device)
{
    uint64_t first, last;

    return (device->mask & (device->mask + 1)) == 0 && device->mask != 0 &&
           (device->keep & (device->keep + 1)) == 0 &&
           dma_power_fits(device->alignment, device->bus_offset) &&
           dma_power_fits(device->boundary, device->bus_offset) &&
           ((uint64_t)device->bus_offset & device->keep) == 0 && dma_window(device, &first, &last);
}

/* Some RAM is in the window, or none is known. */
static bool dma_reaches_ram(const struct ash_dma_device *device)
{
    uint64_t first, last;

    (void)dma_window(device, &first, &last);
    for (unsigned i = 0; i < dma_ram_count; i++) {
        uint64_t base = dma_ram[i].base.value;

        if (base <= last && base + dma_ram[i].size > first) {
            return true;
        }
    }
    return dma_ram_count == 0;
}

int ash_dma_init(struct ash_dma_device *device)
{
    int error;

    if (dma_is_ready(device)) {
        return ASH_EEXIST;
    }
    if (!dma_is_sound(device)) {
        return ASH_EINVAL;
    }
    if (!dma_reaches_ram(device)) {
        return ASH_ERANGE;
    }
    error = device->bounce == NULL ? 0 : dma_bounce_join(device);
    if (error != 0) {
        return error;
    }
    dma_check_forget(device);
    device->live = 0;
    device->most = 0;
    device->ready = DMA_READY;
    dma_list_add(device);
    return 0;
}

int ash_dma_exit(struct ash_dma_device *device)
{
    if (!dma_is_ready(device)) {
        return ASH_EINVAL;
    }
    if (port_load_acquire(&device->live) != 0) {
        dma_check_left(device, __builtin_return_address(0));
        return ASH_EBUSY;
    }
    dma_list_remove(device);
    device->ready = 0;
    if (device->bounce != NULL) {
        dma_bounce_leave(device);
    }
    return 0;
}

bool dma_reaches(const struct ash_dma_device *device, ash_pa_t pa, uint64_t size)
{
    uint64_t first, last, end;

    return dma_window(device, &first, &last) && ash_range_end(pa.value, size, &end) &&
           pa.value >= first && end - 1 <= last;
}

int ash_dma_bus(const struct ash_dma_device *device, ash_pa_t pa, uint64_t size, ash_bus_t *bus)
{
    if (!dma_is_ready(device) || size == 0) {
        return ASH_EINVAL;
    }
    if (!dma_reaches(device, pa, size)) {
        return ASH_ERANGE;
    }
    bus->value = pa.value + (uint64_t)device->bus_offset;
    return 0;
}

int ash_dma_bus_to_pa(const struct ash_dma_device *device, ash_bus_t bus, ash_pa_t *pa)
{
    uint64_t value;

    if (!dma_is_ready(device)) {
        return ASH_EINVAL;
    }
    if (bus.value > device->mask || __builtin_sub_overflow(bus.value, device->bus_offset, &value)) {
        return ASH_ERANGE;
    }
    *pa = ash_pa(value);
    return 0;
}

int dma_fits(const struct ash_dma_device *device, ash_pa_t pa, uint64_t size, ash_bus_t *bus)
{
    int error = ash_dma_bus(device, pa, size, bus);

    if (error != 0) {
        return error;
    }
    if (device->segment != 0 && size > device->segment) {
        return ASH_ERANGE;
    }
    if (device->boundary != 0 &&
        ((bus->value ^ (bus->value + size - 1)) & -device->boundary) != 0) {
        return ASH_ERANGE;
    }
    if (device->alignment != 0 && !ash_is_aligned(bus->value, device->alignment)) {
        return ASH_EALIGN;
    }
    return 0;
}

void ash_dma_barrier(void)
{
    port_dmb_sy();
}

int ash_dma_pa(const void *ptr, ash_pa_t *pa)
{
    ash_pa_t self = ash_pa((uintptr_t)ptr);

    if (port_ptr(self) != ptr || ash_vmap_contains(ptr)) {
        return ASH_ERANGE;
    }
    *pa = self;
    return 0;
}

uint64_t ash_dma_max_mapping_size(const struct ash_dma_device *device)
{
    uint64_t most = device->mask == UINT64_MAX ? UINT64_MAX : device->mask + 1;

    if (device->boundary != 0 && device->boundary < most) {
        most = device->boundary;
    }
    if (device->segment != 0 && device->segment < most) {
        most = device->segment;
    }
    if (device->bounce != NULL && dma_bounce_limit(device) < most) {
        most = dma_bounce_limit(device);
    }
    return most;
}

size_t ash_dma_cache_alignment(const struct ash_dma_device *device)
{
    return device->coherent ? 1 : port_cache_line();
}

bool ash_dma_need_sync(const struct ash_dma_device *device)
{
    return !device->coherent || device->bounce != NULL;
}

uint64_t ash_dma_required_mask(const struct ash_dma_device *device)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < dma_ram_count; i++) {
        uint64_t first = dma_ram[i].base.value, last = first + dma_ram[i].size - 1, bus;

        if (__builtin_add_overflow(first, device->bus_offset, &bus) ||
            __builtin_add_overflow(last, device->bus_offset, &bus)) {
            return UINT64_MAX;
        }
        bits |= bus;
    }
    return bits == 0 ? UINT64_MAX : UINT64_MAX >> __builtin_clzll(bits);
}

uint64_t ash_dma_merge_boundary(const struct ash_dma_device *device)
{
    return device->boundary;
}
