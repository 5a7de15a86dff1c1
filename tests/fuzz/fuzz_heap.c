/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes two heaps, one in memory that it is given and one that grows from frames, against a list
 * of blocks that are out: where each is, what it was asked for, and what was written into it. Every
 * block is aligned, overlaps no other, keeps its contents, and every pointer that is none of them
 * is refused. Frames run out, and their n-th allocation fails.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "ashlar/heap.h"
#include "port/sim/sim.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support.h"

#define BASE   UINT64_C(0x40000000)
#define RAM    UINT64_C(0x100000)
#define GIVEN  24000u
#define BLOCKS 40u
#define HEAPS  2u
#define FILLED 24u /* bytes at each end of a block that are written and looked at */

static const uint8_t *input;
static size_t input_left;

static unsigned draw(unsigned n)
{
    unsigned value = 0;

    for (unsigned i = 0; i < 2 && input_left > 0; i++) {
        value = value << 8 | *input++;
        input_left--;
    }
    return value % n;
}

static struct ash_heap heaps[HEAPS];
static _Alignas(64) uint8_t given[GIVEN];
static unsigned faults;

struct block {
    uint8_t *memory; /* NULL: none */
    size_t size;     /* that was asked for, or more if the user found that there is more */
    unsigned owner;
    uint8_t mark;
};
static struct block blocks[HEAPS][BLOCKS];

static void record(const struct ash_fault *fault)
{
    MUST(!sim_irq_masked);
    MUST(strcmp(fault->module, "heap") == 0);
    faults++;
}

static void start(void)
{
    const struct ash_frames_config config = {.direct_limit = ash_pa(ASH_REGIONS_LIMIT)};
    struct ash_regions regions;

    sim_start();
    support_faults_reset();
    ash_fault_hook = record;
    faults = 0;
    sim_add_ram(ash_pa(BASE), RAM);
    ash_regions_init(&regions);
    MUST(ash_regions_add(&regions, (struct ash_range){ash_pa(BASE), RAM}) == 0);
    MUST(ash_frames_init(&regions, &config) == 0);
    memset(blocks, 0, sizeof blocks);
    MUST(ash_heap_init(&heaps[0], "given", given + draw(20), GIVEN - 20 - draw(GIVEN / 2)) == 0);
    MUST(ash_heap_init_frames(&heaps[1], "grown") == 0);
}

static size_t draw_size(void)
{
    unsigned log = draw(14);

    switch (draw(40)) {
    case 0:
        return SIZE_MAX - draw(100);
    case 1:
        return ASH_HEAP_MAX - 20 + draw(40);
    case 2:
        return draw(300000);
    default:
        return draw(1u << log);
    }
}

/* So many bytes at each end. */
static size_t ends(const struct block *block)
{
    return block->size < 2 * FILLED ? block->size / 2 : FILLED;
}

static void fill(const struct block *block)
{
    for (size_t i = 0; i < ends(block); i++) {
        block->memory[i] = (uint8_t)(block->mark + i);
        block->memory[block->size - 1 - i] = (uint8_t)(block->mark + i);
    }
}

/* What fill() left at the start of a block, if it has but `size` bytes now. */
static void check_start(const struct block *block, const uint8_t *memory, size_t size)
{
    for (size_t i = 0; i < ends(block) && i < size; i++) {
        MUST(memory[i] == (uint8_t)(block->mark + i));
    }
}

static void check(const struct block *block)
{
    check_start(block, block->memory, block->size);
    for (size_t i = 0; i < ends(block); i++) {
        MUST(block->memory[block->size - 1 - i] == (uint8_t)(block->mark + i));
    }
}

/* A block that was just given out: it may be anywhere but in another. */
static void place(unsigned which, struct block *block, uint8_t *memory, size_t size, size_t align)
{
    size_t usable = ash_heap_usable(&heaps[which], memory);

    MUST((uintptr_t)memory % (align > ASH_HEAP_ALIGN ? align : ASH_HEAP_ALIGN) == 0);
    MUST(usable >= size && usable < size + 4 * ASH_HEAP_ALIGN);
    MUST(ash_heap_contains(&heaps[which], memory));
    MUST(!ash_heap_contains(&heaps[1 - which], memory));
    if (which == 0) {
        MUST(memory >= given && memory + usable <= given + GIVEN);
    }
    for (unsigned heap = 0; heap < HEAPS; heap++) {
        for (unsigned i = 0; i < BLOCKS; i++) {
            const struct block *other = &blocks[heap][i];

            MUST(other == block || other->memory == NULL || other->memory + other->size <= memory ||
                 memory + usable <= other->memory);
        }
    }
    block->memory = memory;
    block->size = draw(4) == 0 ? usable : size; /* what is there may be used */
    block->mark = (uint8_t)draw(256);
    fill(block);
}

