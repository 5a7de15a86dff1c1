/* SPDX-License-Identifier: MIT */
/*
 * The tree of free blocks: see pmem_tree.h. Knows leaves only: no addresses, no blocks of owners.
 */
#include "alloc/pmem_tree.h"

#include "port/port.h"

/* What a node of this level says if all of it is free. */
static inline unsigned tree_full(unsigned level)
{
    return level + 1;
}

/* What the halves of a node make it; `level` is the halves'. */
static inline unsigned tree_joined(unsigned left, unsigned right, unsigned level)
{
    if (left == right && left == tree_full(level)) {
        return tree_full(level + 1);
    }
    return left > right ? left : right;
}

/* Node n, which is not all free, has become `value`: so the nodes above it change, until one stays
 * as it is. */
static inline void tree_rise(uint8_t *node, uint32_t n, unsigned value)
{
    while (n > 1) {
        unsigned beside = node[n ^ 1u];

        n >>= 1;
        value = beside > value ? beside : value;
        if (node[n] == value) {
            return;
        }
        node[n] = (uint8_t)value;
    }
}

/* Makes all nodes above one of this level what their halves make them. */
static void tree_settle_all(const struct pmem_tree *tree, uint32_t n, unsigned level)
{
    uint8_t *node = tree->node;

    for (; n > 1; n >>= 1, level++) {
        node[n >> 1] = (uint8_t)tree_joined(node[n & ~1u], node[n | 1u], level);
    }
}

/* Each aligned block of the range becomes free or taken. */
static void tree_set(struct pmem_tree *tree, uint32_t at, uint32_t count, bool free)
{
    uint32_t leaves = pmem_tree_leaves(tree);
    unsigned first = pmem_tree_order(at, count), last = first;
    uint32_t end = at + count, place = at;

    for (; place < end; place += (uint32_t)1 << last) {
        last = pmem_tree_order(place, end - place);
        tree->node[(leaves + place) >> last] = (uint8_t)(free ? tree_full(last) : 0);
    }
    /* Every node above one of them is above the first or the last. */
    tree_settle_all(tree, (leaves + at) >> first, first);
    tree_settle_all(tree, (leaves + end - 1) >> last, last);
}

void pmem_tree_init(struct pmem_tree *tree, uint8_t *node, unsigned levels, uint32_t at,
                    uint32_t count)
{
    uint32_t leaves = (uint32_t)1 << levels;

    tree->node = node;
    tree->levels = levels;
    port_zero(node, pmem_tree_bytes(levels));
    for (uint32_t i = at; i < at + count; i++) {
        node[leaves + i] = (uint8_t)tree_full(0);
    }
    for (uint32_t n = leaves - 1; n > 0; n--) {
        unsigned level = levels - pmem_log2(n);

        node[n] = (uint8_t)tree_joined(node[2 * n], node[2 * n + 1], level - 1);
    }
}

void pmem_tree_take(struct pmem_tree *tree, uint32_t at, uint32_t count)
{
    tree_set(tree, at, count, false);
}

void pmem_tree_give(struct pmem_tree *tree, uint32_t at, uint32_t count)
{
    tree_set(tree, at, count, true);
}

void pmem_tree_take_block(struct pmem_tree *tree, uint32_t at, unsigned order)
{
    uint32_t n = (pmem_tree_leaves(tree) + at) >> order;

    tree->node[n] = 0;
    tree_rise(tree->node, n, 0);
}

void pmem_tree_give_block(struct pmem_tree *tree, uint32_t at, unsigned order)
{
    uint32_t n = (pmem_tree_leaves(tree) + at) >> order;
    unsigned value = tree_full(order);
    uint8_t *node = tree->node;

    node[n] = (uint8_t)value;
    while (n > 1 && node[n ^ 1u] == value) { /* both halves are all free, and so is the whole */
        n >>= 1;
        value++;
        node[n] = (uint8_t)value;
    }
    tree_rise(node, n, value);
}

