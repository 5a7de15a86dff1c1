/* SPDX-License-Identifier: MIT */
/*
 * How the heap explains and finds corruption: why a pointer is refused, and the heap as a whole.
 * Runs with the lock held but when it tells; changes nothing.
 */
#include "alloc/heap.h"

static bool found(struct heap_finding *finding, enum ash_fault_kind kind, const char *what,
                  const void *address)
{
    *finding = (struct heap_finding){kind, what, address};
    return false;
}

static void tell(const struct heap_finding *finding, const void *caller)
{
    const struct ash_fault fault = {
        .kind = finding->kind,
        .module = "heap",
        .what = finding->what,
        .address = (uintptr_t)finding->address,
        .caller = caller,
    };

    ash_fault_hook(&fault);
}

/** True if the header is right, but for what it says of the block before. */
static bool is_header(heap_node *block)
{
    uint32_t header = *heap_header(block);

    return (header & HEAP_USED) != 0 ? heap_is_sealed(block, header)
                                     : heap_free_units(header) <= HEAP_SIZE;
}

/** True if the block has a header and ends where another has one. */
static bool is_block(struct heap_chunk *chunk, heap_node *block)
{
    uint32_t units = heap_units(*heap_header(block));

    return is_header(block) && units >= HEAP_LEAST &&
           units <= (uintptr_t)((char *)heap_end(chunk) - (char *)block) / HEAP_UNIT &&
           is_header(heap_after(block));
}

struct heap_chunk *heap_chunk_of(const struct ash_heap *heap, const void *address)
{
    struct heap_chunk *chunk = heap->chunk;

    while (chunk != NULL && ((uintptr_t)address < (uintptr_t)heap_first(chunk) ||
                             (uintptr_t)address >= (uintptr_t)heap_end(chunk))) {
        chunk = chunk->next;
    }
    return chunk;
}

/** True if a link may point there: to a block or to the head of a list. */
static bool is_place(struct ash_heap *heap, const heap_node *node)
{
    const char *list = (const char *)heap->list;

    return ((const char *)node >= list && (const char *)node < list + sizeof(heap->list) &&
            ((uintptr_t)node - (uintptr_t)list) % sizeof(*node) == 0) ||
           (heap_chunk_of(heap, node) != NULL && (uintptr_t)node % HEAP_UNIT == 0);
}

/** Checks a free block, its list and its footer. */
static bool check_free(struct ash_heap *heap, heap_node *block, struct heap_finding *finding)
{
    uint32_t after = *heap_header(heap_after(block));

    if ((after & (HEAP_USED | HEAP_BEFORE_FREE)) != (HEAP_USED | HEAP_BEFORE_FREE) ||
        *heap_footer(heap_after(block)) != heap_units(*heap_header(block))) {
        return found(finding, ASH_FAULT_CORRUPT, "footer of a free block was overwritten", block);
    }
    if (!is_place(heap, block->next) || !is_place(heap, block->prev) ||
        block->next->prev != block || block->prev->next != block) {
        return found(finding, ASH_FAULT_CORRUPT, "link of a free block was overwritten", block);
    }
    return true;
}

/** Finds out why a pointer is not that of a used block, or what is wrong with the blocks beside it,
 *  by walking its chunk. */
static void explain(struct ash_heap *heap, const void *memory, struct heap_finding *finding)
{
    struct heap_chunk *chunk = heap_chunk_of(heap, memory);
    heap_node *block;
    heap_node *end;

    if (chunk == NULL) {
        (void)found(finding, ASH_FAULT_FOREIGN, "pointer that is not the heap's", memory);
        return;
    }
    block = heap_first(chunk);
    end = heap_end(chunk);
    while (block < end && is_block(chunk, block) && memory >= (void *)heap_after(block)) {
        block = heap_after(block);
    }
    if (!is_block(chunk, block)) {
        (void)found(finding, ASH_FAULT_CORRUPT,
                    "header of this block or of the next was overwritten", block);
    } else if ((*heap_header(block) & HEAP_USED) == 0) {
        (void)found(finding, ASH_FAULT_DOUBLE_FREE, "block is free", memory);
    } else if (memory != block) {
        (void)found(finding, ASH_FAULT_MISALIGNED, "pointer into a block", memory);
    } else if ((*heap_header(heap_after(block)) & HEAP_BEFORE_FREE) != 0) {
        (void)found(finding, ASH_FAULT_CORRUPT, "block is used, but the next takes it for free",
                    memory);
    } else {
        (void)found(finding, ASH_FAULT_CORRUPT, "free block beside this one was overwritten",
                    memory);
    }
}

void heap_refuse(struct ash_heap *heap, void *memory, unsigned long saved, const void *caller)
{
    struct heap_finding finding;

    explain(heap, memory, &finding);
    spinlock_release(&heap->lock, saved);
    tell(&finding, caller);
}

void heap_refuse_free(struct ash_heap *heap, heap_node *block, unsigned long saved,
                      const void *caller)
{
    const struct heap_finding finding = {ASH_FAULT_CORRUPT, "free block was overwritten", block};

    spinlock_release(&heap->lock, saved);
    tell(&finding, caller);
}

/** What a walk over all blocks counts. */
struct sums {
    size_t bytes;
    uint32_t used, blocks, free_blocks;
};

/** Checks the blocks of a chunk and adds them up. */
static bool chunk_consistent(struct ash_heap *heap, struct heap_chunk *chunk, struct sums *sums,
                             struct heap_finding *finding)
{
    heap_node *block = heap_first(chunk);
    heap_node *end = heap_end(chunk);
    bool before_free = false;
    uint32_t header;

