/* SPDX-License-Identifier: MIT */
/*
 * Runs in use, and finding room between them: see pmem_runs.h. Knows quanta only: no addresses, no
 * locks, no map.
 */
#include "alloc/pmem_runs.h"

#include "port/port.h"

static const struct pmem_tag inside = {0};

unsigned pmem_runs_levels(uint64_t number, uint32_t quanta, uint32_t *first)
{
    unsigned levels = quanta == 1 ? 0 : pmem_log2(quanta - 1) + 1;

    *first = (uint32_t)number & (((uint32_t)1 << levels) - 1);
    return *first + quanta > (uint32_t)1 << levels ? levels + 1 : levels;
}

void pmem_runs_init(struct pmem_runs *runs, uint64_t number, uint32_t quanta, struct pmem_tag *tags,
                    uint8_t *nodes)
{
    unsigned levels = pmem_runs_levels(number, quanta, &runs->first);

    port_zero(tags, quanta * sizeof(*tags));
    runs->tags = tags;
    runs->quanta = quanta;
    runs->free = quanta;
    pmem_tree_init(&runs->tree, nodes, levels, runs->first, quanta);
}

void pmem_runs_around(const struct pmem_runs *runs, uint32_t at, uint32_t *begin, uint32_t *end)
{
    *begin = pmem_tree_begin(&runs->tree, runs->first + at) - runs->first;
    *end = pmem_tree_end(&runs->tree, runs->first + at) - runs->first;
}

bool pmem_runs_are_free(const struct pmem_runs *runs, uint32_t at, uint32_t quanta)
{
    return pmem_tree_end(&runs->tree, runs->first + at) - runs->first - at >= quanta;
}

/* The first quantum of each block of the run but the first: how far it is. */
static inline void runs_mark(struct pmem_runs *runs, uint32_t at, uint32_t quanta, bool set)
{
    uint32_t leaf = runs->first + at;
    uint32_t done = (uint32_t)1 << pmem_tree_order(leaf, quanta);

    while (done < quanta) {
        runs->tags[at + done].quanta = set ? done : 0;
        done += (uint32_t)1 << pmem_tree_order(leaf + done, quanta - done);
    }
}

void pmem_runs_take(struct pmem_runs *runs, uint32_t at, uint32_t quanta, enum pmem_state state)
{
    uint32_t leaf = runs->first + at;
    unsigned order = pmem_tree_order(leaf, quanta);

    if (quanta == (uint32_t)1 << order) {
        pmem_tree_take_block(&runs->tree, leaf, order);
    } else {
        pmem_tree_take(&runs->tree, leaf, quanta);
        runs_mark(runs, at, quanta, true);
    }
    runs->tags[at].quanta = quanta;
    runs->tags[at].state = (uint8_t)state;
    runs->free -= quanta;
}

void pmem_runs_give(struct pmem_runs *runs, uint32_t at)
{
    uint32_t leaf = runs->first + at;
    uint32_t quanta = runs->tags[at].quanta;
    unsigned order = pmem_tree_order(leaf, quanta);

    if (quanta == (uint32_t)1 << order) {
        pmem_tree_give_block(&runs->tree, leaf, order);
    } else {
        pmem_tree_give(&runs->tree, leaf, quanta);
        runs_mark(runs, at, quanta, false);
    }
    runs->tags[at] = inside;
    runs->free += quanta;
}

uint32_t pmem_runs_holding(const struct pmem_runs *runs, uint32_t index)
{
    for (unsigned order = 0; order <= runs->tree.levels; order++) {
        uint32_t leaf = (runs->first + index) >> order << order;
        uint32_t start = leaf - runs->first;
        const struct pmem_tag *tag = &runs->tags[start];

        if (leaf < runs->first) {
            break; /* no block of a run starts before the region */
        }
        if (tag->state == PMEM_INSIDE) {
            start -= tag->quanta;
            tag -= tag->quanta;
        }
        if (tag->state != PMEM_INSIDE && index - start < tag->quanta) {
            return start;
        }
    }
    return PMEM_NONE;
}

bool pmem_runs_from(const struct pmem_runs *runs, uint32_t index, uint32_t *at, uint32_t *quanta)
{
    const struct pmem_tag *tags = runs->tags;

    if (index < runs->quanta && tags[index].state == PMEM_INSIDE) {
        uint32_t run = pmem_runs_holding(runs, index);

        if (run != PMEM_NONE) {
            index = run + tags[run].quanta;
        }
    }
    if (index >= runs->quanta) {
        return false;
    }
    *at = index;
    if (tags[index].state != PMEM_INSIDE) {
        *quanta = tags[index].quanta;
    } else {
        *quanta = pmem_tree_end(&runs->tree, runs->first + index) - runs->first - index;
    }
    return true;
}

uint32_t pmem_runs_longest(const struct pmem_runs *runs)
{
    uint32_t longest = 0;
    uint32_t end = 0;

    for (;;) {
        uint32_t begin = pmem_tree_find(&runs->tree, end, 0);

        if (begin == PMEM_NONE) {
            return longest;
        }
        end = pmem_tree_end(&runs->tree, begin);
        longest = end - begin > longest ? end - begin : longest;
    }
}

/* The run in use that starts at `at`: its tags, and its blocks in the tree. Counts those. */
static bool runs_one_is_sound(const struct pmem_runs *runs, uint32_t at, uint32_t *cuts)
{
    const struct pmem_tag *first = &runs->tags[at];
    uint32_t block = 0;

    if (first->quanta == 0 || first->quanta > runs->quanta - at ||
        (first->state == PMEM_CHANGING && first->refs != 0) ||
        (first->state == PMEM_LEAVING && first->refs == 0)) {
        return false;
    }
    for (uint32_t i = 0; i < first->quanta; i++) {
        const struct pmem_tag *tag = &first[i];

        if (i == block) {
            unsigned order = pmem_tree_order(runs->first + at + i, first->quanta - i);

            if (!pmem_tree_is_cut(&runs->tree, runs->first + at + i, order)) {
                return false;
            }
            block += (uint32_t)1 << order;
            ++*cuts;
            if (i > 0 && tag->quanta != i) {
                return false;
            }
        } else if (tag->quanta != 0) {
            return false;
        }
        if (i > 0 && (tag->state != PMEM_INSIDE || tag->refs != 0 || tag->marks != 0)) {
            return false;
        }
    }
    return true;
}

bool pmem_runs_sound(const struct pmem_runs *runs)
{
    uint32_t expected = 0, cuts = 0, free = 0;

    for (uint32_t at = 0; at < runs->quanta;) {
        const struct pmem_tag *tag = &runs->tags[at];

        if (tag->state == PMEM_INSIDE) {
            if (tag->quanta != 0 || tag->refs != 0 || tag->marks != 0) {
                return false;
            }
            free++;
            at++;
        } else if (tag->state > PMEM_CHANGING || !runs_one_is_sound(runs, at, &expected)) {
            return false;
        } else {
            at += tag->quanta;
        }
    }
    return free == runs->free && pmem_tree_sound(&runs->tree, runs->first, runs->quanta, &cuts) &&
           cuts == expected;
}
