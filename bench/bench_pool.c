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

static struct block *out[BLOCKS];
static unsigned count;

static void take(void)
{
    struct block *block;

    BENCH(&bench_takes, block = bench_block_get());
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
    BENCH(&bench_gives, bench_block_put(block));
}

static void pairs(void)
{
    bench_begin("pool-pair-alloc", "pool-pair-free");
    for (unsigned i = 0; i < PAIRS; i++) {
        take();
        give(0);
    }
    bench_end();
}

static void all(void)
{
    static uint16_t order[BLOCKS];

    bench_begin("pool-all-alloc", "pool-all-free");
    for (unsigned round = 0; round < ROUNDS; round++) {
        while (count < BLOCKS) {
            take();
        }
        bench_shuffle(order, BLOCKS);
        for (unsigned i = 0; i < BLOCKS; i++) {
            struct block *block = out[round < ROUNDS / 2 ? i : order[i]];

            BENCH(&bench_gives, bench_block_put(block));
        }
        count = 0;
    }
    bench_end();
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
    bench_begin("pool-random-alloc", "pool-random-free");
    for (unsigned i = 0; i < STEPS; i++) {
        bool taking = bench_random_below(2) != 0;

        if (count < BLOCKS * 45 / 100 || (taking && count <= BLOCKS * 55 / 100)) {
            take();
        } else {
            give(bench_random_below(count));
        }
    }
    bench_end();
}

static void empty(void)
{
    struct block *block;

    while (count < BLOCKS) {
        BENCH_CHECK((out[count++] = bench_block_get()) != NULL);
    }
    bench_start(&bench_takes, "pool-empty");
    for (unsigned i = 0; i < 100; i++) {
        BENCH(&bench_takes, block = bench_block_get());
        BENCH_CHECK(block == NULL);
    }
    bench_print(&bench_takes, 1);
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
