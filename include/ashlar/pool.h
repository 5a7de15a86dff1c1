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
 * Any context and any CPU, interrupts included. With several CPUs (ASH_POOL_LOCK_FREE) an operation
 * masks nothing and waits for nobody: one exchange of the list's head, tried again if another CPU
 * or an interrupt came in between; a count in the head, 32 bits of it, tells a block that went out
 * and came back from one that stayed. On one CPU interrupts are masked instead, for a constant
 * time. A free has release order, an allocation acquire order: what was written to a block before
 * it was given back is behind whoever gets it next. Blocks are not zeroed.
 *
 * At ASH_CHECK 0 free blocks are linked in their first bytes, and there is nothing else to a block.
 * From ASH_CHECK 1 on the links are out of line, a word a block: a write to a free block changes no
 * list, and a double free, a foreign or a misaligned pointer goes to ash_fault_hook and changes
 * nothing. ASH_CHECK 2 fills free blocks with poison as well.
 */
#ifndef ASHLAR_POOL_H
#define ASHLAR_POOL_H

#include "config.h"
#include "errors.h"
#include "print.h"
#include "types.h"
#include "usage.h"

/** Most blocks of a pool. */
#define ASH_POOL_MOST ((uint32_t)1 << 24)

/** The list of free blocks. Public only so that pools can be defined statically. */
union ash_pool_list {
    struct {
        uint32_t first; /**< place of the first free block, or, with ASH_POOL_FRESH, of the first of
                             those that were never out */
        uint32_t count; /**< lock-free: blocks ever taken, modulo 2^32; masked: those given back */
    };
    uint64_t word;
};

/**
 * One pool. Its members are the module's. A place names a block: at ASH_CHECK 0 by its address (its
 * distance from the first on 64 bits), else by its number. Blocks that were never out are in no
 * list: a place with the bit ASH_POOL_FRESH stands for them.
 */
struct ash_pool {
    union ash_pool_list list;
    uint32_t step;     /**< from the place of a block to the next one's */
    uint32_t end;      /**< what `first` is when all blocks are out */
    uint32_t failures; /**< requests that found none */
    uint8_t *blocks;   /**< the first block */
    size_t inverse;    /**< of the odd part of the stride, modulo the word */
    unsigned shift;    /**< log2 of the stride's power of two */
    uint32_t count;    /**< blocks */
    uint32_t *state;   /**< a word a block (ASH_CHECK >= 1): it is out, or the place of the next */
    size_t stride;     /**< bytes from block to block */
    const char *name;
    ash_frame_t frame;             /**< the first of the frames behind a created pool */
    unsigned order;                /**< of those frames, plus 1; 0: a static pool */
    struct ash_pool *next, **link; /**< created pools: the next in their list, what points here */
};

/** A block; NULL at once if all are out. O(1). */
void *ash_pool_alloc(struct ash_pool *pool);

/** Gives a block back. NULL is ignored. O(1). */
void ash_pool_free(struct ash_pool *pool, void *block);

/**
 * Makes a pool of `count` blocks of at least `size` bytes, each aligned to `align` (a power of two,
 * at most a page; 0: that of the largest basic type), in directly mapped frames. `name` is kept.
 * Errors: ASH_EINVAL (size or count 0, align), ASH_ERANGE (more than one frame block of the largest
 * order, or than ASH_POOL_MOST), ASH_ENOMEM. Context: not in interrupts. Cost: one frame
 * allocation, and at ASH_CHECK >= 1 one word cleared a block.
 */
int ash_pool_create(struct ash_pool *pool, const char *name, size_t size, size_t align,
                    uint32_t count);

/**
 * Gives the frames of a created pool back. The pool must no longer be in use by anybody.
 * Errors: ASH_EBUSY (blocks are still out), ASH_EINVAL (not made by ash_pool_create).
 * Context: not in interrupts.
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

/** Figures of a pool, exact if nobody uses it meanwhile. Cost: linear in the free blocks that were
 *  given back: nothing is counted for it in between. Masks and locks nothing. */
void ash_pool_stats(struct ash_pool *pool, struct ash_pool_stats *stats);

/** Checks the list of free blocks against itself and, at ASH_CHECK >= 1, the state of each block.
 * 0, or ASH_ECORRUPT after ash_fault_hook was told what. Nobody else may use the pool meanwhile.
 *  Cost: linear in the pool: tests and debugging. */
int ash_pool_verify(struct ash_pool *pool);

/** Prints one line for each pool of the image, and each that was created. Not in interrupts, no
 *  lock held. The
 *  lock of the list is let go after every 64 free blocks that it passes. */
