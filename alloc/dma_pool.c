/* SPDX-License-Identifier: MIT */
/*
 * Pools of coherent objects. The free list is one of numbers, in frames of its own; objects that
 * were never out are in no list.
 */
#include "ashlar/dma_pool.h"

#include "alloc/dma_limits.h"
#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "port/outside.h"
#include "port/port.h"
#include "port/spinlock.h"

#define POOL_END UINT32_MAX       /* the last of the free list */
#define POOL_OUT (UINT32_MAX - 1) /* the object is out */

static uint64_t pool_offset(const struct ash_dma_pool *pool, uint64_t index)
{
    return index / pool->per * pool->window + index % pool->per * pool->stride;
}

/* The lesser of two boundaries, either of which may be 0: none. */
static uint64_t pool_boundary(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Where objects lie, and how large the buffer is. ASH_EINVAL, ASH_ERANGE. */
static int pool_lay_out(struct ash_dma_pool *pool, size_t size, uint64_t align, uint64_t boundary,
                        struct ash_pmem_request *request)
{
    uint64_t rows, bytes;

    align = align != 0 ? align : 8;
    if (size == 0 || pool->count == 0 || !ash_is_power_of_two(align) ||
        (boundary != 0 && (!ash_is_power_of_two(boundary) || size > boundary))) {
        return ASH_EINVAL;
    }
    if (pool->count >= POOL_OUT || !ash_align_up(size, align, &pool->stride)) {
        return ASH_ERANGE;
    }
    /* Objects that are aligned to more than the boundary cross none. */
    pool->per = boundary > pool->stride ? boundary / pool->stride : 1;
    pool->window = boundary > pool->stride ? boundary : pool->stride;
    if (pool->per >= pool->count) {
        pool->per = pool->count;
    }
    rows = (pool->count - 1) / pool->per;
    if (__builtin_mul_overflow(rows, pool->window, &bytes) ||
        __builtin_add_overflow(bytes, (pool->count - rows * pool->per) * pool->stride, &bytes)) {
        return ASH_ERANGE;
    }
    request->size = bytes;
    request->align = align;
    if (rows == 0 && boundary > ASH_PMEM_QUANTUM) {
        request->boundary = boundary;
    } else if (boundary > align) {
        request->align = boundary;
    }
    return 0;
}

/* The free list's memory. */
static int pool_take_numbers(struct ash_dma_pool *pool)
{
    size_t bytes;
    int error;

    if (!ash_size_product(pool->count, sizeof(*pool->next), &bytes) ||
        ash_frames_order(bytes) > ASH_MAX_ORDER) {
        return ASH_ERANGE;
    }
    pool->order = ash_frames_order(bytes);
    error = ash_frames_alloc(pool->order, ASH_FRAMES_OWNER((unsigned)ASH_OWNER_DMA), &pool->frame);
    if (error == 0) {
        pool->next = port_ptr(ash_frame_pa(pool->frame));
    }
    return error;
}

static void pool_describe(void *self, struct ash_usage *usage)
{
    struct ash_dma_pool *pool = self;
    struct ash_dma_pool_stats stats;

    ash_dma_pool_stats(pool, &stats);
    *usage = (struct ash_usage){
        .module = "dma",
        .name = pool->name,
        .total = stats.count * stats.size,
        .used = stats.used * stats.size,
        .free = (stats.count - stats.used) * stats.size,
        .largest = stats.used == stats.count ? 0 : stats.size,
        .limit = stats.size,
        .high_water = stats.high_water * stats.size,
        .failures = stats.failures,
        .blocks = stats.used,
    };
}

int ash_dma_pool_create(struct ash_dma_pool *pool, const char *name, struct ash_dma_device *device,
                        struct ash_pmem *region, size_t size, uint64_t align, uint64_t boundary,
                        uint32_t count)
{
    struct ash_pmem_request request = {.size = 0};
    struct ash_dma_pool made = {.name = name, .count = count, .free = POOL_END};
    int error;

    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }
    if (!dma_is_ready(device)) {
        return ASH_EINVAL;
    }
    if (pool->count != 0) {
        return ASH_EEXIST;
    }
    align = align < device->alignment ? device->alignment : align;
    error = pool_lay_out(&made, size, align, pool_boundary(device->boundary, boundary), &request);
    if (error == 0) {
        error = pool_take_numbers(&made);
    }
    if (error != 0) {
        return error;
    }
    error = dma_buffer_make(device, region, &request, &pool->buffer, __builtin_return_address(0));
    if (error != 0) {
        ash_frames_free(made.frame, made.order);
        return error;
    }
    made.buffer = pool->buffer;
    *pool = made;
    spinlock_init(&pool->lock, ASH_LOCK_DMA, name);
    dma_enlist(&pool->member, pool, pool_describe);
    return 0;
}

