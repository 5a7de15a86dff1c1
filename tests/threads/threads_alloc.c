/* SPDX-License-Identifier: MIT */
/*
 * Frames, pools and the heap, all at once, as programs use them: no block is given out twice, and
 * in the end everything is back.
 */
#include <sched.h>

#include "alloc/frames_cache.h"
#include "ashlar/frames.h"
#include "ashlar/heap.h"
#include "ashlar/pool.h"
#include "ashlar/slab.h"
#include "tests/threads/threads.h"

#define STEPS 1500u
#define HELD  8u
#define BLOCK 40u

struct block {
    unsigned char bytes[BLOCK];
};
ASH_POOL_DEFINE(shared, struct block, 24);

static void frames_step(ash_frame_t *held, unsigned *count, uint32_t mark)
{
    if (*count < HELD && threads_random_below(2)) {
        if (ash_frames_alloc(0, ASH_FRAMES_NORMAL | ASH_FRAMES_OWNER(ASH_OWNER_TABLES),
                             &held[*count]) == 0) {
            threads_mark(port_ptr(ash_frame_pa(held[*count])), 64, mark);
            ++*count;
        }
    } else if (*count > 0) {
        --*count;
        threads_check(port_ptr(ash_frame_pa(held[*count])), 64, mark);
        if (threads_random_below(4) == 0) {
            ash_frames_put(held[*count]);
        } else {
            ash_frames_free(held[*count], 0);
        }
    }
}

/* Caches are emptied, and others' frames looked at, while they are in use. */
static void frames_look(void)
{
    struct ash_frame_info info;

    ash_frames_query((ash_frame_t){(uint32_t)(RAM_AT >> 12) + threads_random_below(64)}, &info);
    if (port_cpu() == 0) {
        ash_frame_t block;

        while (ash_frames_alloc(ASH_MAX_ORDER, 0, &block) == 0) { /* the last one must fail */
            ash_frames_free(block, ASH_MAX_ORDER);
            if (threads_random_below(2) == 0) {
                break;
            }
        }
        ash_frames_cache(false);
#if ASH_FRAMES_CACHED > 0
        MUST(frames_cache_count() == 0);
#endif
        ash_frames_cache(true);
    }
}

/* A frame of two: the one that drops its reference first wrote to it just before; the other frees
 * it, has it again and writes to it, too. */
#define ROUNDS 40u

static ash_frame_t shared_frame;
static uint32_t phase;

static void wait_for(uint32_t value)
{
    while (port_load_acquire(&phase) != value) {
        sched_yield();
    }
}

static void share(void *arg)
{
    (void)arg;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        if (port_cpu() == 0) {
            MUST(ash_frames_alloc(0, 0, &shared_frame) == 0);
            ash_frames_get(shared_frame);
            port_store_release(&phase, 2 * i + 1);
            threads_mark(port_ptr(ash_frame_pa(shared_frame)), 64, 1);
            ash_frames_put(shared_frame);
            wait_for(2 * i + 2);
        } else {
            ash_frame_t again;

            wait_for(2 * i + 1);
            ash_frames_free(shared_frame, 0);
            MUST(ash_frames_alloc(0, 0, &again) == 0);
            threads_mark(port_ptr(ash_frame_pa(again)), 64, 2);
            ash_frames_free(again, 0);
            port_store_release(&phase, 2 * i + 2);
        }
    }
}

static void blocks_step(void **held, unsigned *count, uint32_t mark, void *(*take)(void),
                        void (*give)(void *block))
{
    if (*count < HELD && threads_random_below(2)) {
        held[*count] = take();
        if (held[*count] != NULL) {
            threads_mark(held[(*count)++], BLOCK, mark);
        }
    } else if (*count > 0) {
        --*count;
        threads_check(held[*count], BLOCK, mark);
        give(held[*count]);
    }
}

static void *pool_take(void)
{
    return ash_pool_alloc(&shared_pool);
}

static void pool_give(void *block)
{
    ash_pool_free(&shared_pool, block);
}

static struct ash_slab objects;

static void *slab_take(void)
{
    return ash_slab_alloc(&objects);
}

