/* SPDX-License-Identifier: MIT */
/*
 * Loads of an allocator of memory of any size: 16 bytes to 4 KiB, each power of two as likely as
 * the others, in 1 MiB, and the smallest memory that a load runs in. Who includes this says before
 * what is measured, so that the C library's own allocators run the same loads in images of their
 * own:
 *
 *     HEAP_BEGIN(bytes)   starts anew with so much memory; true if it can
 *     HEAP_ALLOC(size)    a block, or NULL
 *     HEAP_FREE(block)
 *     HEAP_ALIGN          what blocks are aligned to
 */
#ifndef ASHLAR_BENCH_HEAP_LOAD_H
#define ASHLAR_BENCH_HEAP_LOAD_H

#include "bench/bench.h"

#define KIB         1024u
#define ARENA       (1024 * KIB)
#define STEPS       100000u
#define PAIRS       2000u
#define TIGHT_STEPS 30000u
#define LIVE        4096u

static struct live {
    uint8_t *memory;
    uint32_t size;
    uint8_t mark;
} live[LIVE];
static unsigned live_count;
static uint32_t live_bytes, live_peak;
static bool rising;

/* k = 4 ... 11, and from there to the next power of two */
static uint32_t random_size(void)
{
    uint32_t power = (uint32_t)1 << (4 + bench_random_below(8));

    return power + bench_random_below(power);
}

static void mark(struct live *block)
{
    block->mark = (uint8_t)(block->size ^ live_count);
    block->memory[0] = block->mark;
    block->memory[block->size - 1] = block->mark;
}

/* False: there was no memory; that is not counted. */
static bool take(uint32_t size)
{
    struct live *block = &live[live_count];
    uint32_t before = bench_takes.count;

    BENCH_CHECK(live_count < LIVE);
    BENCH(&bench_takes, block->memory = HEAP_ALLOC(size));
    if (block->memory == NULL) {
        bench_takes.count = before;
        return false;
    }
    BENCH_CHECK((uintptr_t)block->memory % HEAP_ALIGN == 0);
    block->size = size;
    mark(block);
    live_count++;
    live_bytes += size;
    live_peak = live_bytes > live_peak ? live_bytes : live_peak;
    return true;
}

static void give(unsigned n)
{
    struct live block = live[n];

    BENCH_CHECK(block.memory[0] == block.mark && block.memory[block.size - 1] == block.mark);
    live[n] = live[--live_count];
    live_bytes -= block.size;
    BENCH(&bench_gives, HEAP_FREE(block.memory));
}

/* One step of a load whose live bytes move between two bounds. False: a request failed. */
static bool step(uint32_t low, uint32_t high)
{
    uint32_t size;

    if (live_bytes >= high) {
        rising = false;
    } else if (live_bytes <= low) {
        rising = true;
    }
    if (live_count == 0 || bench_random_below(256) < (rising ? 180u : 76u)) {
        size = random_size();
        if (live_bytes + size <= high) {
            return take(size);
        }
        rising = false;
    } else {
        give(bench_random_below(live_count));
    }
    return true;
}

static void give_all(void)
{
    while (live_count > 0) {
        live_count--;
        HEAP_FREE(live[live_count].memory);
    }
    live_bytes = 0;
    live_peak = 0;
    rising = true;
}

/* Requests that fail are no part of the figures: their number, which is returned, is a row of its
 * own. */
static inline unsigned mixed(const char *take_name, const char *give_name, const char *failed_name,
                             unsigned low, unsigned high)
{
    unsigned failed = 0;

    BENCH_CHECK(HEAP_BEGIN(ARENA));
    bench_seed = 0x1234567;
    bench_begin(take_name, give_name);
    for (unsigned i = 0; i < STEPS; i++) {
        failed += !step((uint32_t)((uint64_t)ARENA * low / 100),
                        (uint32_t)((uint64_t)ARENA * high / 100));
    }
    bench_end();
    bench_print_number(failed_name, "requests", failed);
    give_all();
    return failed;
}

static inline void pairs(const char *take_name, const char *give_name)
{
    void *block;

    BENCH_CHECK(HEAP_BEGIN(ARENA));
    bench_begin(take_name, give_name);
    for (unsigned i = 0; i < PAIRS; i++) {
        BENCH(&bench_takes, block = HEAP_ALLOC(64));
        BENCH_CHECK(block != NULL);
        BENCH(&bench_gives, HEAP_FREE(block));
    }
    bench_end();
}

/* One run of the load that the smallest memory is sought for. */
static inline bool runs_in(uint32_t arena, uint32_t seed, uint32_t *peak)
{
    bool fits = HEAP_BEGIN(arena);

    bench_seed = seed;
    bench_takes.count = 0;
    bench_gives.count = 0;
    for (unsigned i = 0; fits && i < TIGHT_STEPS; i++) {
        fits = step(260 * KIB, 420 * KIB);
    }
    *peak = live_peak;
    give_all();
    return fits;
}

/* The smallest memory, in steps of 4 KiB, that no request of the load fails in, for three seeds:
 * the mean of what it is to the most bytes that were live, in thousandths. */
static inline void smallest(const char *name)
{
    uint64_t ratios = 0;

    bench_begin("tight", "tight");
    for (uint32_t k = 0; k < 3; k++) {
        uint32_t arena = 424 * KIB;
        uint32_t peak;

        while (!runs_in(arena, 777 + 1013 * k, &peak)) {
            arena += 4 * KIB;
        }
        ratios += ((uint64_t)arena * 1000000 + peak / 2) / peak;
    }
    bench_drop(&bench_takes);
    bench_drop(&bench_gives);
    bench_print_ratio(name, "ratio", ratios, 3 * 1000000);
}

#endif
