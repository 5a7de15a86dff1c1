/* SPDX-License-Identifier: MIT */
/*
 * The heap's calls: the lock, growth from frames and the return of empty chunks to them. Frames are
 * asked, and the hook is told, with the lock not held.
 */
#include "alloc/heap.h"

/** The program's heap. */
static struct heap heap_main = {.lock = ASH_SPINLOCK(ASH_LOCK_HEAP, "heap")};

/** Bytes of a chunk that are in no block. */
#define CHUNK_OVERHEAD (offsetof(struct heap_chunk, first) + sizeof(heap_block))
#define CHUNK_UNITS    ((uint32_t)(((ASH_PAGE_SIZE << ASH_MAX_ORDER) - CHUNK_OVERHEAD) / HEAP_UNIT))

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

/** Lets go of the lock; at ASH_CHECK 2 checks everything first. */
static void release(unsigned long saved)
{
#if ASH_CHECK >= 2
    struct heap_finding finding;
    bool consistent = heap_consistent(&heap_main, &finding);

    spinlock_release(&heap_main.lock, saved);
    if (!consistent) {
        tell(&finding, NULL);
    }
#else
    spinlock_release(&heap_main.lock, saved);
#endif
}

/** Units of a block for `size` bytes, at most ASH_HEAP_MAX. */
static uint32_t units_for(size_t size)
{
    size_t units = (size + sizeof(heap_block) + HEAP_UNIT - 1) / HEAP_UNIT;

    return units < HEAP_LEAST ? HEAP_LEAST : (uint32_t)units;
}

/** Units to leave free before the block, so that its memory is aligned. */
static uint32_t gap_for(heap_block *block, size_t align)
{
    uintptr_t memory = (uintptr_t)heap_memory(block);
    size_t gap = (size_t)(-memory & (align - 1)) / HEAP_UNIT;

    return (uint32_t)(gap == 0 || gap >= HEAP_LEAST ? gap : gap + align / HEAP_UNIT);
}