/* The lowest free block of 2^order leaves below node n of that level, which has one. */
static inline uint32_t tree_lowest(const struct pmem_tree *tree, uint32_t n, unsigned level,
                                   unsigned order)
{
    const uint8_t *node = tree->node;

    for (; level > order; level--) {
        n *= 2;
        if (node[n] <= order) {
            n++;
        }
    }
    return (n << order) - pmem_tree_leaves(tree);
}

/* The first node behind n that is not below one that n is below; 1 if there is none. */
static inline uint32_t tree_next(uint32_t n, unsigned *level)
{
    unsigned up = (unsigned)__builtin_ctz(n + 1);

    *level += up;
    return (n + 1) >> up;
}

uint32_t pmem_tree_find(const struct pmem_tree *tree, uint32_t from, unsigned order)
{
    uint32_t leaves = pmem_tree_leaves(tree);
    uint32_t mask = ((uint32_t)1 << order) - 1;
    unsigned level = tree->levels;
    uint32_t n = 1;

    if (order > level || tree->node[1] <= order) {
        return PMEM_NONE;
    }
    if (from > 0) {
        from = (from + mask) & ~mask;
        if (from >= leaves) {
            return PMEM_NONE;
        }
        /* Down towards `from`, until a node has nothing, or begins there. */
        while (tree->node[n] > order && (n << level) < leaves + from) {
            if (tree->node[n] == tree_full(level)) {
                return from;
            }
            level--;
            n = (leaves + from) >> level;
        }
        while (tree->node[n] <= order) {
            n = tree_next(n, &level);
            if (n == 1) {
                return PMEM_NONE;
            }
        }
    }
    return tree_lowest(tree, n, level, order);
}

uint32_t pmem_tree_end(const struct pmem_tree *tree, uint32_t at)
{
    uint32_t leaves = pmem_tree_leaves(tree);
    unsigned level = tree->levels;
    uint32_t n = 1;

    while (tree->node[n] != 0 && tree->node[n] != tree_full(level)) {
        level--;
        n = (leaves + at) >> level;
    }
    if (tree->node[n] == 0) {
        return at;
    }
    for (;;) { /* node n is free */
        n = tree_next(n, &level);
        if (n == 1) {
            return leaves;
        }
        while (tree->node[n] != 0 && tree->node[n] != tree_full(level)) {
            level--;
            n *= 2;
        }
        if (tree->node[n] == 0) {
            return (n << level) - leaves;
        }
    }
}

uint32_t pmem_tree_begin(const struct pmem_tree *tree, uint32_t at)
{
    uint32_t leaves = pmem_tree_leaves(tree);
    unsigned level = tree->levels;
    uint32_t n = 1;

    while (tree->node[n] != tree_full(level)) {
        level--;
        n = (leaves + at) >> level;
    }
    for (;;) { /* node n is free */
        uint32_t free = n << level;
        unsigned up = (unsigned)__builtin_ctz(n);

        n >>= up;
        level += up;
        if (n == 1) {
            return 0; /* it was the leftmost of its level */
        }
        n--;
        while (tree->node[n] != 0 && tree->node[n] != tree_full(level)) {
            level--;
            n = 2 * n + 1;
        }
        if (tree->node[n] == 0) {
            return free - leaves;
        }
    }
}

bool pmem_tree_sound(const struct pmem_tree *tree, uint32_t at, uint32_t count, uint32_t *cuts)
{
    uint32_t leaves = pmem_tree_leaves(tree);

    *cuts = 0;
    for (uint32_t i = 0; i < leaves; i++) {
        bool exists = i - at < count;

        if (tree->node[leaves + i] > (exists ? tree_full(0) : 0)) {
            return false;
        }
        *cuts += exists && tree->node[leaves + i] == 0;
    }
    for (uint32_t n = leaves - 1; n > 0; n--) {
        unsigned below = tree->levels - pmem_log2(n) - 1;
        unsigned joined = tree_joined(tree->node[2 * n], tree->node[2 * n + 1], below);

        if (tree->node[n] != joined) {
            if (tree->node[n] != 0 || joined != tree_full(below + 1)) {
                return false;
            }
            ++*cuts;
        }
    }
    return true;
}
