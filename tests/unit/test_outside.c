/* SPDX-License-Identifier: MIT */
/*
 * From where functions may be called: those that are for programs only tell of a call from
 * elsewhere and do nothing (they would not survive what they are given here), those for any context
 * work in an interrupt. tools/check_source.py demands that the tables are complete.
 */
#include "port/outside.h"

#include "ashlar/block.h"
#include "ashlar/dma_list.h"
#include "ashlar/dma_pool.h"
#include "ashlar/heap.h"
#include "ashlar/irq.h"
#include "ashlar/pmem_share.h"
#include "ashlar/pool.h"
#include "ashlar/slab.h"
#include "ashlar/space.h"
#include "ashlar/trap.h"
#include "ashlar/vmap.h"
#include "board/block.h"
#include "tests/unit/pmem_machine.h"

#define AT   (ZONE_AT + 0x100000) /* outside of the region */
#define LINE 64u
#define FROM ASH_DMA_FROM_DEVICE

/* Not in interrupts: X(name, result of a call that is refused, call). */
#define NOT_IN_INTERRUPTS(X)                                                                       \
    X(ash_frames_init, ASH_EPERM, ash_frames_init(NULL, NULL))                                     \
    X(ash_frames_adopt, ASH_EPERM, ash_frames_adopt((struct ash_range){{0}, 0}, 0))                \
    X(ash_frames_stats, ASH_EPERM, ash_frames_stats(ASH_ZONE_NORMAL, NULL))                        \
    X(ash_frames_owned, 0, (int)ash_frames_owned(0))                                               \
    X(ash_pool_create, ASH_EPERM, ash_pool_create(NULL, NULL, 1, 1, 1))                            \
    X(ash_pool_destroy, ASH_EPERM, ash_pool_destroy(NULL))                                         \
    X(ash_slab_create, ASH_EPERM, ash_slab_create(NULL, NULL))                                     \
    X(ash_slab_destroy, ASH_EPERM, ash_slab_destroy(NULL))                                         \
    X(ash_heap_init, ASH_EPERM, ash_heap_init(NULL, NULL, NULL, 0))                                \
    X(ash_heap_init_frames, ASH_EPERM, ash_heap_init_frames(NULL, NULL))                           \
    X(ash_heap_destroy, ASH_EPERM, ash_heap_destroy(NULL))                                         \
    X(ash_heap_walk, 0, (ash_heap_walk(NULL, NULL, NULL), 0))                                      \
    X(ash_heap_owned, 0, (ash_heap_owned(NULL, owned), 0))                                         \
    X(ash_vmap_init, ASH_EPERM, ash_vmap_init(NULL, NULL, (struct ash_range){{0}, 0}, false))      \
    X(ash_vmap, ASH_EPERM, ash_vmap(NULL, 1, 0, NULL))                                             \
    X(ash_vunmap, 0, (ash_vunmap(NULL), 0))                                                        \
    X(ash_vmap_alloc, 0, ash_vmap_alloc(1) != NULL)                                                \
    X(ash_vmap_free, 0, (ash_vmap_free(NULL), 0))                                                  \
    X(ash_vmap_device, ASH_EPERM, ash_vmap_device(ash_pa(0), Q, NULL))                             \
    X(ash_stack_create, 0, ash_stack_create(NULL, 1) != NULL)                                      \
    X(ash_stack_destroy, 0, (ash_stack_destroy(NULL), 0))                                          \
    X(ash_vmap_stats, 0, (ash_vmap_stats(NULL), 0))                                                \
    X(ash_vmap_verify, ASH_EPERM, ash_vmap_verify())                                               \
    X(ash_pmem_init, 0, (ash_pmem_init(NULL, NULL), 0))                                            \
    X(ash_pmem_add, ASH_EPERM, ash_pmem_add(NULL, (struct ash_range){{0}, 0}))                     \
    X(ash_dma_setup, 0, (ash_dma_setup(NULL, (struct ash_range){{0}, 0}), 0))                      \
    X(ash_spaces_init, 0, (ash_spaces_init(NULL), 0))                                              \
    X(ash_space_create, ASH_EPERM, ash_space_create(NULL, NULL))                                   \
    X(ash_space_destroy, ASH_EPERM, ash_space_destroy(NULL))                                       \
    X(ash_space_map, ASH_EPERM, ash_space_map(NULL, ash_va(0), ash_pa(0), Q, 0))                   \
    X(ash_space_unmap, ASH_EPERM, ash_space_unmap(NULL, ash_va(0), Q))                             \
    X(ash_space_protect, ASH_EPERM, ash_space_protect(NULL, ash_va(0), Q, 0))                      \
    X(ash_space_query, ASH_EPERM, ash_space_query(NULL, ash_va(0), NULL))                          \
    X(ash_space_walk, ASH_EPERM, ash_space_walk(NULL, ash_va(0), Q, NULL, NULL))                   \
    X(ash_space_retry, ASH_EPERM, ash_space_retry(NULL, ash_va(0), 0))                             \
    X(ash_block_count, 0, (int)ash_block_count())                                                  \
    X(ash_block_set_mode, ASH_EPERM, ash_block_set_mode(NULL, ASH_BLOCK_POLLED))

