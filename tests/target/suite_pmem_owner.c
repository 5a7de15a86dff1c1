/* SPDX-License-Identifier: MIT */
/*
 * Contiguous memory as its users treat it, on region "dma": owners and references, the ordered
 * view, and the five trials that Android's pmem names: nominal, adversarial, huge allocation, free
 * of what is not allocated, large numbers of regions.
 */
#include <limits.h>
#include <string.h>

#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "ashlar/pmem.h"
#include "port/port.h"
#include "tests/target/region.h"
#include "tests/target/suite.h"

#define Q       ASH_PMEM_QUANTUM
#define ORDERED 0x04u
#define OWNER   (ASH_OWNER_FIRST + 7u)

static unsigned memory_at(ash_pa_t pa)
{
    struct port_translation par;

    return port_translate(ash_va((uintptr_t)pa.value), PORT_WRITE, &par)
               ? (unsigned)(par.raw >> PAR_MEMORY)
               : UINT_MAX;
}

static struct {
    unsigned count;
    enum ash_fault_kind kind;
} reported;

static void record(const struct ash_fault *fault)
{
    reported.count++;
    reported.kind = fault->kind;
}

static bool is_reported(int (*call)(const struct ash_pmem_block *block),
                        const struct ash_pmem_block *block, enum ash_fault_kind kind)
{
    ash_fault_fn hook = ash_fault_hook;
    int error;

    reported.count = 0;
    ash_fault_hook = record;
    error = call(block);
    ash_fault_hook = hook;
    return error == ASH_ECORRUPT && reported.count == 1 && reported.kind == kind;
}

static void references_hold_a_block(void)
{
    struct ash_pmem_block block, other;
    volatile uint32_t *word;

    if (!begin()) {
        return;
    }
    CHECK_EQ(ash_pmem_alloc(region, 2 * Q, 0, ASH_PMEM_UNCACHED, &block), 0);
    word = block.ptr;
    CHECK_EQ(ash_pmem_get(&block), 0);
    CHECK_EQ(ash_pmem_get(&block), 0);
    *word = 0x600df00d;
    CHECK_EQ(ash_pmem_free(&block), 0);
    CHECK_EQ(memory_at(block.pa), UNCACHED);
    CHECK_EQ(*word, 0x600df00d);
    CHECK(is_reported(ash_pmem_free, &block, ASH_FAULT_DOUBLE_FREE));
    CHECK_EQ(ash_pmem_alloc_at(region, block.pa.value - before.range.base.value, Q, 0, &other),
             ASH_EBUSY);
    CHECK_EQ(ash_pmem_put(&block), 0);
    CHECK_EQ(*word, 0x600df00d);
    CHECK_EQ(ash_pmem_put(&block), 0);
    CHECK_EQ(memory_at(block.pa), CACHED);
    CHECK(is_reported(ash_pmem_put, &block, ASH_FAULT_DOUBLE_FREE));
    end();
}

static void owners_are_released(void)
{
    struct ash_pmem_block blocks[5], mine;

    if (!begin()) {
        return;
    }
    CHECK_EQ(ash_pmem_owned(OWNER), 0);
    CHECK_EQ(ash_pmem_alloc(region, 3 * Q, 0, ASH_PMEM_OWNER(ASH_OWNER_TEST), &mine), 0);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(ash_pmem_alloc(region, (1 + i) * Q, 0,
                                ASH_PMEM_OWNER(OWNER) | (i % 2 ? ASH_PMEM_UNCACHED : 0),
                                &blocks[i]),
                 0);
    }
    CHECK_EQ(ash_pmem_owned(OWNER), 15 * Q);
    CHECK_EQ(ash_pmem_free(&blocks[2]), 0);
    CHECK_EQ(ash_pmem_release(OWNER), 4);
    CHECK_EQ(ash_pmem_owned(OWNER), 0);
    CHECK_EQ(memory_at(blocks[1].pa), CACHED);
    CHECK(is_reported(ash_pmem_free, &blocks[0], ASH_FAULT_DOUBLE_FREE));
    CHECK_EQ(ash_pmem_free(&mine), 0);
    end();
}

