/* SPDX-License-Identifier: MIT */
/*
 * The heap's core: to allocate and to free, each one function that does its work in a straight line
 * with the lock held, and to make a heap of memory that is given. Everything rare is elsewhere; the
 * hook is told, and frames are asked, with the lock not held.
 */
#include "alloc/heap.h"
#include "port/outside.h"

#define NEVER(condition) __builtin_expect((condition), 0)

unsigned heap_search_else(struct ash_heap *heap, uint32_t units, unsigned long saved)
{
    unsigned class = heap_class(units);

    if (heap_fits(heap, class, units)) {
        return class;
    }
    if (heap->source != NULL) {
        return heap->source->grow(heap, units, saved);
    }
    heap->failures++;
    spinlock_release(&heap->lock, saved);
    return ASH_HEAP_CLASSES;
}

#if ASH_CHECK >= 1
/** True if the first free block of a list is what it should be, and large enough. */
static inline bool is_first(const struct ash_heap *heap, heap_node *head, uint32_t units)
{
    heap_node *block = head->next;
    const heap_node *next = block->next;
    uint32_t have = heap_free_units(*heap_header(block));

    return have <= HEAP_SIZE && have >= units && block->prev == head &&
           heap_place(heap->link_low, next) < heap->link_span && next->prev == block;
}
#endif

void *ash_heap_alloc(struct ash_heap *heap, size_t size)
{
    uint32_t units = heap_units_for(size);
    unsigned long saved;
    unsigned class;
    heap_node *head;
    heap_node *block;
    heap_node *next;

    saved = spinlock_acquire(&heap->lock);
    if (NEVER(!heap_search(heap, units, &class))) {
        class = heap_search_else(heap, units, saved);
        if (class == ASH_HEAP_CLASSES) {
            return NULL;
        }
    }
    head = &heap->list[class];
    block = head->next;
#if ASH_CHECK >= 1
    if (NEVER(!is_first(heap, head, units))) {
        heap_refuse_free(heap, block, saved, __builtin_return_address(0));
        return NULL;
    }
#endif
#if ASH_CHECK >= 2
    if (!heap_poison_intact(block, heap_at(block, units))) {
        heap_refuse_written(heap, block, saved, __builtin_return_address(0));
        return NULL;
    }
#endif
    next = block->next;
    head->next = next;
    next->prev = head;
    if (next == head) {
        heap_flip(heap, class);
    }
    units = heap_cut(heap, block, heap_units(*heap_header(block)), units, 0);
    heap_count(heap, units);
    heap->blocks++;
    heap_unlock(heap, saved);
    return block;
}

#if ASH_CHECK >= 1
/** True if what follows a used block is what it should be. */
static inline bool is_intact(const struct ash_heap *heap, heap_node *after, uint32_t follows)
{
    if ((follows & HEAP_USED) != 0) {
        return heap_is_sealed(after, follows);
    }
    return heap_free_units(follows) <= HEAP_SIZE && heap_is_linked(heap, after);
}

/** Undoes the first half of a free, whose second half finds something wrong. */
static void __attribute__((noinline))
take_back(struct ash_heap *heap, heap_node *block, uint32_t follows)
{
    heap_node *after = heap_after(block);

    if ((follows & HEAP_USED) != 0) {
        *heap_header(after) = follows;
    } else {
        heap_insert(heap, after, heap_units(follows));
    }
}
#endif

#if ASH_CHECK >= 2
/** Fills a block that is freed, and what was between it and the free blocks beside it. */
static void poison_freed(heap_node *block, uint32_t header, uint32_t follows)
{
    heap_node *after = heap_at(block, heap_units(header));

    heap_poison((header & HEAP_BEFORE_FREE) != 0 ? (void *)heap_footer(block) : block + 1,
                (follows & HEAP_USED) != 0 ? (void *)heap_footer(after) : after + 1);
}
#endif