/* Nor with a lock held. */
#define NOT_UNDER_LOCKS(X)                                                                         \
    X(ash_frames_leaks, 0, (int)ash_frames_leaks(0, support_print))                                \
    X(ash_frames_usage, 0, (ash_frames_usage(NULL, NULL), 0))                                      \
    X(ash_frames_report, 0, (ash_frames_report(NULL), 0))                                          \
    X(ash_pools_usage, 0, (ash_pools_usage(NULL, NULL), 0))                                        \
    X(ash_pools_report, 0, (ash_pools_report(NULL), 0))                                            \
    X(ash_slabs_usage, 0, (ash_slabs_usage(NULL, NULL), 0))                                        \
    X(ash_slabs_report, 0, (ash_slabs_report(NULL), 0))                                            \
    X(ash_heaps_usage, 0, (ash_heaps_usage(NULL, NULL), 0))                                        \
    X(ash_heaps_report, 0, (ash_heaps_report(NULL), 0))                                            \
    X(ash_vmap_report, 0, (ash_vmap_report(NULL), 0))                                              \
    X(ash_pmem_alloc, ASH_EPERM, ash_pmem_alloc(NULL, Q, 0, 0, NULL))                              \
    X(ash_pmem_alloc_request, ASH_EPERM, ash_pmem_alloc_request(NULL, NULL, NULL))                 \
    X(ash_pmem_alloc_at, ASH_EPERM, ash_pmem_alloc_at(NULL, 0, Q, 0, NULL))                        \
    X(ash_pmem_free, ASH_EPERM, ash_pmem_free(NULL))                                               \
    X(ash_pmem_release, 0, (int)ash_pmem_release(1))                                               \
    X(ash_pmem_usage, 0, (ash_pmem_usage(NULL, NULL), 0))                                          \
    X(ash_pmem_report, 0, (ash_pmem_report(NULL), 0))                                              \
    X(ash_pmem_connect, ASH_EPERM, ash_pmem_connect(NULL, NULL, ash_va(0), NULL, 0))               \
    X(ash_pmem_grant, ASH_EPERM, ash_pmem_grant(NULL, 0, Q))                                       \
    X(ash_pmem_revoke, ASH_EPERM, ash_pmem_revoke(NULL, 0, Q))                                     \
    X(ash_pmem_withdraw, 0, (int)ash_pmem_withdraw(NULL))                                          \
    X(ash_pmem_disconnect, 0, (ash_pmem_disconnect(NULL), 0))                                      \
    X(ash_pmem_granted, 0, (int)ash_pmem_granted(NULL))                                            \
    X(ash_dma_bounce_create, ASH_EPERM, ash_dma_bounce_create(NULL, NULL, NULL, Q, NULL))          \
    X(ash_dma_bounce_destroy, ASH_EPERM, ash_dma_bounce_destroy(NULL))                             \
    X(ash_dma_alloc, ASH_EPERM, ash_dma_alloc(NULL, NULL, Q, NULL))                                \
    X(ash_dma_free, ASH_EPERM, ash_dma_free(NULL))                                                 \
    X(ash_dma_usage, 0, (ash_dma_usage(NULL, NULL), 0))                                            \
    X(ash_dma_report, 0, (ash_dma_report(NULL), 0))                                                \
    X(ash_dma_pool_create, ASH_EPERM, ash_dma_pool_create(NULL, NULL, NULL, NULL, 1, 1, 0, 1))     \
    X(ash_dma_pool_destroy, ASH_EPERM, ash_dma_pool_destroy(NULL))                                 \
    X(ash_spaces_report, 0, (ash_spaces_report(NULL), 0))                                          \
    X(ash_locks_report, 0, (ash_locks_report(NULL), 0))                                            \
    X(ash_block_open, ASH_EPERM, ash_block_open(0, NULL, NULL))                                    \
    X(ash_block_close, ASH_EPERM, ash_block_close(NULL))                                           \
    X(ash_block_wait, ASH_EPERM, ash_block_wait(NULL, NULL))                                       \
    X(ash_block_read, ASH_EPERM, ash_block_read(NULL, 0, 1, ash_pa(0)))                            \
    X(ash_block_write, ASH_EPERM, ash_block_write(NULL, 0, 1, ash_pa(0)))                          \
    X(ash_block_flush, ASH_EPERM, ash_block_flush(NULL))