static void slab_give(void *object)
{
    ash_slab_free(&objects, object);
}

static void *heap_take(void)
{
    return ash_heap_alloc(&ash_heap_default, BLOCK + threads_random_below(3000));
}

static void heap_give(void *block)
{
    ash_heap_free(&ash_heap_default, block);
}

static void created_pool(uint32_t mark)
{
    struct ash_pool pool = {0};
    void *block;

    if (ash_pool_create(&pool, "own", BLOCK, 0, 4) == 0) {
        block = ash_pool_alloc(&pool);
        threads_mark(block, BLOCK, mark);
        threads_check(block, BLOCK, mark);
        ash_pool_free(&pool, block);
        MUST(ash_pool_destroy(&pool) == 0);
    }
}

static void created_cache(uint32_t mark)
{
    const struct ash_slab_config config = {.name = "own", .size = BLOCK, .owner = ASH_OWNER_TEST};
    struct ash_slab own;
    void *object;

    MUST(ash_slab_create(&own, &config) == 0);
    object = ash_slab_alloc(&own);
    if (object != NULL) {
        threads_mark(object, BLOCK, mark);
        threads_check(object, BLOCK, mark);
        ash_slab_free(&own, object);
    }
    MUST(ash_slab_destroy(&own) == 0);
}

static void count_usage(const struct ash_usage *usage, void *arg)
{
    *(uint32_t *)arg += usage->name != NULL;
}

/* Pools end while their figures are taken. */
static void look_at_pools(void)
{
    uint32_t count = 0;

    ash_pools_usage(count_usage, &count);
    MUST(count > 0);
}

static void work(void *arg)
{
    ash_frame_t frames[HELD];
    void *pool[HELD], *heap[HELD], *slab[HELD];
    unsigned frame_count = 0, pool_count = 0, heap_count = 0, slab_count = 0;
    struct ash_heap_stats stats;

    (void)arg;
    for (unsigned step = 0; step < STEPS; step++) {
        uint32_t mark = port_cpu() + 1;

        frames_step(frames, &frame_count, mark);
        blocks_step(pool, &pool_count, mark, pool_take, pool_give);
        blocks_step(slab, &slab_count, mark, slab_take, slab_give);
        blocks_step(heap, &heap_count, mark, heap_take, heap_give);
        if (step % 5 == 0) {
            created_pool(mark);
            created_cache(mark);
        }
        if (step % 50 == 0) {
            ash_heap_stats(&ash_heap_default, &stats);
            frames_look();
            look_at_pools();
            MUST(ash_frames_verify() == 0);
            (void)ash_slab_shrink(&objects);
            (void)ash_slabs_shrink();
        }
    }
    while (frame_count > 0) {
        ash_frames_put(frames[--frame_count]);
    }
    while (pool_count > 0) {
        pool_give(pool[--pool_count]);
    }
    while (slab_count > 0) {
        slab_give(slab[--slab_count]);
    }
    while (heap_count > 0) {
        heap_give(heap[--heap_count]);
    }
}

int main(void)
{
    threads_boot();
    threads_run(2, share, NULL);
    for (unsigned threads = 2; threads <= THREADS_MOST; threads++) {
        const struct ash_slab_config config = {
            .name = "objects", .size = BLOCK, .owner = ASH_OWNER_TEST};
        struct ash_pool_stats stats;

        MUST(ash_slab_create(&objects, &config) == 0);
        threads_run(threads, work, NULL);
        ash_pool_stats(&shared_pool, &stats);
        MUST(stats.used == 0);
        MUST(ash_slab_verify(&objects) == 0 && ash_slab_destroy(&objects) == 0);
        MUST(ash_frames_owned(ASH_OWNER_TEST) == 0);
        MUST(ash_frames_owned(ASH_OWNER_TABLES) == 0 && ash_frames_owned(ASH_OWNER_POOL) == 0);
        MUST(ash_frames_verify() == 0 && ash_heap_verify(&ash_heap_default) == 0);
        MUST(ash_pool_verify(&shared_pool) == 0);
    }
    return 0;
}
