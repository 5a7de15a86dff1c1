/* SPDX-License-Identifier: MIT */
/*
 * Interrupts in the middle of every operation: a fixed run of allocations and frees is repeated
 * with an interrupt at its first moment, its second, and so on to its last, and then with one at
 * every n-th. A moment is an operation of the port with interrupts on, or where they go on or off.
 * (What lies between two of those is not interrupted here: the suite "interrupted" has a timer.) It
 * allocates and frees with the same allocator, takes the block that the program was about to get
 * and gives it back as the first again, and keeps another. Nothing is ever given out twice, and in
 * the end all is as it was.
 */
#include "ashlar/dma_pool.h"
#include "ashlar/heap.h"
#include "ashlar/pool.h"
#include "ashlar/slab.h"
#include "tests/unit/pmem_machine.h"

#define PROGRAM 36u /* blocks of the program */
#define KEPT    12u /* of interrupts */
/* The next interrupt, in moments: more than one attempt of an operation that is tried again. */
#define SOONEST 10u
#define LATEST  30u

/* A block, marked from end to end. */
struct held {
    uint8_t *memory; /* NULL: none */
    size_t size;
    uint8_t mark;
};

/* An allocator under test. take and give may be called by interrupts. */
struct subject {
    void (*begin)(void);
    void *(*take)(unsigned n, size_t *size);
    void (*give)(void *memory, unsigned n);
    void (*look)(void); /* at figures: by the program only; or NULL */
    void (*end)(void);  /* all is given back */
};

static const struct subject *subject;
static struct held program[PROGRAM], kept[KEPT];
static unsigned kept_count, draws, interrupts, period;
static uint8_t marks;

static void take(struct held *held, unsigned n)
{
    held->memory = subject->take(n, &held->size);
    if (held->memory != NULL) {
        held->mark = ++marks;
        memset(held->memory, held->mark, held->size);
    }
}

static void give(struct held *held, unsigned n)
{
    if (held->memory != NULL) {
        for (size_t i = 0; i < held->size; i++) {
            assert_int_equal(held->memory[i], held->mark);
        }
        subject->give(held->memory, n);
        held->memory = NULL;
    }
}

static void interrupt(void)
{
    unsigned n = draws++;
    struct held first, second;

    interrupts++;
    take(&first, n);
    take(&second, n);
    give(&first, n);
    if (kept_count < KEPT) {
        kept[kept_count++] = second;
    } else {
        give(&second, n);
        while (kept_count > 0) {
            kept_count--;
            give(&kept[kept_count], n - (KEPT - kept_count));
        }
    }
    sim_moments = period;
}

/* One run; true if the interrupt came. Kinds of blocks are told by n, which give() repeats: those
 * of interrupts are all of one kind. */
static bool run(unsigned first, unsigned every)
{
    machine_start();
    sim_interrupt = interrupt;
    interrupts = kept_count = draws = 0;
    subject->begin();
    period = every;
    sim_moments = first;
    for (unsigned n = 0; n < PROGRAM; n++) {
        take(&program[n], n);
        if (n % 3 == 2) {
            give(&program[n / 2], n / 2);
        }
    }
    if (subject->look != NULL) {
        subject->look();
    }
    for (unsigned n = 0; n < PROGRAM; n += 2) {
        give(&program[n], n);
    }
    for (unsigned n = 0; n < PROGRAM; n += 4) {
        take(&program[n], n);
    }
    for (unsigned n = PROGRAM; n-- > 0;) {
        give(&program[n], n);
    }
    sim_moments = 0;
    while (kept_count > 0) {
        kept_count--;
        give(&kept[kept_count], kept_count);
    }
    subject->end();
    assert_int_equal(ash_frames_verify(), 0);
    assert_int_equal(support_faults.count, 0);
    assert_false(sim_irq_masked);
    return interrupts > 0;
}

static void interrupt_all(const struct subject *which, unsigned moments_at_least)
{
    unsigned moments = 1;

    subject = which;
    while (run(moments, 0)) {
        moments++;
    }
    assert_true(moments > moments_at_least);
    for (unsigned every = SOONEST; every <= LATEST; every++) {
        assert_true(run(every, every));
    }
}

/* Frames: blocks of several orders by the program, single ones by interrupts. */
static uint32_t free_frames;

static uint32_t count_free(void)
{
    struct ash_frames_stats stats;
    uint32_t free = 0;

    for (unsigned zone = 0; zone < ASH_ZONE_COUNT; zone++) {
        assert_int_equal(ash_frames_stats((enum ash_zone)zone, &stats), 0);
        free += stats.free;
    }
    return free;
}

static void frames_begin(void)
{
    ash_frames_cache(false);
    free_frames = count_free();
}