/** Frames for a chunk that has room for `units`; as many as the heap likes to grow by, or fewer. */
static int take_frames(uint32_t units, ash_frame_t *frame, unsigned *order)
{
    unsigned least = ash_frames_order(units * HEAP_UNIT + CHUNK_OVERHEAD);
    int error;

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

static void *fail(unsigned long saved)
{
    heap_main.figures.failures++;
    spinlock_release(&heap_main.lock, saved);
    return NULL;
}

static void *allocate(size_t size, size_t align, const void *caller)
{
    struct heap_finding finding;
    unsigned long saved = spinlock_acquire(&heap_main.lock);
    heap_block *block;
    uint32_t units;
    uint32_t wanted; /* enough for any gap */

    if (align < HEAP_UNIT) {
        align = HEAP_UNIT;
    }
    if (size > ASH_HEAP_MAX || align > ASH_HEAP_MAX) {
        return fail(saved);
    }
    units = units_for(size);
    wanted = units + (align > HEAP_UNIT ? (uint32_t)(align / HEAP_UNIT) + HEAP_LEAST - 1 : 0);
    if (wanted > CHUNK_UNITS) {
        return fail(saved);
    }
    block = heap_find(&heap_main, wanted);
    if (block == NULL) {
        ash_frame_t frame;
        unsigned order;
        int error;

        spinlock_release(&heap_main.lock, saved);
        error = take_frames(wanted, &frame, &order);
        saved = spinlock_acquire(&heap_main.lock);
        if (error != 0) {
            return fail(saved);
        }
        block = heap_add_chunk(&heap_main, frame, order);
    }
    block = heap_take(&heap_main, block, gap_for(block, align), units, &finding);
    if (block == NULL) {
        spinlock_release(&heap_main.lock, saved);
        tell(&finding, caller);
        return NULL;
    }
    release(saved);
    return heap_memory(block);
}

void *ash_heap_alloc(size_t size, size_t align)
{
    if (align != 0 && !ash_is_power_of_two(align)) {
        return NULL;
    }
    return allocate(size, align, __builtin_return_address(0));
}

/** The block of a pointer that the caller must own; tells the hook and returns NULL if it does not.
 *  The lock is held, and released in that case. */
static heap_block *used_block(void *memory, unsigned long saved, const void *caller)
{
#if ASH_CHECK >= 1
    struct heap_finding finding;

    if (!heap_check_used(&heap_main, memory, &finding)) {
        spinlock_release(&heap_main.lock, saved);
        tell(&finding, caller);
        return NULL;
    }
#else
    (void)saved;
    (void)caller;
#endif
    return (heap_block *)memory - 1;
}

static void free_block(void *memory, const void *caller)
{
    unsigned long saved = spinlock_acquire(&heap_main.lock);
    heap_block *block = used_block(memory, saved, caller);
    struct heap_finding finding;
    struct heap_chunk *empty;

    if (block == NULL) {
        return;
    }
    if (!heap_release(&heap_main, block, &empty, &finding)) {
        spinlock_release(&heap_main.lock, saved);
        tell(&finding, caller);
        return;
    }
    release(saved);
    if (empty != NULL) {
        ash_frames_free(empty->frame, empty->order);
    }
}

void ash_heap_free(void *block)
{
    if (block != NULL) {
        free_block(block, __builtin_return_address(0));
    }
}

void *ash_heap_realloc(void *block, size_t size)
{
    const void *caller = __builtin_return_address(0);
    struct heap_finding finding = {.what = NULL};
    unsigned long saved;
    heap_block *old;
    size_t usable;
    void *moved;

    if (block == NULL) {
        return allocate(size, 0, caller);
    }
    saved = spinlock_acquire(&heap_main.lock);
    if (size > ASH_HEAP_MAX) {
        return fail(saved);
    }
    old = used_block(block, saved, caller);
    if (old == NULL) {
        return NULL;
    }
    if (heap_resize(&heap_main, old, units_for(size), &finding)) {
        release(saved);
        return block;
    }
    usable = heap_units(old) * HEAP_UNIT - sizeof(heap_block);
    spinlock_release(&heap_main.lock, saved);
    if (finding.what != NULL) {
        tell(&finding, caller);
        return NULL;
    }
    moved = allocate(size, 0, caller);
    if (moved != NULL) {
        port_copy(moved, block, usable < size ? usable : size);
        free_block(block, caller);
    }
    return moved;
}

size_t ash_heap_usable(void *block)
{
    unsigned long saved;
    heap_block *used;
    size_t usable;

    if (block == NULL) {
        return 0;
    }
    saved = spinlock_acquire(&heap_main.lock);
    used = used_block(block, saved, __builtin_return_address(0));
    if (used == NULL) {
        return 0;
    }
    usable = heap_units(used) * HEAP_UNIT - sizeof(heap_block);
    spinlock_release(&heap_main.lock, saved);
    return usable;
}

void ash_heap_stats(struct ash_heap_stats *stats)
{
    unsigned long saved = spinlock_acquire(&heap_main.lock);

    *stats = heap_main.figures;
    stats->largest_free = 0;
    if (heap_main.rows != 0) {
        unsigned row = 31u - (unsigned)__builtin_clz(heap_main.rows);
        unsigned column = 31u - (unsigned)__builtin_clz(heap_main.columns[row]);

        stats->largest_free = heap_class_units(row * HEAP_COLUMNS + column) * HEAP_UNIT;
    }
    spinlock_release(&heap_main.lock, saved);
}

void ash_heap_report(ash_print_fn print)
{
    struct ash_heap_stats stats;

    ash_heap_stats(&stats);
    print("heap: %lu bytes in %lu blocks, most %lu; free %lu, largest %lu; "
          "%lu bytes of frames in %lu chunks; %lu requests failed\n",
          (unsigned long)stats.used_bytes, (unsigned long)stats.blocks,
          (unsigned long)stats.high_water, (unsigned long)stats.free_bytes,
          (unsigned long)stats.largest_free, (unsigned long)stats.frames_bytes,
          (unsigned long)stats.chunks, (unsigned long)stats.failures);
}

int ash_heap_verify(void)
{
    struct heap_finding finding;
    unsigned long saved = spinlock_acquire(&heap_main.lock);
    bool consistent = heap_consistent(&heap_main, &finding);

    spinlock_release(&heap_main.lock, saved);
    if (!consistent) {
        tell(&finding, __builtin_return_address(0));
        return ASH_ECORRUPT;
    }
    return 0;
}
