/* SPDX-License-Identifier: MIT */
/*
 * The list of all heaps, and what each tells of itself: figures, usage, owners, the report.
 */
#include "alloc/heap.h"
#include "port/outside.h"

static struct ash_heap *heaps;
static struct ash_spinlock heaps_lock = ASH_SPINLOCK(ASH_LOCK_HEAPS, "heaps");

void heap_enlist(struct ash_heap *heap)
{
    unsigned long saved = spinlock_acquire(&heaps_lock);

    if (!heap->listed) {
        heap->listed = true;
        heap->next = heaps;
        heaps = heap;
    }
    spinlock_release(&heaps_lock, saved);
}

static void delist(struct ash_heap *heap)
{
    unsigned long saved = spinlock_acquire(&heaps_lock);
    struct ash_heap **link = &heaps;

    while (*link != NULL && *link != heap) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = heap->next;
    }
    heap->listed = false;
    spinlock_release(&heaps_lock, saved);
}

int ash_heap_destroy(struct ash_heap *heap)
{
    if (!outside_interrupts(__func__)) {
        return ASH_EPERM;
    }

    unsigned long saved = spinlock_acquire(&heap->lock);
    bool busy = heap->blocks != 0 || (heap->source != NULL && heap->chunk != NULL);

    spinlock_release(&heap->lock, saved);
    if (busy) {
        return ASH_EBUSY;
    }
    delist(heap);
    spinlock_retire(&heap->lock);
    return 0;
}

void ash_heap_stats(struct ash_heap *heap, struct ash_heap_stats *stats)
{
    unsigned long saved = spinlock_acquire(&heap->lock);
    uint32_t units = 0;
    size_t chunks = 0;

    for (const struct heap_chunk *chunk = heap->chunk; chunk != NULL; chunk = chunk->next) {
        units += chunk->units;
        chunks++;
    }
    *stats = (struct ash_heap_stats){
        .name = heap->name,
        .total_bytes = heap->bytes,
        .used_bytes = heap->used * HEAP_UNIT,
        .free_bytes = (units - heap->used) * HEAP_UNIT,
        .high_water = heap->high_water * HEAP_UNIT,
        .blocks = heap->blocks,
        .chunks = chunks,
        .failures = heap->failures,
    };
    if (heap->words != 0) {
        unsigned word = 31u - (unsigned)__builtin_ctz(heap->words);
        unsigned class = word * 32 + 31u - (unsigned)__builtin_ctz(heap->classes[word]);

        /* The first of the last list: another may be larger, but would not be found. */
        stats->largest_free = heap_usable(*heap_header(heap->list[class].next));
    }
    spinlock_release(&heap->lock, saved);
}

void ash_heap_walk(struct ash_heap *heap, ash_heap_visit visit, void *arg)
{
    if (!outside_interrupts(__func__)) {
        return;
    }

    unsigned long saved = spinlock_acquire(&heap->lock);

    for (struct heap_chunk *chunk = heap->chunk; chunk != NULL; chunk = chunk->next) {
        for (heap_node *block = heap_first(chunk); block < heap_end(chunk);
             block = heap_after(block)) {
            uint32_t header = *heap_header(block);

            bool used = (header & HEAP_USED) != 0;

            visit(&(struct ash_heap_block){.memory = block,
                                           .size = heap_usable(header),
                                           .used = used,
                                           .owner = used ? (header & HEAP_OWNER) >> HEAP_OWNER_SHIFT
                                                         : ASH_OWNER_NONE},
                  arg);
        }
    }
    spinlock_release(&heap->lock, saved);
}

static void add_owned(const struct ash_heap_block *block, void *arg)
{
    struct ash_heap_owned *owned = (struct ash_heap_owned *)arg + block->owner;

    owned->blocks += block->used;
    owned->bytes += block->used ? block->size : 0;
}

void ash_heap_owned(struct ash_heap *heap, struct ash_heap_owned owned[ASH_OWNERS])
{
    if (!outside_interrupts(__func__)) {
        return;
    }
    for (unsigned owner = 0; owner < ASH_OWNERS; owner++) {
        owned[owner] = (struct ash_heap_owned){0};
    }
    ash_heap_walk(heap, add_owned, owned);
}

/** Figures of the n-th heap of the list, and what its owners hold if that is wanted; false if there
 *  is none. */
static bool look(unsigned n, struct ash_heap_stats *stats, struct ash_heap_owned *owned)
{
    unsigned long saved = spinlock_acquire(&heaps_lock);
    struct ash_heap *heap = heaps;

    while (heap != NULL && n > 0) {
        heap = heap->next;
        n--;
    }
    if (heap != NULL) {
        ash_heap_stats(heap, stats);
        if (owned != NULL) {
            ash_heap_owned(heap, owned);
        }
    }
    spinlock_release(&heaps_lock, saved);
    return heap != NULL;
}

void ash_heaps_usage(ash_usage_visit visit, void *arg)
{
    struct ash_heap_stats stats;

    if (!outside_locks(__func__)) {
        return;
    }
    for (unsigned n = 0; look(n, &stats, NULL); n++) {
        visit(&(struct ash_usage){.module = "heap",
                                  .name = stats.name,
                                  .total = stats.total_bytes,
                                  .used = stats.used_bytes,
                                  .free = stats.free_bytes,
                                  .largest = stats.largest_free,
                                  .limit = ASH_HEAP_MAX,
                                  .high_water = stats.high_water,
                                  .failures = stats.failures,
                                  .blocks = stats.blocks},
              arg);
    }
}

void ash_heaps_report(ash_print_fn print)
{
    struct ash_heap_owned owned[ASH_OWNERS];
    struct ash_heap_stats stats;

    if (!outside_locks(__func__)) {
        return;
    }
    print("heap               total      used    blocks      most      free   largest  chunks  "
          "failed\n");
    for (unsigned n = 0; look(n, &stats, owned); n++) {
        print("%-14s %9lu %9lu %9lu %9lu %9lu %9lu %7lu %7lu\n", stats.name,
              (unsigned long)stats.total_bytes, (unsigned long)stats.used_bytes,
              (unsigned long)stats.blocks, (unsigned long)stats.high_water,
              (unsigned long)stats.free_bytes, (unsigned long)stats.largest_free,
              (unsigned long)stats.chunks, (unsigned long)stats.failures);
        for (unsigned owner = 0; owner < ASH_OWNERS; owner++) {
            if (owned[owner].blocks != 0) {
                print("  owner %-10s %9lu bytes in %lu blocks\n", ash_frames_owner_name(owner),
                      (unsigned long)owned[owner].bytes, (unsigned long)owned[owner].blocks);
            }
        }
    }
}
