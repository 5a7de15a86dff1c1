/* SPDX-License-Identifier: MIT */
/*
 * Several heaps on the running machine: one in memory that it is given, shared with an interrupt
 * that comes in the middle of its calls; blocks of 16 bytes' alignment; C++'s new and delete.
 */
#include <stdlib.h>
#include <string.h>

#include "ashlar/heap.h"
#include "ashlar/irq.h"
#include "tests/target/suite.h"

static _Alignas(16) unsigned char given[20000];
static struct ash_heap heap;

static void count_heaps(const struct ash_usage *usage, void *arg)
{
    if (strcmp(usage->name, "given") == 0 && usage->total == sizeof(given)) {
        *(unsigned *)arg += 1;
    }
}

static void memory_that_is_given(void)
{
    struct ash_heap_stats stats;
    unsigned described = 0, count = 0;
    char **last = NULL;
    char **block;

    CHECK_EQ(ash_heap_init(&heap, "given", given, 20), ASH_ENOMEM);
    CHECK_EQ(ash_heap_init(&heap, "given", given, sizeof(given)), 0);
    ash_heaps_usage(count_heaps, &described);
    CHECK_EQ(described, 1);
    while ((block = ash_heap_alloc(&heap, 300)) != NULL) {
        CHECK((unsigned char *)block >= given &&
              (unsigned char *)block + 300 <= given + sizeof(given));
        CHECK(ash_heap_contains(&heap, block) && !ash_heap_contains(&ash_heap_default, block));
        *block = (char *)last;
        last = block;
        count++;
    }
    CHECK(count > 60);
    CHECK_EQ(ash_heap_destroy(&heap), ASH_EBUSY);
    while (last != NULL) {
        block = (char **)(void *)*last;
        ash_heap_free(&heap, last);
        last = block;
    }
    ash_heap_stats(&heap, &stats);
    CHECK_EQ(stats.failures, 1);
    CHECK_EQ(stats.used_bytes, 0);
    CHECK(stats.largest_free > sizeof(given) - 100);
    CHECK_EQ(ash_heap_verify(&heap), 0);
    CHECK_EQ(ash_heap_destroy(&heap), 0);
}

static void alignment_of_16(void)
{
    void *blocks[8];
    unsigned wrong = 0;

    for (unsigned i = 0; i < 8; i++) {
        blocks[i] = ash_heap_alloc_aligned(&ash_heap_default, 20 * i, 16);
        wrong += blocks[i] == NULL || (uintptr_t)blocks[i] % 16 != 0;
    }
    for (unsigned i = 0; i < 8; i++) {
        ash_heap_free(&ash_heap_default, blocks[i]);
    }
    CHECK_EQ(wrong, 0);
}

/* What the interrupt does and what it interrupts do the same, each with blocks of its own. */
struct user {
    unsigned char *blocks[6];
    size_t size[6];
    unsigned turn, broken, failed;
};
static struct user outside, inside;
static volatile unsigned ticks;

static void mark(struct user *user, unsigned i)
{
    memset(user->blocks[i], (int)(user->size[i] + i), user->size[i]);
}

static void use(struct user *user)
{
    unsigned i = user->turn % 6;
    size_t size = 8 + user->turn * 37 % 500;
    unsigned char *resized;

    for (size_t at = 0; user->blocks[i] != NULL && at < user->size[i]; at++) {
        user->broken += user->blocks[i][at] != (unsigned char)(user->size[i] + i);
    }
    if (user->blocks[i] == NULL) {
        user->blocks[i] = user->turn % 5 == 0 ? ash_heap_alloc_aligned(&heap, size, 64)
                                              : ash_heap_alloc(&heap, size);
        user->size[i] = size;
    } else if (user->turn % 3 == 0) {
        resized = ash_heap_realloc(&heap, user->blocks[i], size);
        if (resized != NULL) {
            user->blocks[i] = resized;
            user->size[i] = size;
        }
    } else {
        ash_heap_free(&heap, user->blocks[i]);
        user->blocks[i] = NULL;
    }
    if (user->blocks[i] != NULL) {
        mark(user, i);
    }
    user->turn++;
}

