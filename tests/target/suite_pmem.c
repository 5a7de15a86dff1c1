/* SPDX-License-Identifier: MIT */
/*
 * Contiguous memory, on region "dma": every block as the hardware translates it and as it reads and
 * writes, random use against a model, to exhaustion and back, and every kind of bad block. Owners,
 * references and misuse: suite_pmem_owner.c.
 */
#include <string.h>

#include "ashlar/boot.h"
#include "ashlar/fault.h"
#include "ashlar/pmem.h"
#include "ashlar/trap.h"
#include "port/port.h"
#include "tests/target/region.h"
#include "tests/target/suite.h"

#define Q ASH_PMEM_QUANTUM

/* The hardware translates each page of [pa, pa + size) for writing, to itself, as this memory. */
static bool hardware_agrees(ash_pa_t pa, uint64_t size, unsigned memory)
{
    for (uint64_t at = pa.value; at < pa.value + size; at += Q) {
        struct port_translation par;

        if (!port_translate(ash_va((uintptr_t)at), PORT_WRITE, &par) || par.pa.value != at ||
            (unsigned)(par.raw >> PAR_MEMORY) != memory) {
            target_note("page %#llx: PAR %#llx", (unsigned long long)at,
                        (unsigned long long)par.raw);
            return false;
        }
    }
    return true;
}

static bool words_are(const void *start, uint64_t size, uint32_t value)
{
    const uint32_t *word = start;

    for (size_t i = 0; i < size / sizeof(*word); i++) {
        if (word[i] != value) {
            return false;
        }
    }
    return true;
}

static void fill(void *start, uint64_t size, uint32_t value)
{
    uint32_t *word = start;

    for (size_t i = 0; i < size / sizeof(*word); i++) {
        word[i] = value;
    }
}

static void region_is_mapped(void)
{
    if (!begin()) {
        return;
    }
    CHECK_EQ(before.range.base.value % Q, 0);
    CHECK(strcmp(ash_pmem_name(region), "dma") == 0);
    CHECK(before.free <= before.range.size && before.largest <= before.free);
    CHECK_EQ(ash_pmem_verify(region), 0);
    if (before.blocks == 0) {
        CHECK(hardware_agrees(before.range.base, before.range.size, CACHED));
    }
    CHECK_EQ(ash_pmem_add("again", before.range), ASH_EEXIST);
    CHECK_EQ(ash_pmem_add("dma", (struct ash_range){{0}, Q}), ASH_EEXIST);
    CHECK_EQ(ash_pmem_add("flash", (struct ash_range){{0}, Q}), ASH_EFAULT);
}

static void views_switch_in_place(void)
{
    struct ash_pmem_block block, again;

    if (!begin()) {
        return;
    }
    CHECK_EQ(ash_pmem_alloc(region, 5 * Q - 1, 4 * Q, ASH_PMEM_UNCACHED, &block), 0);
    CHECK_EQ(block.size, 5 * Q);
    CHECK_EQ(block.pa.value % (4 * Q), 0);
    CHECK_EQ((uintptr_t)block.ptr, block.pa.value);
    CHECK(hardware_agrees(block.pa, block.size, UNCACHED));
    CHECK(words_are(block.ptr, block.size, 0));
    fill(block.ptr, block.size, 0xc0ffee01);
    CHECK(words_are(block.ptr, block.size, 0xc0ffee01));
    CHECK_EQ(ash_pmem_free(&block), 0);
    CHECK(hardware_agrees(block.pa, block.size, CACHED));

    /* The same memory in the other view, contents kept. */
    CHECK_EQ(ash_pmem_alloc_at(region, block.pa.value - before.range.base.value, block.size,
                               ASH_PMEM_UNINIT, &again),
             0);
    CHECK_EQ(again.pa.value, block.pa.value);
    CHECK(hardware_agrees(again.pa, again.size, CACHED));
    CHECK(words_are(again.ptr, again.size, 0xc0ffee01));
    fill(again.ptr, again.size, 0xc0ffee02);
    CHECK_EQ(ash_pmem_flush(&again, 0, again.size), 0);
    CHECK(words_are(again.ptr, again.size, 0xc0ffee02));
    CHECK_EQ(ash_pmem_flush(&again, 1, again.size), ASH_ERANGE);
    CHECK_EQ(ash_pmem_free(&again), 0);

    CHECK_EQ(ash_pmem_alloc_at(region, block.pa.value - before.range.base.value, block.size,
                               ASH_PMEM_UNCACHED, &again),
             0);
    CHECK(words_are(again.ptr, again.size, 0));
    CHECK_EQ(ash_pmem_free(&again), 0);
    end();
}

