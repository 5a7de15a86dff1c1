/* SPDX-License-Identifier: MIT */
/*
 * A small firmware of one's own: the public headers, libashlar.a, this file and hello.ld. Ashlar
 * has set everything up before main() runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ashlar/boot.h>
#include <ashlar/errors.h>
#include <ashlar/frames.h>
#include <ashlar/pmem.h>
#include <ashlar/pool.h>
#include <ashlar/trap.h>
#include <ashlar/vmap.h>

struct message {
    unsigned number;
    char text[24];
};

/* Sixteen messages, no heap: usable from interrupts as well. */
ASH_POOL_DEFINE(messages, struct message, 16);

static int check(const char *what, int error)
{
    printf("%-34s %s\n", what, ash_strerror(error));
    return error != 0;
}

/* The C library's malloc is Ashlar's. */
static int use_heap(void)
{
    char *text = malloc(100);
    int error = text == NULL ? ASH_ENOMEM : 0;

    if (error == 0) {
        strcpy(text, "malloc serves from page frames");
        puts(text);
    }
    free(text);
    return check("heap", error);
}

static int use_pool(void)
{
    struct message *message = messages_get();

    if (message == NULL) {
        return check("pool", ASH_ENOMEM);
    }
    message->number = 1;
    messages_put(message);
    return check("pool", 0);
}

/* Memory for a device: contiguous, not cached, at a known physical address. */
static int use_pmem(void)
{
    struct ash_pmem_block block;
    int error =
        ash_pmem_alloc(ash_pmem_find("dma"), 64 * 1024, 64 * 1024, ASH_PMEM_UNCACHED, &block);

    if (error == 0) {
        printf("64 KiB for a device at physical %#llx\n", (unsigned long long)block.pa.value);
        error = ash_pmem_free(&block);
    }
    return check("contiguous memory", error);
}

/* Registers of a device: the real-time clock (PL031) of QEMU's virt board. */
static int use_device(void)
{
    ash_va_t clock;
    int error = ash_map_device(ash_pa(0x09010000), 0x1000, &clock);

    if (error == 0) {
        printf("seconds since 1970: %lu\n", *(volatile unsigned long *)clock.value);
    }
    return check("device registers", error);
}

/* Two frames that need not be neighbours, one behind the other at addresses of their own. */
static int use_map(void)
{
    struct ash_mmu_mapping mapping;
    ash_frame_t frames[2];
    void *both;
    int error = ash_frames_alloc(0, ASH_FRAMES_ZERO, &frames[0]);

    if (error != 0) {
        return check("map", error);
    }
    error = ash_frames_alloc(0, ASH_FRAMES_ZERO, &frames[1]);
    if (error == 0) {
        error = ash_vmap(frames, 2, ASH_MMU_WRITE, &both);
        if (error == 0) {
            memset(both, 1, 2 * ASH_PAGE_SIZE);
            error = ash_mmu_query(&ash_boot_map, ash_va_of(both), &mapping);
            printf("%p leads to %#llx\n", both, (unsigned long long)mapping.pa.value);
            ash_vunmap(both);
        }
        ash_frames_free(frames[1], 0);
    }
    ash_frames_free(frames[0], 0);
    return check("map", error);
}

static void read_null(void *unused)
{
    volatile int *volatile nowhere = NULL;

    (void)unused;
    (void)*nowhere;
}

static int use_trap(void)
{
    struct ash_trap trap;
    int caught = ash_trap_catch(read_null, NULL, &trap) == ASH_EFAULT;

    if (caught) {
        printf("NULL gives: %s, %s\n", ash_trap_kind_name(trap.kind),
               ash_trap_cause_name(trap.cause));
    }
    return check("exceptions", caught ? 0 : ASH_EINVAL);
}

/* Constructors run before main(), destructors after it; then the board is powered off. */
__attribute__((destructor)) static void leave(void)
{
    puts("Goodbye.");
}

int main(void)
{
    int failed;

    puts("Hello from a product that links Ashlar.");
    failed = use_heap() + use_pool() + use_pmem() + use_device() + use_map() + use_trap();
    printf("hello: %s\n", failed == 0 ? "done" : "FAILED");
    return failed;
}
