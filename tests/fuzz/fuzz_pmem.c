/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes a region of contiguous memory against one number a quantum: whose block it is in. A region
 * of any size at any place; requests with all constraints, places, references, owners, handles that
 * are wrong.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ashlar/frames.h"
#include "ashlar/pmem.h"
#include "port/sim/hostile.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support.h"

#define Q         0x1000ull
#define FRAMES_AT 0x40000000ull
#define FRAMES_IN (64 * Q)
#define MEMORY_AT 0x50000000ull
#define MOST      112u /* quanta of memory */
#define SLOTS     24u
#define OWNERS    4u

struct slot {
    bool used, freed; /* freed: held by references only */
    struct ash_pmem_block block;
    unsigned refs, owner;
};

static struct ash_pmem *region;
static uint64_t base;     /* of the region */
static unsigned quanta;   /* of the region */
static uint8_t has[MOST]; /* slot + 1, or 0 */
static struct slot slots[SLOTS];
static const uint8_t *bytes;
static size_t left;

static unsigned next(unsigned below)
{
    unsigned value = 0;

    if (left > 0) {
        value = *bytes++;
        left--;
    }
    return value % below;
}

static void start(void)
{
    const struct ash_frames_config frames = {.direct_limit = {1ull << 40}};
    struct ash_regions regions;

    sim_start();
    sim_hostile = false;
    support_faults_reset();
    sim_add_ram(ash_pa(FRAMES_AT), FRAMES_IN);
    sim_add_ram(ash_pa(MEMORY_AT), MOST * Q);
    ash_regions_init(&regions);
    MUST(ash_regions_add(&regions, (struct ash_range){{FRAMES_AT}, FRAMES_IN}) == 0);
    MUST(ash_frames_init(&regions, &frames) == 0);
    ash_pmem_init(NULL, NULL);
    base = MEMORY_AT + next(40) * Q;
    quanta = 1 + next(MOST - 40);
    MUST(ash_pmem_add("fuzz", (struct ash_range){{base}, quanta * Q}) == 0);
    region = ash_pmem_find("fuzz");
    memset(has, 0, sizeof has);
    memset(slots, 0, sizeof slots);
}

