/* SPDX-License-Identifier: MIT */
/*
 * How the heap finds corruption: a pointer that is given back, the neighbours that it is merged
 * with, and the heap as a whole. Runs with the lock held; changes nothing but poison.
 */
#include "alloc/heap.h"

static bool found(struct heap_finding *finding, enum ash_fault_kind kind, const char *what,
                  const void *address)
{
    *finding = (struct heap_finding){kind, what, address};
    return false;
}

/** True if a block may begin here, as far as the address alone tells. */
static bool is_place(const struct heap *heap, const heap_block *block)
{
    uintptr_t place = (uintptr_t)block;

    return place >= heap->low && place < heap->high &&
           ash_is_aligned(place + sizeof(*block), HEAP_UNIT);
}

/** True if the block has a sealed header and ends where another has one. */
static bool is_block(const struct heap *heap, heap_block *block)
{
    return is_place(heap, block) && heap_is_sealed(block) && heap_units(block) >= HEAP_LEAST &&
           heap_units(block) <= (heap->high - (uintptr_t)block) / HEAP_UNIT &&
           heap_is_sealed(heap_after(block));
}

static heap_block *chunk_end(const struct heap_chunk *chunk)
{
    return (heap_block *)((uintptr_t)chunk + (ASH_PAGE_SIZE << chunk->order) - sizeof(heap_block));
}

/** Finds out why a pointer is not that of a used block, by walking its chunk. Returns false. */
static bool explain(struct heap *heap, const void *memory, struct heap_finding *finding)
{
    struct heap_chunk *chunk = heap->chunks;
    heap_block *block;
    heap_block *end;

    while (chunk != NULL && ((uintptr_t)memory <= (uintptr_t)&chunk->first ||
                             (uintptr_t)memory > (uintptr_t)chunk_end(chunk))) {
        chunk = chunk->next;
    }
    if (chunk == NULL) {
        return found(finding, ASH_FAULT_FOREIGN, "pointer that is not the heap's", memory);
    }
    block = &chunk->first;
    end = chunk_end(chunk);
    while (block < end && is_block(heap, block) &&
           (uintptr_t)memory >= (uintptr_t)heap_memory(heap_after(block))) {
        block = heap_after(block);
    }
    if (block < end && !is_block(heap, block)) {
        return found(finding, ASH_FAULT_CORRUPT,
                     "header of this block or of the next was overwritten", heap_memory(block));
    }
    if (block < end && (*block & HEAP_USED) == 0) {
        return found(finding, ASH_FAULT_DOUBLE_FREE, "block is free", memory);
    }
    if (block < end && memory == heap_memory(block)) {
        return found(finding, ASH_FAULT_CORRUPT, "block is used, but the next takes it for free",
                     memory);
    }
    return found(finding, ASH_FAULT_MISALIGNED, "pointer into a block", memory);
}

bool heap_check_used(struct heap *heap, const void *memory, struct heap_finding *finding)
{
    heap_block *block = (heap_block *)(uintptr_t)memory - 1;

    if (is_block(heap, block) && (*block & HEAP_USED) != 0 &&
        (*heap_after(block) & HEAP_BEFORE_FREE) == 0) {
        return true;
    }
    return explain(heap, memory, finding);
}

/** True if both neighbours in the list agree that the block stands between them. */
static bool is_linked(const struct heap *heap, heap_block *block)
{
    const struct heap_links *links = heap_links(block);

    if (links->next != NULL &&
        (!is_place(heap, links->next) || heap_links(links->next)->prev != block)) {
        return false;
    }
    if (links->prev == NULL) {
        return heap->list[heap_class(heap_units(block))] == block;
    }
    return is_place(heap, links->prev) && heap_links(links->prev)->next == block;
}

bool heap_check_free(const struct heap *heap, heap_block *block, struct heap_finding *finding)
{
    if (!is_block(heap, block) || (*block & HEAP_USED) != 0) {
        return found(finding, ASH_FAULT_CORRUPT, "header of a free block was overwritten", block);
    }
    if ((*heap_after(block) & (HEAP_USED | HEAP_BEFORE_FREE)) != (HEAP_USED | HEAP_BEFORE_FREE) ||
        heap_after(block)[-1] != heap_units(block)) {
        return found(finding, ASH_FAULT_CORRUPT, "footer of a free block was overwritten", block);
    }
    if (!is_linked(heap, block)) {
        return found(finding, ASH_FAULT_CORRUPT, "link of a free block was overwritten", block);
    }
    return true;
}

