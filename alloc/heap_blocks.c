/* SPDX-License-Identifier: MIT */
/*
 * The blocks of the heap: finding, splitting, merging. Owns the form of free memory and the
 * segregated lists; takes no lock, and asks nobody for memory. Everything is checked before the
 * first change (ASH_CHECK >= 1).
 */
#include "alloc/heap.h"

static void list_insert(struct heap *heap, heap_block *block, uint32_t units, uint32_t flags)
{
    unsigned class = heap_class(units);
    struct heap_links *links = heap_links(block);

    heap_write(block, units, flags);
    heap_at(block, units)[-1] = units; /* the footer */
    links->next = heap->list[class];
    links->prev = NULL;
    if (links->next != NULL) {
        heap_links(links->next)->prev = block;
    }
    heap->list[class] = block;
    heap->columns[class / HEAP_COLUMNS] |= (uint32_t)1 << class % HEAP_COLUMNS;
    heap->rows |= (uint32_t)1 << class / HEAP_COLUMNS;
    heap->figures.free_bytes += units * HEAP_UNIT;
}

static void list_remove(struct heap *heap, heap_block *block)
{
    const struct heap_links *links = heap_links(block);
    unsigned class = heap_class(heap_units(block));

    heap->figures.free_bytes -= heap_units(block) * HEAP_UNIT;
    if (links->next != NULL) {
        heap_links(links->next)->prev = links->prev;
    }
    if (links->prev != NULL) {
        heap_links(links->prev)->next = links->next;
        return;
    }
    heap->list[class] = links->next;
    if (links->next == NULL) {
        heap->columns[class / HEAP_COLUMNS] &= ~((uint32_t)1 << class % HEAP_COLUMNS);
        if (heap->columns[class / HEAP_COLUMNS] == 0) {
            heap->rows &= ~((uint32_t)1 << class / HEAP_COLUMNS);
        }
    }
}

heap_block *heap_find(const struct heap *heap, uint32_t units)
{
    uint32_t rounded = units;
    heap_block *block;
    unsigned row;
    uint32_t columns;
    uint32_t rows;

    if (units >= HEAP_COLUMNS) {
        rounded += ((uint32_t)1 << (31 - __builtin_clz(units) - 5)) - 1;
    }
    row = heap_class(rounded) / HEAP_COLUMNS;
    if (row < HEAP_ROWS) {
        columns = heap->columns[row] & ~(uint32_t)0 << heap_class(rounded) % HEAP_COLUMNS;
        if (columns == 0) {
            rows = row + 1 < HEAP_ROWS ? heap->rows & ~(uint32_t)0 << (row + 1) : 0;
            row = rows != 0 ? (unsigned)__builtin_ctz(rows) : HEAP_ROWS;
            columns = rows != 0 ? heap->columns[row] : 0;
        }
        if (columns != 0) {
            return heap->list[row * HEAP_COLUMNS + (unsigned)__builtin_ctz(columns)];
        }
    }
    /* No block is sure to fit; the first of the request's own class may. */
    block = heap->list[heap_class(units)];
    return block != NULL && heap_units(block) >= units ? block : NULL;
}

static void count_used(struct heap *heap, size_t units)
{
    heap->figures.used_bytes += units * HEAP_UNIT;
    if (heap->figures.used_bytes > heap->figures.high_water) {
        heap->figures.high_water = heap->figures.used_bytes;
    }
}

static void set_before_free(heap_block *block, bool free)
{
    heap_write(block, heap_units(block), (*block & HEAP_USED) | (free ? HEAP_BEFORE_FREE : 0));
}

/** Frees what a used block has beyond `units`, if that is enough for a block; the units it keeps.
 *  What follows is used. */
static uint32_t cut_off(struct heap *heap, heap_block *block, uint32_t have, uint32_t units)
{
    heap_block *after = heap_at(block, have);

    if (have - units < HEAP_LEAST) {
        set_before_free(after, false);
        return have;
    }
    list_insert(heap, heap_at(block, units), have - units, 0);
    set_before_free(after, true);
    return units;
}

#if ASH_CHECK >= 2
/** The poisoned bytes of a free block lie between its links and its footer. Checks those of them
 *  that lie before `to`, and puts them in order, so that one write is told once. */
static bool check_poison(heap_block *block, const void *to, struct heap_finding *finding)
{
    const void *footer = heap_after(block) - 1;

    to = (uintptr_t)to < (uintptr_t)footer ? to : footer;
    if (heap_poison_intact(heap_links(block) + 1, to)) {
        return true;
    }
    heap_poison(heap_links(block) + 1, to);
    *finding =
        (struct heap_finding){ASH_FAULT_OVERRUN, "free block was written to", heap_memory(block)};
    return false;
}
#endif

heap_block *heap_take(struct heap *heap, heap_block *block, uint32_t gap, uint32_t units,
                      struct heap_finding *finding)
{
    uint32_t have = heap_units(block);
    uint32_t flags = *block & HEAP_BEFORE_FREE;
    heap_block *used = heap_at(block, gap);

#if ASH_CHECK >= 1
    if (!heap_check_free(heap, block, finding)) {
        return NULL;
    }
#endif
#if ASH_CHECK >= 2
    if (!check_poison(block, heap_at(used, units), finding)) {
        return NULL;
    }
#endif
    (void)finding;
    list_remove(heap, block);
    if (gap != 0) {
        list_insert(heap, block, gap, flags);
        flags = HEAP_BEFORE_FREE;
    }
    units = cut_off(heap, used, have - gap, units);
    heap_write(used, units, HEAP_USED | flags);
    count_used(heap, units);
    heap->figures.blocks++;
    return used;
}

