/* SPDX-License-Identifier: MIT */
/*
 * Bounce buffers on the machine: a device that reaches the region "dma" and nothing else of RAM.
 * The device is played by the CPU, which writes to the copy; QEMU has no cache.
 */
#include <string.h>

#include "ashlar/dma.h"
#include "ashlar/frames.h"
#include "port/port.h"
#include "tests/target/misuse.h"
#include "tests/target/ram.h"
#include "tests/target/suite.h"

#define POOL_BYTES 65536u

static struct ash_pmem *region;
static struct ash_dma_device device;
static struct ash_dma_bounce bounce;
static ash_frame_t frame; /* four frames, out of the device's reach */
static uint8_t *bytes;

static bool ready;

static void begin(void)
{
    struct ash_pmem_stats stats;
    uint64_t mask = 1;

    ready = false;
    region = ash_pmem_find("dma");
    if (region == NULL) {
        target_skip("the machine has no region \"dma\": too little memory");
        return;
    }
    ash_pmem_stats(region, &stats);
    while (mask < stats.range.size - 1) {
        mask = mask << 1 | 1;
    }
    device = (struct ash_dma_device){.name = "weak", .mask = mask, .bounce = &bounce};
    device.bus_offset = -(int64_t)stats.range.base.value;
    bounce = (struct ash_dma_bounce){.slots = 0};
    CHECK_EQ(ash_frames_alloc(2, ASH_FRAMES_NORMAL | ASH_FRAMES_OWNER(ASH_OWNER_TEST), &frame), 0);
    bytes = port_ptr(ash_frame_pa(frame));
    CHECK_EQ(ash_dma_bounce_create(&bounce, "test", region, POOL_BYTES, &device), 0);
    CHECK_EQ(ash_dma_init(&device), 0);
    ready = true;
}

static void end(void)
{
    CHECK_EQ(ash_dma_exit(&device), 0);
    CHECK_EQ(ash_dma_bounce_destroy(&bounce), 0);
    ash_frames_free(frame, 2);
}

static bool are(const uint8_t *from, int value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (from[i] != value) {
            return false;
        }
    }
    return true;
}

static void copies_follow_the_direction(void)
{
    static const enum ash_dma_direction directions[] = {ASH_DMA_TO_DEVICE, ASH_DMA_FROM_DEVICE,
                                                        ASH_DMA_BIDIRECTIONAL};

    begin();
    if (!ready) {
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        struct ash_dma_mapping map = {0};
        ash_pa_t pa = ash_pa(ash_frame_pa(frame).value + 3);
        uint8_t *copy;

        memset(bytes, 0x31, 6000);
        CHECK_EQ(ash_dma_map(&device, pa, 5000, directions[i], &map), 0);
        CHECK(ash_dma_is_bounced(&map));
        CHECK(map.bus.value + 4999 <= device.mask);
        copy = port_ptr(map.work);
        CHECK(are(copy, 0x31, 5000));
        CHECK(are(copy + 5000, 0, 3 * ASH_DMA_SLOT - 5000));
        memset(copy, 0x32, 5000);
        CHECK(are(bytes, 0x31, 6000));
        CHECK_EQ(ash_dma_unmap(&map), 0);
        CHECK(are(bytes, 0x31, 3));
        CHECK(are(bytes + 3, directions[i] == ASH_DMA_TO_DEVICE ? 0x31 : 0x32, 5000));
        CHECK(are(bytes + 5003, 0x31, 997));
    }
    end();
}

static void parts_are_copied(void)
{
    struct ash_dma_mapping map = {0};
    size_t line = port_cache_line();
    uint8_t *copy;

    begin();
    if (!ready) {
        return;
    }
    memset(bytes, 1, 4096);
    CHECK_EQ(ash_dma_map(&device, ash_frame_pa(frame), 4096, ASH_DMA_BIDIRECTIONAL, &map), 0);
    copy = port_ptr(map.work);
    memset(copy, 2, 4096);
    CHECK_EQ(ash_dma_sync_for_cpu(&map, line, line, ASH_DMA_BIDIRECTIONAL), 0);
    CHECK(are(bytes, 1, line) && are(bytes + line, 2, line) && are(bytes + 2 * line, 1, line));
    memset(bytes + line, 3, line);
    CHECK_EQ(ash_dma_sync_for_device(&map, line, line, ASH_DMA_BIDIRECTIONAL), 0);
    CHECK(are(copy, 2, line) && are(copy + line, 3, line) && are(copy + 2 * line, 2, line));
    CHECK_EQ(ash_dma_sync_for_cpu(&map, 0, 4096, ASH_DMA_BIDIRECTIONAL), 0);
    memset(bytes, 4, line);
    CHECK_EQ(ash_dma_unmap(&map), 0);
    CHECK(are(bytes, 4, line) && are(bytes + line, 3, line) && are(bytes + 2 * line, 2, line));
    end();
}

static void room_is_limited(void)
{
    struct ash_dma_mapping all = {0}, one = {0};
    struct ash_dma_bounce_stats stats;

    begin();
    if (!ready) {
        return;
    }
    CHECK_EQ(ash_dma_max_mapping_size(&device), POOL_BYTES);
    CHECK_EQ(ash_dma_bounce_destroy(&bounce), ASH_EBUSY);
    CHECK_EQ(ash_dma_map(&device, ash_pa(0x40000000), POOL_BYTES + 1, ASH_DMA_TO_DEVICE, &one),
             ASH_ERANGE);
    CHECK_EQ(ash_dma_map(&device, ash_frame_pa(frame), SIZE_MAX, ASH_DMA_TO_DEVICE, &one),
             ASH_ERANGE);
    CHECK_EQ(ash_dma_map(&device, ash_frame_pa(frame), 16384, ASH_DMA_FROM_DEVICE, &all), 0);
    ash_dma_bounce_stats(&bounce, &stats);
    CHECK_EQ(stats.used, 16384);
    CHECK_EQ(stats.size, POOL_BYTES);
    MISUSE(ash_dma_exit(&device), ASH_EBUSY, 1);
    CHECK_EQ(ash_dma_unmap(&all), 0);
    ash_dma_bounce_stats(&bounce, &stats);
    CHECK_EQ(stats.used, 0);
    CHECK_EQ(stats.copied, 2 * 16384);
    CHECK_EQ(stats.mapped, 1);
    end();
}

/* QEMU's edu device on this board: 28 bits of addresses. */
static void weak_devices_are_refused(void)
{
    struct ash_dma_device edu = {
        .name = "edu", .mask = 0x0fffffff, .bus_offset = -(int64_t)ram_end()};
    struct ash_dma_device strong = {.name = "strong", .mask = UINT64_MAX};

    CHECK_EQ(ash_dma_init(&edu), ASH_ERANGE); /* what is at its addresses lies behind all RAM */
    edu.bus_offset = 0;
    edu.mask = ash_dma_required_mask(&edu);
    CHECK(edu.mask >= ram_end() - 1 && edu.mask / 2 < ram_end() - 1);
    CHECK_EQ(ash_dma_init(&edu), 0);
    CHECK_EQ(ash_dma_exit(&edu), 0);
    CHECK_EQ(ash_dma_init(&strong), 0);
    CHECK_EQ(ash_dma_exit(&strong), 0);
}

static const struct target_case cases[] = {
    TARGET_CASE(copies_follow_the_direction),
    TARGET_CASE(parts_are_copied),
    TARGET_CASE(room_is_limited),
    TARGET_CASE(weak_devices_are_refused),
};

const struct target_suite suite_dma_bounce = TARGET_SUITE("dma-bounce", cases);
