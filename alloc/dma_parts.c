/* SPDX-License-Identifier: MIT */
/*
 * Spans in order, none of which touches another.
 */
#include "alloc/dma_parts.h"

/* Replaces parts [first, last) by the `count` parts of `by`; false if there is no room. */
static bool parts_replace(struct ash_dma_parts *parts, unsigned first, unsigned last,
                          const struct ash_dma_parts *by)
{
    struct ash_dma_parts next = {.count = parts->count - (last - first) + by->count};
    unsigned at = 0;

    if (next.count > ASH_DMA_PARTS) {
        return false;
    }
    for (unsigned i = 0; i < first; i++) {
        next.part[at++] = parts->part[i];
    }
    for (unsigned i = 0; i < by->count; i++) {
        next.part[at++] = by->part[i];
    }
    for (unsigned i = last; i < parts->count; i++) {
        next.part[at++] = parts->part[i];
    }
    *parts = next;
    return true;
}

bool dma_parts_add(struct ash_dma_parts *parts, size_t begin, size_t end)
{
    struct ash_dma_parts by = {.count = 1};
    unsigned first = 0, last;

    while (first < parts->count && parts->part[first].end < begin) {
        first++;
    }
    for (last = first; last < parts->count && parts->part[last].begin <= end; last++) {
        begin = parts->part[last].begin < begin ? parts->part[last].begin : begin;
        end = parts->part[last].end > end ? parts->part[last].end : end;
    }
    by.part[0].begin = begin;
    by.part[0].end = end;
    return parts_replace(parts, first, last, &by);
}

int dma_parts_remove(struct ash_dma_parts *parts, size_t begin, size_t end)
{
    struct ash_dma_parts by = {.count = 0};
    unsigned at = 0;

    while (at < parts->count && parts->part[at].end < end) {
        at++;
    }
    if (at == parts->count || parts->part[at].begin > begin) {
        return ASH_ENOTOWNER;
    }
    if (parts->part[at].begin < begin) {
        by.part[by.count].begin = parts->part[at].begin;
        by.part[by.count++].end = begin;
    }
    if (end < parts->part[at].end) {
        by.part[by.count].begin = end;
        by.part[by.count++].end = parts->part[at].end;
    }
    return parts_replace(parts, at, at + 1, &by) ? 0 : ASH_ENOMEM;
}
