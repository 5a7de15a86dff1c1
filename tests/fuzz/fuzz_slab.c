/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes object caches against a flat list of who has which object: caches of all shapes, on any
 * CPU, little memory that runs out and comes back, allocations of frames that fail, bad frees.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "ashlar/slab.h"
#include "port/sim/hostile.h"
#include "tests/fuzz/fuzz.h"

#define RAM_BASE  0x40000000ull
#define RAM_BYTES 0x80000ull
#define MOST      600u
#define MAGIC     0x5eed0b7eu

static struct ash_slab cache;
static struct ash_slab_config shape;
static uint8_t *out[MOST], marks[MOST];
static uint32_t live;
static unsigned faults;

static void hook(const struct ash_fault *fault)
{
    (void)fault;
    faults++;
}

static void construct(void *object, void *arg)
{
    MUST(arg == &cache);
    memcpy(object, &(uint32_t){MAGIC}, sizeof(uint32_t));
}

/* What a constructor made stays; the rest is the user's. */
static size_t own_from(void)
{
    return shape.construct != NULL ? sizeof(uint32_t) : 0;
}

static void check(uint32_t n)
{
    for (size_t i = own_from(); i < shape.size; i++) {
        MUST(out[n][i] == marks[n]);
    }
    MUST(shape.construct == NULL || memcmp(out[n], &(uint32_t){MAGIC}, sizeof(uint32_t)) == 0);
}

static void take(uint8_t value)
{
    uint8_t *object;

    if (live == MOST) {
        return;
    }
    object = ash_slab_alloc(&cache);
    if (object == NULL) {
        return;
    }
    MUST(shape.align == 0 || (uintptr_t)object % shape.align == 0);
    for (uint32_t i = 0; i < live; i++) {
        MUST(object >= out[i] + shape.size || out[i] >= object + shape.size);
    }
    out[live] = object;
    marks[live] = value;
    memset(object + own_from(), value, shape.size - own_from());
    check(live++);
}

static void give(uint32_t pick)
{
    if (live == 0) {
        return;
    }
    pick %= live;
    check(pick);
    ash_slab_free(&cache, out[pick]);
    live--;
    out[pick] = out[live];
    marks[pick] = marks[live];
}

static void give_wrongly(uint32_t pick, uint32_t offset)
{
#if ASH_CHECK >= 1
    uint8_t *object;
    bool is_out = false;

    if (live == 0) {
        return;
    }
    object = out[pick % live] + offset;
    for (uint32_t i = 0; i < live; i++) {
        is_out = is_out || object == out[i];
    }
    if (!is_out &&
        (uintptr_t)object / ASH_PAGE_SIZE == (uintptr_t)out[pick % live] / ASH_PAGE_SIZE) {
        ash_slab_free(&cache, object);
        MUST(faults == 1);
        faults = 0;
    }
#else
    (void)pick;
    (void)offset;
#endif
}

static void look(void)
{
    struct ash_slab_stats stats;

    ash_slab_stats(&cache, &stats);
    MUST(stats.used == live && stats.high_water >= live);
    MUST(ash_slab_verify(&cache) == 0);
    MUST(faults == 0);
}

static void start(void)
{
    const struct ash_frames_config config = {.direct_limit = ash_pa(ASH_REGIONS_LIMIT)};
    static bool started;
    struct ash_regions regions;

    ash_fault_hook = hook;
    if (started) {
        return;
    }
    started = true;
    sim_start();
    sim_hostile = false;
    sim_add_ram(ash_pa(RAM_BASE), RAM_BYTES);
    ash_regions_init(&regions);
    MUST(ash_regions_add(&regions, (struct ash_range){ash_pa(RAM_BASE), RAM_BYTES}) == 0);
    MUST(ash_frames_init(&regions, &config) == 0);
}

/* Four bytes make a cache; then four an operation: which, on which CPU, of which object. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4) {
        return 0;
    }
    start();
    shape = (struct ash_slab_config){
        .name = "fuzz",
        .size = sizeof(uint32_t) + data[0] + (data[1] % 4 == 0 ? data[2] * 16u : 0),
        .align = (size_t)1 << data[3] % 10,
        .owner = ASH_OWNER_TEST,
        .construct = data[3] >= 128 ? construct : NULL,
        .arg = &cache,
    };
    live = faults = 0;
    MUST(ash_slab_create(&cache, &shape) == 0);
    for (data += 4, size -= 4; size >= 4; data += 4, size -= 4) {
        uint32_t value = (uint32_t)(data[1] | data[2] << 8);

        fuzz_steps++;
        sim_cpu = data[0] / 32 % ASH_CPUS;
        switch (data[0] % 32) {
        case 0:
            if (data[3] % 8 == 0) {
                look();
            }
            break;
        case 1:
            give_wrongly(value, data[3] * 4u);
            break;
        case 2:
            if (data[3] % 4 == 0) {
                (void)ash_slab_shrink(&cache);
            }
            break;
        default:
            if ((data[3] >= 64) == (data[1] % 8 != 0)) {
                take(data[3]);
            } else {
                give(value);
            }
            break;
        }
    }
    sim_cpu = 0;
    look();
    MUST(live == 0 || ash_slab_destroy(&cache) == ASH_EBUSY);
    while (live > 0) {
        give(0);
    }
    MUST(ash_slab_destroy(&cache) == 0);
    MUST(ash_frames_owned(ASH_OWNER_TEST) == 0);
    return 0;
}