static void cached_frames_begin(void)
{
    ash_frames_cache(true);
    free_frames = count_free();
}

static unsigned frames_order(unsigned n)
{
    return sim_irq_masked ? 0 : n % 7 == 3 ? 2 : n % 5 == 1;
}

static void *frames_take(unsigned n, size_t *size)
{
    unsigned order = frames_order(n);
    ash_frame_t frame;

    *size = 64;
    return ash_frames_alloc(order, ASH_FRAMES_OWNER((unsigned)ASH_OWNER_TEST), &frame) == 0
               ? port_ptr(ash_frame_pa(frame))
               : NULL;
}

static void frames_give(void *memory, unsigned n)
{
    uint64_t offset = (uint64_t)((uint8_t *)memory - (uint8_t *)port_ptr(ash_pa(FRAMES_AT)));
    ash_frame_t frame = ash_pa_frame(ash_pa(FRAMES_AT + offset));
    struct ash_frame_info info;

    (void)n;
    ash_frames_query(frame, &info);
    ash_frames_free(frame, info.order);
}

static void frames_look(void)
{
    (void)count_free();
    (void)ash_frames_owned(ASH_OWNER_TEST);
}

static void frames_end(void)
{
    assert_int_equal(ash_frames_owned(ASH_OWNER_TEST), 0);
    assert_int_equal(count_free(), free_frames);
}

/* Pools. */
static struct ash_pool pool;

static void pool_begin(void)
{
    assert_int_equal(ash_pool_create(&pool, "interrupted", 24, 0, PROGRAM / 2), 0);
}

static void *pool_take(unsigned n, size_t *size)
{
    (void)n;
    *size = 24;
    return ash_pool_alloc(&pool);
}

static void pool_give(void *memory, unsigned n)
{
    (void)n;
    ash_pool_free(&pool, memory);
}

static void pool_look(void)
{
    struct ash_pool_stats stats;

    ash_pool_stats(&pool, &stats);
}

static void pool_end(void)
{
    assert_int_equal(ash_pool_verify(&pool), 0);
    assert_int_equal(ash_pool_destroy(&pool), 0);
}

/* Object caches: magazines are filled and emptied on the way. */
static struct ash_slab cache;

static void slab_begin(void)
{
    const struct ash_slab_config config = {
        .name = "interrupted", .size = 200, .owner = ASH_OWNER_TEST};

    frames_begin();
    assert_int_equal(ash_slab_create(&cache, &config), 0);
}

static void *slab_take(unsigned n, size_t *size)
{
    (void)n;
    *size = 200;
    return ash_slab_alloc(&cache);
}

static void slab_give(void *memory, unsigned n)
{
    (void)n;
    ash_slab_free(&cache, memory);
}

static void slab_look(void)
{
    (void)ash_slab_shrink(&cache);
}

static void slab_end(void)
{
    assert_int_equal(ash_slab_verify(&cache), 0);
    assert_int_equal(ash_slab_destroy(&cache), 0);
    frames_end();
}

/* Heaps: one that grows and gives chunks back, with blocks of all sizes that change it. */
static struct ash_heap heap;

static void heap_begin(void)
{
    frames_begin();
    assert_int_equal(ash_heap_init_frames(&heap, "interrupted"), 0);
}

static void *heap_take(unsigned n, size_t *size)
{
    void *block;

    *size = 8 + n * 37 % 300 + (n % 11 == 5 ? 3000 : 0);
    block = ash_heap_alloc(&heap, *size);
    if (n % 4 == 1 && block != NULL) {
        void *moved = ash_heap_realloc(&heap, block, *size + 100);

        *size += moved != NULL ? 100 : 0;
        block = moved != NULL ? moved : block;
    }
    return block;
}

static void heap_give(void *memory, unsigned n)
{
    (void)n;
    ash_heap_free(&heap, memory);
}

static void heap_look(void)
{
    struct ash_heap_stats stats;

    ash_heap_stats(&heap, &stats);
}

static void heap_end(void)
{
    assert_int_equal(ash_heap_verify(&heap), 0);
    assert_int_equal(ash_heap_destroy(&heap), 0);
    frames_end();
}

/* Devices: objects of a coherent pool, and copies of what the device does not reach; what the
 * program takes from pmem itself, interrupts hold for a while. */
static struct ash_pmem *region;
static struct ash_dma_device device;
static struct ash_dma_bounce bounce;
static struct ash_dma_pool objects;
static struct ash_pmem_block block;