void ash_heap_free(struct ash_heap *heap, void *memory)
{
    heap_node *block = memory;
    unsigned long saved;
    heap_node *after;
    uint32_t header;
    uint32_t follows;
    uint32_t units;

    if (memory == NULL) {
        return;
    }
    saved = spinlock_acquire(&heap->lock);
#if ASH_CHECK >= 1
    if (NEVER(!heap_is_used(heap, block))) {
        heap_refuse(heap, memory, saved, __builtin_return_address(0));
        return;
    }
#endif
    header = *heap_header(block);
    units = heap_units(header);
    after = heap_at(block, units);
    follows = *heap_header(after);
#if ASH_CHECK >= 1
    if (NEVER(!is_intact(heap, after, follows))) {
        heap_refuse(heap, memory, saved, __builtin_return_address(0));
        return;
    }
#endif
    if ((follows & HEAP_USED) != 0) {
        *heap_header(after) = follows | HEAP_BEFORE_FREE;
    } else {
        heap_remove(heap, after);
        units += heap_units(follows);
    }
    if ((header & HEAP_BEFORE_FREE) != 0) {
        heap_node *before = heap_before(block);

#if ASH_CHECK >= 1
        if (NEVER(!heap_is_before(heap, block))) {
            take_back(heap, block, follows);
            heap_refuse(heap, memory, saved, __builtin_return_address(0));
            return;
        }
        /* No header that calls itself used may stay behind: a double free would look right. */
        *heap_header(block) = 0;
#endif
        heap_remove(heap, before);
        units += heap_units(*heap_header(before));
        block = before;
    }
    heap->used -= heap_units(header);
    heap->blocks--;
#if ASH_CHECK >= 2
    poison_freed(memory, header, follows);
#endif
    if (units >= heap->whole) {
        heap->source->shrink(heap, block, units, saved);
        return;
    }
    heap_insert(heap, block, units);
    heap_unlock(heap, saved);
}

#if ASH_CHECK >= 1
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
#endif

void heap_add_chunk(struct ash_heap *heap, struct heap_chunk *chunk, size_t size)
{
    heap_node *first = heap_first(chunk);
    heap_node *end;

    chunk->units = heap_chunk_units(size);
    end = heap_end(chunk);
    if (heap->list[0].next == NULL) {
        for (unsigned class = 0; class < ASH_HEAP_CLASSES; class ++) {
            heap->list[class].next = &heap->list[class];
            heap->list[class].prev = &heap->list[class];
        }
    }
#if ASH_CHECK >= 1
    extend(&heap->link_low, &heap->link_span, heap->list, &heap->list[ASH_HEAP_CLASSES]);
    extend(&heap->link_low, &heap->link_span, first, end);
    extend(&heap->low, &heap->span, first, end);
#endif
#if ASH_CHECK >= 2
    heap_poison(first + 1, heap_footer(end));
#endif
    chunk->next = heap->chunk;
    heap->chunk = chunk;
    *heap_header(end) = heap_sealed(end, HEAP_USED) | HEAP_BEFORE_FREE;
    *(struct heap_chunk **)(void *)end = chunk;
    heap_insert(heap, first, chunk->units);
}

int ash_heap_init(struct ash_heap *heap, const char *name, void *memory, size_t size)
{
    uintptr_t start = ((uintptr_t)memory + HEAP_UNIT - 1) & ~(uintptr_t)(HEAP_UNIT - 1);
    uintptr_t end = (uintptr_t)memory + size;

    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }
    if (heap == NULL || memory == NULL) {
        return ASH_EINVAL;
    }
    if (start < (uintptr_t)memory || end < start || end - start < HEAP_CHUNK_LEAST) {
        return ASH_ENOMEM;
    }
    *heap = (struct ash_heap){.whole = UINT32_MAX, .name = name, .bytes = size};
    spinlock_init(&heap->lock, ASH_LOCK_HEAP, name);
    do {
        size_t bytes = end - start < HEAP_CHUNK_MOST ? end - start : HEAP_CHUNK_MOST;

        ((struct heap_chunk *)start)->order = 0;
        heap_add_chunk(heap, (struct heap_chunk *)start, bytes);
        start += bytes;
    } while (end - start >= HEAP_CHUNK_LEAST);
    heap_enlist(heap);
    return 0;
}
