/* SPDX-License-Identifier: MIT */
/*
 * The heap and the C library's allocation family on the running machine: every entry point of
 * newlib, sizes and products near the end of the range, random use against a model, exhaustion and
 * back, and bad frees told to the hook.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ashlar/fault.h"
#include "ashlar/frames.h"
#include "ashlar/heap.h"
#include "tests/target/reentrant.h"
#include "tests/target/suite.h"

static struct ash_heap_stats before;

static void begin(void)
{
    ash_heap_stats(&ash_heap_default, &before);
}

/** Nothing was lost since begin(). */
static void end(void)
{
    struct ash_heap_stats after;

    ash_heap_stats(&ash_heap_default, &after);
    CHECK_EQ(after.used_bytes, before.used_bytes);
    CHECK_EQ(after.blocks, before.blocks);
    CHECK_EQ(after.total_bytes, before.total_bytes);
    CHECK_EQ(ash_heap_verify(&ash_heap_default), 0);
}

static uint32_t state;

static uint32_t random_below(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (uint32_t)((uint64_t)state * n >> 32);
}

/** A size that the compiler knows nothing about. */
static size_t opaque(size_t size)
{
    volatile size_t hidden = size;

    return hidden;
}

/** A pointer that the compiler knows nothing about. */
static void *disguised(void *block)
{
    void *volatile hidden = block;

    return hidden;
}

static void every_entry_point_allocates(void)
{
    struct _reent *r = _REENT;
    char *blocks[24];
    unsigned n = 0;
    void *memory = NULL;

    begin();
    blocks[n++] = malloc(opaque(100));
    blocks[n++] = calloc(opaque(10), 10);
    blocks[n++] = realloc(NULL, 100);
    blocks[n++] = reallocf(NULL, 100);
    blocks[n++] = reallocarray(NULL, opaque(10), 10);
    blocks[n++] = memalign(64, 100);
    blocks[n++] = aligned_alloc(256, opaque(100));
    CHECK_EQ(posix_memalign(&memory, 1024, 100), 0);
    blocks[n++] = memory;
    blocks[n++] = valloc(100);
    blocks[n++] = pvalloc(100);
    blocks[n++] = _malloc_r(r, 100);
    blocks[n++] = _calloc_r(r, 10, 10);
    blocks[n++] = _realloc_r(r, NULL, 100);
    blocks[n++] = _reallocf_r(r, NULL, 100);
    blocks[n++] = _memalign_r(r, 64, 100);
    blocks[n++] = _valloc_r(r, 100);
    blocks[n++] = _pvalloc_r(r, 100);
    blocks[n++] = malloc(opaque(0));
    for (unsigned i = 0; i < n; i++) {
        CHECK(blocks[i] != NULL);
        CHECK_EQ((uintptr_t)blocks[i] % 8, 0);
        CHECK(malloc_usable_size(blocks[i]) >= (i == n - 1 ? 0u : 100u));
        CHECK_EQ(malloc_usable_size(blocks[i]), _malloc_usable_size_r(r, blocks[i]));
        memset(blocks[i], (int)i, malloc_usable_size(blocks[i]));
    }
    CHECK_EQ((uintptr_t)blocks[5] % 64 + (uintptr_t)blocks[14] % 64, 0);
    CHECK_EQ((uintptr_t)blocks[6] % 256 + (uintptr_t)blocks[7] % 1024, 0);
    CHECK_EQ((uintptr_t)blocks[8] % 4096 + (uintptr_t)blocks[9] % 4096, 0);
    CHECK_EQ((uintptr_t)blocks[15] % 4096 + (uintptr_t)blocks[16] % 4096, 0);
    CHECK(malloc_usable_size(blocks[9]) >= 4096 && malloc_usable_size(blocks[16]) >= 4096);
    for (unsigned i = 0; i < n; i++) {
        CHECK_EQ(blocks[i][0], (char)(i == n - 1 ? blocks[i][0] : (char)i));
        if (i % 4 == 0) {
            free(blocks[i]);
        } else if (i % 4 == 1) {
            _free_r(r, blocks[i]);
        } else {
            cfree(blocks[i]);
        }
    }
    CHECK_EQ(mallinfo().uordblks, before.used_bytes);
    CHECK_EQ(_mallinfo_r(r).arena, before.total_bytes);
    CHECK_EQ(malloc_trim(0) + _malloc_trim_r(r, 0), 0);
    CHECK_EQ(mallopt(M_TOP_PAD, 1) + _mallopt_r(r, M_TOP_PAD, 1), 0);
    end();
}

/** True if a request failed as it must: NULL, and errno tells why. */
static bool refused(void *block, int error)
{
    bool right = block == NULL && errno == error;

    if (block != NULL) {
        free(block);
    }
    errno = 0;
    return right;
}

