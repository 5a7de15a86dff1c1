/* SPDX-License-Identifier: MIT */
/*
 * The DMA engine of BCM283x: memory as it sees it, moved by chains of control blocks, with an
 * interrupt at the end and without.
 */
#include <string.h>

#include "ashlar/irq.h"
#include "ashlar/platform.h"
#include "board/dev/bcm2835_dma.h"
#include "board/dev/mmio.h"
#include "port/port.h"
#include "tests/target/misuse.h"
#include "tests/target/region.h"

#define CHANNEL      4u
#define CHANNEL_LITE 8u
#define BYTES        16384u
#define LONG_BYTES   (200u << 10)
#define PARTS        16u
#define BUS_OFFSET   0xc0000000u

/* A register that always reads the same, as we see it and as the engine does: the PL011's
 * UARTPeriphID (DDI 0183 3.3.15; BCM2835 ARM Peripherals 1.2.3) */
#define ID_REGISTERS 0x3f201fe0u
#define ID_BUS       0x7e201fe0u
#define ID_BYTES     16u

static struct bcm2835_dma engine;
static struct ash_pmem_block from, to;

static bool open_engine(unsigned channel, bool interrupts)
{
    int error;

    if (ash_platform_device("brcm,bcm2835-dma", 0) == NULL) {
        target_skip("the board has no DMA engine of BCM283x");
        return false;
    }
    if (!begin()) {
        return false;
    }
    error = bcm2835_dma_open(&engine, channel, interrupts, region);
    if (error != 0) {
        target_fail(__FILE__, __LINE__, "the engine does not start: %s", ash_strerror(error));
    }
    return error == 0;
}

static bool take_memory(uint64_t bytes)
{
    int error = ash_pmem_alloc(region, bytes, 0, ASH_PMEM_CACHED, &from);

    if (error == 0) {
        error = ash_pmem_alloc(region, bytes, 0, ASH_PMEM_CACHED, &to);
    }
    if (error != 0) {
        target_fail(__FILE__, __LINE__, "no memory: %s", ash_strerror(error));
        return false;
    }
    for (uint64_t i = 0; i < bytes; i++) {
        ((uint8_t *)from.ptr)[i] = (uint8_t)(i * 7 + (i >> 8) + 1);
    }
    memset(to.ptr, 0xa5, (size_t)bytes);
    return true;
}

static void give_back(void)
{
    CHECK_EQ(ash_pmem_free(&from), 0);
    CHECK_EQ(ash_pmem_free(&to), 0);
    CHECK_EQ(bcm2835_dma_close(&engine), 0);
    end();
}

/* One transfer, and its result; with interrupts on if it ends with one. */
static int copy(const struct ash_dma_segment *target, unsigned targets,
                const struct ash_dma_segment *source, unsigned sources)
{
    int error = bcm2835_dma_copy(&engine, target, targets, source, sources);

    if (error == 0) {
        ash_irq_enable();
        error = bcm2835_dma_wait(&engine);
        ash_irq_disable();
    }
    return error;
}

static int copy_one(ash_bus_t target, ash_bus_t source, uint64_t size)
{
    const struct ash_dma_segment out = {source, size}, in = {target, size};

    return copy(&in, 1, &out, 1);
}

/* From the middle of one block to the middle of the other: all of it, and nothing beside. */
static void check_copy(void)
{
    struct ash_dma_mapping out = {0}, in = {0};
    const uint8_t *source = from.ptr, *target = to.ptr;
    size_t line = ash_dma_cache_alignment(&engine.dma), size = BYTES - 2 * line;
    ash_pa_t out_pa = ash_pa(from.pa.value + line), in_pa = ash_pa(to.pa.value + line);

    CHECK_EQ(ash_dma_map(&engine.dma, out_pa, size, ASH_DMA_TO_DEVICE, &out), 0);
    CHECK_EQ(ash_dma_map(&engine.dma, in_pa, size, ASH_DMA_FROM_DEVICE, &in), 0);
    CHECK_EQ(out.bus.value, out_pa.value + BUS_OFFSET);
    CHECK_EQ(in.bus.value, in_pa.value + BUS_OFFSET);
    CHECK_EQ(copy_one(in.bus, out.bus, size), 0);
    CHECK_EQ(ash_dma_unmap(&in), 0);
    CHECK_EQ(ash_dma_unmap(&out), 0);
    for (size_t i = 0; i < BYTES; i++) {
        bool inside = i >= line && i < BYTES - line;

        CHECK_EQ(target[i], inside ? source[i] : 0xa5);
    }
}