/* What the block device's code refers to: nobody gets there. */
bool (*ash_stack_find_hook)(uintptr_t address, struct ash_stack_place *place);

void board_find_block_devices(void)
{
    fail();
}

int ash_irq_attach(uint32_t irq, void (*function)(void *arg), void *arg)
{
    (void)irq;
    (void)function;
    (void)arg;
    fail();
    return 0;
}

int ash_irq_detach(uint32_t irq)
{
    (void)irq;
    fail();
    return 0;
}

uint64_t ash_now_ns(void)
{
    fail();
    return 0;
}

static struct ash_heap_owned owned[ASH_OWNERS];

#define CALL(name, refused, call)                                                                  \
    static int call_##name(void)                                                                   \
    {                                                                                              \
        return call;                                                                               \
    }
NOT_IN_INTERRUPTS(CALL)
NOT_UNDER_LOCKS(CALL)

static const struct row {
    const char *name;
    int refused;
    int (*call)(void);
    bool locks;
} rows[] = {
#define ROW(name, refused, call)        {#name, refused, call_##name, false},
#define LOCKED_ROW(name, refused, call) {#name, refused, call_##name, true},
    NOT_IN_INTERRUPTS(ROW) NOT_UNDER_LOCKS(LOCKED_ROW)};

static void assert_told(const struct row *row, const char *what)
{
    print_message("# %s, %s\n", row->name, what);
    assert_int_equal(row->call(), row->refused);
    assert_int_equal(support_faults.count, 1);
    assert_int_equal(support_faults.last.kind, ASH_FAULT_CONTEXT);
    assert_string_equal(support_faults.last.module, row->name);
    assert_string_equal(support_faults.last.what, what);
    assert_non_null(support_faults.last.caller);
    support_faults_reset();
}

static void begin(void)
{
    if (ASH_CHECK < 1) {
        skip();
    }
    sim_start();
    support_faults_reset();
}

static void calls_that_are_not_for_interrupts(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sim_inside = 1;
        assert_told(&rows[i], "called in an interrupt");
        sim_inside = 2; /* one in another */
        assert_told(&rows[i], "called in an interrupt");
        sim_inside = PORT_INSIDE_START;
        assert_told(&rows[i], "called before the MMU is on");
        sim_inside = 0;
    }
}

#if ASH_CHECK >= 2 /* else nobody notes which locks a CPU holds */
static void calls_that_are_not_for_who_holds_a_lock(void **state)
{
    static struct ash_spinlock lock = ASH_SPINLOCK(ASH_LOCK_INTERRUPTS, "held");

    (void)state;
    begin();
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned long saved;

        if (rows[i].locks) {
            saved = spinlock_acquire(&lock);
            assert_told(&rows[i], "called with a lock held");
            spinlock_release(&lock, saved);
        }
    }
    spinlock_retire(&lock);
}
#endif