/** Checks the blocks of a chunk and adds them up. */
static bool chunk_consistent(struct heap *heap, struct heap_chunk *chunk,
                             struct ash_heap_stats *sums, size_t *free_blocks,
                             struct heap_finding *finding)
{
    heap_block *block = &chunk->first;
    bool before_free = true; /* the first counts as having a free block before it */

    while (block < chunk_end(chunk)) {
        if (!is_block(heap, block) || before_free != ((*block & HEAP_BEFORE_FREE) != 0)) {
            return found(finding, ASH_FAULT_CORRUPT, "header was overwritten", block);
        }
        before_free = (*block & HEAP_USED) == 0;
        if (before_free) {
            if (!heap_check_free(heap, block, finding)) {
                return false;
            }
            *free_blocks += 1;
            sums->free_bytes += heap_units(block) * HEAP_UNIT;
        } else {
            sums->blocks++;
            sums->used_bytes += heap_units(block) * HEAP_UNIT;
        }
        block = heap_after(block);
    }
    if (block != chunk_end(chunk) || !heap_is_sealed(block) || heap_units(block) != 0 ||
        (*block & HEAP_USED) == 0 || before_free != ((*block & HEAP_BEFORE_FREE) != 0)) {
        return found(finding, ASH_FAULT_CORRUPT, "end of a chunk was overwritten", block);
    }
    return true;
}

/** Follows every list, and checks the bits. */
static bool lists_consistent(const struct heap *heap, size_t free_blocks)
{
    size_t listed = 0;

    for (unsigned class = 0; class < HEAP_CLASSES; class ++) {
        unsigned row = class / HEAP_COLUMNS;
        heap_block *block = heap->list[class];
        bool marked = (heap->columns[row] >> class % HEAP_COLUMNS & 1u) != 0;

        if (marked != (block != NULL) ||
            (heap->columns[row] != 0) != ((heap->rows >> row & 1u) != 0)) {
            return false;
        }
        while (block != NULL) {
            if (listed == free_blocks || !is_place(heap, block) ||
                heap_class(heap_units(block)) != class) {
                return false;
            }
            listed++;
            block = heap_links(block)->next;
        }
    }
    return listed == free_blocks;
}

bool heap_consistent(struct heap *heap, struct heap_finding *finding)
{
    const struct ash_heap_stats *figures = &heap->figures;
    struct ash_heap_stats sums = {0};
    size_t free_blocks = 0;

    for (struct heap_chunk *chunk = heap->chunks; chunk != NULL; chunk = chunk->next) {
        if (sums.chunks == figures->chunks) {
            return found(finding, ASH_FAULT_CORRUPT, "list of chunks is broken", chunk);
        }
        sums.chunks++;
        sums.frames_bytes += ASH_PAGE_SIZE << chunk->order;
        if (!chunk_consistent(heap, chunk, &sums, &free_blocks, finding)) {
            return false;
        }
    }
    if (!lists_consistent(heap, free_blocks)) {
        return found(finding, ASH_FAULT_CORRUPT, "free lists are broken", heap->chunks);
    }
    if (sums.chunks != figures->chunks || sums.frames_bytes != figures->frames_bytes ||
        sums.used_bytes != figures->used_bytes || sums.free_bytes != figures->free_bytes ||
        sums.blocks != figures->blocks) {
        return found(finding, ASH_FAULT_CORRUPT, "figures do not add up", heap->chunks);
    }
    return true;
}

#if ASH_CHECK >= 2
void heap_poison(void *from, const void *to)
{
    for (uint32_t *word = from; (uintptr_t)word < (uintptr_t)to; word++) {
        *word = HEAP_POISON;
    }
}

bool heap_poison_intact(const void *from, const void *to)
{
    for (const uint32_t *word = from; (uintptr_t)word < (uintptr_t)to; word++) {
        if (*word != HEAP_POISON) {
            return false;
        }
    }
    return true;
}
#endif
