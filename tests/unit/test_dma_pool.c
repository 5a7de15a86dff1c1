/* SPDX-License-Identifier: MIT */
/*
 * Pools of coherent objects: where they lie, what is told of bad pointers, and a list of what is
 * out as the model.
 */
#include "ashlar/dma_pool.h"
#include "tests/unit/pmem_machine.h"

static struct ash_pmem *region;
static struct ash_dma_device device;
static struct ash_dma_pool pool;

static void start(void)
{
    region = machine_dma();
    pool = (struct ash_dma_pool){.count = 0};
    device = (struct ash_dma_device){.name = "pool", .mask = UINT32_MAX, .bus_offset = 0x1000000};
    assert_int_equal(ash_dma_init(&device), 0);
}

static int make(size_t size, uint64_t align, uint64_t boundary, uint32_t count)
{
    return ash_dma_pool_create(&pool, "objects", &device, region, size, align, boundary, count);
}

static void finish(void)
{
    assert_int_equal(ash_dma_pool_destroy(&pool), 0);
    assert_int_equal(ash_dma_pool_destroy(&pool), ASH_EINVAL);
    assert_int_equal(ash_dma_exit(&device), 0);
    assert_int_equal(ash_frames_owned(ASH_OWNER_DMA), 0);
    assert_int_equal(support_faults.count, 0);
    assert_all_free(region);
}

static void arguments_are_checked(void **state)
{
    struct ash_dma_device unready = {.mask = UINT32_MAX};

    (void)state;
    start();
    assert_int_equal(ash_dma_pool_create(&pool, "p", &unready, region, 8, 0, 0, 1), ASH_EINVAL);
    assert_int_equal(make(0, 0, 0, 1), ASH_EINVAL);
    assert_int_equal(make(8, 0, 0, 0), ASH_EINVAL);
    assert_int_equal(make(8, 3, 0, 1), ASH_EINVAL);
    assert_int_equal(make(8, 0, 48, 1), ASH_EINVAL);
    assert_int_equal(make(65, 0, 64, 1), ASH_EINVAL);
    assert_int_equal(make(SIZE_MAX, 0, 0, 1), ASH_ERANGE);
    assert_int_equal(make(SIZE_MAX / 2, 0, 0, 3), ASH_ERANGE);
    assert_int_equal(make(8, 0, 0, UINT32_MAX), ASH_ERANGE);
    assert_int_equal(make(8, 0, 0, UINT32_MAX - 2), ASH_ERANGE);
    assert_int_equal(make(DMA_IN, 0, 0, 2), ASH_ENOMEM);
    support_fail_at = 1;
    assert_int_equal(make(8, 0, 0, 1), ASH_ENOMEM);
    assert_int_equal(ash_frames_owned(ASH_OWNER_DMA), 0);
    assert_all_free(region);
    assert_int_equal(ash_dma_pool_destroy(&pool), ASH_EINVAL);
    assert_int_equal(make(8, 0, 0, 1), 0);
    assert_int_equal(make(8, 0, 0, 1), ASH_EEXIST);
    finish();
}

static void objects_keep_the_constraints(void **state)
{
    static const struct {
        size_t size;
        uint64_t align, boundary, device_alignment, device_boundary;
        uint32_t count;
    } rows[] = {
        {24, 0, 0, 0, 0, 500},       {24, 16, 0, 0, 0, 100},    {100, 4, 1024, 0, 0, 300},
        {64, 64, 64, 0, 0, 200},     {40, 128, 64, 0, 0, 50},   {1000, 8, 0, 0, 4096, 20},
        {1000, 8, 2048, 0, 4096, 9}, {3000, 8, 8192, 0, 0, 11}, {8, 0, 65536, 0, 0, 10},
        {8, 1, 0, 32, 0, 100},       {5000, 8192, 0, 0, 0, 3},  {1, 1, 1, 0, 0, 100},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t align = rows[i].align == 0 ? 8 : rows[i].align, last = 0;
        ash_bus_t bus;

        print_message("# row %u\n", i);
        start();
        device.alignment = rows[i].device_alignment;
        device.boundary = rows[i].device_boundary;
        assert_int_equal(make(rows[i].size, rows[i].align, rows[i].boundary, rows[i].count), 0);
        assert_view(pool.buffer.block.pa.value, pool.buffer.block.size, true);
        for (uint32_t n = 0; n < rows[i].count; n++) {
            unsigned char *object = ash_dma_pool_alloc(&pool, &bus);
            uint64_t end = bus.value + rows[i].size - 1;

            assert_non_null(object);
            assert_int_equal(bus.value, sim_pa(object).value + 0x1000000);
            assert_int_equal(bus.value % align, 0);
            assert_true(rows[i].device_alignment == 0 || bus.value % rows[i].device_alignment == 0);
            if (rows[i].boundary != 0) {
                assert_int_equal(bus.value / rows[i].boundary, end / rows[i].boundary);
            }
            if (rows[i].device_boundary != 0) {
                assert_int_equal(bus.value / rows[i].device_boundary,
                                 end / rows[i].device_boundary);
            }
            assert_true(bus.value > last); /* they do not overlap */
            last = end;
            assert_true(last < pool.buffer.bus.value + pool.buffer.block.size);
            assert_true(bytes_are(object, 0, rows[i].size));
            memset(object, 0xee, rows[i].size);
        }
        assert_null(ash_dma_pool_alloc(&pool, &bus));
        assert_int_equal(ash_dma_pool_destroy(&pool), ASH_EBUSY);
        for (uint32_t n = 0; n < rows[i].count; n++) {
            uint64_t at = n / pool.per * pool.window + n % pool.per * pool.stride;

            assert_int_equal(ash_dma_pool_free(&pool, (unsigned char *)pool.buffer.block.ptr + at),
                             0);
        }
        finish();
    }
}