static void dma_begin(void)
{
    region = machine_region("dma", DMA_AT, DMA_IN);
    bounce = (struct ash_dma_bounce){.slots = 0};
    objects = (struct ash_dma_pool){.count = 0};
    device = (struct ash_dma_device){
        .name = "weak", .mask = 0x7fffffff, .bounce = &bounce, .bus_offset = 0x20000000};
    assert_int_equal(ash_dma_bounce_create(&bounce, "copies", region, 16384, &device), 0);
    assert_int_equal(ash_dma_init(&device), 0);
    assert_int_equal(ash_dma_pool_create(&objects, "objects", &device, region, 40, 0, 0, 30), 0);
    assert_int_equal(ash_pmem_alloc(region, 2 * Q, 0, ASH_OWNER_TEST << 8, &block), 0);
}

static void map_copy(unsigned n)
{
    struct ash_dma_mapping mapping = {.device = NULL};
    struct ash_pmem_block found;
    ash_pa_t pa = ash_pa(FIXED_AT + n % 64 * Q + (sim_irq_masked ? 64 * Q : 0) + 8);

    memset(port_ptr(pa), (int)n, 100);
    assert_int_equal(ash_pmem_lookup(ash_pa(block.pa.value + Q), &found), 0);
    assert_int_equal(ash_pmem_get(&found), 0);
    if (ash_dma_map(&device, pa, 100, ASH_DMA_BIDIRECTIONAL, &mapping) == 0) {
        const uint8_t *copy = port_ptr(mapping.work);

        for (unsigned i = 0; i < 100; i++) {
            assert_int_equal(copy[i], (uint8_t)n);
        }
        assert_int_equal(ash_dma_sync_for_cpu(&mapping, 0, 64, ASH_DMA_BIDIRECTIONAL), 0);
        assert_int_equal(ash_dma_sync_for_device(&mapping, 0, 64, ASH_DMA_BIDIRECTIONAL), 0);
        assert_int_equal(ash_dma_unmap(&mapping), 0);
    }
    assert_int_equal(ash_pmem_put(&found), 0);
}

static void *dma_take(unsigned n, size_t *size)
{
    ash_bus_t bus;

    if (n % 4 == 0) {
        map_copy(n);
    }
    *size = 40;
    return ash_dma_pool_alloc(&objects, &bus);
}

static void dma_give(void *memory, unsigned n)
{
    (void)n;
    assert_int_equal(ash_dma_pool_free(&objects, memory), 0);
}

static void visit(const struct ash_usage *usage, void *arg)
{
    (void)arg;
    assert_true(usage->used + usage->free == usage->total);
}

static void dma_look(void)
{
    struct ash_pmem_block own;

    ash_dma_usage(visit, NULL);
    assert_int_equal(ash_pmem_alloc(region, Q, 0, ASH_PMEM_UNCACHED, &own), 0);
    assert_int_equal(ash_pmem_free(&own), 0);
}

static void dma_end(void)
{
    assert_int_equal(ash_pmem_free(&block), 0);
    assert_int_equal(ash_dma_pool_destroy(&objects), 0);
    assert_int_equal(ash_dma_exit(&device), 0);
    assert_int_equal(ash_dma_bounce_destroy(&bounce), 0);
    assert_all_free(region);
}

static void frames_are_interrupted(void **state)
{
    static const struct subject frames = {frames_begin, frames_take, frames_give, frames_look,
                                          frames_end};

    (void)state;
    interrupt_all(&frames, 200);
}

static void cached_frames_are_interrupted(void **state)
{
    static const struct subject frames = {cached_frames_begin, frames_take, frames_give,
                                          frames_look, frames_end};

    (void)state;
    interrupt_all(&frames, 200);
}

static void pools_are_interrupted(void **state)
{
    static const struct subject pools = {pool_begin, pool_take, pool_give, pool_look, pool_end};

    (void)state;
    interrupt_all(&pools, 200);
}

static void object_caches_are_interrupted(void **state)
{
    static const struct subject slabs = {slab_begin, slab_take, slab_give, slab_look, slab_end};

    (void)state;
    interrupt_all(&slabs, 200);
}

static void heaps_are_interrupted(void **state)
{
    static const struct subject heaps = {heap_begin, heap_take, heap_give, heap_look, heap_end};

    (void)state;
    interrupt_all(&heaps, 150);
}

static void memory_of_devices_is_interrupted(void **state)
{
    static const struct subject devices = {dma_begin, dma_take, dma_give, dma_look, dma_end};

    (void)state;
    interrupt_all(&devices, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_interrupted),
        cmocka_unit_test(cached_frames_are_interrupted),
        cmocka_unit_test(pools_are_interrupted),
        cmocka_unit_test(object_caches_are_interrupted),
        cmocka_unit_test(heaps_are_interrupted),
        cmocka_unit_test(memory_of_devices_is_interrupted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