static void ordered_blocks_are_device_memory(void)
{
    struct ash_pmem_block block;
    volatile uint32_t *word;
    uint32_t sum = 0;

    if (!begin()) {
        return;
    }
    CHECK_EQ(ash_pmem_alloc(region, 3 * Q, 0, ASH_PMEM_ORDERED, &block), 0);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(memory_at(ash_pa(block.pa.value + i * Q)), ORDERED);
    }
    word = block.ptr;
    for (unsigned i = 0; i < 3 * Q / 4; i++) {
        sum += word[i];
        word[i] = i;
    }
    CHECK_EQ(sum, 0);
    for (unsigned i = 0; i < 3 * Q / 4; i++) {
        sum += word[i] != i;
    }
    CHECK_EQ(sum, 0);
    CHECK_EQ(ash_pmem_flush(&block, 0, block.size), 0);
    CHECK_EQ(ash_pmem_free(&block), 0);
    CHECK_EQ(memory_at(block.pa), CACHED);
    end();
}

static bool described;

static void describe(const struct ash_usage *usage, void *arg)
{
    const struct ash_pmem_stats *stats = arg;

    if (strcmp(usage->module, "pmem") == 0 && strcmp(usage->name, "dma") == 0) {
        described = usage->total == stats->range.size && usage->free == stats->free &&
                    usage->used == stats->range.size - stats->free &&
                    usage->largest == stats->largest && usage->blocks == stats->blocks;
    }
}

static void usage_is_described(void)
{
    struct ash_pmem_block block;
    struct ash_pmem_stats stats;

    if (!begin()) {
        return;
    }
    CHECK_EQ(ash_pmem_alloc(region, 7 * Q, 0, ASH_PMEM_UNINIT, &block), 0);
    ash_pmem_stats(region, &stats);
    CHECK_EQ(stats.free, before.free - 7 * Q);
    described = false;
    ash_pmem_usage(describe, &stats);
    CHECK(described);
    CHECK_EQ(ash_pmem_free(&block), 0);
    end();
}

/* Allocate, find, use, clean, free: as a driver does. */
static void nominal(void)
{
    for (uint64_t size = Q; size <= 16 * Q; size *= 2) {
        struct ash_pmem_block block, found;

        if (!begin()) {
            return;
        }
        CHECK_EQ(ash_pmem_alloc(region, size, size, ASH_PMEM_CACHED, &block), 0);
        CHECK_EQ(block.size, size);
        CHECK_EQ(block.pa.value % size, 0);
        CHECK_EQ(ash_pmem_lookup(ash_pa(block.pa.value + size - 1), &found), 0);
        CHECK(found.region == region && found.ptr == block.ptr && found.flags == block.flags);
        CHECK(found.pa.value == block.pa.value && found.size == block.size);
        memset(block.ptr, 0x5a, (size_t)size);
        CHECK_EQ(ash_pmem_clean(&block, 0, size), 0);
        CHECK_EQ(ash_pmem_invalidate(&block, 0, size), 0);
        CHECK_EQ(((volatile unsigned char *)block.ptr)[size - 1], 0x5a);
        CHECK_EQ(ash_pmem_free(&block), 0);
        CHECK_EQ(ash_pmem_lookup(block.pa, &found), ASH_ENOENT);
        end();
    }
}