static void tick(void *arg)
{
    (void)arg;
    ticks = ticks + 1;
    for (unsigned i = 0; i < 5; i++) {
        use(&inside);
    }
}

static void release(struct user *user)
{
    for (unsigned i = 0; i < 6; i++) {
        ash_heap_free(&heap, user->blocks[i]);
    }
    *user = (struct user){0};
}

static void interrupts_share_a_heap(void)
{
    struct ash_heap_stats stats;
    uint64_t deadline;
    unsigned broken;

    ticks = 0;
    CHECK_EQ(ash_heap_init(&heap, "shared", given, sizeof(given)), 0);
    if (ash_tick(2000, tick, NULL) != 0) {
        CHECK_EQ(ash_heap_destroy(&heap), 0);
        target_skip("no timer");
        return;
    }
    ash_irq_enable();
    deadline = ash_now_ns() + 5000000000ull;
    while (ticks < 20 && ash_now_ns() < deadline) {
        use(&outside);
    }
    ash_irq_disable();
    (void)ash_tick(0, NULL, NULL);
    CHECK(ticks >= 20);
    broken = outside.broken + inside.broken;
    CHECK_EQ(broken, 0);
    CHECK_EQ(ash_heap_verify(&heap), 0);
    release(&outside);
    release(&inside);
    ash_heap_stats(&heap, &stats);
    CHECK_EQ(stats.used_bytes, 0);
    CHECK_EQ(ash_heap_destroy(&heap), 0);
}

/* As a C++ compiler calls them. */
#if __SIZEOF_SIZE_T__ == 4
#define WITH_SIZE(before, after) before##j##after
#else
#define WITH_SIZE(before, after) before##m##after
#endif
void *WITH_SIZE(_Znw, )(size_t size);
void *WITH_SIZE(_Zna, )(size_t size);
void *WITH_SIZE(_Znw, St11align_val_t)(size_t size, size_t align);
void *WITH_SIZE(_Znw, RKSt9nothrow_t)(size_t size, const void *tag);
void *WITH_SIZE(_Zna, RKSt9nothrow_t)(size_t size, const void *tag);
void WITH_SIZE(_ZdlPv, )(void *block, size_t size);
void WITH_SIZE(_ZdaPv, )(void *block, size_t size);
void _ZdlPv(void *block);
void _ZdaPv(void *block);
void _ZdlPvSt11align_val_t(void *block, size_t align);

static void new_and_delete(void)
{
    struct ash_heap_stats before, after;
    void *blocks[5];
    volatile size_t most = SIZE_MAX;

    ash_heap_stats(&ash_heap_default, &before);
    blocks[0] = WITH_SIZE(_Znw, )(10);
    blocks[1] = WITH_SIZE(_Zna, )(0);
    blocks[2] = WITH_SIZE(_Znw, St11align_val_t)(100, 256);
    blocks[3] = WITH_SIZE(_Znw, RKSt9nothrow_t)(1000, NULL);
    blocks[4] = WITH_SIZE(_Zna, RKSt9nothrow_t)(50, NULL);
    for (unsigned i = 0; i < 5; i++) {
        CHECK(ash_heap_contains(&ash_heap_default, blocks[i]));
    }
    CHECK_EQ((uintptr_t)blocks[2] % 256, 0);
    CHECK(WITH_SIZE(_Znw, RKSt9nothrow_t)(most, NULL) == NULL);
    WITH_SIZE(_ZdlPv, )(blocks[0], 10);
    WITH_SIZE(_ZdaPv, )(blocks[1], 0);
    _ZdlPvSt11align_val_t(blocks[2], 256);
    _ZdlPv(blocks[3]);
    _ZdaPv(blocks[4]);
    _ZdlPv(NULL);
    ash_heap_stats(&ash_heap_default, &after);
    CHECK_EQ(after.used_bytes, before.used_bytes);
    CHECK_EQ(after.blocks, before.blocks);
}

static const struct target_case cases[] = {
    TARGET_CASE(memory_that_is_given),
    TARGET_CASE(alignment_of_16),
    TARGET_CASE(interrupts_share_a_heap),
    TARGET_CASE(new_and_delete),
};

const struct target_suite suite_heaps = TARGET_SUITE("heaps", cases);