static void alloc(unsigned which, struct block *block)
{
    size_t align = draw(3) == 0 ? (size_t)1 << draw(15) : 0;
    size_t size = draw_size();
    uint8_t *memory = align == 0 ? ash_heap_alloc(&heaps[which], size)
                                 : ash_heap_alloc_aligned(&heaps[which], size, align);

    MUST(memory == NULL || size <= ASH_HEAP_MAX);
    if (memory != NULL) {
        block->owner = 0;
        place(which, block, memory, size, align);
    }
}

static void resize(unsigned which, struct block *block)
{
    size_t size = draw_size();
    uint8_t *memory = ash_heap_realloc(&heaps[which], block->memory, size);

    if (memory == NULL) {
        MUST(size > block->size); /* a smaller one needs no memory */
        check(block);
        return;
    }
    check_start(block, memory, size);
    place(which, block, memory, size, 0);
}

static void release(unsigned which, struct block *block)
{
    check(block);
    ash_heap_free(&heaps[which], block->memory);
    block->memory = NULL;
}

/* A pointer that is no block's: into one, behind one, of the other heap. Whatever stands there, the
 * heap tells of it and changes nothing. (A word that is right by chance would not be noticed:
 * blocks that are pointed into hold zeros.) */
static void misuse(unsigned which, struct block *block)
{
#if ASH_CHECK >= 1
    unsigned before = faults;
    uint8_t *memory = block->memory;

    switch (draw(3)) {
    case 0:
        if (block->size < ASH_HEAP_ALIGN) {
            return;
        }
        memset(memory, 0, block->size);
        memory += 1 + draw((unsigned)(block->size < 60000 ? block->size : 60000));
        ash_heap_free(&heaps[which], memory);
        fill(block);
        break;
    case 1:
        ash_heap_free(&heaps[1 - which], memory);
        break;
    default:
        release(which, block);
        ash_heap_free(&heaps[which], memory);
    }
    MUST(faults == before + 1);
#else
    (void)which;
    (void)block;
#endif
}

struct sums {
    size_t blocks, bytes, free;
    unsigned heap;
};

static void add(const struct ash_heap_block *found, void *arg)
{
    struct sums *sums = arg;
    unsigned known = 0;

    if (!found->used) {
        sums->free += found->size;
        return;
    }
    sums->blocks++;
    sums->bytes += found->size + 4;
    for (unsigned i = 0; i < BLOCKS; i++) {
        known += blocks[sums->heap][i].memory == found->memory &&
                 blocks[sums->heap][i].owner == found->owner;
    }
    MUST(known == 1);
}

static void check_heap(unsigned which)
{
    struct ash_heap_stats stats;
    struct sums sums = {.heap = which};
    unsigned out = 0;

    for (unsigned i = 0; i < BLOCKS; i++) {
        out += blocks[which][i].memory != NULL;
    }
    MUST(ash_heap_verify(&heaps[which]) == 0);
    ash_heap_walk(&heaps[which], add, &sums);
    ash_heap_stats(&heaps[which], &stats);
    MUST(stats.blocks == out && sums.blocks == out && stats.used_bytes == sums.bytes);
    MUST(stats.largest_free <= sums.free && (stats.largest_free > 0) == (sums.free > 0));
    MUST(stats.high_water >= stats.used_bytes && stats.total_bytes >= stats.used_bytes);
    MUST(which == 0 || stats.total_bytes == ash_frames_owned(ASH_OWNER_HEAP) * ASH_PAGE_SIZE);
}

static void step(void)
{
    unsigned which = draw(HEAPS);
    struct block *block = &blocks[which][draw(BLOCKS)];
    unsigned what = draw(64);

    if (block->memory == NULL) {
        alloc(which, block);
    } else if (what < 36) {
        release(which, block);
    } else if (what < 54) {
        resize(which, block);
    } else if (what < 58) {
        block->owner = draw(ASH_OWNERS);
        MUST(ash_heap_set_owner(&heaps[which], block->memory, block->owner) == 0);
    } else if (what < 61) {
        misuse(which, block);
    } else if (what == 61) {
        support_fail_at = 1 + draw(3);
    } else {
        check_heap(which);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input = data;
    input_left = size;
    start();
    while (input_left > 0) {
        fuzz_steps++;
        step();
    }
    support_fail_at = 0;
    for (unsigned which = 0; which < HEAPS; which++) {
        check_heap(which);
        for (unsigned i = 0; i < BLOCKS; i++) {
            if (blocks[which][i].memory != NULL) {
                release(which, &blocks[which][i]);
            }
        }
        check_heap(which);
        MUST(ash_heap_destroy(&heaps[which]) == 0);
    }
    MUST(ash_frames_owned(ASH_OWNER_HEAP) == 0 && ash_frames_verify() == 0);
    return 0;
}