static void bad(void *object, enum ash_fault_kind kind)
{
    assert_int_equal(ash_dma_pool_free(&pool, object), ASH_ECORRUPT);
    assert_int_equal(support_faults.count, 1);
    assert_int_equal(support_faults.last.kind, kind);
    assert_int_equal(support_faults.last.address, (uintptr_t)object);
    support_faults_reset();
}

static void bad_pointers_are_told(void **state)
{
    unsigned char *first, *second;
    ash_bus_t bus;

    (void)state;
    start();
    bad(&device, ASH_FAULT_FOREIGN);             /* the pool is not made */
    assert_int_equal(make(96, 32, 1024, 25), 0); /* 10 in each KiB */
    assert_int_equal(ash_pmem_owned(ASH_OWNER_DMA), pool.buffer.block.size);
    first = ash_dma_pool_alloc(&pool, &bus);
    second = ash_dma_pool_alloc(&pool, &bus);
    bad(NULL, ASH_FAULT_FOREIGN);
    bad(&device, ASH_FAULT_FOREIGN);
    bad(first - 1, ASH_FAULT_FOREIGN);
    bad(first + 1, ASH_FAULT_MISALIGNED);
    bad(second - 32, ASH_FAULT_MISALIGNED);
    bad(first + 960, ASH_FAULT_FOREIGN);     /* behind the tenth */
    bad(first + 192, ASH_FAULT_DOUBLE_FREE); /* never out */
    bad(first + 2048 + 5 * 96, ASH_FAULT_FOREIGN);
    assert_int_equal(ash_dma_pool_free(&pool, first), 0);
    bad(first, ASH_FAULT_DOUBLE_FREE);
    assert_int_equal(ash_dma_pool_free(&pool, second), 0);
    bad(first, ASH_FAULT_DOUBLE_FREE);
    /* A device that writes over everything breaks no list. */
    memset(pool.buffer.block.ptr, 0xff, pool.buffer.block.size);
    assert_ptr_equal(ash_dma_pool_alloc(&pool, &bus), second);
    assert_ptr_equal(ash_dma_pool_alloc(&pool, &bus), first);
    assert_true(bytes_are(first, 0, 96));
    assert_int_equal(ash_dma_pool_free(&pool, first), 0);
    assert_int_equal(ash_dma_pool_free(&pool, second), 0);
    finish();
}

static void random_use(void **state)
{
    enum { COUNT = 60 };
    void *out[COUNT];
    unsigned used = 0, most = 0, failures = 0;
    struct ash_dma_pool_stats stats;
    ash_bus_t bus;

    (void)state;
    support_seed(3);
    start();
    assert_int_equal(make(48, 16, 256, COUNT), 0);
    for (unsigned step = 0; step < 20000; step++) {
        if (support_random_below(9) < 4 + (step / 100 % 2)) {
            unsigned char *object = ash_dma_pool_alloc(&pool, &bus);

            if (used == COUNT) {
                assert_null(object);
                failures++;
                continue;
            }
            assert_non_null(object);
            for (unsigned i = 0; i < used; i++) {
                assert_ptr_not_equal(out[i], object);
            }
            assert_true(bytes_are(object, 0, 48));
            memset(object, (int)step, 48);
            out[used++] = object;
            most = used > most ? used : most;
        } else if (used > 0) {
            unsigned which = support_random_below(used);

            assert_int_equal(ash_dma_pool_free(&pool, out[which]), 0);
            out[which] = out[--used];
        }
    }
    ash_dma_pool_stats(&pool, &stats);
    assert_int_equal(stats.size, 48);
    assert_int_equal(stats.count, COUNT);
    assert_int_equal(stats.used, used);
    assert_int_equal(stats.high_water, most);
    assert_int_equal(stats.failures, failures);
    assert_true(failures > 0);
    while (used > 0) {
        assert_int_equal(ash_dma_pool_free(&pool, out[--used]), 0);
    }
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(objects_keep_the_constraints),
        cmocka_unit_test(bad_pointers_are_told),
        cmocka_unit_test(random_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