static void copies_and_is_polled(void)
{
    if (open_engine(CHANNEL, false) && take_memory(BYTES)) {
        check_copy();
        give_back();
    }
}

static void copies_and_interrupts(void)
{
    struct ash_irq_stats earlier, later;

    if (open_engine(CHANNEL, true) && take_memory(BYTES)) {
        ash_irq_stats(&earlier);
        check_copy();
        CHECK_EQ(copy_one(engine.pattern_bus, engine.pattern_bus, 4), 0);
        ash_irq_stats(&later);
        CHECK_EQ(later.unclaimed, earlier.unclaimed);
        CHECK(engine.status != 0); /* it was the interrupt that told */
        give_back();
    }
}

static void fills_with_a_word(void)
{
    struct ash_dma_mapping in = {0};
    struct ash_dma_segment segment;

    if (!open_engine(CHANNEL, false) || !take_memory(BYTES)) {
        return;
    }
    CHECK_EQ(ash_dma_map(&engine.dma, to.pa, BYTES, ASH_DMA_FROM_DEVICE, &in), 0);
    segment = (struct ash_dma_segment){{in.bus.value + 64}, BYTES - 128};
    CHECK_EQ(bcm2835_dma_fill(&engine, &segment, 1, 0x600df00du), 0);
    CHECK_EQ(bcm2835_dma_wait(&engine), 0);
    CHECK_EQ(ash_dma_unmap(&in), 0);
    for (size_t i = 0; i < BYTES / 4; i++) {
        bool inside = i >= 16 && i < BYTES / 4 - 16;

        CHECK_EQ(((uint32_t *)to.ptr)[i], inside ? 0x600df00du : 0xa5a5a5a5u);
    }
    give_back();
}

/* The parts of both lists end at different places, and not in the order in which they lie. */
static void lists_are_cut_where_either_ends(void)
{
    static struct ash_dma_mapping out_mappings[PARTS], in_mappings[PARTS];
    static struct ash_dma_segment out_segments[PARTS], in_segments[PARTS];
    struct ash_dma_list out = {out_mappings, out_segments, PARTS, NULL, 0, 0};
    struct ash_dma_list in = {in_mappings, in_segments, PARTS, NULL, 0, 0};
    struct ash_range sources[3], targets[2];
    const uint8_t *source, *target;

    if (!open_engine(CHANNEL, true) || !take_memory(BYTES)) {
        return;
    }
    source = from.ptr;
    target = to.ptr;
    sources[0] = (struct ash_range){{from.pa.value + 8192}, 4096};
    sources[1] = (struct ash_range){{from.pa.value + 4}, 2048};
    sources[2] = (struct ash_range){{from.pa.value + 12288 + 64}, 2048};
    targets[0] = (struct ash_range){{to.pa.value + 12288}, 1024};
    targets[1] = (struct ash_range){{to.pa.value + 4096}, 7168};
    CHECK_EQ(ash_dma_map_list(&engine.dma, sources, 3, ASH_DMA_TO_DEVICE, &out), 0);
    CHECK_EQ(ash_dma_map_list(&engine.dma, targets, 2, ASH_DMA_FROM_DEVICE, &in), 0);
    CHECK_EQ(out.count, 3);
    CHECK_EQ(in.count, 2);
    CHECK_EQ(copy(in.segments, in.count, out.segments, out.count), 0);
    CHECK_EQ(ash_dma_unmap_list(&in), 0);
    CHECK_EQ(ash_dma_unmap_list(&out), 0);
    CHECK(memcmp(target + 12288, source + 8192, 1024) == 0);
    CHECK(memcmp(target + 4096, source + 8192 + 1024, 3072) == 0);
    CHECK(memcmp(target + 4096 + 3072, source + 4, 2048) == 0);
    CHECK(memcmp(target + 4096 + 5120, source + 12288 + 64, 2048) == 0);
    CHECK_EQ(target[4095], 0xa5);
    CHECK_EQ(target[4096 + 7168], 0xa5);
    CHECK_EQ(target[12288 - 1], 0xa5);
    CHECK_EQ(target[12288 + 1024], 0xa5);
    give_back();
}

