/* SPDX-License-Identifier: MIT */
/*
 * Heaps of memory that their user gives, and what all heaps do with a chunk of memory. Asks nobody
 * for memory.
 */
#include "alloc/heap.h"

/** Bytes of a chunk that are in no block. */
#define OVERHEAD (sizeof(struct heap_chunk) + sizeof(struct heap_chunk *))
/** Bytes of the largest chunk. */
#define LARGEST (ASH_PAGE_SIZE << ASH_HEAP_ORDER)

uint32_t heap_chunk_units(size_t size)
{
    size_t units = size < OVERHEAD ? 0 : (size - OVERHEAD) / HEAP_UNIT;

    return units < HEAP_LEAST ? 0 : (uint32_t)units;
}

/** The range that begins at *low and has *span units grows to hold another. */
static void extend(uintptr_t *low, uintptr_t *span, const void *from, const void *to)
{
    uintptr_t high = *low + (*span << HEAP_UNIT_SHIFT);

    if (*span == 0) {
        *low = (uintptr_t)from;
        high = (uintptr_t)to;
    }
    *low = (uintptr_t)from < *low ? (uintptr_t)from : *low;
    high = (uintptr_t)to > high ? (uintptr_t)to : high;
    *span = (high - *low) >> HEAP_UNIT_SHIFT;
}

void heap_add_chunk(struct ash_heap *heap, struct heap_chunk *chunk, uint32_t units)
{
    heap_node *first = heap_first(chunk);
    heap_node *end = heap_at(first, units);

    if (heap->list[0].next == NULL) {
        for (heap_node *head = heap->list; head < &heap->list[ASH_HEAP_CLASSES]; head++) {
            head->next = head;
            head->prev = head;
        }
        extend(&heap->link_low, &heap->link_span, heap->list, &heap->list[ASH_HEAP_CLASSES]);
    }
    extend(&heap->low, &heap->span, first, end);
    extend(&heap->link_low, &heap->link_span, first, end);
    chunk->units = units;
    chunk->next = heap->chunk;
    chunk->link = &heap->chunk;
    if (chunk->next != NULL) {
        chunk->next->link = &chunk->next;
    }
    heap->chunk = chunk;
    heap->chunks++;
    heap->total += units;
#if ASH_CHECK >= 2
    heap_poison(first + 1, heap_footer(end));
#endif
    *heap_header(end) = HEAP_END | HEAP_BEFORE_FREE;
    *(struct heap_chunk **)(void *)end = chunk;
    heap_insert(heap, first, units);
}

void heap_drop_chunk(struct ash_heap *heap, struct heap_chunk *chunk)
{
    *chunk->link = chunk->next;
    if (chunk->next != NULL) {
        chunk->next->link = chunk->link;
    }
    if (heap->chunk == NULL) {
        heap->span = 0;
    }
    heap->chunks--;
    heap->total -= chunk->units;
}

int ash_heap_init(struct ash_heap *heap, const char *name, void *memory, size_t size)
{
    uintptr_t start = ((uintptr_t)memory + HEAP_UNIT - 1) & ~(uintptr_t)(HEAP_UNIT - 1);
    uintptr_t end;

    if (heap == NULL || memory == NULL || start < (uintptr_t)memory ||
        __builtin_add_overflow((uintptr_t)memory, size, &end)) {
        return ASH_EINVAL;
    }
    if (start >= end || heap_chunk_units(end - start) == 0) {
        return ASH_ENOMEM;
    }
    *heap = (struct ash_heap){.whole = UINT32_MAX, .name = name};
    spinlock_init(&heap->lock, ASH_LOCK_HEAP, name);
    while (start < end) {
        size_t bytes = end - start < LARGEST ? end - start : LARGEST;
        uint32_t units = heap_chunk_units(bytes);

        if (units != 0) {
            *(struct heap_chunk *)start = (struct heap_chunk){.order = 0};
            heap_add_chunk(heap, (struct heap_chunk *)start, units);
        }
        start += bytes;
    }
    heap->bytes = size;
    heap_enlist(heap);
    return 0;
}
