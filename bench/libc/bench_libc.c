/* SPDX-License-Identifier: MIT */
/*
 * The C library's own malloc and free under the loads that the heap is measured with: an image of
 * its own, in which they come before Ashlar's. Their memory ends where the heap's does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ashlar/boot.h"
#include "ashlar/frames.h"

static char *memory;
static size_t memory_used, memory_size;

/* The linker puts these in the place of the system's. */
void *__wrap__sbrk(ptrdiff_t increment);
void *__wrap_sbrk(ptrdiff_t increment);

void *__wrap__sbrk(ptrdiff_t increment)
{
    size_t used = memory_used + (size_t)increment;

    if (used > memory_size) {
        errno = ENOMEM;
        return (void *)-1;
    }
    memory_used = used;
    return memory + used - (size_t)increment;
}

void *__wrap_sbrk(ptrdiff_t increment)
{
    return __wrap__sbrk(increment);
}

/* They cannot begin anew: what the load before has freed is what they begin with. */
#define HEAP_BEGIN(bytes) (memory_size == (bytes))
#define HEAP_ALLOC(size)  malloc(size)
#define HEAP_FREE(block)  free(block)
#define HEAP_ALIGN        8
#include "bench/heap_load.h"

#ifdef __PICOLIBC__
#define LIBC "picolibc"
#else
#define LIBC "newlib"
#endif

int main(void)
{
    unsigned order = ash_frames_order(ARENA);
    ash_frame_t frame;

    BENCH_CHECK(ash_frames_alloc(order, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &frame) == 0);
    memory = port_ptr(ash_frame_pa(frame));
    memory_size = ARENA;
    bench_calibrate();
    pairs(LIBC "-pair-alloc", LIBC "-pair-free");
    (void)mixed(LIBC "-alloc", LIBC "-free", LIBC "-failed", 50, 80);
    (void)mixed(LIBC "-low-alloc", LIBC "-low-free", LIBC "-low-failed", 35, 55);
    printf("# bench end\n");
    ash_power_off();
}
