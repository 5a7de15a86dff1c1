/* SPDX-License-Identifier: MIT */
/*
 * The C library's allocation family, all of it, as a face of the heap. Owns no memory and no state.
 *
 * It is one object file, so that whichever of these names is needed first brings all the others:
 * no allocator of the C library can be linked beside them and read headers that are not its own.
 *
 * Semantics: ISO C17 7.22.3, POSIX.1-2017. Where they leave a choice: a request for 0 bytes, by
 * realloc too, gives a block of its own that may be freed; an alignment that is no power of two is
 * EINVAL; the contents beyond what was asked for belong to the caller (malloc_usable_size).
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "ashlar/heap.h"
#include "port/port.h"

/** Memory, or NULL and *error. */
static void *allocate(size_t size, size_t align, int *error)
{
    void *block;

    if (!ash_is_power_of_two(align)) {
        *error = EINVAL;
        return NULL;
    }
    block = ash_heap_alloc_aligned(&ash_heap_default, size, align);
    if (block == NULL) {
        *error = ENOMEM;
    }
    return block;
}

static void *allocate_zeroed(size_t count, size_t size, int *error)
{
    size_t bytes;
    void *block;

    if (!ash_size_product(count, size, &bytes)) {
        *error = ENOMEM;
        return NULL;
    }
    block = allocate(bytes, 1, error);
    if (block != NULL) {
        port_zero(block, bytes);
    }
    return block;
}

static void *resize(void *block, size_t size, int *error)
{
    void *resized = ash_heap_realloc(&ash_heap_default, block, size);

    if (resized == NULL) {
        *error = ENOMEM;
    }
    return resized;
}

static void *resize_or_free(void *block, size_t size, int *error)
{
    void *resized = resize(block, size, error);

    if (resized == NULL) {
        ash_heap_free(&ash_heap_default, block);
    }
    return resized;
}

/** Whole pages, at the start of a page. */
static void *allocate_pages(size_t size, int *error)
{
    uint64_t bytes;

    if (!ash_align_up(size, ASH_PAGE_SIZE, &bytes) || bytes > SIZE_MAX) {
        *error = ENOMEM;
        return NULL;
    }
    return allocate((size_t)bytes, ASH_PAGE_SIZE, error);
}

void *malloc(size_t size)
{
    return allocate(size, 1, &errno);
}

void *calloc(size_t count, size_t size)
{
    return allocate_zeroed(count, size, &errno);
}

void *realloc(void *block, size_t size)
{
    return resize(block, size, &errno);
}

void *reallocf(void *block, size_t size)
{
    return resize_or_free(block, size, &errno);
}

void *reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;

    if (!ash_size_product(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return resize(block, bytes, &errno);
}

void free(void *block)
{
    ash_heap_free(&ash_heap_default, block);
}

void *memalign(size_t align, size_t size)
{
    return allocate(size, align, &errno);
}

void *aligned_alloc(size_t align, size_t size)
{
    return allocate(size, align, &errno);
}

int posix_memalign(void **block, size_t align, size_t size)
{
    int error = 0;
    void *memory;

    if (align % sizeof(void *) != 0) {
        return EINVAL;
    }
    memory = allocate(size, align, &error);
    if (memory != NULL) {
        *block = memory;
    }
    return error;
}

void *valloc(size_t size)
{
    return allocate(size, ASH_PAGE_SIZE, &errno);
}

void *pvalloc(size_t size)
{
    return allocate_pages(size, &errno);
}

size_t malloc_usable_size(void *block)
{
    return ash_heap_usable(&ash_heap_default, block);
}

/** Nothing is kept back that could be trimmed. */
int malloc_trim(size_t pad)
{
    (void)pad;
    return 0;
}

#ifdef _NEWLIB_VERSION
void cfree(void *block)
{
    ash_heap_free(&ash_heap_default, block);
}

/* Printed with the program's printf, if it has one: a weak reference links none. */
#pragma weak printf

void malloc_stats(void)
{
    if (printf != NULL) {
        ash_heaps_report(printf);
    }
}

/** Only the figures that the heap keeps; the others are 0. */
struct mallinfo mallinfo(void)
{
    struct ash_heap_stats stats;

    ash_heap_stats(&ash_heap_default, &stats);
    return (struct mallinfo){
        .arena = stats.total_bytes,
        .uordblks = stats.used_bytes,
        .fordblks = stats.free_bytes,
    };
}

/** There is nothing to set. */
int mallopt(int parameter, int value)
{
    (void)parameter;
    (void)value;
    return 0;
}
#endif

#if defined(_NEWLIB_VERSION) && !defined(__PICOLIBC__)
/* Newlib's forms with a reentrancy structure, which its own code calls; errors go there. */
#include <reent.h>

void *_malloc_r(struct _reent *reent, size_t size)
{
    return allocate(size, 1, &reent->_errno);
}

void *_calloc_r(struct _reent *reent, size_t count, size_t size)
{
    return allocate_zeroed(count, size, &reent->_errno);
}

void *_realloc_r(struct _reent *reent, void *block, size_t size)
{
    return resize(block, size, &reent->_errno);
}

void *_reallocf_r(struct _reent *reent, void *block, size_t size)
{
    return resize_or_free(block, size, &reent->_errno);
}

void _free_r(struct _reent *reent, void *block)
{
    (void)reent;
    ash_heap_free(&ash_heap_default, block);
}

void _cfree_r(struct _reent *reent, void *block)
{
    (void)reent;
    ash_heap_free(&ash_heap_default, block);
}

void *_memalign_r(struct _reent *reent, size_t align, size_t size)
{
    return allocate(size, align, &reent->_errno);
}

void *_valloc_r(struct _reent *reent, size_t size)
{
    return allocate(size, ASH_PAGE_SIZE, &reent->_errno);
}

void *_pvalloc_r(struct _reent *reent, size_t size)
{
    return allocate_pages(size, &reent->_errno);
}

size_t _malloc_usable_size_r(struct _reent *reent, void *block)
{
    (void)reent;
    return ash_heap_usable(&ash_heap_default, block);
}

int _malloc_trim_r(struct _reent *reent, size_t pad)
{
    (void)reent;
    return malloc_trim(pad);
}

void _malloc_stats_r(struct _reent *reent)
{
    (void)reent;
    malloc_stats();
}

struct mallinfo _mallinfo_r(struct _reent *reent)
{
    (void)reent;
    return mallinfo();
}

int _mallopt_r(struct _reent *reent, int parameter, int value)
{
    (void)reent;
    return mallopt(parameter, value);
}

/* Newlib's allocator would call these around its work; the heap has its own lock. */
void __malloc_lock(struct _reent *reent)
{
    (void)reent;
}

void __malloc_unlock(struct _reent *reent)
{
    (void)reent;
}
#endif