void ash_pools_report(ash_print_fn print);

/** Describes them (usage.h). Not in interrupts, no lock held. */
void ash_pools_usage(ash_usage_visit visit, void *arg);

/* The modular inverse of an odd number by Newton's steps: 5, 10, 20, 40, 80 bits. */
#define ASH_POOL_NEWTON(d, x)  ((size_t)((x) * ((size_t)2 - (size_t)(d) * (x))))
#define ASH_POOL_INVERSE5(d)   ((size_t)((size_t)(d)*3u) ^ (size_t)2)
#define ASH_POOL_INVERSE10(d)  ASH_POOL_NEWTON(d, ASH_POOL_INVERSE5(d))
#define ASH_POOL_INVERSE20(d)  ASH_POOL_NEWTON(d, ASH_POOL_INVERSE10(d))
#define ASH_POOL_INVERSE40(d)  ASH_POOL_NEWTON(d, ASH_POOL_INVERSE20(d))
#define ASH_POOL_INVERSE(d)    ASH_POOL_NEWTON(d, ASH_POOL_INVERSE40(d))
#define ASH_POOL_SHIFT(stride) ((unsigned)__builtin_ctzl((unsigned long)(stride)))

/* Places, as struct ash_pool has them. */
#if ASH_CHECK >= 1
#define ASH_POOL_STATE(name, count)  static uint32_t name##_pool_state[count];
#define ASH_POOL_STATE_INIT(name)    .state = name##_pool_state,
#define ASH_POOL_FRESH               0x80000000u
#define ASH_POOL_STEP(stride)        1
#define ASH_POOL_PLACE_OF(blocks)    0
#define ASH_POOL_SPAN(count, stride) (count)
#else
#define ASH_POOL_STATE(name, count)
#define ASH_POOL_STATE_INIT(name)
#define ASH_POOL_FRESH               1u
#define ASH_POOL_STEP(stride)        (stride)
#define ASH_POOL_SPAN(count, stride) ((count) * (stride))
#if UINTPTR_MAX > UINT32_MAX
#define ASH_POOL_PLACE_OF(blocks) 0
#else
#define ASH_POOL_PLACE_OF(blocks) (uintptr_t)(blocks)
#endif
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

/** Places a declared pool: `blocks_count` (a constant, at least 1) blocks, in this source file. The
 *  pointer to it in the section ash_pools is what reports find it by. */
#define ASH_POOL_PLACE(pool_name, type, blocks_count)                                              \
    _Static_assert((blocks_count) >= 1 && (blocks_count) <= ASH_POOL_MOST, "1 ... ASH_POOL_MOST"); \
    static union {                                                                                 \
        type value;                                                                                \
        void *link;                                                                                \
    } pool_name##_pool_blocks[blocks_count];                                                       \
    _Static_assert(sizeof(pool_name##_pool_blocks) < UINT32_MAX, "less than 4 GiB");               \
    ASH_POOL_STATE(pool_name, blocks_count)                                                        \
    struct ash_pool pool_name##_pool = {                                                           \
        .list.first = ASH_POOL_PLACE_OF(pool_name##_pool_blocks) + ASH_POOL_FRESH,                 \
        .step = ASH_POOL_STEP(sizeof(pool_name##_pool_blocks[0])),                                 \
        .end = ASH_POOL_PLACE_OF(pool_name##_pool_blocks) +                                        \
               ASH_POOL_SPAN(blocks_count, sizeof(pool_name##_pool_blocks[0])) + ASH_POOL_FRESH,   \
        .blocks = (uint8_t *)pool_name##_pool_blocks,                                              \
        .inverse = ASH_POOL_INVERSE(sizeof(pool_name##_pool_blocks[0]) >>                          \
                                    ASH_POOL_SHIFT(sizeof(pool_name##_pool_blocks[0]))),           \
        .shift = ASH_POOL_SHIFT(sizeof(pool_name##_pool_blocks[0])),                               \
        .count = (blocks_count),                                                                   \
        ASH_POOL_STATE_INIT(pool_name).stride = sizeof(pool_name##_pool_blocks[0]),                \
        .name = #pool_name,                                                                        \
    };                                                                                             \
    static struct ash_pool *const pool_name##_pool_listed                                          \
        __attribute__((used, section("ash_pools"))) = &pool_name##_pool

/** Declares and places a pool that one source file uses. */
#define ASH_POOL_DEFINE(pool_name, type, blocks_count)                                             \
    ASH_POOL_DECLARE(pool_name, type);                                                             \
    ASH_POOL_PLACE(pool_name, type, blocks_count)

#endif