static bool is_free(unsigned at, unsigned count)
{
    for (unsigned i = at; i < at + count; i++) {
        if (i >= quanta || has[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool is_allowed(const struct ash_pmem_request *request, unsigned at, unsigned count)
{
    uint64_t first = base + at * Q, last = first + count * Q - 1;

    return (request->align == 0 || first % request->align == 0) &&
           (request->boundary == 0 || first / request->boundary == last / request->boundary) &&
           first >= request->min && (request->max == 0 || last <= request->max) &&
           is_free(at, count);
}

/* The lowest place, or MOST. */
static unsigned lowest(const struct ash_pmem_request *request, unsigned count)
{
    for (unsigned at = 0; at + count <= quanta; at++) {
        if (is_allowed(request, at, count)) {
            return at;
        }
    }
    return MOST;
}

static void now_used(struct slot *slot, const struct ash_pmem_block *block, unsigned count,
                     unsigned owner)
{
    unsigned at = (unsigned)((block->pa.value - base) / Q);

    MUST(block->size == count * Q && block->region == region);
    MUST(block->ptr == port_ptr(block->pa));
    *slot = (struct slot){.used = true, .block = *block, .owner = owner};
    memset(&has[at], (int)(slot - slots) + 1, count);
}

static void take(struct slot *slot)
{
    unsigned count = 1 + next(next(4) == 0 ? 40 : 9), owner = next(OWNERS), place;
    struct ash_pmem_request request = {
        .size = count * Q - next(200),
        .align = next(2) ? Q << next(7) : 0,
        .boundary = next(3) == 0 ? Q << (4 + next(3)) : 0,
        .flags = ASH_PMEM_OWNER(ASH_OWNER_FIRST + owner) | (next(16) ? ASH_PMEM_UNINIT : 0),
    };
    struct ash_pmem_block block;
    int error;

    if (next(3) == 0) {
        request.min = base + next(64) * Q - next(3) * 77;
        request.max = request.min + (count + next(32)) * Q;
    }
    error = ash_pmem_alloc_request(region, &request, &block);
    if (request.boundary != 0 && count * Q > request.boundary) {
        MUST(error == ASH_ERANGE);
        return;
    }
    place = lowest(&request, count);
    MUST(error == (place < MOST ? 0 : ASH_ENOMEM));
    if (error == 0) {
        MUST(is_allowed(&request, (unsigned)((block.pa.value - base) / Q), count));
        if (request.align == count * Q) {
            MUST(block.pa.value == base + place * Q);
        }
        now_used(slot, &block, count, owner);
    }
}

static void take_place(struct slot *slot)
{
    unsigned at = next(quanta), count = 1 + next(12), owner = next(OWNERS);
    struct ash_pmem_block block;
    int error =
        ash_pmem_alloc_at(region, at * Q, count * Q,
                          ASH_PMEM_UNINIT | ASH_PMEM_OWNER(ASH_OWNER_FIRST + owner), &block);

    if (at + count > quanta) {
        MUST(error == ASH_ERANGE);
        return;
    }
    MUST(error == (is_free(at, count) ? 0 : ASH_EBUSY));
    if (error == 0) {
        MUST(block.pa.value == base + at * Q);
        now_used(slot, &block, count, owner);
    }
}

/* Sizes that nothing holds, up to the end of all numbers. */
static void take_too_much(void)
{
    uint64_t size = next(2) ? UINT64_MAX - next(255) * Q : ((uint64_t)quanta + 1) * Q << next(40);
    struct ash_pmem_block block;

    MUST(ash_pmem_alloc(region, size, next(2) ? Q << next(50) : 0, 0, &block) == ASH_ENOMEM);
}

static void gone(struct slot *slot)
{
    unsigned at = (unsigned)((slot->block.pa.value - base) / Q);

    memset(&has[at], 0, (size_t)(slot->block.size / Q));
    slot->used = false;
}

static void freed(struct slot *slot)
{
    slot->freed = true;
    if (slot->refs == 0) {
        gone(slot);
    }
}

static void give(struct slot *slot)
{
    if (slot->freed) {
        MUST(ash_pmem_free(&slot->block) == ASH_ECORRUPT);
        MUST(support_faults.count == 1 && support_faults.last.kind == ASH_FAULT_DOUBLE_FREE);
        support_faults.count = 0;
        return;
    }
    MUST(ash_pmem_free(&slot->block) == 0);
    freed(slot);
}

static void refer(struct slot *slot)
{
    if (next(2) && slot->refs < 5) {
        MUST(ash_pmem_get(&slot->block) == 0);
        slot->refs++;
    } else if (slot->refs > 0) {
        MUST(ash_pmem_put(&slot->block) == 0);
        slot->refs--;
        if (slot->freed && slot->refs == 0) {
            gone(slot);
        }
    }
}

static void release(void)
{
    unsigned owner = next(OWNERS), count = 0;

    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots[i].used && !slots[i].freed && slots[i].owner == owner) {
            freed(&slots[i]);
            count++;
        }
    }
    MUST(ash_pmem_release(ASH_OWNER_FIRST + owner) == count);
}

/* A handle that names no block, or not as it is. */
static void use_wrong(const struct slot *slot)
{
    struct ash_pmem_block bad = slot->block;

    switch (next(4)) {
    case 0:
        bad.pa.value += Q * (1 + next(3));
        break;
    case 1:
        bad.pa.value += 1 + next(200);
        break;
    case 2:
        bad.size += Q;
        break;
    default:
        bad.flags = ASH_PMEM_UNCACHED;
        break;
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots[i].used && slots[i].block.pa.value == bad.pa.value &&
            slots[i].block.size == bad.size && bad.flags == slots[i].block.flags) {
            return; /* it is another block's */
        }
    }
    MUST((next(2) ? ash_pmem_free : ash_pmem_put)(&bad) == ASH_ECORRUPT);
    MUST(support_faults.count == 1);
    support_faults.count = 0;
}

static void check(void)
{
    uint32_t used = 0, longest = 0, run = 0, blocks = 0, leaving = 0;
    uint64_t owned[OWNERS] = {0};
    struct ash_pmem_stats stats;

    for (unsigned i = 0; i < quanta; i++) {
        struct ash_pmem_block found;
        int error = ash_pmem_lookup(ash_pa(base + i * Q + 5), &found);

        MUST(error == (has[i] ? 0 : ASH_ENOENT));
        MUST(error != 0 || found.pa.value == slots[has[i] - 1].block.pa.value);
        used += has[i] != 0;
        run = has[i] ? 0 : run + 1;
        longest = run > longest ? run : longest;
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        blocks += slots[i].used;
        leaving += slots[i].used && slots[i].freed;
        owned[slots[i].owner] += slots[i].used ? slots[i].block.size : 0;
    }
    ash_pmem_stats(region, &stats);
    MUST(stats.free == (quanta - used) * Q && stats.largest == longest * Q);
    MUST(stats.blocks == blocks && stats.leaving == leaving && stats.high_water >= used * Q);
    for (unsigned i = 0; i < OWNERS; i++) {
        MUST(ash_pmem_owned(ASH_OWNER_FIRST + i) == owned[i]);
    }
    MUST(ash_pmem_verify(region) == 0);
}

static void step(void)
{
    struct slot *slot = &slots[next(SLOTS)];

    fuzz_steps++;
    switch (next(16)) {
    case 0:
        release();
        break;
    case 1:
        take_too_much();
        break;
    case 2:
        check();
        break;
    default:
        if (!slot->used) {
            (next(3) == 0 ? take_place : take)(slot);
        } else if (next(3) == 0) {
            refer(slot);
        } else if (next(8) == 0) {
            use_wrong(slot);
        } else {
            give(slot);
        }
        break;
    }
    MUST(support_faults.count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bytes = data;
    left = size;
    start();
    while (left > 0) {
        step();
    }
    check();
    for (unsigned i = 0; i < SLOTS; i++) {
        while (slots[i].used) {
            if (slots[i].freed) {
                MUST(ash_pmem_put(&slots[i].block) == 0);
                if (--slots[i].refs == 0) {
                    gone(&slots[i]);
                }
            } else {
                give(&slots[i]);
            }
        }
    }
    check();
    return 0;
}