struct aliases {
    struct ash_pmem_block block;
    unsigned own, other;
};

static int count_aliases(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct aliases *found = arg;
    uint64_t start = found->block.pa.value;

    if (mapping->pa.value < start + found->block.size &&
        start < mapping->pa.value + mapping->size) {
        bool own = mapping->va.value == mapping->pa.value && mapping->size == Q &&
                   mapping->attr == (ASH_MMU_UNCACHED | ASH_MMU_WRITE);

        found->own += own;
        found->other += !own;
    }
    return 0;
}

/* The whole map leads to the block by its own pages and by nothing else. */
static void uncached_memory_has_no_alias(void)
{
    struct aliases found = {.own = 0};
    struct ash_mmu_mapping mapping;

    if (!begin()) {
        return;
    }
    CHECK_EQ(ash_pmem_alloc(region, 7 * Q, 0, ASH_PMEM_UNCACHED, &found.block), 0);
    CHECK_EQ(ash_mmu_walk(&ash_boot_map, ash_va(0), 1ull << 32, count_aliases, &found), 0);
    CHECK_EQ(found.own, 7);
    CHECK_EQ(found.other, 0);
    CHECK_EQ(ash_mmu_query(&ash_boot_map, ash_va_of(found.block.ptr), &mapping), 0);
    CHECK_EQ(mapping.pa.value, found.block.pa.value);
    CHECK_EQ(mapping.level, 3);
    CHECK_EQ(ash_pmem_free(&found.block), 0);
    CHECK_EQ(ash_mmu_query(&ash_boot_map, ash_va_of(found.block.ptr), &mapping), 0);
    CHECK_EQ(mapping.attr, ASH_MMU_NORMAL | ASH_MMU_WRITE);
    CHECK_EQ(ash_mmu_verify(&ash_boot_map, NULL), 0);
    end();
}

static void run_data(void *code)
{
    ((void (*)(void))(uintptr_t)code)();
}

static void blocks_are_never_executable(void)
{
    static const uint32_t views[] = {ASH_PMEM_CACHED, ASH_PMEM_UNCACHED};

    if (!begin()) {
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct ash_pmem_block block;
        struct ash_trap trap;

        CHECK_EQ(ash_pmem_alloc(region, Q, 0, views[i], &block), 0);
        CHECK_EQ(ash_trap_catch(run_data, block.ptr, &trap), ASH_EFAULT);
        CHECK_EQ(trap.kind, ASH_TRAP_PREFETCH);
        CHECK_EQ(trap.cause, ASH_CAUSE_PERMISSION);
        CHECK_EQ(trap.level, 3);
        CHECK_EQ(trap.pc, (uintptr_t)block.ptr);
        CHECK_EQ(ash_pmem_free(&block), 0);
    }
    end();
}

