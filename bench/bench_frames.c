/* SPDX-License-Identifier: MIT */
/*
 * Page frames: 64 MiB of them, everything else being taken; single ones and blocks of up to 32.
 */
#include "alloc/frames.h"

#include "bench/bench.h"

#define FRAMES 16384u
#define BLOCKS (FRAMES >> ASH_MAX_ORDER) /* that the frames come from */
#define PAIRS  3000u
#define STEPS  60000u
#define MOST   1024u /* blocks that are not the bench's: of 4 GiB */
#define FLAGS  ASH_FRAMES_OWNER(ASH_OWNER_TEST)

static bool counting = true;

static struct taken {
    ash_frame_t frame;
    unsigned order;
} others[MOST], live[FRAMES];
static unsigned other_count, live_count;
static uint32_t live_frames;

/* All RAM is taken, largest blocks first; then neighbours of the largest order are given back. */
static void make_arena(void)
{
    unsigned run = 0, first = 0;

    for (unsigned order = ASH_MAX_ORDER + 1; order-- > 0;) {
        while (ash_frames_alloc(order, FLAGS, &others[other_count].frame) == 0) {
            others[other_count++].order = order;
            BENCH_CHECK(other_count < MOST);
        }
    }
    while (run < BLOCKS) {
        uint32_t next = others[first].frame.number + (run << ASH_MAX_ORDER);
        unsigned n = 0;

        while (n < other_count &&
               (others[n].frame.number != next || others[n].order != ASH_MAX_ORDER)) {
            n++;
        }
        run = n < other_count ? run + 1 : 0;
        first += n == other_count;
        BENCH_CHECK(first < other_count);
    }
    for (uint32_t start = others[first].frame.number; run > 0; run--) {
        unsigned n = 0;

        while (others[n].frame.number != start + ((run - 1) << ASH_MAX_ORDER)) {
            n++;
        }
        ash_frames_free(others[n].frame, ASH_MAX_ORDER);
        others[n] = others[--other_count];
    }
}

static void end_arena(void)
{
    while (other_count > 0) {
        other_count--;
        ash_frames_free(others[other_count].frame, others[other_count].order);
    }
}

/* False: there was none; that is not counted. */
static bool take(unsigned order)
{
    ash_frame_t frame;
    uint32_t start = port_cycles();
    int error = ash_frames_alloc(order, FLAGS, &frame);
    uint32_t cost = port_cycles() - start;

    if (error != 0) {
        return false;
    }
    if (counting) {
        bench_add(&bench_takes, cost);
    }
    live[live_count++] = (struct taken){frame, order};
    live_frames += (uint32_t)1 << order;
    return true;
}

static void give(unsigned n)
{
    ash_frame_t frame = live[n].frame;
    unsigned order = live[n].order;
    uint32_t start, cost;

    live[n] = live[--live_count];
    live_frames -= (uint32_t)1 << order;
    start = port_cycles();
    ash_frames_free(frame, order);
    cost = port_cycles() - start;
    if (counting) {
        bench_add(&bench_gives, cost);
    }
}

static void pairs(const char *take_name, const char *give_name)
{
    bench_begin(take_name, give_name);
    for (unsigned i = 0; i < PAIRS; i++) {
        BENCH_CHECK(take(0));
        give(live_count - 1);
    }
    bench_end();
}

static void fill(void)
{
    bench_begin("frames-fill-alloc", "frames-fill-free");
    while (take(0)) {
    }
    BENCH_CHECK(live_frames == FRAMES);
    while (live_count > 0) {
        give(bench_random_below(live_count));
    }
    bench_end();
}

/* Between `low` and `high` percent of the frames are live. */
static void churn(unsigned low, unsigned high, unsigned steps, unsigned orders)
{
    bool rising = true;

    for (unsigned i = 0; i < steps; i++) {
        if (live_frames >= FRAMES * high / 100) {
            rising = false;
        } else if (live_frames <= FRAMES * low / 100) {
            rising = true;
        }
        if (live_count == 0 || bench_random_below(256) < (rising ? 180u : 76u)) {
            (void)take(bench_random_below(orders));
        } else {
            give(bench_random_below(live_count));
        }
    }
}

