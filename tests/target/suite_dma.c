/* SPDX-License-Identifier: MIT */
/*
 * Memory for devices: buffers within a device's constraints, mappings with this processor's cache
 * line, and every refusal. Transfers themselves are the block device's tests.
 */
#include <string.h>

#include "ashlar/dma.h"
#include "port/port.h"
#include "tests/target/misuse.h"
#include "tests/target/ram.h"
#include "tests/target/suite.h"

#define PAR_MEMORY 56u
#define CACHED     0xffu
#define UNCACHED   0x44u
#define BYTES      8192u

static struct ash_pmem *region;

static bool begin(void)
{
    region = ash_pmem_find("dma");
    if (region == NULL) {
        target_skip("the machine has no region \"dma\": too little memory");
    }
    return region != NULL;
}

static unsigned memory_at(const void *ptr)
{
    struct port_translation par;

    return port_translate(ash_va_of(ptr), PORT_WRITE, &par) ? (unsigned)(par.raw >> PAR_MEMORY) : 0;
}

static void buffers_fit_the_device(void)
{
    struct ash_dma_device device = {
        .mask = UINT32_MAX, .bus_offset = 0x1000, .alignment = 0x1000, .boundary = 0x1000};
    struct ash_dma_device coherent = {.mask = UINT64_MAX, .coherent = true, .boundary = 0x4000};
    struct ash_dma_device weak = {.mask = 0xfff, .bus_offset = -(int64_t)ram_end()},
                          low = {.mask = 0xffffffff};
    struct ash_pmem_stats stats;
    struct ash_dma_buffer buffer;
    const void *at;
    ash_bus_t bus;
    ash_pa_t pa;

    if (!begin()) {
        return;
    }
    CHECK_EQ(ash_dma_init(&device), 0);
    CHECK_EQ(ash_dma_alloc(&device, region, 0x1001, &buffer), ASH_ERANGE);
    CHECK_EQ(ash_dma_alloc(&device, region, 100, &buffer), 0);
    CHECK_EQ(buffer.bus.value, buffer.block.pa.value + 0x1000);
    CHECK_EQ(memory_at(buffer.block.ptr), UNCACHED);
    CHECK_EQ(ash_dma_pa(buffer.block.ptr, &pa), 0);
    CHECK_EQ(pa.value, buffer.block.pa.value);
    CHECK_EQ(ash_dma_bus(&device, pa, 100, &bus), 0);
    CHECK_EQ(bus.value, buffer.bus.value);
    CHECK_EQ(ash_dma_bus_to_pa(&device, bus, &pa), 0);
    CHECK_EQ(pa.value, buffer.block.pa.value);
    MISUSE(ash_dma_exit(&device), ASH_EBUSY, 1);
    at = buffer.block.ptr;
    CHECK_EQ(ash_dma_free(&buffer), 0);
    CHECK_EQ(memory_at(at), CACHED);
    CHECK_EQ(ash_dma_exit(&device), 0);

    CHECK_EQ(ash_dma_init(&coherent), 0);
    CHECK_EQ(ash_dma_alloc(&coherent, region, 0x3000, &buffer), 0);
    CHECK_EQ(buffer.bus.value / 0x4000, (buffer.bus.value + 0x2fff) / 0x4000);
    CHECK_EQ(memory_at(buffer.block.ptr), CACHED);
    CHECK_EQ(ash_dma_free(&buffer), 0);
    CHECK_EQ(ash_dma_exit(&coherent), 0);

    CHECK_EQ(ash_dma_init(&weak), ASH_ERANGE); /* it reaches none of the RAM */
    ash_pmem_stats(region, &stats);
    low.bus_offset = -(int64_t)(stats.range.base.value + stats.range.size);
    if (ash_dma_init(&low) == 0) {
        CHECK_EQ(ash_dma_alloc(&low, region, 100, &buffer), ASH_ERANGE);
        CHECK_EQ(ash_dma_exit(&low), 0);
    }
}