static bool all_refuse(size_t size, void *kept)
{
    struct _reent *r = _REENT;
    void *memory = NULL;
    bool right = true;

    errno = 0;
    right &= refused(malloc(size), ENOMEM);
    right &= refused(calloc(1, size), ENOMEM);
    right &= refused(calloc(size, 1), ENOMEM);
    right &= refused(realloc(NULL, size), ENOMEM);
    right &= refused(realloc(disguised(kept), size), ENOMEM);
    right &= refused(reallocf(NULL, size), ENOMEM);
    right &= refused(reallocarray(disguised(kept), size, 1), ENOMEM);
    right &= refused(valloc(size), ENOMEM);
    right &= refused(pvalloc(size), ENOMEM);
    right &= refused(_malloc_r(r, size), ENOMEM);
    right &= refused(_calloc_r(r, 1, size), ENOMEM);
    right &= refused(_realloc_r(r, disguised(kept), size), ENOMEM);
    right &= refused(_reallocf_r(r, NULL, size), ENOMEM);
    right &= refused(_valloc_r(r, size), ENOMEM);
    right &= refused(_pvalloc_r(r, size), ENOMEM);
    for (unsigned shift = 0; shift < 32; shift += 5) {
        right &= refused(memalign(opaque((size_t)1 << shift), size), ENOMEM);
        right &= refused(_memalign_r(r, opaque((size_t)1 << shift), size), ENOMEM);
        right &= refused(aligned_alloc(opaque((size_t)1 << shift), size), ENOMEM);
    }
    right &= posix_memalign(&memory, 64, size) == ENOMEM && memory == NULL;
    return right;
}

static void sizes_near_the_end_are_refused(void)
{
    void *kept;

    begin();
    kept = malloc(opaque(64));
    for (size_t k = 0; k < 8300; k += k < 40 ? 1 : 517) {
        CHECK(all_refuse(opaque(SIZE_MAX - k), kept));
        CHECK(all_refuse(opaque((size_t)PTRDIFF_MAX - k), kept));
        CHECK(all_refuse(opaque((size_t)PTRDIFF_MAX + k), kept));
        CHECK(all_refuse(opaque(0xc0000000u - k), kept));
    }
    free(kept);
    end();
}

static void products_do_not_wrap(void)
{
    static const size_t products[][2] = {
        {0x40000001, 4},    {4, 0x40000001},    {0x80000001, 2},    {2, 0x80000001},
        {0x10001, 0x10000}, {0x10000, 0x10001}, {0x10000, 0x10000}, {SIZE_MAX, SIZE_MAX},
        {SIZE_MAX, 2},      {0x55555556, 3},    {0x20000001, 8},    {641, 6700417},
    };
    struct _reent *r = _REENT;
    void *kept;

    begin();
    kept = malloc(opaque(64));
    errno = 0;
    for (unsigned i = 0; i < sizeof(products) / sizeof(products[0]); i++) {
        size_t count = opaque(products[i][0]);
        size_t size = opaque(products[i][1]);

        CHECK(refused(calloc(count, size), ENOMEM));
        CHECK(refused(_calloc_r(r, count, size), ENOMEM));
        CHECK(refused(reallocarray(NULL, count, size), ENOMEM));
        CHECK(refused(reallocarray(disguised(kept), count, size), ENOMEM));
    }
    free(kept);
    end();
}

static void bad_alignments_are_refused(void)
{
    static const size_t wrong[] = {0, 3, 12, 4097, 0x80000001, SIZE_MAX};
    void *memory = NULL;

    begin();
    errno = 0;
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK(refused(memalign(opaque(wrong[i]), 16), EINVAL));
        CHECK(refused(aligned_alloc(opaque(wrong[i]), 16), EINVAL));
        CHECK_EQ(posix_memalign(&memory, opaque(wrong[i]), 16), EINVAL);
    }
    CHECK_EQ(posix_memalign(&memory, 2, 16), EINVAL); /* not a multiple of a pointer */
    CHECK(memory == NULL);
    CHECK_EQ(errno, 0);
    end();
}

static void calloc_zeroes_what_was_used(void)
{
    unsigned char *block;
    unsigned sum = 0;

    begin();
    block = malloc(opaque(5000));
    memset(block, 0xff, 5000);
    free(block);
    block = calloc(opaque(50), 100);
    for (unsigned i = 0; i < 5000; i++) {
        sum += block[i];
    }
    free(block);
    CHECK_EQ(sum, 0);
    end();
}

static void the_c_library_allocates_here(void)
{
    char *text = NULL;
    struct ash_heap_stats during;

    begin();
    CHECK_EQ(asiprintf(&text, "%s-%d", "ashlar", 12345), 12);
    ash_heap_stats(&ash_heap_default, &during);
    CHECK(text != NULL && strcmp(text, "ashlar-12345") == 0);
    CHECK(during.blocks > before.blocks);
    free(text);
    end();
}

#define BLOCKS 256u

static struct {
    uint8_t *memory;
    size_t size;
    uint8_t mark;
} blocks[BLOCKS];

/** The ends of a block carry its mark. */
static void mark(unsigned slot)
{
    if (blocks[slot].size > 0) {
        blocks[slot].memory[0] = blocks[slot].mark;
        blocks[slot].memory[blocks[slot].size - 1] = blocks[slot].mark;
    }
}