ASH_POOL_DEFINE(numbers, uint64_t, 4);

static uint64_t numbers_used(void)
{
    struct ash_pool_stats stats;

    ash_pool_stats(&numbers_pool, &stats);
    return stats.used;
}

static void frames_and_what_stands_on_them(struct ash_slab *slab, struct ash_heap *heap)
{
    const struct ash_frames_request request = {.size = 2 * Q, .flags = ASH_FRAMES_OWNER(0)};
    struct ash_heap_stats heap_stats;
    struct ash_slab_stats slab_stats;
    struct ash_frame_info info;
    ash_frame_t frame;
    uint64_t *number;
    unsigned order;
    void *object;

    assert_int_equal(ash_frames_alloc(0, 0, &frame), 0);
    ash_frames_get(frame);
    ash_frames_query(frame, &info);
    assert_int_equal(info.count, 2);
    ash_frames_put(frame);
    ash_frames_free(frame, 0);
    assert_int_equal(ash_frames_request(&request, &frame, &order), 0);
    ash_frames_free(frame, order);
    assert_int_equal(ash_frames_zone_of_mask(UINT64_MAX, &order), 0);
    assert_int_equal(ash_frames_watch(ASH_ZONE_NORMAL, NULL), 0);
    assert_int_equal(ash_frames_name_owner(ASH_OWNER_FIRST, "test"), 0);
    assert_string_equal(ash_frames_owner_name(ASH_OWNER_FIRST), "test");
    ash_frames_cache(true);

    number = numbers_get();
    assert_non_null(number);
    assert_int_equal(numbers_used(), 1);
    numbers_put(number);

    object = ash_slab_alloc(slab);
    assert_non_null(object);
    ash_slab_stats(slab, &slab_stats);
    assert_int_equal(slab_stats.used, 1);
    ash_slab_free(slab, object);
    (void)ash_slab_shrink(slab);
    (void)ash_slabs_shrink();

    object = ash_heap_realloc(heap, ash_heap_alloc(heap, 10), 1000);
    assert_non_null(object);
    assert_true(ash_heap_usable(heap, object) >= 1000);
    assert_true(ash_heap_contains(heap, object));
    assert_int_equal(ash_heap_set_owner(heap, object, ASH_OWNER_TEST), 0);
    ash_heap_stats(heap, &heap_stats);
    assert_int_equal(heap_stats.blocks, 1);
    ash_heap_free(heap, object);
    object = ash_heap_alloc_aligned(heap, 10, 64);
    assert_non_null(object);
    ash_heap_free(heap, object);
}

static void pmem_and_dma(struct ash_pmem *region, struct ash_pmem_block *block,
                         struct ash_dma_device *device, struct ash_dma_pool *pool)
{
    struct ash_dma_mapping map = {.device = NULL}, mappings[1] = {{.device = NULL}};
    struct ash_dma_segment segments[1];
    struct ash_dma_list list = {.mappings = mappings, .segments = segments, .capacity = 1};
    const struct ash_range part = {{AT}, 2 * LINE};
    struct ash_dma_pool_stats pool_stats;
    struct ash_dma_stats dma_stats;
    struct ash_pmem_stats stats;
    struct ash_pmem_block found;
    ash_bus_t bus;
    void *object;
    ash_pa_t pa;

    assert_ptr_equal(ash_pmem_find("dma"), region);
    assert_ptr_equal(ash_pmem_region(0), region);
    assert_string_equal(ash_pmem_name(region), "dma");
    assert_int_equal(ash_pmem_lookup(block->pa, &found), 0);
    assert_int_equal(ash_pmem_get(block), 0);
    assert_int_equal(ash_pmem_put(block), 0);
    assert_int_equal(ash_pmem_flush(block, 0, Q), 0);
    assert_int_equal(ash_pmem_clean(block, 0, Q), 0);
    assert_int_equal(ash_pmem_invalidate(block, 0, Q), 0);
    assert_int_equal(ash_pmem_owned(0), Q);
    ash_pmem_stats(region, &stats);
    assert_int_equal(ash_pmem_verify(region), 0);