static void constraints_hold(void)
{
    struct ash_pmem_block block, none;

    if (!begin()) {
        return;
    }
    for (uint64_t align = Q; align <= 64 * Q; align *= 2) {
        struct ash_pmem_request request = {.size = 3 * Q, .align = align, .boundary = 4 * Q};

        CHECK_EQ(ash_pmem_alloc_request(region, &request, &block), 0);
        CHECK_EQ(block.pa.value % align, 0);
        CHECK_EQ(block.pa.value / (4 * Q), (block.pa.value + 3 * Q - 1) / (4 * Q));
        request.min = block.pa.value;
        request.max = block.pa.value + 3 * Q - 1;
        CHECK_EQ(ash_pmem_alloc_request(region, &request, &none), ASH_ENOMEM);
        CHECK_EQ(ash_pmem_free(&block), 0);
        CHECK_EQ(ash_pmem_alloc_request(region, &request, &none), 0);
        CHECK_EQ(none.pa.value, block.pa.value);
        CHECK_EQ(ash_pmem_free(&none), 0);
    }
    CHECK_EQ(ash_pmem_alloc(region, 0, 0, 0, &none), ASH_EINVAL);
    CHECK_EQ(ash_pmem_alloc(region, Q, 3 * Q, 0, &none), ASH_EALIGN);
    CHECK_EQ(ash_pmem_alloc(region, UINT64_MAX, 0, 0, &none), ASH_ENOMEM);
    CHECK_EQ(ash_pmem_alloc(region, before.range.size + 1, 0, 0, &none), ASH_ENOMEM);
    end();
}

#define MOST 1024u

static struct ash_pmem_block blocks[MOST];

/* Single quanta until nothing is left, given back in another order. */
static void to_exhaustion_and_back(void)
{
    struct ash_pmem_stats stats;
    struct ash_pmem_block none;
    unsigned count = 0;
    int error = 0;

    if (!begin()) {
        return;
    }
    if (before.free / Q > MOST) {
        target_skip("the region has more quanta than this test can hold");
        return;
    }
    while (error == 0 && count < MOST) {
        error = ash_pmem_alloc(region, 1, 0, count % 3 == 0 ? ASH_PMEM_UNCACHED : ASH_PMEM_UNINIT,
                               &blocks[count]);
        if (error == 0) {
            fill(blocks[count].ptr, Q, count);
            count++;
        }
    }
    CHECK_EQ(count, before.free / Q);
    CHECK_EQ(ash_pmem_alloc(region, 1, 0, 0, &none), ASH_ENOMEM);
    ash_pmem_stats(region, &stats);
    CHECK_EQ(stats.free, 0);
    CHECK_EQ(stats.largest, 0);
    CHECK_EQ(stats.high_water, stats.range.size);
    CHECK(stats.failures > before.failures);
    for (unsigned start = 0; start < 7; start++) {
        for (unsigned i = start; i < count; i += 7) {
            CHECK(words_are(blocks[i].ptr, Q, i));
            CHECK_EQ(ash_pmem_free(&blocks[i]), 0);
        }
    }
    end();
}

static uint32_t seed;

static uint32_t random_below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return (uint32_t)((uint64_t)seed * n >> 32);
}

#define LIVE 24u

static struct ash_pmem_block live[LIVE];

static bool overlaps_a_live_block(const struct ash_pmem_block *block)
{
    for (unsigned i = 0; i < LIVE; i++) {
        if (&live[i] != block && live[i].size != 0 &&
            live[i].pa.value < block->pa.value + block->size &&
            block->pa.value < live[i].pa.value + live[i].size) {
            return true;
        }
    }
    return false;
}