/* Whatever is asked, it is refused, and nothing has changed. */
static void adversarial(void)
{
    static const struct {
        struct ash_pmem_request request;
        int error;
    } rows[] = {
        {{.size = 0}, ASH_EINVAL},
        {{.size = Q, .flags = 0x40000000u}, ASH_EINVAL},
        {{.size = Q, .flags = ASH_PMEM_UNCACHED | ASH_PMEM_ORDERED}, ASH_EINVAL},
        {{.size = Q, .flags = ASH_PMEM_OWNER(ASH_OWNERS)}, ASH_EINVAL},
        {{.size = Q, .align = Q / 2}, ASH_EALIGN},
        {{.size = Q, .align = 3 * Q}, ASH_EALIGN},
        {{.size = Q, .align = UINT64_MAX}, ASH_EALIGN},
        {{.size = Q, .boundary = 5}, ASH_EINVAL},
        {{.size = 2 * Q, .boundary = Q}, ASH_ERANGE},
        {{.size = Q, .min = 8 * Q, .max = 7 * Q}, ASH_ERANGE},
        {{.size = Q, .max = Q}, ASH_ENOMEM},
        {{.size = Q, .min = UINT64_MAX - Q}, ASH_ENOMEM},
    };
    struct ash_pmem_block block = {.size = 99};

    if (!begin()) {
        return;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int error = ash_pmem_alloc_request(region, &rows[i].request, &block);

        if (error != rows[i].error) {
            target_note("row %u", (unsigned)i);
        }
        CHECK_EQ(error, rows[i].error);
        CHECK_EQ(block.size, 99);
    }
    CHECK_EQ(ash_pmem_alloc_at(region, UINT64_MAX - Q + 1, Q, 0, &block), ASH_ERANGE);
    CHECK_EQ(ash_pmem_alloc_at(region, 0, UINT64_MAX - Q + 1, 0, &block), ASH_ERANGE);
    end();
}

static void huge_allocation(void)
{
    static const uint64_t sizes[] = {1ull << 32, 1ull << 44, 1ull << 63, UINT64_MAX, -Q, -Q + 1};
    struct ash_pmem_block block;

    if (!begin()) {
        return;
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (uint64_t less = 0; less < 3; less++) {
            CHECK_EQ(ash_pmem_alloc(region, sizes[i] - less, 0, 0, &block), ASH_ENOMEM);
            CHECK_EQ(ash_pmem_alloc(region, Q, 1ull << 63, 0, &block), ASH_ENOMEM);
        }
    }
    CHECK_EQ(ash_pmem_alloc(region, before.largest + 1, 0, 0, &block), ASH_ENOMEM);
    CHECK_EQ(ash_pmem_alloc(region, before.largest, 0, ASH_PMEM_UNINIT, &block), 0);
    CHECK_EQ(ash_pmem_free(&block), 0);
    end();
}

static void free_unallocated(void)
{
    struct ash_pmem_block block = {.size = Q}, real;

    if (!begin()) {
        return;
    }
    CHECK_EQ(ash_pmem_alloc(region, 2 * Q, 0, 0, &real), 0);
    CHECK(is_reported(ash_pmem_free, &block, ASH_FAULT_FOREIGN));
    block.region = region;
    CHECK(is_reported(ash_pmem_free, &block, ASH_FAULT_FOREIGN));
    block.pa = ash_pa(real.pa.value + Q);
    CHECK(is_reported(ash_pmem_free, &block, ASH_FAULT_MISALIGNED));
    block.pa = ash_pa(real.pa.value + 2 * Q);
    CHECK_EQ(ash_pmem_free(&real), 0);
    CHECK(is_reported(ash_pmem_free, &real, ASH_FAULT_DOUBLE_FREE));
    end();
}

/* Numbers and names of regions that there are not; and each region by its name. */
static void large_region_number(void)
{
    unsigned count = 0;

    while (ash_pmem_region(count) != NULL) {
        CHECK(ash_pmem_find(ash_pmem_name(ash_pmem_region(count))) == ash_pmem_region(count));
        count++;
    }
    CHECK(count <= ASH_PMEM_REGIONS);
    CHECK(ash_pmem_region(ASH_PMEM_REGIONS) == NULL);
    CHECK(ash_pmem_region(32768) == NULL && ash_pmem_region(UINT_MAX) == NULL);
    CHECK(ash_pmem_find("") == NULL && ash_pmem_find("no such region") == NULL);
}

static const struct target_case cases[] = {
    TARGET_CASE(references_hold_a_block),
    TARGET_CASE(owners_are_released),
    TARGET_CASE(ordered_blocks_are_device_memory),
    TARGET_CASE(usage_is_described),
    TARGET_CASE(nominal),
    TARGET_CASE(adversarial),
    TARGET_CASE(huge_allocation),
    TARGET_CASE(free_unallocated),
    TARGET_CASE(large_region_number),
};

const struct target_suite suite_pmem_owner = TARGET_SUITE("pmem-owner", cases);
