/* SPDX-License-Identifier: MIT */
/*
 * ash_map_device(): at VA = PA where the identity map reaches, in the vmap range elsewhere, never
 * over anything that is not a device.
 */
#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "ashlar/errors.h"
#include "port/spinlock.h"
#include "startup/boot_map.h"
#include "startup/image.h"
#include "tests/target/suite.h"

/* An address that no AArch32 identity map reaches; nothing is ever read there. */
#define FAR_AWAY 0x4010000000ull

static void unmap(uintptr_t page, uint64_t size)
{
    unsigned long saved = spinlock_acquire(&ash_boot_map_lock);
    int error = ash_mmu_unmap(&ash_boot_map, ash_va(page), size);

    spinlock_release(&ash_boot_map_lock, saved);
    CHECK_EQ(error, 0);
}

static void known_devices_stay_where_they_are(void)
{
    uint32_t tables = ash_boot_map.counters.tables;

    for (unsigned i = 0; i < ash_platform.device_count; i++) {
        const struct ash_device *device = &ash_platform.device[i];
        struct ash_mmu_mapping mapping;
        ash_va_t va;

        if (device->range.base.value >= boot_map_limit()) {
            continue;
        }
        CHECK_EQ(ash_map_device(device->range.base, device->range.size, &va), 0);
        CHECK_EQ(va.value, device->range.base.value);
        CHECK_EQ(ash_mmu_query(&ash_boot_map, va, &mapping), 0);
        CHECK_EQ(mapping.attr, ASH_MMU_DEVICE | ASH_MMU_WRITE);
    }
    CHECK_EQ(ash_boot_map.counters.tables, tables);
}

static void memory_is_refused(void)
{
    ash_va_t va = ash_va(1);

    CHECK_EQ(ash_map_device(ash_pa((uintptr_t)__ram_start), 4096, &va), ASH_EBUSY);
    CHECK_EQ(ash_map_device(ash_pa((uintptr_t)__rodata_start), 4, &va), ASH_EBUSY);
    CHECK_EQ(ash_map_device(ash_platform.ram[0].base, ash_platform.ram[0].size, &va), ASH_EBUSY);
    CHECK_EQ(va.value, 1);
}

static void bad_ranges_are_refused(void)
{
    ash_va_t va = ash_va(1);

    CHECK_EQ(ash_map_device(ash_pa(0x09000000), 0, &va), ASH_EINVAL);
    CHECK_EQ(ash_map_device(ash_pa(UINT64_MAX - 4095), 8192, &va), ASH_ERANGE);
    CHECK_EQ(ash_map_device(ash_pa(UINT64_MAX - 4095), 4096, &va), ASH_ERANGE);
    CHECK_EQ(ash_map_device(ash_pa(FAR_AWAY), ash_board.vmap.size + 1, &va), ASH_ENOMEM);
    CHECK_EQ(va.value, 1);
}

static void far_devices_get_addresses_of_their_own(void)
{
    struct ash_mmu_mapping mapping;
    uintptr_t first = (uintptr_t)ash_board.vmap.base.value;
    ash_va_t a, b, again;

    CHECK_EQ(ash_map_device(ash_pa(FAR_AWAY + 0x10), 0x2000, &a), 0);
    CHECK_EQ(ash_map_device(ash_pa(FAR_AWAY + 0x100000), 0x1000, &b), 0);
    CHECK(a.value - first < ash_board.vmap.size);
    CHECK_EQ(a.value & 0xfff, 0x10);
    CHECK_EQ(ash_mmu_query(&ash_boot_map, a, &mapping), 0);
    CHECK_EQ(mapping.pa.value + (a.value - mapping.va.value), FAR_AWAY + 0x10);
    CHECK_EQ(mapping.attr, ASH_MMU_DEVICE | ASH_MMU_WRITE);
    /* An unmapped page lies between the two. */
    CHECK_EQ(ash_mmu_query(&ash_boot_map, ash_va(b.value - 1), &mapping), ASH_ENOENT);
    /* The same range, or a part of it, is where it was. */
    CHECK_EQ(ash_map_device(ash_pa(FAR_AWAY + 0x1004), 4, &again), 0);
    CHECK_EQ(again.value, a.value - 0x10 + 0x1004);
    unmap(a.value - 0x10, 0x3000);
    /* Its place is free for the next that fits. */
    CHECK_EQ(ash_map_device(ash_pa(FAR_AWAY + 0x200000), 0x1000, &again), 0);
    CHECK_EQ(again.value, a.value - 0x10);
    unmap(again.value, 0x1000);
    unmap(b.value, 0x1000);
}

static const struct target_case cases[] = {
    TARGET_CASE(known_devices_stay_where_they_are),
    TARGET_CASE(memory_is_refused),
    TARGET_CASE(bad_ranges_are_refused),
    TARGET_CASE(far_devices_get_addresses_of_their_own),
};

const struct target_suite suite_map_device = TARGET_SUITE("map_device", cases);
