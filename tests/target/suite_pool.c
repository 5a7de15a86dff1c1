/* SPDX-License-Identifier: MIT */
/*
 * Pools on the running machine: static and from frames, shared with an interrupt, and every bad
 * free told to the hook.
 */
#include <string.h>

#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "ashlar/irq.h"
#include "ashlar/pool.h"
#include "tests/target/suite.h"
#include "tests/target/told.h"

struct message {
    uint32_t words[16];
};

ASH_POOL_DEFINE(message, struct message, 64);

static uint32_t state;

static uint32_t random_below(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (uint32_t)((uint64_t)state * n >> 32);
}

static void empty_pool_gives_null_at_once(void)
{
    struct message *out[64];
    struct ash_pool_stats stats;
    unsigned got = 0;
    bool extra;

    while (got < 64 && (out[got] = message_get()) != NULL) {
        got++;
    }
    extra = message_get() != NULL;
    for (unsigned i = 0; i < got; i++) {
        message_put(out[i]);
    }
    CHECK_EQ(got, 64);
    CHECK(!extra);
    ash_pool_stats(&message_pool, &stats);
    CHECK_EQ(stats.used, 0);
    CHECK_EQ(stats.high_water, 64);
    CHECK(stats.failures > 0);
    CHECK_EQ(ash_pool_verify(&message_pool), 0);
}

static void random_blocks_never_overlap(void)
{
    static struct message *out[64];
    unsigned live = 0;
    unsigned broken = 0;

    state = 99;
    target_note("seed %u", (unsigned)state);
    for (unsigned step = 0; step < 20000; step++) {
        if (random_below(100) < (step / 1000 % 2 == 0 ? 70u : 40u)) {
            struct message *message = message_get();

            if ((message == NULL) != (live == 64)) {
                broken++;
            } else if (message != NULL) {
                memset(message, (int)(live + 1), sizeof(*message));
                out[live++] = message;
            }
        } else if (live > 0) {
            struct message *message = out[--live];

            for (unsigned i = 0; i < 16; i++) {
                broken += message->words[i] != (live + 1) * 0x01010101u;
            }
            message_put(message);
        }
    }
    while (live > 0) {
        message_put(out[--live]);
    }
    CHECK_EQ(broken, 0);
    CHECK_EQ(ash_pool_verify(&message_pool), 0);
}

static void carved_pools_give_their_frames_back(void)
{
    struct ash_frames_stats before;
    struct ash_frames_stats after;
    struct ash_pool pool;
    void *blocks[50];

    (void)ash_frames_stats(ASH_ZONE_NORMAL, &before);
    CHECK_EQ(ash_pool_create(&pool, "carved", 200, 64, 50), 0);
    for (unsigned i = 0; i < 50; i++) {
        blocks[i] = ash_pool_alloc(&pool);
    }
    CHECK(ash_pool_alloc(&pool) == NULL);
    CHECK_EQ(ash_pool_destroy(&pool), ASH_EBUSY);
    for (unsigned i = 0; i < 50; i++) {
        CHECK(blocks[i] != NULL && (uintptr_t)blocks[i] % 64 == 0);
        ash_pool_free(&pool, blocks[i]);
    }
    CHECK_EQ(ash_pool_verify(&pool), 0);
    CHECK_EQ(ash_pool_destroy(&pool), 0);
    CHECK_EQ(ash_pool_create(&pool, "huge", 1 << 20, 0, 1 << 12), ASH_ERANGE);
    (void)ash_frames_stats(ASH_ZONE_NORMAL, &after);
    CHECK_EQ(after.free, before.free);
}

/* The interrupt takes up to four messages, and gives them back the next time. */
static struct message *taken[4];
static volatile unsigned ticks;
static volatile unsigned tick_broken;

static void tick(void *arg)
{
    (void)arg;
    ticks = ticks + 1;
    for (unsigned i = 0; i < 4; i++) {
        if (taken[i] != NULL) {
            if (taken[i]->words[15] != 0xfeed0000u + i) {
                tick_broken = tick_broken + 1;
            }
            message_put(taken[i]);
            taken[i] = NULL;
        } else {
            taken[i] = message_get();
            if (taken[i] != NULL) {
                taken[i]->words[15] = 0xfeed0000u + i;
            }
        }
    }
}

static void interrupts_share_a_pool(void)
{
    struct message *mine[60];
    uint64_t deadline;
    unsigned broken = 0;
    int error;

    ticks = 0;
    tick_broken = 0;
    error = ash_tick(2000, tick, NULL);
    if (error != 0) {
        target_skip("no timer");
        return;
    }
    ash_irq_enable();
    deadline = ash_now_ns() + 5000000000ull;
    while (ticks < 20 && ash_now_ns() < deadline) {
        unsigned got = 0;

        while (got < 60 && (mine[got] = message_get()) != NULL) {
            mine[got]->words[15] = got;
            got++;
        }
        for (unsigned i = 0; i < got; i++) {
            broken += mine[i]->words[15] != i;
            message_put(mine[i]);
        }
    }
    ash_irq_disable();
    (void)ash_tick(0, NULL, NULL);
    for (unsigned i = 0; i < 4; i++) {
        message_put(taken[i]);
        taken[i] = NULL;
    }
    CHECK(ticks >= 20);
    CHECK_EQ(broken, 0);
    CHECK_EQ(tick_broken, 0);
    CHECK_EQ(ash_pool_verify(&message_pool), 0);
}

static void bad_frees_are_told(void)
{
    ash_fault_fn hook = ash_fault_hook;
    struct message *message = message_get();
    uint32_t *inner = &message->words[1];
    uint32_t other[2];
    bool right[5];

    if (ASH_CHECK < 1) {
        message_put(message);
        target_skip("ASH_CHECK is 0");
        return;
    }
    ash_fault_hook = record;
    ash_pool_free(&message_pool, inner);
    right[0] = told(ASH_FAULT_MISALIGNED, inner);
    ash_pool_free(&message_pool, other);
    right[1] = told(ASH_FAULT_FOREIGN, other);
    message_put(message);
    right[2] = faults == 0;
    message_put(message);
    right[3] = told(ASH_FAULT_DOUBLE_FREE, message);
    message->words[0] = ASH_CHECK >= 2 ? 0x5a5a5a5a : 0x41414141; /* changes no list */
    right[4] = message_get() == message && faults == 0;
    message_put(message);
    ash_fault_hook = hook;
    for (unsigned i = 0; i < 5; i++) {
        CHECK(right[i]);
    }
    CHECK_EQ(ash_pool_verify(&message_pool), 0);
}

static const struct target_case cases[] = {
    TARGET_CASE(empty_pool_gives_null_at_once),
    TARGET_CASE(random_blocks_never_overlap),
    TARGET_CASE(carved_pools_give_their_frames_back),
    TARGET_CASE(interrupts_share_a_pool),
    TARGET_CASE(bad_frees_are_told),
};

const struct target_suite suite_pool = TARGET_SUITE("pool", cases);
