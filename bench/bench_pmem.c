/* SPDX-License-Identifier: MIT */
/*
 * Contiguous memory: aligned blocks of 2 MiB from a region of 64 MiB, all of them and at random,
 * while frames and heap are used outside of it; then blocks of all sizes.
 */
#include "ashlar/pmem.h"

#include <stdlib.h>

#include "ashlar/frames.h"
#include "bench/bench.h"

#define MIB    (1ull << 20)
#define LARGE  (2 * MIB)
#define ARENA  (64 * MIB)
#define LARGES ((unsigned)(ARENA / LARGE))
#define ROUNDS 12u
#define STEPS  20000u
#define MOST   2048u
#define CROWD  64u
#define FLAGS  ASH_FRAMES_OWNER(ASH_OWNER_TEST)
#define PARTS  ((unsigned)(ARENA >> ASH_PAGE_SHIFT >> ASH_MAX_ORDER))

static struct ash_pmem *region;
static struct ash_pmem_block live[MOST];
static unsigned live_count;

/* What goes on outside. */
static struct {
    ash_frame_t frame;
    unsigned order; /* ASH_MAX_ORDER + 1: none */
    void *heap;
} crowd[CROWD];

static void churn(void)
{
    for (unsigned i = 0; i < 32; i++) {
        unsigned n = bench_random_below(CROWD);

        free(crowd[n].heap);
        crowd[n].heap = malloc(1 + bench_random_below(4096));
        if (crowd[n].order <= ASH_MAX_ORDER) {
            ash_frames_free(crowd[n].frame, crowd[n].order);
        }
        crowd[n].order = bench_random_below(6);
        if (ash_frames_alloc(crowd[n].order, FLAGS, &crowd[n].frame) != 0) {
            crowd[n].order = ASH_MAX_ORDER + 1;
        }
    }
}

/* The region: largest blocks of frames that lie side by side, and stay its own. */
static void make_region(void)
{
    static ash_frame_t taken[64];
    unsigned count = 0, run = 0, first = 0;

    while (count < 64 &&
           ash_frames_alloc(ASH_MAX_ORDER, ASH_FRAMES_OWNER(ASH_OWNER_PMEM), &taken[count]) == 0) {
        count++;
    }
    for (; run < PARTS; first += run < PARTS) {
        BENCH_CHECK(first < count);
        for (run = 0; run < PARTS; run++) {
            unsigned n = 0;

            while (n < count && taken[n].number != taken[first].number + (run << ASH_MAX_ORDER)) {
                n++;
            }
            if (n == count) {
                break;
            }
        }
    }
    for (unsigned n = 0; n < count; n++) {
        if (taken[n].number - taken[first].number >= PARTS << ASH_MAX_ORDER) {
            ash_frames_free(taken[n], ASH_MAX_ORDER);
        }
    }
    BENCH_CHECK(ash_pmem_add("bench", (struct ash_range){ash_frame_pa(taken[first]), ARENA}) == 0);
    region = ash_pmem_find("bench");
}

/* False: there was no room; that is not counted. */
static bool take(uint64_t size, uint64_t align)
{
    uint32_t before = bench_takes.count;
    int error;

    BENCH(&bench_takes,
          error = ash_pmem_alloc(region, size, align, ASH_PMEM_UNINIT, &live[live_count]));
    if (error != 0) {
        bench_takes.count = before;
        return false;
    }
    BENCH_CHECK(live[live_count].pa.value % align == 0);
    live_count++;
    return true;
}

static void give(unsigned n)
{
    struct ash_pmem_block block = live[n];
    int error;

    live[n] = live[--live_count];
    BENCH(&bench_gives, error = ash_pmem_free(&block));
    BENCH_CHECK(error == 0);
}

/* All of the region is obtainable, each time. */
static void larges(void)
{
    bench_begin("pmem-2m-alloc", "pmem-2m-free");
    for (unsigned round = 0; round < ROUNDS; round++) {
        churn();
        while (take(LARGE, LARGE)) {
        }
        BENCH_CHECK(live_count == LARGES);
        for (unsigned i = 0; i < 4 * LARGES; i++) {
            churn();
            give(bench_random_below(live_count));
            if (bench_random_below(2) && live_count < LARGES) {
                BENCH_CHECK(take(LARGE, LARGE));
            }
            if (live_count == 0) {
                BENCH_CHECK(take(LARGE, LARGE));
            }
        }
        while (live_count > 0) {
            give(bench_random_below(live_count));
        }
    }
    bench_end();
    bench_print_number("pmem-2m-obtainable", "percent", 100); /* or it would have stopped */
}

/* 1 to 64 pages at a power of two; between 50 and 80 % are in use. */
static void mixed(void)
{
    struct ash_pmem_stats stats;
    bool rising = true;

    bench_begin("pmem-mixed-alloc", "pmem-mixed-free");
    for (unsigned i = 0; i < STEPS; i++) {
        uint64_t used;

        ash_pmem_stats(region, &stats);
        used = ARENA - stats.free;
        rising = used >= ARENA / 100 * 80 ? false : used <= ARENA / 2 ? true : rising;
        if (live_count == 0 ||
            (live_count < MOST && bench_random_below(256) < (rising ? 180u : 76u))) {
            (void)take(ASH_PAGE_SIZE * (1 + bench_random_below(64)),
                       (uint64_t)ASH_PAGE_SIZE << bench_random_below(4));
        } else {
            give(bench_random_below(live_count));
        }
    }
    bench_end();
    while (live_count > 0) {
        BENCH_CHECK(ash_pmem_free(&live[--live_count]) == 0);
    }
}

void bench_pmem(void)
{
    bench_seed = 2024;
    for (unsigned n = 0; n < CROWD; n++) {
        crowd[n].order = ASH_MAX_ORDER + 1;
    }
    make_region();
    larges();
    mixed();
    for (unsigned n = 0; n < CROWD; n++) {
        free(crowd[n].heap);
        if (crowd[n].order <= ASH_MAX_ORDER) {
            ash_frames_free(crowd[n].frame, crowd[n].order);
        }
    }
    BENCH_CHECK(ash_pmem_verify(region) == 0);
}