    assert_int_equal(ash_dma_init(device), 0);
    assert_int_equal(ash_dma_map(device, ash_pa(AT), 4 * LINE, FROM, &map), 0);
    assert_int_equal(ash_dma_sync_for_cpu(&map, 0, LINE, FROM), 0);
    assert_int_equal(ash_dma_sync_for_device(&map, 0, LINE, FROM), 0);
    assert_int_equal(ash_dma_unmap(&map), 0);
    assert_int_equal(ash_dma_map_list(device, &part, 1, FROM, &list), 0);
    assert_int_equal(ash_dma_sync_list_for_cpu(&list, FROM), 0);
    assert_int_equal(ash_dma_sync_list_for_device(&list, FROM), 0);
    assert_int_equal(ash_dma_unmap_list(&list), 0);
    ash_dma_barrier();
    assert_int_equal(ash_dma_bus(device, ash_pa(AT), LINE, &bus), 0);
    assert_int_equal(ash_dma_bus_to_pa(device, bus, &pa), 0);
    assert_int_equal(ash_dma_pa(port_ptr(ash_pa(AT)), &pa),
                     port_ptr(ash_pa(AT)) == (void *)(uintptr_t)AT ? 0 : ASH_ERANGE);
    (void)ash_dma_max_mapping_size(device);
    (void)ash_dma_cache_alignment(device);
    (void)ash_dma_need_sync(device);
    (void)ash_dma_required_mask(device);
    (void)ash_dma_merge_boundary(device);
    ash_dma_stats(device, &dma_stats);
    assert_int_equal(ash_dma_exit(device), 0);

    object = ash_dma_pool_alloc(pool, &bus);
    assert_non_null(object);
    ash_dma_pool_stats(pool, &pool_stats);
    assert_int_equal(pool_stats.used, 1);
    assert_int_equal(ash_dma_pool_free(pool, object), 0);
}

/* What any context may do is no misuse in an interrupt, also where it does what programs do in
 * other ways: the last reference of a block that was freed gives it back. */
static void calls_for_any_context(void **state)
{
    struct ash_dma_device device = {.name = "here", .mask = UINT32_MAX};
    struct ash_dma_device other = {.name = "other", .mask = UINT32_MAX};
    struct ash_pmem *region = machine_dma();
    struct ash_dma_pool pool = {.count = 0};
    struct ash_pmem_block block;
    static struct ash_slab slab;
    static struct ash_heap heap;

    (void)state;
    assert_int_equal(ash_slab_create(&slab, &(struct ash_slab_config){.name = "s", .size = 40}), 0);
    assert_int_equal(ash_heap_init_frames(&heap, "h"), 0);
    assert_int_equal(ash_pmem_alloc(region, Q, 0, 0, &block), 0);
    assert_int_equal(ash_dma_init(&other), 0);
    assert_int_equal(ash_dma_pool_create(&pool, "p", &other, region, 32, 0, 0, 4), 0);
    sim_inside = 1;
    frames_and_what_stands_on_them(&slab, &heap);
    pmem_and_dma(region, &block, &device, &pool);
    assert_int_equal(support_faults.count, 0);
    assert_int_equal(ash_pmem_get(&block), 0);
    sim_inside = 0;
    assert_int_equal(ash_pmem_free(&block), 0);
    sim_inside = 1;
    assert_int_equal(ash_pmem_put(&block), 0);
    assert_int_equal(support_faults.count, 0);
    sim_inside = 0;
    assert_int_equal(ash_dma_pool_destroy(&pool), 0);
    assert_int_equal(ash_dma_exit(&other), 0);
    assert_int_equal(ash_heap_destroy(&heap), 0);
    assert_int_equal(ash_slab_destroy(&slab), 0);
    assert_int_equal(support_faults.count, 0);
    assert_at_rest(region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_that_are_not_for_interrupts),
#if ASH_CHECK >= 2
        cmocka_unit_test(calls_that_are_not_for_who_holds_a_lock),
#endif
        cmocka_unit_test(calls_for_any_context),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
