/* SPDX-License-Identifier: MIT */
/*
 * Contiguous memory and the vmap range over one map: areas, tables and blocks are nobody else's,
 * and the list of stacks is read without a lock while it grows. The views of buffers for a device
 * change beside them.
 */
#include "ashlar/dma.h"
#include "ashlar/frames.h"
#include "ashlar/pmem.h"
#include "ashlar/vmap.h"
#include "port/spinlock.h"
#include "tests/threads/threads.h"

#define STEPS   150u
#define STACKS  8u
#define VMAP_AT UINT64_C(0x20000000)
#define VMAP_IN ((uint64_t)16 << 20)

static struct ash_spinlock map_lock = ASH_SPINLOCK(ASH_LOCK_MAP, "map");
static struct ash_mmu map;
static struct ash_pmem *region;
static struct ash_dma_device device;

static int take(void *context, ash_pa_t *table)
{
    ash_frame_t frame;
    int error = ash_frames_alloc(0, ASH_FRAMES_ZERO | ASH_FRAMES_OWNER(ASH_OWNER_TABLES), &frame);

    (void)context;
    *table = ash_frame_pa(frame);
    return error;
}

static void give(void *context, ash_pa_t table)
{
    (void)context;
    ash_frames_free(ash_pa_frame(table), 0);
}

static void start(void)
{
    const struct ash_mmu_config config = {
        .format = &ash_mmu_format_lpae,
        .va_bits = 32,
        .global = true,
        .tables = {take, give, NULL},
    };
    ash_frame_t block;

    threads_boot();
    MUST(ash_mmu_init(&map, &config) == 0);
    MUST(ash_mmu_remap_zone(&map, ash_va(RAM_AT), RAM_IN) == 0);
    MUST(ash_mmu_open_zone(&map, ash_va(VMAP_AT), VMAP_IN) == 0);
    MUST(ash_mmu_map(&map, ash_va(RAM_AT), ash_pa(RAM_AT), RAM_IN,
                     ASH_MMU_NORMAL | ASH_MMU_WRITE) == 0);
    MUST(ash_vmap_init(&map, &map_lock, (struct ash_range){{VMAP_AT}, VMAP_IN}, false) == 0);
    ash_pmem_init(&map, &map_lock);
    MUST(ash_frames_alloc(8, ASH_FRAMES_NORMAL, &block) == 0);
    MUST(ash_pmem_add("dma", (struct ash_range){ash_frame_pa(block), (uint64_t)1 << 20}) == 0);
    region = ash_pmem_find("dma");
    device = (struct ash_dma_device){.name = "device", .mask = UINT32_MAX};
    MUST(ash_dma_init(&device) == 0);
}

static void pmem_step(uint32_t mark)
{
    struct ash_pmem_block block;
    bool uncached = threads_random_below(4) == 0;

    if (ash_pmem_alloc(region, 4096 + threads_random_below(20000), 0,
                       uncached ? ASH_PMEM_UNCACHED : 0, &block) == 0) {
        void *memory = port_ptr(block.pa);

        threads_mark(memory, 256, mark);
        threads_check(memory, 256, mark);
        MUST(ash_pmem_free(&block) == 0);
    }
}

static void vmap_step(void)
{
    void *memory = ash_vmap_alloc(4096 + threads_random_below(100000));

    if (memory != NULL) {
        MUST(ash_vmap_contains(memory));
        ash_vmap_free(memory);
    }
}

/* Buffers and mappings of one device. */
static void dma_step(uint32_t mark)
{
    ash_pa_t pa = ash_pa(RAM_AT + RAM_IN - (port_cpu() + 1) * ASH_PAGE_SIZE);
    struct ash_dma_mapping mapping = {.device = NULL};
    struct ash_dma_buffer buffer;

    MUST(ash_dma_map(&device, pa, ASH_PAGE_SIZE, ASH_DMA_FROM_DEVICE, &mapping) == 0);
    if (ash_dma_alloc(&device, region, 100, &buffer) == 0) {
        threads_mark(buffer.block.ptr, 100, mark);
        threads_check(buffer.block.ptr, 100, mark);
        MUST(ash_dma_free(&buffer) == 0);
    }
    MUST(ash_dma_unmap(&mapping) == 0);
}

static void work(void *arg)
{
    unsigned stacks = 0;

    (void)arg;
    for (unsigned step = 0; step < STEPS; step++) {
        pmem_step(port_cpu() + 1);
        vmap_step();
        dma_step(port_cpu() + 1);
        if (stacks < STACKS && step % 16 == 0) {
            stacks += ash_stack_create("thread", 8192) != NULL;
        }
    }
}

int main(void)
{
    for (unsigned threads = 2; threads <= THREADS_MOST; threads++) {
        start();
        threads_run(threads, work, NULL);
        MUST(ash_vmap_verify() == 0 && ash_pmem_verify(region) == 0);
        MUST(ash_mmu_verify(&map, NULL) == 0);
        MUST(ash_dma_exit(&device) == 0);
        MUST(map_lock.next == map_lock.serving);
    }
    return 0;
}