/* Map, sync and unmap keep what the CPU wrote: QEMU has no cache, so nothing else can show here. */
static void data_survives_mappings(void)
{
    static const enum ash_dma_direction directions[] = {ASH_DMA_TO_DEVICE, ASH_DMA_FROM_DEVICE,
                                                        ASH_DMA_BIDIRECTIONAL};
    struct ash_dma_device device = {.mask = UINT32_MAX};
    struct ash_pmem_block block;
    uint8_t *bytes;
    size_t line;

    if (!begin()) {
        return;
    }
    CHECK_EQ(ash_dma_init(&device), 0);
    line = ash_dma_cache_alignment(&device);
    CHECK(line >= 16 && line <= 2048 && (line & (line - 1)) == 0);
    CHECK_EQ(line, port_cache_line());
    CHECK_EQ(ash_pmem_alloc(region, BYTES, 0, 0, &block), 0);
    bytes = block.ptr;
    for (unsigned i = 0; i < 3; i++) {
        struct ash_dma_mapping map = {0};
        ash_pa_t pa = ash_pa(block.pa.value + line);
        size_t size = BYTES - 2 * line;

        memset(bytes, 0x40 + (int)i, BYTES);
        CHECK_EQ(ash_dma_map(&device, pa, size, directions[i], &map), 0);
        CHECK_EQ(map.bus.value, pa.value);
        MISUSE(ash_dma_map(&device, pa, size, directions[i], &map), ASH_EBUSY, 1);
        MISUSE(ash_dma_exit(&device), ASH_EBUSY, 1);
        MISUSE(ash_dma_sync_for_device(&map, 0, line, directions[i]), ASH_ENOTOWNER, 1);
        CHECK_EQ(ash_dma_sync_for_cpu(&map, line, 2 * line, directions[i]), 0);
        memset(bytes + 2 * line, 0x80, 2 * line);
        CHECK_EQ(ash_dma_sync_for_device(&map, line, 2 * line, directions[i]), 0);
        MISUSE(ash_dma_sync_for_cpu(&map, size, line, directions[i]), ASH_ERANGE, 1);
        CHECK_EQ(ash_dma_unmap(&map), 0);
        MISUSE(ash_dma_unmap(&map), ASH_ENOENT, 1);
        for (size_t at = 0; at < BYTES; at++) {
            CHECK_EQ(bytes[at], at >= 2 * line && at < 4 * line ? 0x80u : 0x40 + i);
        }
    }
    CHECK_EQ(ash_pmem_free(&block), 0);
    CHECK_EQ(ash_dma_exit(&device), 0);
}

static void shared_lines_are_refused(void)
{
    struct ash_dma_device device = {.mask = UINT32_MAX};
    struct ash_dma_mapping map = {0};
    struct ash_pmem_block block;
    size_t line = port_cache_line();
    uint64_t at;

    if (!begin()) {
        return;
    }
    CHECK_EQ(ash_dma_init(&device), 0);
    CHECK_EQ(ash_pmem_alloc(region, BYTES, 0, 0, &block), 0);
    at = block.pa.value;
    CHECK_EQ(ash_dma_map(&device, ash_pa(at + 1), line - 1, ASH_DMA_FROM_DEVICE, &map), ASH_EALIGN);
    CHECK_EQ(ash_dma_map(&device, ash_pa(at), line + 1, ASH_DMA_FROM_DEVICE, &map), ASH_EALIGN);
    CHECK_EQ(ash_dma_map(&device, ash_pa(at), line / 2, ASH_DMA_BIDIRECTIONAL, &map), ASH_EALIGN);
    CHECK_EQ(ash_dma_map(&device, ash_pa(at + 1), 3, ASH_DMA_TO_DEVICE, &map), 0);
    MISUSE(ash_dma_sync_for_cpu(&map, 0, 3, ASH_DMA_FROM_DEVICE), ASH_EPERM, 1);
    CHECK_EQ(ash_dma_unmap(&map), 0);
    CHECK_EQ(ash_dma_map(&device, ash_pa(0x100000000ull), line, ASH_DMA_TO_DEVICE, &map),
             ASH_ERANGE);
    CHECK_EQ(ash_pmem_free(&block), 0);
    CHECK_EQ(ash_dma_exit(&device), 0);
}

