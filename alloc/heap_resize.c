/* SPDX-License-Identifier: MIT */
/*
 * The heap's other calls on blocks: with an alignment, to another size, to another owner, and what
 * a block has.
 */
#include "alloc/heap.h"

/** Units to leave free before the block, so that it is aligned. */
static uint32_t gap_for(heap_node *block, size_t align)
{
    size_t gap = (size_t)(-(uintptr_t)block & (align - 1)) >> HEAP_UNIT_SHIFT;

    return (uint32_t)(gap == 0 || gap >= HEAP_LEAST ? gap : gap + (align >> HEAP_UNIT_SHIFT));
}

#if ASH_CHECK >= 1
/** True if a block that should be free is, and is in its list. */
static bool is_free(const struct ash_heap *heap, heap_node *block)
{
    return heap_free_units(*heap_header(block)) <= HEAP_SIZE && heap_is_linked(heap, block);
}
#endif

void *ash_heap_alloc_aligned(struct ash_heap *heap, size_t size, size_t align)
{
    uint32_t wanted; /* enough for any gap */
    uint32_t units;
    uint32_t have;
    uint32_t gap;
    unsigned class;
    heap_node *block;
    unsigned long saved;

    if (align <= HEAP_UNIT) {
        return align == 0 || ash_is_power_of_two(align) ? ash_heap_alloc(heap, size) : NULL;
    }
    if (!ash_is_power_of_two(align)) {
        return NULL;
    }
    units = heap_units_for(size);
    wanted = units + heap_units_for(align - 1) + HEAP_LEAST;
    wanted = wanted <= HEAP_SIZE ? wanted : HEAP_SIZE + 1;
    saved = spinlock_acquire(&heap->lock);
    if (!heap_search(heap, wanted, &class)) {
        class = heap_search_else(heap, wanted, saved);
        if (class == ASH_HEAP_CLASSES) {
            return NULL;
        }
    }
    block = heap->list[class].next;
#if ASH_CHECK >= 1
    if (!is_free(heap, block) || heap_units(*heap_header(block)) < wanted) {
        heap_refuse_free(heap, block, saved, __builtin_return_address(0));
        return NULL;
    }
#endif
    gap = gap_for(block, align);
    have = heap_units(*heap_header(block));
#if ASH_CHECK >= 2
    if (!heap_poison_intact(block, heap_at(block, gap + units))) {
        heap_refuse_written(heap, block, saved, __builtin_return_address(0));
        return NULL;
    }
#endif
    heap_remove(heap, block);
    if (gap != 0) {
        heap_insert(heap, block, gap);
        block = heap_at(block, gap);
    }
    units = heap_cut(heap, block, have - gap, units, gap != 0 ? HEAP_BEFORE_FREE : 0);
    heap_count(heap, units);
    heap->blocks++;
    heap_unlock(heap, saved);
    return block;
}

/** What came of an attempt to resize in place. */
enum resized { RESIZED, NO_ROOM, CORRUPT, WRITTEN };

static enum resized resize(struct ash_heap *heap, heap_node *block, uint32_t units)
{
    uint32_t header = *heap_header(block);
    uint32_t old = heap_units(header);
    uint32_t have = old;
    heap_node *after = heap_at(block, old);
    uint32_t follows = *heap_header(after);

    if ((follows & HEAP_USED) != 0) {
        if (old < units) {
            return NO_ROOM;
        }
    } else {
#if ASH_CHECK >= 1
        if (!is_free(heap, after)) {
            return CORRUPT;
        }
#endif
        have += heap_units(follows);
        if (have < units) {
            return NO_ROOM;
        }
#if ASH_CHECK >= 2
        if (!heap_poison_intact(after, heap_at(block, units))) {
            return WRITTEN;
        }
#endif
        heap_remove(heap, after);
#if ASH_CHECK >= 2
        /* Behind the new end these words become the inside of a free block. */
        heap_poison(heap_header(after), after + 1);
#endif
    }
#if ASH_CHECK >= 2
    if (units < old) {
        heap_poison(heap_header(heap_at(block, units)), heap_header(after));
    }
#endif
    heap->used -= old;
    if (have - units >= HEAP_LEAST) {
        *heap_header(heap_at(block, have)) |= HEAP_BEFORE_FREE;
    }
    heap_count(heap, heap_cut(heap, block, have, units, header & (HEAP_OWNER | HEAP_BEFORE_FREE)));
    return RESIZED;
}

void *ash_heap_realloc(struct ash_heap *heap, void *memory, size_t size)
{
    heap_node *block = memory;
    enum resized resized = NO_ROOM;
    unsigned long saved;
    uint32_t header;
    size_t usable;
    void *moved;

    if (block == NULL) {
        return ash_heap_alloc(heap, size);
    }
    saved = spinlock_acquire(&heap->lock);
#if ASH_CHECK >= 1
    if (!heap_is_used(heap, block)) {
        heap_refuse(heap, memory, saved, __builtin_return_address(0));
        return NULL;
    }
#endif
    header = *heap_header(block);
    if (size <= ASH_HEAP_MAX) {
        resized = resize(heap, block, heap_units_for(size));
    }
    switch (resized) {
    case RESIZED:
        heap_unlock(heap, saved);
        return block;
#if ASH_CHECK >= 1
    case CORRUPT:
        heap_refuse(heap, memory, saved, __builtin_return_address(0));
        return NULL;
#endif
#if ASH_CHECK >= 2
    case WRITTEN:
        heap_refuse_written(heap, heap_after(block), saved, __builtin_return_address(0));
        return NULL;
#endif
    default:
        spinlock_release(&heap->lock, saved);
    }
    usable = heap_usable(header);
    moved = ash_heap_alloc(heap, size);
    if (moved != NULL) {
        port_copy(moved, memory, usable < size ? usable : size);
        (void)ash_heap_set_owner(heap, moved, (header & HEAP_OWNER) >> HEAP_OWNER_SHIFT);
        ash_heap_free(heap, memory);
    }
    return moved;
}

size_t ash_heap_usable(struct ash_heap *heap, void *memory)
{
    unsigned long saved;
    size_t usable;

    if (memory == NULL) {
        return 0;
    }
    saved = spinlock_acquire(&heap->lock);
#if ASH_CHECK >= 1
    if (!heap_is_used(heap, memory)) {
        heap_refuse(heap, memory, saved, __builtin_return_address(0));
        return 0;
    }
#endif
    usable = heap_usable(*heap_header(memory));
    spinlock_release(&heap->lock, saved);
    return usable;
}

int ash_heap_set_owner(struct ash_heap *heap, void *memory, unsigned owner)
{
    unsigned long saved;
    uint32_t header;

    if (memory == NULL || owner >= ASH_OWNERS) {
        return ASH_EINVAL;
    }
    saved = spinlock_acquire(&heap->lock);
#if ASH_CHECK >= 1
    if (!heap_is_used(heap, memory)) {
        heap_refuse(heap, memory, saved, __builtin_return_address(0));
        return ASH_EINVAL;
    }
#endif
    header = *heap_header(memory) & ~(HEAP_OWNER | HEAP_CHECK);
    *heap_header(memory) = heap_sealed(memory, header | owner << HEAP_OWNER_SHIFT);
    spinlock_release(&heap->lock, saved);
    return 0;
}

bool ash_heap_contains(struct ash_heap *heap, const void *address)
{
    unsigned long saved = spinlock_acquire(&heap->lock);
    bool contains = heap_chunk_of(heap, address) != NULL;

    spinlock_release(&heap->lock, saved);
    return contains;
}
