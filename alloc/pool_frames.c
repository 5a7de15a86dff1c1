/* SPDX-License-Identifier: MIT */
/*
 * Pools carved from frames. One block of frames holds the states and behind them the blocks, so
 * that what runs over the last block leaves the pool's memory instead of entering its metadata.
 */
#include "alloc/pool.h"
#include "ashlar/frames.h"
#include "port/outside.h"

int ash_pool_create(struct ash_pool *pool, const char *name, size_t size, size_t align,
                    uint32_t count)
{
    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }

    size_t states = ASH_CHECK >= 1 ? (size_t)count * sizeof(uint32_t) : 0;
    uint64_t stride;
    uint64_t start;
    size_t total;
    unsigned order;
    ash_frame_t frame;
    uint8_t *memory;
    int error;

    if (align == 0) {
        align = _Alignof(max_align_t);
    }
    if (size == 0 || count == 0 || !ash_is_power_of_two(align) || align > ASH_PAGE_SIZE) {
        return ASH_EINVAL;
    }
    if (align < _Alignof(void *)) {
        align = _Alignof(void *);
    }
    if (count > ASH_POOL_MOST || !ash_align_up(size, align, &stride) ||
        stride > ASH_PAGE_SIZE << ASH_MAX_ORDER || !ash_align_up(states, align, &start) ||
        !ash_size_product(count, (size_t)stride, &total) ||
        __builtin_add_overflow(total, (size_t)start, &total)) {
        return ASH_ERANGE;
    }
    order = ash_frames_order(total);
    if (order > ASH_MAX_ORDER) {
        return ASH_ERANGE;
    }
    error = ash_frames_alloc(order, ASH_FRAMES_NORMAL | ASH_FRAMES_OWNER(ASH_OWNER_POOL), &frame);
    if (error != 0) {
        return error;
    }
    memory = port_ptr(ash_frame_pa(frame));
    port_zero(memory, states);
    memory += start;
    *pool = (struct ash_pool){
        .list.first = (uint32_t)(ASH_POOL_PLACE_OF(memory) + ASH_POOL_FRESH),
        .step = (uint32_t)ASH_POOL_STEP(stride),
        .end =
            (uint32_t)(ASH_POOL_PLACE_OF(memory) + ASH_POOL_SPAN(count, stride) + ASH_POOL_FRESH),
        .blocks = memory,
        .inverse = ASH_POOL_INVERSE(stride >> ASH_POOL_SHIFT(stride)),
        .shift = ASH_POOL_SHIFT(stride),
        .count = count,
        .state = (uint32_t *)(void *)(memory - start),
        .stride = (size_t)stride,
        .name = name,
        .frame = frame,
        .order = order + 1,
    };
    pool_enlist(pool);
    return 0;
}

int ash_pool_destroy(struct ash_pool *pool)
{
    struct ash_pool_stats stats;

    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }
    if (pool->order == 0) {
        return ASH_EINVAL;
    }
    ash_pool_stats(pool, &stats);
    if (stats.used != 0) {
        return ASH_EBUSY;
    }
    pool_delist(pool);
    ash_frames_free(pool->frame, pool->order - 1);
    *pool = (struct ash_pool){0};
    return 0;
}