static bool is_marked(unsigned slot)
{
    return blocks[slot].size == 0 ||
           (blocks[slot].memory[0] == blocks[slot].mark &&
            blocks[slot].memory[blocks[slot].size - 1] == blocks[slot].mark);
}

static void random_blocks_never_overlap(void)
{
    unsigned broken = 0;

    state = 0x1234567;
    target_note("seed %u", (unsigned)state);
    begin();
    memset(blocks, 0, sizeof(blocks));
    for (unsigned step = 0; step < (ASH_CHECK >= 2 ? 1000u : 20000u); step++) {
        unsigned slot = random_below(BLOCKS);
        size_t size = random_below(1u << (4 + random_below(9)));
        uint8_t *memory;

        if (blocks[slot].memory != NULL) {
            broken += !is_marked(slot);
            if (random_below(4) != 0) {
                free(blocks[slot].memory);
                blocks[slot].memory = NULL;
                continue;
            }
            memory = realloc(blocks[slot].memory, size);
            broken += size != 0 && blocks[slot].size != 0 && memory != NULL &&
                      memory[0] != blocks[slot].mark;
        } else if (random_below(8) == 0) {
            memory = memalign((size_t)8 << random_below(8), size);
        } else {
            memory = malloc(size);
        }
        if (memory == NULL) {
            broken++;
            continue;
        }
        blocks[slot].memory = memory;
        blocks[slot].size = size;
        blocks[slot].mark = (uint8_t)(step + slot);
        mark(slot);
    }
    broken += ash_heap_verify(&ash_heap_default) != 0;
    for (unsigned slot = 0; slot < BLOCKS; slot++) {
        if (blocks[slot].memory != NULL) {
            broken += !is_marked(slot);
            free(blocks[slot].memory);
        }
    }
    CHECK_EQ(broken, 0);
    end();
}

static void exhaustion_and_back(void)
{
    /* Two of the first size fill a chunk of 4 MiB; the others fill what is left. */
    static const size_t sizes[] = {2000000, 60000, 4000, 100, 8};
    void **last = NULL;
    unsigned failures = 0;

    if (ASH_CHECK >= 2) {
        target_skip("at ASH_CHECK 2 everything is checked after each operation");
        return;
    }
    begin();
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        void **block;

        while ((block = malloc(opaque(sizes[i]))) != NULL) {
            *block = last;
            last = block;
        }
        failures += errno == ENOMEM;
        errno = 0;
    }
    while (last != NULL) {
        void **next = *last;

        free(last);
        last = next;
    }
    CHECK_EQ(failures, sizeof(sizes) / sizeof(sizes[0]));
    end();
}

static unsigned faults;
static struct ash_fault last_fault;

static void record(const struct ash_fault *fault)
{
    faults++;
    last_fault = *fault;
}

static bool told(enum ash_fault_kind kind, const void *block)
{
    bool right = faults == 1 && last_fault.kind == kind && last_fault.address == (uintptr_t)block;

    faults = 0;
    return right;
}

static void bad_frees_are_told(void)
{
    static uint64_t outside[4];
    ash_fault_fn hook = ash_fault_hook;
    char *a;
    char *b;
    char *again;
    volatile uint32_t *header; /* a plain store before free() is none to the compiler */
    uint32_t kept;
    bool right[6];

    if (ASH_CHECK < 1) {
        target_skip("ASH_CHECK is 0");
        return;
    }
    begin();
    a = disguised(malloc(opaque(40)));
    b = disguised(malloc(opaque(40)));
    again = disguised(a);
    ash_fault_hook = record;
    ash_heap_free(&ash_heap_default, a + 8);
    right[0] = told(ASH_FAULT_MISALIGNED, a + 8);
    ash_heap_free(&ash_heap_default, outside + 1);
    right[1] = told(ASH_FAULT_FOREIGN, outside + 1);
    free(a);
    right[2] = faults == 0;
    ash_heap_free(&ash_heap_default, again);
    right[3] = told(ASH_FAULT_DOUBLE_FREE, again);
    header = (volatile uint32_t *)(void *)b - 1;
    kept = *header;
    *header = 0x41414141; /* what ran over the end of another block */
    ash_heap_free(&ash_heap_default, b);
    right[4] = faults == 1 && last_fault.kind == ASH_FAULT_CORRUPT;
    faults = 0;
    *header = kept;
    free(b);
    right[5] = faults == 0;
    ash_fault_hook = hook;
    for (unsigned i = 0; i < 6; i++) {
        CHECK(right[i]);
    }
    end();
}

static const struct target_case cases[] = {
    TARGET_CASE(every_entry_point_allocates), TARGET_CASE(sizes_near_the_end_are_refused),
    TARGET_CASE(products_do_not_wrap),        TARGET_CASE(bad_alignments_are_refused),
    TARGET_CASE(calloc_zeroes_what_was_used), TARGET_CASE(the_c_library_allocates_here),
    TARGET_CASE(random_blocks_never_overlap), TARGET_CASE(exhaustion_and_back),
    TARGET_CASE(bad_frees_are_told),
};

const struct target_suite suite_heap = TARGET_SUITE("heap", cases);
