/* SPDX-License-Identifier: MIT */
/*
 * Pools: equal blocks, allocated and freed in constant time from any context.
 *
 *     ASH_POOL_DEFINE(packet, struct packet, 64);      // in one source file
 *     struct packet *p = packet_get();                 // NULL when all 64 are out
 *     packet_put(p);
 *
 * Static pools need no set-up and no allocator; ash_pool_create carves one from frames.
 *
 * Any context and any CPU, interrupts included; interrupts are masked and the pool's own lock is
 * held for a constant time. No barriers or cache operations. Blocks are not zeroed.
 *
 * A pool appears in reports from its first use. A free block holds an encoded link in its first
 * bytes; which blocks are out is also kept out of line (ASH_CHECK >= 1), so that a double free, a
 * foreign or misaligned pointer, and a link that was overwritten go to ash_fault_hook and change
 * nothing.
 */
#ifndef ASHLAR_POOL_H
#define ASHLAR_POOL_H

#include "config.h"
#include "errors.h"
#include "lock.h"
#include "print.h"
#include "types.h"

/** One pool. Public only so that it can be defined statically: its members are the module's. */
struct ash_pool {
    struct ash_spinlock lock;
    void *free;        /**< the first block that was given back, or NULL */
    uint32_t fresh;    /**< blocks from here on were never out: the most ever out at once */
    uint32_t count;    /**< blocks */
    uint32_t used;     /**< blocks out now */
    uint32_t failures; /**< requests that found none */
    size_t stride;     /**< bytes from block to block */
    size_t inverse;    /**< of the odd part of the stride, modulo the word */
    unsigned shift;    /**< log2 of the stride's power of two */
    ash_frame_t frame; /**< the first of the frames behind a created pool */
    unsigned order;    /**< of those frames, plus 1; 0: a static pool */
    uint8_t *blocks;   /**< the first block */
    uint32_t *out;     /**< one bit a block: it is out (ASH_CHECK >= 1) */
    const char *name;
    struct ash_pool *next, **link; /**< in the list of pools: the next, and what points here */
};

/** A block; NULL at once if all are out. O(1). */
void *ash_pool_alloc(struct ash_pool *pool);

/** Gives a block back. NULL is ignored. O(1). */
void ash_pool_free(struct ash_pool *pool, void *block);

/**
 * Makes a pool of `count` blocks of at least `size` bytes, each aligned to `align` (a power of two,
 * at most a page; 0: that of the largest basic type), in directly mapped frames. `name` is kept.
 * Errors: ASH_EINVAL (size or count 0, align), ASH_ERANGE (more than one frame block of the largest
 * order), ASH_ENOMEM. Context: not in interrupts. Cost: one frame allocation, and one bit cleared a
 * block.
 */
int ash_pool_create(struct ash_pool *pool, const char *name, size_t size, size_t align,
                    uint32_t count);

/**
 * Gives the frames of a created pool back. The pool must no longer be in use by anybody.
 * Errors: ASH_EBUSY (blocks are still out), ASH_EINVAL (not made by ash_pool_create).
 */
int ash_pool_destroy(struct ash_pool *pool);

struct ash_pool_stats {
    const char *name;
    size_t size;         /**< bytes of a block */
    uint32_t count;      /**< blocks */
    uint32_t used;       /**< out now */
    uint32_t high_water; /**< most ever out at once */
    uint32_t failures;   /**< requests that found none */
};

/** A consistent copy of the figures. O(1). */
void ash_pool_stats(struct ash_pool *pool, struct ash_pool_stats *stats);

/** Checks the free list and the bits against each other. 0, or ASH_ECORRUPT after ash_fault_hook
 *  was told what. Cost: linear in the pool, with its lock held: tests and debugging. */
int ash_pool_verify(struct ash_pool *pool);

/** Prints one line for each pool that was ever used. Not in interrupts. */
void ash_pools_report(ash_print_fn print);

/* The modular inverse of an odd number by Newton's steps: 5, 10, 20, 40, 80 bits. */
#define ASH_POOL_NEWTON(d, x)  ((size_t)((x) * ((size_t)2 - (size_t)(d) * (x))))
#define ASH_POOL_INVERSE5(d)   ((size_t)((size_t)(d)*3u) ^ (size_t)2)
#define ASH_POOL_INVERSE10(d)  ASH_POOL_NEWTON(d, ASH_POOL_INVERSE5(d))
#define ASH_POOL_INVERSE20(d)  ASH_POOL_NEWTON(d, ASH_POOL_INVERSE10(d))
#define ASH_POOL_INVERSE40(d)  ASH_POOL_NEWTON(d, ASH_POOL_INVERSE20(d))
#define ASH_POOL_INVERSE(d)    ASH_POOL_NEWTON(d, ASH_POOL_INVERSE40(d))
#define ASH_POOL_SHIFT(stride) ((unsigned)__builtin_ctzl((unsigned long)(stride)))

#if ASH_CHECK >= 1
#define ASH_POOL_BITS(name, blocks) static uint32_t name##_pool_out[((blocks) + 31u) / 32u];
#define ASH_POOL_BITS_INIT(name)    .out = name##_pool_out,
#else
#define ASH_POOL_BITS(name, blocks)
#define ASH_POOL_BITS_INIT(name)
#endif

/** Declares pool `pool_name` of `type`, and <pool_name>_get and _put, for several source files. */
#define ASH_POOL_DECLARE(pool_name, type)                                                          \
    extern struct ash_pool pool_name##_pool;                                                       \
    static inline __attribute__((unused)) type *pool_name##_get(void)                              \
    {                                                                                              \
        return (type *)ash_pool_alloc(&pool_name##_pool);                                          \
    }                                                                                              \
    static inline __attribute__((unused)) void pool_name##_put(type *block)                        \
    {                                                                                              \
        ash_pool_free(&pool_name##_pool, block);                                                   \
    }                                                                                              \
    extern struct ash_pool pool_name##_pool

/** Places a declared pool: `blocks_count` (a constant, at least 1) blocks, in this source file. */
#define ASH_POOL_PLACE(pool_name, type, blocks_count)                                              \
    static union {                                                                                 \
        type value;                                                                                \
        void *link;                                                                                \
    } pool_name##_pool_blocks[blocks_count];                                                       \
    ASH_POOL_BITS(pool_name, blocks_count)                                                         \
    struct ash_pool pool_name##_pool = {                                                           \
        .lock = ASH_SPINLOCK(ASH_LOCK_POOL, #pool_name),                                           \
        .count = (blocks_count),                                                                   \
        .stride = sizeof(pool_name##_pool_blocks[0]),                                              \
        .inverse = ASH_POOL_INVERSE(sizeof(pool_name##_pool_blocks[0]) >>                          \
                                    ASH_POOL_SHIFT(sizeof(pool_name##_pool_blocks[0]))),           \
        .shift = ASH_POOL_SHIFT(sizeof(pool_name##_pool_blocks[0])),                               \
        .blocks = (uint8_t *)pool_name##_pool_blocks,                                              \
        ASH_POOL_BITS_INIT(pool_name).name = #pool_name,                                           \
    }

/** Declares and places a pool that one source file uses. */
#define ASH_POOL_DEFINE(pool_name, type, blocks_count)                                             \
    ASH_POOL_DECLARE(pool_name, type);                                                             \
    ASH_POOL_PLACE(pool_name, type, blocks_count)

#endif
