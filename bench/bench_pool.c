/* SPDX-License-Identifier: MIT */
/*
 * Pools: blocks of 64 bytes, in pairs, all of them and back, in random order, and none left.
 */
#include "ashlar/pool.h"

#include "bench/bench.h"

#define BLOCKS 1024u
#define PAIRS  5000u
#define ROUNDS 4u
#define STEPS  40000u

struct block {
    uint32_t word[16];
};
ASH_POOL_DEFINE(bench_block, struct block, BLOCKS);

static struct bench takes, gives;
static struct block *out[BLOCKS];
static unsigned count;

static void take(void)
{
    struct block *block;

    BENCH(&takes, block = bench_block_get());
    BENCH_CHECK(block != NULL);
    for (unsigned i = 0; i < 16; i++) {
        block->word[i] = i;
    }
    out[count++] = block;
}

static void give(unsigned n)
{
    struct block *block = out[n];

    out[n] = out[--count];
    BENCH(&gives, bench_block_put(block));
}

static void begin(const char *take_name, const char *give_name)
{
    bench_start(&takes, take_name);
    bench_start(&gives, give_name);
}

static void end(void)
{
    bench_print(&takes, 1);
    bench_print(&gives, 1);
}

static void pairs(void)
{
    begin("pool-pair-alloc", "pool-pair-free");
    for (unsigned i = 0; i < PAIRS; i++) {
        take();
        give(0);
    }
    end();
}

static void all(void)
{
    static uint16_t order[BLOCKS];

    begin("pool-all-alloc", "pool-all-free");
    for (unsigned round = 0; round < ROUNDS; round++) {
        while (count < BLOCKS) {
            take();
        }
        bench_shuffle(order, BLOCKS);
        for (unsigned i = 0; i < BLOCKS; i++) {
            struct block *block = out[round < ROUNDS / 2 ? i : order[i]];

            BENCH(&gives, bench_block_put(block));
        }
        count = 0;
    }
    end();
}

static void at_random(void)
{
    while (count < BLOCKS) {
        BENCH_CHECK((out[count++] = bench_block_get()) != NULL);
    }
    while (count > BLOCKS / 2) {
        unsigned n = bench_random_below(count);

        bench_block_put(out[n]);
        out[n] = out[--count];
    }
    begin("pool-random-alloc", "pool-random-free");
    for (unsigned i = 0; i < STEPS; i++) {
        bool taking = bench_random_below(2) != 0;

        if (count < BLOCKS * 45 / 100 || (taking && count <= BLOCKS * 55 / 100)) {
            take();
        } else {
            give(bench_random_below(count));
        }
    }
    end();
}

static void empty(void)
{
    struct block *block;

    while (count < BLOCKS) {
        BENCH_CHECK((out[count++] = bench_block_get()) != NULL);
    }
    bench_start(&takes, "pool-empty");
    for (unsigned i = 0; i < 100; i++) {
        BENCH(&takes, block = bench_block_get());
        BENCH_CHECK(block == NULL);
    }
    bench_print(&takes, 1);
    while (count > 0) {
        bench_block_put(out[--count]);
    }
}

void bench_pool(void)
{
    bench_seed = 99;
    pairs();
    all();
    at_random();
    empty();
}