int ash_dma_pool_destroy(struct ash_dma_pool *pool)
{
    unsigned long saved;
    uint32_t used;
    int error;

    if (!outside_locks(__func__)) {
        return ASH_EPERM;
    }
    if (pool->count == 0) {
        return ASH_EINVAL;
    }
    saved = spinlock_acquire(&pool->lock);
    used = pool->used;
    spinlock_release(&pool->lock, saved);
    if (used != 0) {
        return ASH_EBUSY;
    }
    error = ash_dma_free(&pool->buffer);
    if (error == 0) {
        dma_delist(&pool->member);
        ash_frames_free(pool->frame, pool->order);
        spinlock_retire(&pool->lock);
        pool->count = 0;
    }
    return error;
}

void *ash_dma_pool_alloc(struct ash_dma_pool *pool, ash_bus_t *bus)
{
    unsigned long saved = spinlock_acquire(&pool->lock);
    uint32_t index = pool->free;
    uint8_t *object;
    uint64_t offset;

    if (index != POOL_END) {
        pool->free = pool->next[index];
    } else if (pool->fresh < pool->count) {
        index = pool->fresh++;
    } else {
        pool->failures++;
    }
    if (index != POOL_END) {
        pool->next[index] = POOL_OUT;
        pool->used++;
    }
    spinlock_release(&pool->lock, saved);
    if (index == POOL_END) {
        return NULL;
    }
    offset = pool_offset(pool, index);
    object = (uint8_t *)pool->buffer.block.ptr + offset;
    port_zero(object, (size_t)pool->stride);
    bus->value = pool->buffer.bus.value + offset;
    return object;
}

static int pool_tell(enum ash_fault_kind kind, const char *what, const void *object,
                     const void *caller)
{
    const struct ash_fault fault = {
        .kind = kind,
        .module = "dma pool",
        .what = what,
        .address = (uintptr_t)object,
        .caller = caller,
    };

    ash_fault_hook(&fault);
    return ASH_ECORRUPT;
}

/* The number of the object there; `count` if there is none. */
static uint64_t pool_index(const struct ash_dma_pool *pool, const void *object)
{
    uint64_t offset = (uintptr_t)object - (uintptr_t)pool->buffer.block.ptr, column, index;

    if (pool->count == 0 || (uintptr_t)object < (uintptr_t)pool->buffer.block.ptr) {
        return pool->count;
    }
    column = offset % pool->window / pool->stride;
    index = offset / pool->window * pool->per + column;
    return column < pool->per && index < pool->count ? index : pool->count;
}

int ash_dma_pool_free(struct ash_dma_pool *pool, void *object)
{
    uint64_t index = pool_index(pool, object);
    unsigned long saved;
    bool out;

    if (index == pool->count) {
        return pool_tell(ASH_FAULT_FOREIGN, "no object of this pool", object,
                         __builtin_return_address(0));
    }
    if (pool_offset(pool, index) != (uintptr_t)object - (uintptr_t)pool->buffer.block.ptr) {
        return pool_tell(ASH_FAULT_MISALIGNED, "not the start of an object", object,
                         __builtin_return_address(0));
    }
    saved = spinlock_acquire(&pool->lock);
    out = index < pool->fresh && pool->next[index] == POOL_OUT;
    if (out) {
        pool->next[index] = pool->free;
        pool->free = (uint32_t)index;
        pool->used--;
    }
    spinlock_release(&pool->lock, saved);
    return out ? 0
               : pool_tell(ASH_FAULT_DOUBLE_FREE, "an object that is not out", object,
                           __builtin_return_address(0));
}

void ash_dma_pool_stats(struct ash_dma_pool *pool, struct ash_dma_pool_stats *stats)
{
    unsigned long saved = spinlock_acquire(&pool->lock);

    *stats = (struct ash_dma_pool_stats){
        .size = pool->stride,
        .count = pool->count,
        .used = pool->used,
        .high_water = pool->fresh,
        .failures = pool->failures,
    };
    spinlock_release(&pool->lock, saved);
}
