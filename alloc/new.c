/* SPDX-License-Identifier: MIT */
/*
 * C++'s operators new and delete over the default heap, for programs that link no C++ library; one
 * that does has the library's, which call malloc, and these stay out of the link. Owns nothing.
 *
 * Names are those of the C++ ABI for Arm: a size is "j", an unsigned int, where it has 32 bits, and
 * "m", an unsigned long, where it has 64. There are no exceptions to throw: new that finds no
 * memory ends the program by abort(), as ISO C++ has it for an exception that nobody catches; the
 * forms with std::nothrow return a null pointer.
 */
#include <stdlib.h>

#include "ashlar/heap.h"

#if __SIZEOF_SIZE_T__ == 4
#define WITH_SIZE(before, after) before##j##after
#else
#define WITH_SIZE(before, after) before##m##after
#endif

/* What may follow: RKSt9nothrow_t, a tag; St11align_val_t, an alignment. */
#define NEW           WITH_SIZE(_Znw, )
#define NEW_ARRAY     WITH_SIZE(_Zna, )
#define NEW_TRY       WITH_SIZE(_Znw, RKSt9nothrow_t)
#define ARRAY_TRY     WITH_SIZE(_Zna, RKSt9nothrow_t)
#define NEW_ALIGNED   WITH_SIZE(_Znw, St11align_val_t)
#define ARRAY_ALIGNED WITH_SIZE(_Zna, St11align_val_t)
#define SIZED         WITH_SIZE(_ZdlPv, )
#define SIZED_ARRAY   WITH_SIZE(_ZdaPv, )
#define SIZED_ALIGNED WITH_SIZE(_ZdlPv, St11align_val_t)
#define SIZED_BOTH    WITH_SIZE(_ZdaPv, St11align_val_t)

void *NEW(size_t size);
void *NEW_ARRAY(size_t size);
void *NEW_TRY(size_t size, const void *tag);
void *ARRAY_TRY(size_t size, const void *tag);
void *NEW_ALIGNED(size_t size, size_t align);
void *ARRAY_ALIGNED(size_t size, size_t align);
void _ZdlPv(void *block);
void _ZdaPv(void *block);
void SIZED(void *block, size_t size);
void SIZED_ARRAY(void *block, size_t size);
void _ZdlPvSt11align_val_t(void *block, size_t align);
void _ZdaPvSt11align_val_t(void *block, size_t align);
void SIZED_ALIGNED(void *block, size_t size, size_t align);
void SIZED_BOTH(void *block, size_t size, size_t align);

static void *take(size_t size, size_t align)
{
    void *block = ash_heap_alloc_aligned(&ash_heap_default, size, align);

    if (block == NULL) {
        abort();
    }
    return block;
}

static void give(void *block)
{
    ash_heap_free(&ash_heap_default, block);
}

void *NEW(size_t size)
{
    return take(size, 0);
}

void *NEW_ARRAY(size_t size)
{
    return take(size, 0);
}

void *NEW_TRY(size_t size, const void *tag)
{
    (void)tag;
    return ash_heap_alloc(&ash_heap_default, size);
}

void *ARRAY_TRY(size_t size, const void *tag)
{
    (void)tag;
    return ash_heap_alloc(&ash_heap_default, size);
}

void *NEW_ALIGNED(size_t size, size_t align)
{
    return take(size, align);
}

void *ARRAY_ALIGNED(size_t size, size_t align)
{
    return take(size, align);
}

void _ZdlPv(void *block)
{
    give(block);
}

void _ZdaPv(void *block)
{
    give(block);
}

void SIZED(void *block, size_t size)
{
    (void)size;
    give(block);
}

void SIZED_ARRAY(void *block, size_t size)
{
    (void)size;
    give(block);
}

void _ZdlPvSt11align_val_t(void *block, size_t align)
{
    (void)align;
    give(block);
}

void _ZdaPvSt11align_val_t(void *block, size_t align)
{
    (void)align;
    give(block);
}

void SIZED_ALIGNED(void *block, size_t size, size_t align)
{
    (void)size;
    (void)align;
    give(block);
}

void SIZED_BOTH(void *block, size_t size, size_t align)
{
    (void)size;
    (void)align;
    give(block);
}