static void measured_churn(const char *take_name, const char *give_name, uint32_t seed,
                           unsigned orders)
{
    bench_seed = seed;
    bench_begin(take_name, give_name);
    churn(50, 80, STEPS, orders);
    bench_end();
}

static void give_all(void)
{
    while (live_count > 0) {
        live_count--;
        ash_frames_free(live[live_count].frame, live[live_count].order);
    }
    live_frames = 0;
}

/* Allocates or frees at random until exactly `goal` frames are live. */
static void steer(uint32_t goal)
{
    while (live_frames != goal) {
        if (live_frames < goal) {
            unsigned order = bench_random_below(6);

            while ((uint32_t)1 << order > goal - live_frames) {
                order--;
            }
            BENCH_CHECK(take(order));
        } else {
            give(bench_random_below(live_count));
        }
    }
}

/* How many blocks of order 9 cannot be had of those that are free in sum when this much is live,
 * after small ones came and went; of four runs. */
static void lost_blocks(const char *name, unsigned percent)
{
    unsigned lost = 0;

    for (unsigned k = 0; k < 4; k++) {
        counting = false;
        bench_seed = 5150 + 7919 * k;
        churn(20, 50, 120000, 6);
        steer(FRAMES * percent / 100);
        for (lost += (FRAMES - live_frames) / 512; take(9); lost--) {
        }
        counting = true;
        give_all();
    }
    bench_print_number(name, "blocks", lost);
}

/* How often the lock that CPUs share is taken, in 1,000 operations. */
static void count_locks(const char *name, void (*load)(void), unsigned operations)
{
#if ASH_CPUS > 1
    uint32_t before = frames_state.lock.next;

    counting = false;
    load();
    counting = true;
    bench_print_number(name, "of-1000", (frames_state.lock.next - before) * 1000 / operations);
#else
    (void)name;
    (void)load;
    (void)operations;
#endif
}

static void single_churn(void)
{
    bench_seed = 4242;
    churn(50, 80, STEPS, 1);
}

#define BULK 50000u

/* As often as it bench_takes: all that there is, and all of it back. */
static void bulk(void)
{
    for (unsigned left = BULK / 2; left > 0;) {
        unsigned count = left < FRAMES ? left : FRAMES;

        left -= count;
        while (live_count < count) {
            BENCH_CHECK(take(0));
        }
        give_all();
    }
}

/* Each CPU keeps single frames. */
static void cached(void)
{
    ash_frames_cache(true);
    measured_churn("frames-cached-mixed-alloc", "frames-cached-mixed-free", 31337, 6);
    pairs("frames-cached-alloc", "frames-cached-free");
    give_all();
    measured_churn("frames-cached-churn-alloc", "frames-cached-churn-free", 4242, 1);
    give_all();
    count_locks("frames-cached-churn-locks", single_churn, STEPS);
    give_all();
    count_locks("frames-cached-bulk-locks", bulk, BULK);
    ash_frames_cache(false);
}

void bench_frames(void)
{
    ash_frames_cache(false);
    make_arena();
    pairs("frames-pair-alloc", "frames-pair-free");
    fill();
    measured_churn("frames-single-alloc", "frames-single-free", 4242, 1);
    give_all();
    measured_churn("frames-mixed-alloc", "frames-mixed-free", 31337, 6);
    pairs("frames-used-alloc", "frames-used-free");
    give_all();
    cached();
    lost_blocks("frames-order9-lost-at-25", 25);
    lost_blocks("frames-order9-lost-at-50", 50);
    lost_blocks("frames-order9-lost-at-75", 75);
    end_arena();
    ash_frames_cache(true);
    BENCH_CHECK(ash_frames_verify() == 0);
}