static void lite_channels_have_short_blocks(void)
{
    static struct ash_dma_mapping out_mappings[PARTS], in_mappings[PARTS];
    static struct ash_dma_segment out_segments[PARTS], in_segments[PARTS];
    struct ash_dma_list out = {out_mappings, out_segments, PARTS, NULL, 0, 0};
    struct ash_dma_list in = {in_mappings, in_segments, PARTS, NULL, 0, 0};
    struct ash_dma_mapping whole = {0};
    struct ash_range range;

    if (!open_engine(CHANNEL_LITE, false) || !take_memory(LONG_BYTES)) {
        return;
    }
    CHECK(ash_dma_max_mapping_size(&engine.dma) < 0x10000);
    CHECK_EQ(ash_dma_map(&engine.dma, from.pa, LONG_BYTES, ASH_DMA_TO_DEVICE, &whole), ASH_ERANGE);
    range = (struct ash_range){from.pa, LONG_BYTES};
    CHECK_EQ(ash_dma_map_list(&engine.dma, &range, 1, ASH_DMA_TO_DEVICE, &out), 0);
    range.base = to.pa;
    CHECK_EQ(ash_dma_map_list(&engine.dma, &range, 1, ASH_DMA_FROM_DEVICE, &in), 0);
    CHECK_EQ(out.count, 4);
    CHECK_EQ(copy(in.segments, in.count, out.segments, out.count), 0);
    CHECK_EQ(ash_dma_unmap_list(&in), 0);
    CHECK_EQ(ash_dma_unmap_list(&out), 0);
    CHECK(memcmp(from.ptr, to.ptr, LONG_BYTES) == 0);
    give_back();
}

/* Both use the blocks at the same time: uncached, aligned, named by what the bus has there. */
static void control_blocks_are_coherent(void)
{
    if (!open_engine(CHANNEL, true)) {
        return;
    }
    for (unsigned i = 0; i < BCM2835_DMA_BLOCKS; i++) {
        struct port_translation par;
        ash_pa_t pa;

        CHECK_EQ(engine.bus[i].value % BCM2835_DMA_ALIGN, 0);
        CHECK_EQ(ash_dma_bus_to_pa(&engine.dma, engine.bus[i], &pa), 0);
        CHECK_EQ(pa.value, engine.bus[i].value - BUS_OFFSET);
        CHECK_EQ(pa.value, (uintptr_t)engine.block[i]);
        CHECK(port_translate(ash_va((uintptr_t)engine.block[i]), PORT_WRITE, &par));
        CHECK_EQ((unsigned)(par.raw >> PAR_MEMORY), UNCACHED);
    }
    CHECK_EQ(bcm2835_dma_close(&engine), 0);
    end();
}

/* Physical addresses are not what the bus has: there, memory lies behind those of devices. */
static void devices_have_other_addresses_on_the_bus(void)
{
    struct ash_dma_mapping in = {0};
    const uint32_t *word;

    if (!open_engine(CHANNEL, false) || !take_memory(ASH_PAGE_SIZE)) {
        return;
    }
    word = to.ptr;
    CHECK_EQ(ash_dma_map(&engine.dma, to.pa, ASH_PAGE_SIZE, ASH_DMA_FROM_DEVICE, &in), 0);
    CHECK_EQ(copy_one(in.bus, (ash_bus_t){ID_BUS}, ID_BYTES), 0);
    CHECK_EQ(ash_dma_unmap(&in), 0);
    for (unsigned i = 0; i < ID_BYTES / 4; i++) {
        CHECK_EQ(word[i], mmio_read32(ash_va(ID_REGISTERS), 4 * i));
    }
    CHECK_EQ(word[0], 0x11);
    give_back();
}

static void out_of_reach_is_refused(void)
{
    struct ash_dma_device narrow = {.mask = 0x7fffffff, .bus_offset = BUS_OFFSET};
    struct ash_dma_mapping mapping = {0};
    ash_bus_t bus = {0};

    if (!open_engine(CHANNEL, false) || !take_memory(BYTES)) {
        return;
    }
    CHECK_EQ(ash_dma_init(&narrow), ASH_EINVAL); /* its addresses end below all memory */
    CHECK_EQ(ash_dma_required_mask(&engine.dma), UINT32_MAX);
    CHECK_EQ(ash_dma_bus(&engine.dma, ash_pa(0x3ffff000), 0x1000, &bus), 0);
    CHECK_EQ(bus.value, 0xfffff000u);
    CHECK_EQ(ash_dma_bus(&engine.dma, ash_pa(0x3ffff000), 0x1001, &bus), ASH_ERANGE);
    CHECK_EQ(ash_dma_bus(&engine.dma, ash_pa(0x40000000), 4, &bus), ASH_ERANGE);
    CHECK_EQ(ash_dma_map(&engine.dma, ash_pa(0x40000000), 4096, ASH_DMA_TO_DEVICE, &mapping),
             ASH_ERANGE);
    CHECK_EQ(ash_dma_map(&engine.dma, ash_pa(from.pa.value + 2), 64, ASH_DMA_TO_DEVICE, &mapping),
             ASH_EALIGN);
    give_back();
}

