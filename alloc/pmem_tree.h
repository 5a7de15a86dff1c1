/* SPDX-License-Identifier: MIT */
/*
 * Which quanta of a row are free, as a tree of aligned blocks: each node knows the largest aligned
 * free block below it, so that the lowest one of any size is found, and taken or given back, in as
 * many steps as the tree has levels. One byte a node, out of line.
 *
 * A range that is taken is a few whole nodes, of the largest aligned blocks that it consists of.
 * They say that nothing is free; what is below them is left as it was: all free. No lock: the
 * caller's.
 */
#ifndef ALLOC_PMEM_TREE_H
#define ALLOC_PMEM_TREE_H

#include "ashlar/types.h"

#define PMEM_NONE UINT32_MAX

/** Level l has nodes of 2^l leaves; node 1 is the root, node n's halves are 2n and 2n + 1. */
struct pmem_tree {
    uint8_t *node; /**< 0: nothing free; else 1 + log2 of the leaves of the largest free block */
    unsigned levels;
};

static inline uint32_t pmem_tree_leaves(const struct pmem_tree *tree)
{
    return (uint32_t)1 << tree->levels;
}

/** Bytes of the nodes. */
static inline size_t pmem_tree_bytes(unsigned levels)
{
    return (size_t)2 << levels;
}

/** log2, rounded down; value is not 0. */
static inline unsigned pmem_log2(uint32_t value)
{
    return 31u - (unsigned)__builtin_clz(value);
}

/** [at, at + count) exists and is free, nothing else. node has pmem_tree_bytes(levels) bytes. */
void pmem_tree_init(struct pmem_tree *tree, uint8_t *node, unsigned levels, uint32_t at,
                    uint32_t count);

/** [at, at + count), all of it free, is taken. */
void pmem_tree_take(struct pmem_tree *tree, uint32_t at, uint32_t count);

/** [at, at + count), taken as a whole, is free. */
void pmem_tree_give(struct pmem_tree *tree, uint32_t at, uint32_t count);

/** The same for 2^order leaves, `at` being a multiple of that: one node. */
void pmem_tree_take_block(struct pmem_tree *tree, uint32_t at, unsigned order);
void pmem_tree_give_block(struct pmem_tree *tree, uint32_t at, unsigned order);

/** The lowest free block of 2^order leaves, aligned to its size, that starts at or behind `from`;
 *  or PMEM_NONE. */
uint32_t pmem_tree_find(const struct pmem_tree *tree, uint32_t from, unsigned order);

/** The first leaf at or behind `at` that is not free, or the number of leaves. */
uint32_t pmem_tree_end(const struct pmem_tree *tree, uint32_t at);

/** The first leaf of the free run that has the free leaf `at`. */
uint32_t pmem_tree_begin(const struct pmem_tree *tree, uint32_t at);

/**
 * The largest aligned block that starts at `at` and fits into `count` leaves: log2 of its leaves.
 * Taken ranges consist of such blocks, one behind the other.
 */
static inline unsigned pmem_tree_order(uint32_t at, uint32_t count)
{
    unsigned fits = pmem_log2(count);
    unsigned aligned = at == 0 ? fits : (unsigned)__builtin_ctz(at);

    return aligned < fits ? aligned : fits;
}

/** Whether that block is taken as a whole: as one node. */
static inline bool pmem_tree_is_cut(const struct pmem_tree *tree, uint32_t at, unsigned order)
{
    return tree->node[(pmem_tree_leaves(tree) + at) >> order] == 0;
}

/** True if every node is what its halves make it, but for *cuts that are taken as a whole, and if
 *  nothing outside of [at, at + count) is free. Cost: linear. */
bool pmem_tree_sound(const struct pmem_tree *tree, uint32_t at, uint32_t count, uint32_t *cuts);

#endif
