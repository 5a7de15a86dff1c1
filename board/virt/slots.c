/* SPDX-License-Identifier: MIT */
/*
 * The two slots of virt's second flash bank. An image that runs from one has mapped of this bank as
 * memory what it consists of, and nothing else; the other slot is a device, to be written. So
 * nothing is ever mapped in two ways.
 */
#include "board/slots.h"

#include "ashlar/errors.h"
#include "board/virt/virt.h"
#include "port/port.h"

extern char __reset_start[], __ram_load[], __ram_copy_start[],
    __ram_copy_end[]; /* ld/sections.ld */

int board_find_slots(struct board_slots *slots)
{
    uint64_t start = (uintptr_t)__reset_start;
    uint64_t end =
        (uintptr_t)__ram_load + ((uintptr_t)__ram_copy_end - (uintptr_t)__ram_copy_start);

    slots->bank = ash_pa(VIRT_SLOT_BASE);
    slots->running = -1;
    slots->memory = (struct ash_range){ash_pa(0), 0};
    for (unsigned i = 0; i < ASH_SLOTS; i++) {
        uint64_t base = VIRT_SLOT_BASE + (uint64_t)i * VIRT_SLOT_BYTES;

        slots->slot[i] = (struct ash_range){ash_pa(base), VIRT_SLOT_BYTES};
        if (start == base + ASH_SLOT_HEADER_BYTES && ash_align_up(end, ASH_PAGE_SIZE, &end)) {
            slots->running = (int)i;
            slots->memory = (struct ash_range){ash_pa(start), end - start};
        }
    }
    return 0;
}

static void virt_add_device(struct ash_platform *platform, ash_pa_t base, uint64_t size)
{
    static const char name[] = "cfi-flash";
    struct ash_device *device;

    if (platform->device_count < ASH_PLATFORM_DEVICES) {
        device = &platform->device[platform->device_count++];
        device->range = (struct ash_range){base, size};
        port_copy(device->name, name, sizeof(name));
    }
}

/* Takes the bank out of what a tree says of flash, and puts back what is known of it. */
void virt_split_flash(struct ash_platform *platform)
{
    struct board_slots slots;
    unsigned kept = 0;

    (void)board_find_slots(&slots);
    if (slots.running < 0) {
        return;
    }
    for (unsigned i = 0; i < platform->flash_count; i++) {
        struct ash_range range = platform->flash[i];

        if (range.base.value < VIRT_SLOT_BASE && kept < ASH_PLATFORM_FLASH - 1) {
            if (range.size > VIRT_SLOT_BASE - range.base.value) {
                range.size = VIRT_SLOT_BASE - range.base.value;
            }
            platform->flash[kept++] = range;
        }
    }
    platform->flash[kept++] = slots.memory;
    platform->flash_count = kept;
    virt_add_device(platform, slots.slot[slots.running].base, ASH_SLOT_HEADER_BYTES);
    virt_add_device(platform, slots.slot[1 - slots.running].base, VIRT_SLOT_BYTES);
}