static void misuse_is_refused(void)
{
    static struct bcm2835_dma other;
    struct ash_dma_segment one = {{0}, 64}, two[BCM2835_DMA_BLOCKS + 1];
    struct ash_dma_mapping mapping = {0};

    if (!open_engine(CHANNEL, false) || !take_memory(BYTES)) {
        return;
    }
    CHECK_EQ(bcm2835_dma_open(&other, CHANNEL, false, region), ASH_EEXIST);
    CHECK_EQ(bcm2835_dma_open(&other, BCM2835_DMA_CHANNELS, false, region), ASH_EINVAL);
    CHECK_EQ(bcm2835_dma_open(&other, 11, true, region), ASH_EINVAL);
    CHECK_EQ(bcm2835_dma_wait(&engine), ASH_ENOENT);
    CHECK_EQ(ash_dma_map(&engine.dma, from.pa, BYTES, ASH_DMA_BIDIRECTIONAL, &mapping), 0);
    CHECK_EQ(bcm2835_dma_close(&engine), ASH_EBUSY);
    one.bus = mapping.bus;
    CHECK_EQ(bcm2835_dma_fill(&engine, &one, 0, 0), ASH_EINVAL);
    one.size = 62;
    CHECK_EQ(bcm2835_dma_fill(&engine, &one, 1, 0), ASH_EALIGN);
    one.size = UINT32_MAX - 3;
    CHECK_EQ(bcm2835_dma_fill(&engine, &one, 1, 0), ASH_ERANGE);
    one.size = 4 * BCM2835_DMA_BLOCKS + 4;
    for (unsigned i = 0; i <= BCM2835_DMA_BLOCKS; i++) {
        two[i] = (struct ash_dma_segment){{mapping.bus.value + 8192 + 4 * i}, 4};
    }
    CHECK_EQ(bcm2835_dma_copy(&engine, two, 2, &one, 1), ASH_EINVAL);
    CHECK_EQ(bcm2835_dma_copy(&engine, two, BCM2835_DMA_BLOCKS + 1, &one, 1), ASH_ENOMEM);
    one.size = 4 * BCM2835_DMA_BLOCKS;
    CHECK_EQ(bcm2835_dma_copy(&engine, two, BCM2835_DMA_BLOCKS, &one, 1), 0);
    CHECK_EQ(bcm2835_dma_copy(&engine, two, 1, &one, 1), ASH_EBUSY);
    CHECK_EQ(bcm2835_dma_fill(&engine, &one, 1, 0), ASH_EBUSY);
    CHECK_EQ(bcm2835_dma_close(&engine), ASH_EBUSY);
    CHECK_EQ(bcm2835_dma_wait(&engine), 0);
    CHECK_EQ(bcm2835_dma_wait(&engine), ASH_ENOENT);
    MISUSE(ash_dma_exit(&engine.dma), ASH_EBUSY, 2); /* and the pool of blocks */
    CHECK_EQ(ash_dma_unmap(&mapping), 0);
    CHECK(memcmp(from.ptr, (uint8_t *)from.ptr + 8192, (size_t)one.size) == 0);
    give_back();
}

static const struct target_case cases[] = {
    TARGET_CASE(copies_and_is_polled),
    TARGET_CASE(copies_and_interrupts),
    TARGET_CASE(fills_with_a_word),
    TARGET_CASE(lists_are_cut_where_either_ends),
    TARGET_CASE(lite_channels_have_short_blocks),
    TARGET_CASE(control_blocks_are_coherent),
    TARGET_CASE(devices_have_other_addresses_on_the_bus),
    TARGET_CASE(out_of_reach_is_refused),
    TARGET_CASE(misuse_is_refused),
};

const struct target_suite suite_bcm_dma = TARGET_SUITE("bcm-dma", cases);
