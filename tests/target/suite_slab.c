/* SPDX-License-Identifier: MIT */
/*
 * Object caches on the running machine: constructed objects, shared with an interrupt, given back
 * to frames, and every bad free told to the hook.
 */
#include <string.h>

#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "ashlar/irq.h"
#include "ashlar/slab.h"
#include "tests/target/suite.h"
#include "tests/target/told.h"

#define MAGIC 0x600d0b7eu

struct object {
    uint32_t magic, words[9];
};

static struct ash_slab cache;
static uint32_t state;

static uint32_t random_below(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (uint32_t)((uint64_t)state * n >> 32);
}

static void construct(void *object, void *arg)
{
    (void)arg;
    ((struct object *)object)->magic = MAGIC;
}

static int create(void (*constructor)(void *object, void *arg))
{
    const struct ash_slab_config config = {.name = "test",
                                           .size = sizeof(struct object),
                                           .owner = ASH_OWNER_TEST,
                                           .construct = constructor};

    return ash_slab_create(&cache, &config);
}

static void objects_never_overlap(void)
{
    static struct object *out[300];
    struct ash_slab_stats stats;
    unsigned live = 0, broken = 0;
    uint32_t frames = ash_frames_owned(ASH_OWNER_TEST);

    state = 99;
    target_note("seed %u", (unsigned)state);
    CHECK_EQ(create(construct), 0);
    for (unsigned step = 0; step < 20000; step++) {
        if (live < 300 && random_below(100) < (step / 1000 % 2 == 0 ? 70u : 40u)) {
            struct object *object = ash_slab_alloc(&cache);

            if (object == NULL || object->magic != MAGIC) {
                broken++;
            } else {
                memset(object->words, (int)(live % 251), sizeof(object->words));
                out[live++] = object;
            }
        } else if (live > 0) {
            struct object *object = out[--live];

            for (unsigned i = 0; i < 9; i++) {
                broken += object->words[i] != live % 251 * 0x01010101u;
            }
            ash_slab_free(&cache, object);
        }
    }
    CHECK_EQ(broken, 0);
    CHECK_EQ(ash_slab_verify(&cache), 0);
    ash_slab_stats(&cache, &stats);
    CHECK_EQ(stats.used, live);
    CHECK(live == 0 || ash_slab_destroy(&cache) == ASH_EBUSY);
    while (live > 0) {
        ash_slab_free(&cache, out[--live]);
    }
    CHECK(ash_slab_shrink(&cache) > 0);
    CHECK_EQ(ash_slab_destroy(&cache), 0);
    CHECK_EQ(ash_frames_owned(ASH_OWNER_TEST), frames);
}

/* The interrupt takes objects, more than a magazine has, and gives them back the next time. */
static struct object *taken[24];
static volatile unsigned ticks;
static volatile unsigned tick_broken;

static void tick(void *arg)
{
    (void)arg;
    ticks = ticks + 1;
    for (unsigned i = 0; i < 24; i++) {
        if (taken[i] != NULL) {
            if (taken[i]->words[8] != 0xfeed0000u + i) {
                tick_broken = tick_broken + 1;
            }
            ash_slab_free(&cache, taken[i]);
            taken[i] = NULL;
        } else {
            taken[i] = ash_slab_alloc(&cache);
            if (taken[i] != NULL) {
                taken[i]->words[8] = 0xfeed0000u + i;
            }
        }
    }
}

static void interrupts_share_a_cache(void)
{
    struct object *mine[40];
    uint64_t deadline;
    unsigned broken = 0;

    CHECK_EQ(create(NULL), 0);
    ticks = 0;
    tick_broken = 0;
    if (ash_tick(2000, tick, NULL) != 0) {
        (void)ash_slab_destroy(&cache);
        target_skip("no timer");
        return;
    }
    ash_irq_enable();
    deadline = ash_now_ns() + 5000000000ull;
    while (ticks < 20 && ash_now_ns() < deadline) {
        for (unsigned i = 0; i < 40; i++) {
            mine[i] = ash_slab_alloc(&cache);
            if (mine[i] != NULL) {
                mine[i]->words[8] = i;
            }
        }
        for (unsigned i = 0; i < 40; i++) {
            broken += mine[i] == NULL || mine[i]->words[8] != i;
            ash_slab_free(&cache, mine[i]);
        }
        (void)ash_slab_shrink(&cache);
    }
    ash_irq_disable();
    (void)ash_tick(0, NULL, NULL);
    for (unsigned i = 0; i < 24; i++) {
        ash_slab_free(&cache, taken[i]);
        taken[i] = NULL;
    }
    CHECK(ticks >= 20);
    CHECK_EQ(broken, 0);
    CHECK_EQ(tick_broken, 0);
    CHECK_EQ(ash_slab_verify(&cache), 0);
    CHECK_EQ(ash_slab_destroy(&cache), 0);
}

static void bad_frees_are_told(void)
{
    ash_fault_fn hook = ash_fault_hook;
    struct object *object;
    uint32_t other[2];
    bool right[3];

    if (ASH_CHECK < 1) {
        target_skip("ASH_CHECK is 0");
        return;
    }
    CHECK_EQ(create(NULL), 0);
    object = ash_slab_alloc(&cache);
    ash_fault_hook = record;
    ash_slab_free(&cache, &object->words[1]);
    right[0] = told(ASH_FAULT_MISALIGNED, &object->words[1]);
    ash_slab_free(&cache, other);
    right[1] = told(ASH_FAULT_FOREIGN, other);
    ash_slab_free(&cache, object);
    ash_slab_free(&cache, object);
    right[2] = told(ASH_FAULT_DOUBLE_FREE, object);
    ash_fault_hook = hook;
    for (unsigned i = 0; i < 3; i++) {
        CHECK(right[i]);
    }
    CHECK_EQ(ash_slab_destroy(&cache), 0);
}

static const struct target_case cases[] = {
    TARGET_CASE(objects_never_overlap),
    TARGET_CASE(interrupts_share_a_cache),
    TARGET_CASE(bad_frees_are_told),
};

const struct target_suite suite_slab = TARGET_SUITE("slab", cases);
