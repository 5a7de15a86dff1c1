/* SPDX-License-Identifier: MIT */
/*
 * Object caches, with the load of the pools: objects of 64 bytes, in pairs, all of them and back,
 * and in random order. What bench_takes memory from frames or bench_gives it back is in "all".
 */
#include "ashlar/slab.h"

#include "ashlar/frames.h"
#include "bench/bench.h"

#define OBJECTS 1024u
#define PAIRS   5000u
#define ROUNDS  4u
#define STEPS   40000u

struct object {
    uint32_t word[16];
};

static struct ash_slab cache;
static struct object *out[OBJECTS];
static unsigned count;

static void take(void)
{
    struct object *object;

    BENCH(&bench_takes, object = ash_slab_alloc(&cache));
    BENCH_CHECK(object != NULL);
    for (unsigned i = 0; i < 16; i++) {
        object->word[i] = i;
    }
    out[count++] = object;
}

static void give(unsigned n)
{
    struct object *object = out[n];

    out[n] = out[--count];
    BENCH(&bench_gives, ash_slab_free(&cache, object));
}

static void pairs(void)
{
    bench_begin("slab-pair-alloc", "slab-pair-free");
    for (unsigned i = 0; i < PAIRS; i++) {
        take();
        give(0);
    }
    bench_end();
}

static void all(void)
{
    static uint16_t order[OBJECTS];

    bench_begin("slab-all-alloc", "slab-all-free");
    for (unsigned round = 0; round < ROUNDS; round++) {
        while (count < OBJECTS) {
            take();
        }
        bench_shuffle(order, OBJECTS);
        for (unsigned i = 0; i < OBJECTS; i++) {
            struct object *object = out[round < ROUNDS / 2 ? i : order[i]];

            BENCH(&bench_gives, ash_slab_free(&cache, object));
        }
        count = 0;
    }
    bench_end();
}

static void at_random(void)
{
    while (count < OBJECTS / 2) {
        BENCH_CHECK((out[count++] = ash_slab_alloc(&cache)) != NULL);
    }
    bench_begin("slab-random-alloc", "slab-random-free");
    for (unsigned i = 0; i < STEPS; i++) {
        bool taking = bench_random_below(2) != 0;

        if (count < OBJECTS * 45 / 100 || (taking && count <= OBJECTS * 55 / 100)) {
            take();
        } else {
            give(bench_random_below(count));
        }
    }
    bench_end();
    while (count > 0) {
        ash_slab_free(&cache, out[--count]);
    }
}

void bench_slab(void)
{
    const struct ash_slab_config config = {
        .name = "bench", .size = sizeof(struct object), .owner = ASH_OWNER_TEST};

    bench_seed = 99;
    BENCH_CHECK(ash_slab_create(&cache, &config) == 0);
    pairs();
    all();
    at_random();
    BENCH_CHECK(ash_slab_destroy(&cache) == 0);
}
