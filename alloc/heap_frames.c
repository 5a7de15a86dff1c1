/* SPDX-License-Identifier: MIT */
/*
 * Heaps that grow from frames, and give back what is free: the default heap, and others. Frames are
 * asked with the heap's lock not held: two CPUs may then both grow it.
 */
#include "alloc/heap.h"
#include "port/outside.h"

/** Frames for a chunk that has room for `units`: as many as a heap likes to grow by, or fewer. */
static int take_frames(uint32_t units, ash_frame_t *frame, unsigned *order)
{
    unsigned least = 0;
    int error;

    while (least <= ASH_HEAP_ORDER && heap_chunk_units(ASH_PAGE_SIZE << least) < units) {
        least++;
    }
    if (least > ASH_HEAP_ORDER) {
        return ASH_ERANGE;
    }
    *order = least > HEAP_CHUNK_ORDER ? least : HEAP_CHUNK_ORDER;
    for (;;) {
        error =
            ash_frames_alloc(*order, ASH_FRAMES_NORMAL | ASH_FRAMES_OWNER(ASH_OWNER_HEAP), frame);
        if (error == 0 || *order == least) {
            return error;
        }
        *order -= 1;
    }
}

/** The class of a block of `units`; ASH_HEAP_CLASSES: there is none. */
static unsigned find(struct ash_heap *heap, uint32_t units)
{
    unsigned class;

    if (heap_search(heap, units, &class)) {
        return class;
    }
    class = heap_class(units); /* a large block's own, which may begin below its size */
    return heap_fits(heap, class, units) ? class : ASH_HEAP_CLASSES;
}

static unsigned grow(struct ash_heap *heap, uint32_t units, unsigned long saved)
{
    struct heap_chunk *chunk;
    ash_frame_t frame;
    unsigned order;
    unsigned class;

    do {
        spinlock_release(&heap->lock, saved);
        if (take_frames(units, &frame, &order) != 0) {
            saved = spinlock_acquire(&heap->lock);
            heap->failures++;
            spinlock_release(&heap->lock, saved);
            return ASH_HEAP_CLASSES;
        }
        heap_enlist(heap);
        saved = spinlock_acquire(&heap->lock);
        class = find(heap, units);
        if (class == ASH_HEAP_CLASSES) {
            chunk = port_ptr(ash_frame_pa(frame));
            chunk->frame = frame;
            chunk->order = order + 1;
            heap->bytes += ASH_PAGE_SIZE << order;
            heap_add_chunk(heap, chunk, ASH_PAGE_SIZE << order);
            chunk->link = &heap->chunk;
            if (chunk->next != NULL) {
                chunk->next->link = &chunk->next;
            }
            return find(heap, units); /* this chunk's: nothing else was large enough */
        }
        /* Something was freed meanwhile. A chunk that nobody takes from would never go back. */
        spinlock_release(&heap->lock, saved);
        ash_frames_free(frame, order);
        saved = spinlock_acquire(&heap->lock);
        class = find(heap, units);
    } while (class == ASH_HEAP_CLASSES);
    return class;
}

static void shrink(struct ash_heap *heap, heap_node *block, uint32_t units, unsigned long saved)
{
    heap_node *end = heap_at(block, units);
    struct heap_chunk *chunk = NULL;

    if (heap_units(*heap_header(end)) == 0) {
        chunk = *(struct heap_chunk **)(void *)end;
    }
    if (chunk == NULL || heap_first(chunk) != block) {
        heap_insert(heap, block, units);
        heap_unlock(heap, saved);
        return;
    }
    *heap_header(block) = 0; /* or it would still look like a used block's */
    *chunk->link = chunk->next;
    if (chunk->next != NULL) {
        chunk->next->link = chunk->link;
    }
#if ASH_CHECK >= 1
    if (heap->chunk == NULL) {
        heap->span = 0;
    }
#endif
    heap->bytes -= ASH_PAGE_SIZE << (chunk->order - 1);
    heap_unlock(heap, saved);
    ash_frames_free(chunk->frame, chunk->order - 1);
}

static const struct heap_source frames = {.grow = grow, .shrink = shrink};

/** Units of the smallest chunk. */
#define WHOLE                                                                                      \
    ((uint32_t)((ASH_PAGE_SIZE - sizeof(struct heap_chunk) - sizeof(struct heap_chunk *)) /        \
                HEAP_UNIT))

struct ash_heap ash_heap_default = {
    .lock = ASH_SPINLOCK(ASH_LOCK_HEAP, "heap"),
    .name = "heap",
    .whole = WHOLE,
    .source = &frames,
};

int ash_heap_init_frames(struct ash_heap *heap, const char *name)
{
    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }
    if (heap == NULL) {
        return ASH_EINVAL;
    }
    *heap = (struct ash_heap){.whole = WHOLE, .name = name, .source = &frames};
    spinlock_init(&heap->lock, ASH_LOCK_HEAP, name);
    return 0;
}
