/* SPDX-License-Identifier: MIT */
/*
 * Scatter lists and pools of coherent objects on the machine.
 */
#include <string.h>

#include "ashlar/dma_list.h"
#include "ashlar/dma_pool.h"
#include "tests/target/misuse.h"
#include "tests/target/suite.h"

#define BYTES    32768u
#define CAPACITY 8u

static struct ash_pmem *region;

static bool begin(void)
{
    region = ash_pmem_find("dma");
    if (region == NULL) {
        target_skip("the machine has no region \"dma\": too little memory");
    }
    return region != NULL;
}

static void neighbours_are_one(void)
{
    static struct ash_dma_mapping mappings[CAPACITY];
    struct ash_dma_segment segments[CAPACITY];
    struct ash_dma_list list = {.mappings = mappings, .segments = segments, .capacity = CAPACITY};
    struct ash_dma_device device = {.name = "list", .mask = UINT64_MAX, .boundary = 16384};
    struct ash_pmem_block block;
    struct ash_range parts[3];
    uint64_t at;

    if (!begin()) {
        return;
    }
    CHECK_EQ(ash_dma_init(&device), 0);
    CHECK_EQ(ash_pmem_alloc(region, BYTES, BYTES, 0, &block), 0);
    at = block.pa.value;
    parts[0] = (struct ash_range){ash_pa(at), 4096};
    parts[1] = (struct ash_range){ash_pa(at + 4096), 16384};
    parts[2] = (struct ash_range){ash_pa(at + 24576), 2048};
    memset(block.ptr, 0x5a, BYTES);
    CHECK_EQ(ash_dma_map_list(&device, parts, 3, ASH_DMA_BIDIRECTIONAL, &list), 0);
    CHECK_EQ(list.count, 3);
    CHECK_EQ(segments[0].bus.value, at);
    CHECK_EQ(segments[0].size, 16384);
    CHECK_EQ(segments[1].bus.value, at + 16384);
    CHECK_EQ(segments[1].size, 4096);
    CHECK_EQ(segments[2].bus.value, at + 24576);
    CHECK_EQ(segments[2].size, 2048);
    CHECK_EQ(ash_dma_sync_list_for_cpu(&list, ASH_DMA_BIDIRECTIONAL), 0);
    CHECK_EQ(((uint8_t *)block.ptr)[20479], 0x5a);
    CHECK_EQ(ash_dma_sync_list_for_device(&list, ASH_DMA_BIDIRECTIONAL), 0);
    CHECK_EQ(ash_dma_unmap_list(&list), 0);
    MISUSE(ash_dma_unmap_list(&list), ASH_ENOENT, 1);
    /* All or nothing. */
    parts[2].size = UINT64_MAX;
    CHECK_EQ(ash_dma_map_list(&device, parts, 3, ASH_DMA_BIDIRECTIONAL, &list), ASH_ERANGE);
    parts[2].size = 0x100000000ull; /* far beyond the block */
    if (sizeof(size_t) == 4) {
        CHECK_EQ(ash_dma_map_list(&device, parts, 3, ASH_DMA_BIDIRECTIONAL, &list), ASH_ERANGE);
    } else {
        MISUSE(ash_dma_map_list(&device, parts, 3, ASH_DMA_BIDIRECTIONAL, &list), ASH_ENOENT, 1);
    }
    list.capacity = 2;
    parts[2].size = 2048;
    CHECK_EQ(ash_dma_map_list(&device, parts, 3, ASH_DMA_BIDIRECTIONAL, &list), ASH_ENOMEM);
    CHECK_EQ(ash_pmem_free(&block), 0);
    CHECK_EQ(ash_dma_exit(&device), 0);
}

static void objects_come_and_go(void)
{
    struct ash_dma_device device = {.name = "pool", .mask = UINT64_MAX, .bus_offset = 4096};
    struct ash_dma_pool pool = {.count = 0};
    void *objects[20], *first;
    ash_bus_t bus;

    if (!begin()) {
        return;
    }
    CHECK_EQ(ash_dma_init(&device), 0);
    CHECK_EQ(ash_dma_pool_create(&pool, "none", &device, region, 8, 0, 0, UINT32_MAX), ASH_ERANGE);
    CHECK_EQ(ash_dma_pool_create(&pool, "objects", &device, region, 96, 32, 1024, 20), 0);
    for (unsigned i = 0; i < 20; i++) {
        ash_pa_t pa;

        objects[i] = ash_dma_pool_alloc(&pool, &bus);
        CHECK(objects[i] != NULL);
        CHECK_EQ(ash_dma_pa(objects[i], &pa), 0);
        CHECK_EQ(bus.value, pa.value + 4096);
        CHECK_EQ(bus.value % 32, 0);
        CHECK_EQ(bus.value / 1024, (bus.value + 95) / 1024);
        CHECK_EQ(((uint8_t *)objects[i])[95], 0);
        memset(objects[i], 0xff, 96);
    }
    CHECK(ash_dma_pool_alloc(&pool, &bus) == NULL);
    CHECK_EQ(ash_dma_pool_destroy(&pool), ASH_EBUSY);
    first = objects[0];
    CHECK_EQ(ash_dma_pool_free(&pool, first), 0);
    CHECK(ash_dma_pool_alloc(&pool, &bus) == first);
    CHECK_EQ(((uint8_t *)first)[95], 0);
    for (unsigned i = 0; i < 20; i++) {
        CHECK_EQ(ash_dma_pool_free(&pool, objects[i]), 0);
    }
    CHECK_EQ(ash_dma_pool_destroy(&pool), 0);
    CHECK_EQ(ash_dma_exit(&device), 0);
}

static const struct target_case cases[] = {
    TARGET_CASE(neighbours_are_one),
    TARGET_CASE(objects_come_and_go),
};

const struct target_suite suite_dma_list = TARGET_SUITE("dma-list", cases);