    for (; block < end; block = heap_after(block)) {
        header = *heap_header(block);
        if (!is_block(chunk, block)) {
            return found(finding, ASH_FAULT_CORRUPT, "header was overwritten", block);
        }
        if ((header & HEAP_USED) != 0) {
            if (before_free != ((header & HEAP_BEFORE_FREE) != 0)) {
                return found(finding, ASH_FAULT_CORRUPT, "header was overwritten", block);
            }
            sums->blocks++;
            sums->used += heap_units(header);
        } else {
            if (before_free) {
                return found(finding, ASH_FAULT_CORRUPT, "two free blocks are not one", block);
            }
            if (!check_free(heap, block, finding)) {
                return false;
            }
            sums->free_blocks++;
        }
        before_free = (header & HEAP_USED) == 0;
    }
    header = *heap_header(end);
    if (!heap_is_sealed(end, header) ||
        (header & (HEAP_USED | HEAP_SIZE | HEAP_BEFORE_FREE)) !=
            (HEAP_USED | (before_free ? HEAP_BEFORE_FREE : 0)) ||
        *(struct heap_chunk **)(void *)end != chunk) {
        return found(finding, ASH_FAULT_CORRUPT, "end of a chunk was overwritten", end);
    }
    return true;
}

/** Follows every list, and checks the bits. */
static bool lists_consistent(struct ash_heap *heap, uint32_t free_blocks)
{
    uint32_t listed = 0;

    for (unsigned class = 0; class < ASH_HEAP_CLASSES && heap->list[0].next != NULL; class ++) {
        uint32_t word = heap->classes[class / 32];
        heap_node *head = &heap->list[class];

        if (((word & HEAP_BIT(class % 32)) != 0) != (head->next != head) ||
            (word != 0) != ((heap->words & HEAP_BIT(class / 32)) != 0)) {
            return false;
        }
        for (heap_node *block = head->next; block != head; block = block->next) {
            if (listed == free_blocks || !is_place(heap, block) ||
                heap_class(heap_units(*heap_header(block))) != class) {
                return false;
            }
            listed++;
        }
    }
    return listed == free_blocks;
}

/** Checks what a walk over a chunk relies on: its size, and that its end knows it. */
static bool chunk_intact(struct ash_heap *heap, struct heap_chunk *chunk)
{
    return (heap->source != NULL) == (chunk->order != 0) && chunk->order <= ASH_HEAP_ORDER + 1 &&
           chunk->units >= HEAP_LEAST &&
           chunk->units <= (chunk->order == 0
                                ? heap_chunk_units(HEAP_CHUNK_MOST)
                                : heap_chunk_units(ASH_PAGE_SIZE << (chunk->order - 1)));
}

bool heap_consistent(struct ash_heap *heap, struct heap_finding *finding)
{
    struct sums sums = {0};
    struct heap_chunk **link = &heap->chunk;

    for (struct heap_chunk *chunk = heap->chunk; chunk != NULL; chunk = chunk->next) {
        if (!chunk_intact(heap, chunk) || (heap->source != NULL && chunk->link != link)) {
            return found(finding, ASH_FAULT_CORRUPT, "list of chunks is broken", chunk);
        }
        link = &chunk->next;
        if (!chunk_consistent(heap, chunk, &sums, finding)) {
            return false;
        }
        sums.bytes += chunk->order == 0 ? 0 : ASH_PAGE_SIZE << (chunk->order - 1);
    }
    if (!lists_consistent(heap, sums.free_blocks)) {
        return found(finding, ASH_FAULT_CORRUPT, "free lists are broken", heap->chunk);
    }
    if (sums.used != heap->used || heap->used > heap->high_water || sums.blocks != heap->blocks ||
        (heap->source != NULL && sums.bytes != heap->bytes)) {
        return found(finding, ASH_FAULT_CORRUPT, "figures do not add up", heap->chunk);
    }
    return true;
}

int ash_heap_verify(struct ash_heap *heap)
{
    struct heap_finding finding;
    unsigned long saved = spinlock_acquire(&heap->lock);
    bool consistent = heap_consistent(heap, &finding);

    spinlock_release(&heap->lock, saved);
    if (!consistent) {
        tell(&finding, __builtin_return_address(0));
        return ASH_ECORRUPT;
    }
    return 0;
}

#if ASH_CHECK >= 2
void heap_unlock(struct ash_heap *heap, unsigned long saved)
{
    struct heap_finding finding;
    bool consistent = heap_consistent(heap, &finding);

    spinlock_release(&heap->lock, saved);
    if (!consistent) {
        tell(&finding, NULL);
    }
}

void heap_poison(void *from, const void *to)
{
    for (uint32_t *word = from; (uintptr_t)word < (uintptr_t)to; word++) {
        *word = HEAP_POISON;
    }
}

bool heap_poison_intact(heap_node *block, const void *to)
{
    uint32_t *footer = heap_footer(heap_after(block));
    const uint32_t *end = (uintptr_t)to < (uintptr_t)footer ? to : footer;
    const uint32_t *word = (const uint32_t *)(void *)(block + 1);

    while (word < end && *word == HEAP_POISON) {
        word++;
    }
    if (word >= end) {
        return true;
    }
    heap_poison(block + 1, end);
    return false;
}

void heap_refuse_written(struct ash_heap *heap, heap_node *block, unsigned long saved,
                         const void *caller)
{
    const struct heap_finding finding = {ASH_FAULT_OVERRUN, "free block was written to", block};

    spinlock_release(&heap->lock, saved);
    tell(&finding, caller);
}
#endif
