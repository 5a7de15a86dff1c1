/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes pools against a flat list of who has which block: created ones of all shapes, blocks taken
 * and given back in any order, bad frees, and what a user writes.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "ashlar/pool.h"
#include "port/sim/hostile.h"
#include "tests/fuzz/fuzz.h"

#define RAM_BASE  0x40000000ull
#define RAM_BYTES 0x100000ull
#define MOST      300u

static struct ash_pool pool;
static size_t block_size, block_align;
static uint32_t block_count;
static uint8_t *out[MOST], marks[MOST];
static uint32_t live, most;
static unsigned faults;
static enum ash_fault_kind last_kind;

static void hook(const struct ash_fault *fault)
{
    faults++;
    last_kind = fault->kind;
}

static void mark(uint32_t n)
{
    memset(out[n], marks[n], block_size);
}

static void check(uint32_t n)
{
    for (size_t i = 0; i < block_size; i++) {
        MUST(out[n][i] == marks[n]);
    }
}

static void take(uint8_t value)
{
    uint8_t *block = ash_pool_alloc(&pool);

    MUST((block == NULL) == (live == block_count));
    if (block == NULL) {
        return;
    }
    MUST((uintptr_t)block % block_align == 0);
    for (uint32_t i = 0; i < live; i++) {
        MUST(block >= out[i] + block_size || out[i] >= block + block_size);
    }
    out[live] = block;
    marks[live] = value;
    mark(live++);
    most = live > most ? live : most;
}

static void give(uint32_t pick)
{
    if (live == 0) {
        return;
    }
    pick %= live;
    check(pick);
    ash_pool_free(&pool, out[pick]);
    live--;
    out[pick] = out[live];
    marks[pick] = marks[live];
}

static void give_wrongly(uint32_t pick, uint32_t offset)
{
#if ASH_CHECK >= 1
    uint8_t *block;
    bool is_out = false;

    if (live == 0) {
        return;
    }
    block = out[pick % live] + offset;
    for (uint32_t i = 0; i < live; i++) {
        is_out = is_out || block == out[i];
    }
    if (!is_out) {
        ash_pool_free(&pool, block);
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
    struct ash_pool_stats stats;

    ash_pool_stats(&pool, &stats);
    MUST(stats.used == live && stats.high_water == most && stats.count == block_count);
    MUST(ash_pool_verify(&pool) == 0);
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

/* Four bytes make a pool; then four an operation: which, of which block, how. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t frames;

    if (size < 4) {
        return 0;
    }
    start();
    frames = ash_frames_owned(ASH_OWNER_POOL);
    block_size = 1u + (data[0] | (data[1] & 3u) << 8);
    block_align = (size_t)1 << data[1] / 4 % 8;
    block_count = 1u + (data[2] | (data[3] & 3u) << 8) % MOST;
    live = most = faults = 0;
    if (ash_pool_create(&pool, "fuzz", block_size, block_align, block_count) != 0) {
        return 0;
    }
    for (data += 4, size -= 4; size >= 4; data += 4, size -= 4) {
        uint32_t value = (uint32_t)(data[1] | data[2] << 8);

        fuzz_steps++;
        switch (data[0] % 16) {
        case 0:
            if (data[3] % 8 == 0) {
                look();
            }
            break;
        case 1:
            give_wrongly(value, data[3] * 8u);
            break;
        case 2:
            give_wrongly(value, data[3]);
            break;
        default:
            if (data[0] % 2 == (data[0] >= 128)) {
                take(data[3]);
            } else {
                give(value);
            }
            break;
        }
    }
    look();
    MUST(live == 0 || ash_pool_destroy(&pool) == ASH_EBUSY);
    while (live > 0) {
        give(0);
    }
    MUST(ash_pool_destroy(&pool) == 0);
    MUST(ash_frames_owned(ASH_OWNER_POOL) == frames);
    return 0;
}
