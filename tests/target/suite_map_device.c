/* SPDX-License-Identifier: MIT */
/*
 * ash_map_device(): at VA = PA where the identity map reaches, in the vmap range elsewhere, never
 * over anything that is not a device.
 */
#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "ashlar/errors.h"
#include "ashlar/vmap.h"
#include "port/image.h"
#include "startup/boot_map.h"
#include "startup/stacks.h"
#include "tests/target/suite.h"

/* An address that the identity map does not reach: beyond its end and all RAM, or, where nothing is
 * beyond it, below the vmap range. Nothing is ever read there. */
static uint64_t far_away(void)
{
    uint64_t end = boot_map_limit();

    if (end >> 48 != 0) {
        return ash_board.vmap.base.value;
    }
    for (unsigned i = 0; i < ash_platform.ram_count; i++) {
        uint64_t ram_end = ash_platform.ram[i].base.value + ash_platform.ram[i].size;

        end = ram_end > end ? ram_end : end;
    }
    return end + 0x10000000;
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

/* What is unmapped on purpose is not free for devices. */
static void holes_in_memory_are_refused(void)
{
    struct ash_mmu_mapping mapping;
    ash_va_t va = ash_va(1), guard;

    CHECK_EQ(ash_map_device(ash_pa(0), 4, &va), ASH_EBUSY);
    CHECK(stacks_guard(0, &guard));
    CHECK_EQ(ash_map_device(ash_pa(guard.value), ASH_PAGE_SIZE, &va), ASH_EBUSY);
    CHECK_EQ(ash_mmu_query(&ash_boot_map, guard, &mapping), ASH_ENOENT);
    CHECK_EQ(ash_mmu_query(&ash_boot_map, ash_va(0), &mapping), ASH_ENOENT);
    CHECK_EQ(va.value, 1);
}

static void bad_ranges_are_refused(void)
{
    ash_va_t va = ash_va(1);

    CHECK_EQ(ash_map_device(ash_pa(0x09000000), 0, &va), ASH_EINVAL);
    CHECK_EQ(ash_map_device(ash_pa(UINT64_MAX - 4095), 8192, &va), ASH_ERANGE);
    CHECK_EQ(ash_map_device(ash_pa(UINT64_MAX - 4095), 4096, &va), ASH_ERANGE);
    CHECK_EQ(ash_map_device(ash_pa(far_away()), ash_board.vmap.size + 1, &va), ASH_ENOMEM);
    CHECK_EQ(va.value, 1);
}

static void far_devices_get_addresses_of_their_own(void)
{
    struct ash_vmap_stats before, after;
    struct ash_mmu_mapping mapping;
    ash_va_t a, b, again;

    ash_vmap_stats(&before);
    CHECK_EQ(ash_map_device(ash_pa(far_away() + 0x10), 0x2000, &a), 0);
    CHECK_EQ(ash_map_device(ash_pa(far_away() + 0x100000), 0x1000, &b), 0);
    CHECK(ash_vmap_contains((void *)a.value) && ash_vmap_contains((void *)b.value));
    CHECK_EQ(a.value & 0xfff, 0x10);
    CHECK_EQ(ash_mmu_query(&ash_boot_map, a, &mapping), 0);
    CHECK_EQ(mapping.pa.value + (a.value - mapping.va.value), far_away() + 0x10);
    CHECK_EQ(mapping.attr, ASH_MMU_DEVICE | ASH_MMU_WRITE);
    /* An unmapped page lies between the two. */
    CHECK_EQ(ash_mmu_query(&ash_boot_map, ash_va(b.value - 1), &mapping), ASH_ENOENT);
    /* The same range, or a part of it, is where it was, until all have let go. */
    CHECK_EQ(ash_map_device(ash_pa(far_away() + 0x1004), 4, &again), 0);
    CHECK_EQ(again.value, a.value - 0x10 + 0x1004);
    ash_vunmap((void *)a.value);
    CHECK_EQ(ash_mmu_query(&ash_boot_map, a, &mapping), 0);
    ash_vunmap((void *)again.value);
    CHECK_EQ(ash_mmu_query(&ash_boot_map, a, &mapping), ASH_ENOENT);
    ash_vunmap((void *)b.value);
    ash_vmap_stats(&after);
    CHECK_EQ(after.free, before.free);
    CHECK_EQ(after.areas, before.areas);
}

/* The addresses of the vmap range are no devices of that physical address. */
static void devices_below_the_vmap_range_are_moved(void)
{
    uint64_t pa = ash_board.vmap.base.value + 0x100000;
    struct ash_mmu_mapping mapping;
    ash_va_t va;

    CHECK_EQ(ash_map_device(ash_pa(pa), 0x1000, &va), 0);
    CHECK(ash_vmap_contains((void *)va.value));
    CHECK_EQ(ash_mmu_query(&ash_boot_map, va, &mapping), 0);
    CHECK_EQ(mapping.pa.value, pa);
    ash_vunmap((void *)va.value);
}

/* Memory above the identity map's end is memory there as well. */
static void high_memory_is_refused(void)
{
    const struct ash_range *ram = &ash_platform.ram[ash_platform.ram_count - 1];
    uint64_t last = ram->base.value + ram->size - ASH_PAGE_SIZE;
    ash_va_t va = ash_va(1);

    CHECK_EQ(ash_map_device(ash_pa(last), ASH_PAGE_SIZE, &va), ASH_EBUSY);
    CHECK_EQ(ash_map_device(ash_pa(last), 2 * ASH_PAGE_SIZE, &va), ASH_EBUSY);
    CHECK_EQ(va.value, 1);
}

static const struct target_case cases[] = {
    TARGET_CASE(known_devices_stay_where_they_are),
    TARGET_CASE(memory_is_refused),
    TARGET_CASE(holes_in_memory_are_refused),
    TARGET_CASE(bad_ranges_are_refused),
    TARGET_CASE(far_devices_get_addresses_of_their_own),
    TARGET_CASE(devices_below_the_vmap_range_are_moved),
    TARGET_CASE(high_memory_is_refused),
};

const struct target_suite suite_map_device = TARGET_SUITE("map_device", cases);