static void random_one(struct ash_pmem_block *slot, uint32_t mark)
{
    struct ash_pmem_request request = {
        .size = 1 + random_below(12 * Q),
        .align = Q << random_below(5),
        .boundary = random_below(2) ? 16 * Q : 0,
        .flags = random_below(2) ? ASH_PMEM_UNCACHED : ASH_PMEM_CACHED,
    };
    struct ash_pmem_block found;
    int error;

    if (slot->size != 0) {
        CHECK_EQ(ash_pmem_lookup(ash_pa(slot->pa.value + slot->size - 1), &found), 0);
        CHECK_EQ(found.pa.value, slot->pa.value);
        CHECK(words_are(slot->ptr, slot->size, mark));
        CHECK_EQ(ash_pmem_free(slot), 0);
        CHECK(hardware_agrees(slot->pa, slot->size, CACHED));
        slot->size = 0;
        return;
    }
    error = ash_pmem_alloc_request(region, &request, slot);
    if (error != 0) {
        CHECK_EQ(error, ASH_ENOMEM);
        slot->size = 0;
        return;
    }
    CHECK(slot->size >= request.size && slot->size < request.size + Q);
    CHECK_EQ(slot->pa.value % request.align, 0);
    CHECK(request.boundary == 0 ||
          slot->pa.value / (16 * Q) == (slot->pa.value + slot->size - 1) / (16 * Q));
    CHECK(!overlaps_a_live_block(slot));
    CHECK(hardware_agrees(slot->pa, slot->size,
                          request.flags & ASH_PMEM_UNCACHED ? UNCACHED : CACHED));
    CHECK(words_are(slot->ptr, slot->size, 0));
    fill(slot->ptr, slot->size, mark);
}

static void random_use(void)
{
    struct ash_pmem_stats stats;

    if (!begin()) {
        return;
    }
    memset(live, 0, sizeof(live));
    seed = 20406;
    target_note("seed %u", (unsigned)seed);
    for (unsigned step = 0; step < 1500; step++) {
        unsigned i = random_below(LIVE);
        uint64_t used = 0;

        random_one(&live[i], i * 0x01010101u + 1);
        for (unsigned j = 0; j < LIVE; j++) {
            used += live[j].size;
        }
        ash_pmem_stats(region, &stats);
        CHECK_EQ(stats.free, before.free - used);
    }
    CHECK_EQ(ash_pmem_verify(region), 0);
    for (unsigned i = 0; i < LIVE; i++) {
        if (live[i].size != 0) {
            random_one(&live[i], i * 0x01010101u + 1);
        }
    }
    end();
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

static bool is_reported(const struct ash_pmem_block *block, enum ash_fault_kind kind)
{
    ash_fault_fn hook = ash_fault_hook;
    int error;

    reported.count = 0;
    ash_fault_hook = record;
    error = ash_pmem_free(block);
    ash_fault_hook = hook;
    return error == ASH_ECORRUPT && reported.count == 1 && reported.kind == kind;
}

static void bad_blocks_are_reported(void)
{
    struct ash_pmem_block block, bad;

    if (!begin()) {
        return;
    }
    CHECK_EQ(ash_pmem_alloc(region, 4 * Q, 0, 0, &block), 0);
    bad = block;
    bad.region = NULL;
    CHECK(is_reported(&bad, ASH_FAULT_FOREIGN));
    bad = block;
    bad.pa.value = before.range.base.value + before.range.size;
    CHECK(is_reported(&bad, ASH_FAULT_FOREIGN));
    bad.pa.value = block.pa.value + 3 * Q;
    CHECK(is_reported(&bad, ASH_FAULT_MISALIGNED));
    bad.pa.value = block.pa.value + 4;
    CHECK(is_reported(&bad, ASH_FAULT_MISALIGNED));
    bad = block;
    bad.size -= Q;
    CHECK(is_reported(&bad, ASH_FAULT_CORRUPT));
    CHECK_EQ(ash_pmem_free(&block), 0);
    CHECK(is_reported(&block, ASH_FAULT_DOUBLE_FREE));
    end();
}

static const struct target_case cases[] = {
    TARGET_CASE(region_is_mapped),
    TARGET_CASE(views_switch_in_place),
    TARGET_CASE(uncached_memory_has_no_alias),
    TARGET_CASE(blocks_are_never_executable),
    TARGET_CASE(constraints_hold),
    TARGET_CASE(to_exhaustion_and_back),
    TARGET_CASE(random_use),
    TARGET_CASE(bad_blocks_are_reported),
};

const struct target_suite suite_pmem = TARGET_SUITE("pmem", cases);