/** Takes an empty chunk out of the heap. */
static struct heap_chunk *drop_chunk(struct heap *heap, heap_block *first)
{
    struct heap_chunk *chunk =
        (struct heap_chunk *)(void *)((char *)first - offsetof(struct heap_chunk, first));

    if (chunk->next != NULL) {
        chunk->next->prev = chunk->prev;
    }
    if (chunk->prev != NULL) {
        chunk->prev->next = chunk->next;
    } else {
        heap->chunks = chunk->next;
    }
    if (heap->chunks == NULL) {
        heap->low = 0;
        heap->high = 0;
    }
    heap->figures.chunks--;
    heap->figures.frames_bytes -= ASH_PAGE_SIZE << chunk->order;
    return chunk;
}

#if ASH_CHECK >= 1
/** Checks the neighbours that a block will be merged with, and its chunk if it will be empty. */
static bool check_merge(const struct heap *heap, heap_block *block, struct heap_finding *finding)
{
    heap_block *after = heap_after(block);

    if ((*after & HEAP_USED) == 0 && !heap_check_free(heap, after, finding)) {
        return false;
    }
    if ((*block & HEAP_BEFORE_FREE) == 0 || block[-1] == 0) {
        return true;
    }
    if (block[-1] >> HEAP_SIZE_BITS != 0) {
        *finding = (struct heap_finding){ASH_FAULT_CORRUPT,
                                         "footer of a free block was overwritten", block - 1};
        return false;
    }
    return heap_check_free(heap, heap_before(block), finding);
}
#endif

bool heap_release(struct heap *heap, heap_block *block, struct heap_chunk **empty,
                  struct heap_finding *finding)
{
    uint32_t units = heap_units(block);
    heap_block *after = heap_after(block);
    uint32_t flags = *block & HEAP_BEFORE_FREE;

    *empty = NULL;
#if ASH_CHECK >= 1
    if (!check_merge(heap, block, finding)) {
        return false;
    }
#endif
    (void)finding;
    heap->figures.used_bytes -= units * HEAP_UNIT;
    heap->figures.blocks--;
    /* No header that calls itself used may stay behind: it would make a double free look right. */
    *block = 0;
#if ASH_CHECK >= 2
    heap_poison(heap_links(block) + 1, after - 1);
#endif
    if ((*after & HEAP_USED) == 0) {
        heap_block *absorbed = after;

        list_remove(heap, absorbed);
        units += heap_units(absorbed);
        after = heap_after(absorbed);
#if ASH_CHECK >= 2
        heap_poison(absorbed - 1, heap_links(absorbed) + 1);
#endif
    }
    if (flags != 0 && block[-1] != 0) {
        heap_block *before = heap_before(block);

        list_remove(heap, before);
        units += heap_units(before);
        flags = *before & HEAP_BEFORE_FREE;
#if ASH_CHECK >= 2
        heap_poison(block - 1, heap_links(block) + 1);
#endif
        block = before;
    }
    if (heap_units(after) == 0 && flags != 0 && block[-1] == 0) {
        *empty = drop_chunk(heap, block);
        return true;
    }
    list_insert(heap, block, units, flags);
    set_before_free(after, true);
    return true;
}

bool heap_resize(struct heap *heap, heap_block *block, uint32_t units, struct heap_finding *finding)
{
    uint32_t old = heap_units(block);
    uint32_t have = old;
    heap_block *after = heap_after(block);

    if ((*after & HEAP_USED) == 0) {
        if (have + heap_units(after) < units) {
            return false;
        }
#if ASH_CHECK >= 1
        if (!heap_check_free(heap, after, finding)) {
            return false;
        }
#endif
#if ASH_CHECK >= 2
        if (!check_poison(after, heap_at(block, units), finding)) {
            return false;
        }
#endif
        list_remove(heap, after);
        have += heap_units(after);
#if ASH_CHECK >= 2
        /* Behind the new end these words become the inside of a free block. */
        heap_poison(after, heap_links(after) + 1);
#endif
    } else if (have < units) {
        return false;
    }
    (void)finding;
#if ASH_CHECK >= 2
    if (units < old) {
        heap_poison(heap_at(block, units), heap_at(block, old));
    }
#endif
    units = cut_off(heap, block, have, units);
    heap_write(block, units, *block & (HEAP_USED | HEAP_BEFORE_FREE));
    heap->figures.used_bytes -= old * HEAP_UNIT;
    count_used(heap, units);
    return true;
}

heap_block *heap_add_chunk(struct heap *heap, ash_frame_t frame, unsigned order)
{
    struct heap_chunk *chunk = port_ptr(ash_frame_pa(frame));
    heap_block *first = &chunk->first;
    heap_block *end =
        (heap_block *)(void *)((char *)chunk + (ASH_PAGE_SIZE << order) - sizeof(*end));

    *chunk = (struct heap_chunk){
        .next = heap->chunks,
        .frame = frame,
        .order = order,
    };
    if (chunk->next != NULL) {
        chunk->next->prev = chunk;
    }
    heap->chunks = chunk;
    if (heap->low == 0 || (uintptr_t)first < heap->low) {
        heap->low = (uintptr_t)first;
    }
    if ((uintptr_t)end > heap->high) {
        heap->high = (uintptr_t)end;
    }
    heap->figures.chunks++;
    heap->figures.frames_bytes += ASH_PAGE_SIZE << order;
#if ASH_CHECK >= 2
    heap_poison(heap_links(first) + 1, end - 1);
#endif
    heap_write(end, 0, HEAP_USED | HEAP_BEFORE_FREE);
    list_insert(heap, first, (uint32_t)((size_t)(end - first) * sizeof(*end) / HEAP_UNIT),
                HEAP_BEFORE_FREE);
    return first;
}
