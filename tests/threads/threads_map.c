/* SPDX-License-Identifier: MIT */
/*
 * Contiguous memory and the vmap range over one map: areas, tables and blocks are nobody else's,
 * and the list of stacks is read without a lock while it grows. The views of buffers for a device
 * change beside them.
 */
#include "ashlar/dma_pool.h"
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
static struct ash_dma_bounce bounce;
static struct ash_dma_pool objects;

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
    MUST(ash_frames_alloc(8, ASH_FRAMES_OWNER(ASH_OWNER_PMEM), &block) == 0);
    MUST(ash_pmem_add("dma", (struct ash_range){ash_frame_pa(block), (uint64_t)1 << 20}) == 0);
    region = ash_pmem_find("dma");
    device = (struct ash_dma_device){.name = "device", .mask = UINT32_MAX, .bounce = &bounce};
    MUST(ash_dma_bounce_create(&bounce, "copies", region, 32768, &device) == 0);
    MUST(ash_dma_init(&device) == 0);
    MUST(ash_dma_pool_create(&objects, "objects", &device, region, 64, 0, 0, 3) == 0);
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

/* Slots of a bounce buffer, and objects, which all of them take. */
static void dma_shared_step(uint32_t mark)
{
    struct ash_dma_mapping mapping = {.device = NULL};
    ash_frame_t frame;
    void *object;
    ash_bus_t bus;
    ash_pa_t pa;

    MUST(ash_frames_alloc(0, ASH_FRAMES_NORMAL, &frame) == 0);
    pa = ash_pa(ash_frame_pa(frame).value + 4);
    threads_mark(port_ptr(pa), 2000, mark);
    MUST(ash_dma_map(&device, pa, 2000 + threads_random_below(1000), ASH_DMA_BIDIRECTIONAL,
                     &mapping) == 0);
    MUST(ash_dma_is_bounced(&mapping));
    threads_check(port_ptr(mapping.work), 2000, mark);
    MUST(ash_dma_unmap(&mapping) == 0);
    threads_check(port_ptr(pa), 2000, mark);
    ash_frames_free(frame, 0);
    object = ash_dma_pool_alloc(&objects, &bus);
    if (object != NULL) {
        threads_mark(object, 64, mark);
        threads_check(object, 64, mark);
        MUST(ash_dma_pool_free(&objects, object) == 0);
    }
}

static void visit(const struct ash_usage *usage, void *arg)
{
    (void)arg;
    MUST(usage->used + usage->free == usage->total && usage->largest <= usage->free);
}

/* A pool of its own comes and goes while others look at all there are. */
static void dma_list_step(void)
{
    struct ash_dma_pool own = {.count = 0};

    if (ash_dma_pool_create(&own, "own", &device, region, 8, 0, 0, 4) == 0) {
        ash_dma_usage(visit, NULL);
        MUST(ash_dma_pool_destroy(&own) == 0);
    }
}

static void work(void *arg)
{
    unsigned stacks = 0;

    (void)arg;
    for (unsigned step = 0; step < STEPS; step++) {
        pmem_step(port_cpu() + 1);
        vmap_step();
        dma_step(port_cpu() + 1);
        dma_shared_step(port_cpu() + 1);
        if (step % 8 == 0) {
            dma_list_step();
        }
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
        MUST(ash_dma_pool_destroy(&objects) == 0);
        MUST(ash_dma_exit(&device) == 0);
        MUST(ash_dma_bounce_destroy(&bounce) == 0);
        MUST(map_lock.next == map_lock.serving);
    }
    return 0;
}