/* The checker: what it tells of on this machine's own memory. */
static void misuse_is_told(void)
{
    static const uint8_t constant[4096] __attribute__((aligned(2048))) = {1};
    uint8_t automatic[512] __attribute__((aligned(256)));
    struct ash_dma_device device = {.name = "misused", .mask = UINT32_MAX};
    struct ash_dma_mapping map = {0}, second = {0}, copy;
    struct ash_pmem_block block;
    size_t line = port_cache_line();
    ash_pa_t pa;

    begin();
    if (ASH_CHECK < 1) {
        target_skip("no checks in this build");
    }
    if (region == NULL || ASH_CHECK < 1) {
        return;
    }
    CHECK_EQ(ash_dma_init(&device), 0);
    CHECK_EQ(ash_pmem_alloc(region, BYTES, 0, 0, &block), 0);
    CHECK_EQ(ash_dma_map(&device, block.pa, 4 * line, ASH_DMA_FROM_DEVICE, &map), 0);
    MISUSE(ash_dma_map(&device, ash_pa(block.pa.value + 3 * line), 4 * line, ASH_DMA_TO_DEVICE,
                       &second),
           ASH_EBUSY, 1);
    CHECK_EQ(misuse_last.address, block.pa.value + 3 * line);
    copy = map;
    MISUSE(ash_dma_unmap(&copy), ASH_ECORRUPT, 1);
    MISUSE(ash_dma_sync_for_device(&map, 0, line, ASH_DMA_FROM_DEVICE), ASH_ENOTOWNER, 1);
    MISUSE(ash_dma_sync_for_cpu(&map, 0, 5 * line, ASH_DMA_FROM_DEVICE), ASH_ERANGE, 1);
    MISUSE(ash_dma_sync_for_cpu(&map, 0, line, ASH_DMA_TO_DEVICE), ASH_EPERM, 1);
    MISUSE(ash_dma_exit(&device), ASH_EBUSY, 1);
    CHECK_EQ(ash_dma_unmap(&map), 0);

    CHECK_EQ(ash_dma_pa(constant, &pa), 0);
    MISUSE(ash_dma_map(&device, pa, sizeof(constant), ASH_DMA_FROM_DEVICE, &map), ASH_EPERM, 1);
    CHECK_EQ(ash_dma_pa(automatic, &pa), 0);
    MISUSE(ash_dma_map(&device, pa, line, ASH_DMA_FROM_DEVICE, &map), ASH_EPERM, 1);
    CHECK_EQ(ash_dma_map(&device, pa, line, ASH_DMA_TO_DEVICE, &map), 0);
    CHECK_EQ(ash_dma_unmap(&map), 0);
    CHECK_EQ(ash_pmem_free(&block), 0);
    CHECK_EQ(ash_dma_exit(&device), 0);
}

/* What the CPU writes to memory that a device reads, or works on a copy of. */
static void writes_are_told(void)
{
    struct ash_dma_device device = {.name = "overwritten", .mask = UINT32_MAX};
    struct ash_dma_mapping map = {0};
    struct ash_pmem_block block;
    size_t line = port_cache_line();
    volatile uint8_t *bytes;

    if (ASH_CHECK < 1) {
        target_skip("no checks in this build");
        return;
    }
    if (!begin()) {
        return;
    }
    CHECK_EQ(ash_dma_init(&device), 0);
    CHECK_EQ(ash_pmem_alloc(region, BYTES, 0, 0, &block), 0);
    bytes = block.ptr;
    CHECK_EQ(ash_dma_map(&device, block.pa, BYTES, ASH_DMA_TO_DEVICE, &map), 0);
    bytes[ASH_DMA_SUMMED - 1]++;
    MISUSE(ash_dma_sync_for_cpu(&map, line, line, ASH_DMA_TO_DEVICE), 0, 1);
    CHECK_EQ(misuse_last.address, block.pa.value);
    bytes[line]++; /* which it was given */
    MISUSE(ash_dma_sync_for_device(&map, line, line, ASH_DMA_TO_DEVICE), 0, 0);
    bytes[BYTES - 1]++;
    MISUSE(ash_dma_unmap(&map), 0, 1);
    CHECK_EQ(ash_dma_map(&device, block.pa, BYTES, ASH_DMA_FROM_DEVICE, &map), 0);
    bytes[0]++; /* as the device might */
    MISUSE(ash_dma_unmap(&map), 0, 0);
    CHECK_EQ(ash_pmem_free(&block), 0);
    CHECK_EQ(ash_dma_exit(&device), 0);
}

static const struct target_case cases[] = {
    TARGET_CASE(buffers_fit_the_device),   TARGET_CASE(data_survives_mappings),
    TARGET_CASE(shared_lines_are_refused), TARGET_CASE(misuse_is_told),
    TARGET_CASE(writes_are_told),
};

const struct target_suite suite_dma = TARGET_SUITE("dma", cases);
