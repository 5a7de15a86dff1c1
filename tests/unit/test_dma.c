/* SPDX-License-Identifier: MIT */
/*
 * Devices' constraints and coherent buffers.
 */
#include "ashlar/dma.h"
#include "tests/unit/pmem_machine.h"

static int init(struct ash_dma_device device)
{
    return ash_dma_init(&device);
}

static void constraints_are_checked(void **state)
{
    struct ash_dma_device device = {.mask = UINT32_MAX};

    (void)state;
    assert_int_equal(init((struct ash_dma_device){.mask = UINT64_MAX}), 0);
    assert_int_equal(init((struct ash_dma_device){.mask = 0xfffffff}), 0);
    assert_int_equal(init((struct ash_dma_device){.mask = 1}), 0);
    assert_int_equal(init((struct ash_dma_device){.mask = 0}), ASH_EINVAL);
    assert_int_equal(init((struct ash_dma_device){.mask = 0x80000000}), ASH_EINVAL);
    assert_int_equal(init((struct ash_dma_device){.mask = 0xfffffffe}), ASH_EINVAL);
    assert_int_equal(init((struct ash_dma_device){.mask = 0xff, .alignment = 3}), ASH_EINVAL);
    assert_int_equal(init((struct ash_dma_device){.mask = 0xff, .boundary = 48}), ASH_EINVAL);
    assert_int_equal(init((struct ash_dma_device){.mask = 0xff, .bus_offset = 0x100}), ASH_EINVAL);
    assert_int_equal(init((struct ash_dma_device){.mask = 0xff, .bus_offset = 0xff}), 0);
    assert_int_equal(init((struct ash_dma_device){.mask = 0xff, .bus_offset = -0x1000}), 0);
    assert_int_equal(init((struct ash_dma_device){.mask = 0xff, .bus_offset = INT64_MIN}), 0);
    assert_int_equal(
        init((struct ash_dma_device){.mask = 0xffff, .bus_offset = 0x10, .alignment = 0x20}),
        ASH_EINVAL);
    assert_int_equal(
        init((struct ash_dma_device){.mask = 0xffff, .bus_offset = -0x10, .boundary = 0x20}),
        ASH_EINVAL);
    assert_int_equal(
        init((struct ash_dma_device){.mask = 0xffff, .bus_offset = -0x40, .boundary = 0x20}), 0);

    assert_int_equal(ash_dma_exit(&device), ASH_EINVAL);
    assert_int_equal(ash_dma_init(&device), 0);
    assert_int_equal(ash_dma_init(&device), ASH_EEXIST);
    assert_int_equal(ash_dma_exit(&device), 0);
    assert_int_equal(ash_dma_exit(&device), ASH_EINVAL);
}

static void bus_addresses(void **state)
{
    static const struct {
        uint64_t mask;
        int64_t offset;
        uint64_t pa, size, bus;
        int expected;
    } rows[] = {
        {0xfff, 0, 0, 0x1000, 0, 0},
        {0xfff, 0, 0, 0x1001, 0, ASH_ERANGE},
        {0xfff, 0, 0xfff, 1, 0xfff, 0},
        {0xfff, 0, 0x1000, 1, 0, ASH_ERANGE},
        {0xfff, 0, 0, 0, 0, ASH_EINVAL},
        {0xfff, 0x800, 0, 0x800, 0x800, 0},
        {0xfff, 0x800, 0, 0x801, 0, ASH_ERANGE},
        {0xffffffff, 0xc0000000, 0x3fffffff, 1, 0xffffffff, 0},
        {0xffffffff, 0xc0000000, 0x40000000, 1, 0, ASH_ERANGE},
        {0xffffffff, -0x40000000, 0x40000000, 0x1000, 0, 0},
        {0xffffffff, -0x40000000, 0x3fffffff, 1, 0, ASH_ERANGE},
        {0xffffffff, -0x40000000, 0x13fffffffull, 1, 0xffffffff, 0},
        {0xffffffff, -0x40000000, 0x13fffffffull, 2, 0, ASH_ERANGE},
        {UINT64_MAX, 0, UINT64_MAX - 1, 1, UINT64_MAX - 1, 0},
        {UINT64_MAX, 0, UINT64_MAX - 1, 3, 0, ASH_ERANGE},
        {UINT64_MAX, -0x1000, UINT64_MAX - 1, 1, UINT64_MAX - 0x1001, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ash_dma_device device = {.mask = rows[i].mask, .bus_offset = rows[i].offset};
        ash_bus_t bus = {0};
        ash_pa_t pa;

        print_message("# row %zu\n", i);
        assert_int_equal(ash_dma_bus(&device, ash_pa(rows[i].pa), 1, &bus), ASH_EINVAL);
        assert_int_equal(ash_dma_bus_to_pa(&device, bus, &pa), ASH_EINVAL);
        assert_int_equal(ash_dma_init(&device), 0);
        assert_int_equal(ash_dma_bus(&device, ash_pa(rows[i].pa), rows[i].size, &bus),
                         rows[i].expected);
        assert_int_equal(bus.value, rows[i].bus);
        if (rows[i].expected == 0) {
            assert_int_equal(ash_dma_bus_to_pa(&device, bus, &pa), 0);
            assert_int_equal(pa.value, rows[i].pa);
        }
    }

    struct ash_dma_device device = {.mask = 0xfff, .bus_offset = 0x800};
    ash_pa_t pa;

    assert_int_equal(ash_dma_init(&device), 0);
    assert_int_equal(ash_dma_bus_to_pa(&device, (ash_bus_t){0x800}, &pa), 0);
    assert_int_equal(pa.value, 0);
    assert_int_equal(ash_dma_bus_to_pa(&device, (ash_bus_t){0x7ff}, &pa), ASH_ERANGE);
    assert_int_equal(ash_dma_bus_to_pa(&device, (ash_bus_t){0x1000}, &pa), ASH_ERANGE);
}

static void queries(void **state)
{
    struct ash_dma_device device = {.mask = 0xffff};

    (void)state;
    sim_start();
    sim_line = 32;
    assert_int_equal(ash_dma_max_mapping_size(&device), 0x10000);
    device.segment = 0x3000;
    assert_int_equal(ash_dma_max_mapping_size(&device), 0x3000);
    device.boundary = 0x1000;
    assert_int_equal(ash_dma_max_mapping_size(&device), 0x1000);
    device = (struct ash_dma_device){.mask = UINT64_MAX};
    assert_int_equal(ash_dma_max_mapping_size(&device), UINT64_MAX);
    assert_int_equal(ash_dma_cache_alignment(&device), 32);
    assert_true(ash_dma_need_sync(&device));
    device.coherent = true;
    assert_int_equal(ash_dma_cache_alignment(&device), 1);
    assert_false(ash_dma_need_sync(&device));

    sim_forget();
    ash_dma_barrier();
    assert_int_equal(sim_traced, 1);
    assert_int_equal(sim_count[SIM_DMB_SY], 1);

    ash_pa_t pa;

    /* Simulated memory is nowhere at its own physical address. */
    assert_int_equal(ash_dma_pa(&device, &pa), ASH_ERANGE);
}

static void buffers_follow_the_device(void **state)
{
    struct ash_pmem *dma = machine_dma();
    struct ash_dma_device device = {
        .mask = 0x1fffffff, .boundary = 0x4000, .bus_offset = -0x40000000};
    struct ash_dma_buffer buffers[40], none = {.block = {.size = 77}};
    unsigned count = 0;
    int error = 0;

    (void)state;
    assert_int_equal(ash_dma_alloc(&device, dma, Q, &none), ASH_EINVAL);
    assert_int_equal(ash_dma_init(&device), 0);
    assert_int_equal(ash_dma_alloc(&device, dma, 0, &none), ASH_EINVAL);
    assert_int_equal(ash_dma_alloc(&device, dma, 0x4001, &none), ASH_ERANGE);
    while (error == 0) {
        struct ash_dma_buffer *buffer = &buffers[count];

        assert_true(count < 40);
        error = ash_dma_alloc(&device, dma, 0x3000, buffer);
        if (error == 0) {
            uint64_t bus = buffer->bus.value;

            assert_int_equal(bus, buffer->block.pa.value - 0x40000000);
            assert_int_equal(bus / 0x4000, (bus + 0x2fff) / 0x4000);
            assert_int_equal(buffer->block.size, 0x3000);
            assert_view(buffer->block.pa.value, 0x3000, true);
            assert_true(bytes_are(buffer->block.ptr, 0, 0x3000));
            count++;
        }
    }
    assert_int_equal(error, ASH_ENOMEM);
    assert_int_equal(count, 24); /* 0x50004000 to 0x50060000 by 16 KiB, and the region's last 12 */
    assert_int_equal(none.block.size, 77);
    assert_int_equal(ash_dma_exit(&device), ASH_EBUSY);
    assert_misused(count);
    assert_int_equal(ash_pmem_owned(ASH_OWNER_DMA), count * 0x3000);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(ash_dma_free(&buffers[i]), 0);
    }
    assert_int_equal(ash_dma_free(&buffers[0]), ASH_ECORRUPT);
    assert_int_equal(support_faults.count, 1);
    assert_int_equal(support_faults.last.kind, ASH_FAULT_FOREIGN);
    support_faults_reset();
    /* Nor does it free what has come to lie there. */
    assert_int_equal(ash_dma_alloc(&device, dma, 0x3000, &buffers[1]), 0);
    assert_int_equal(ash_dma_free(&buffers[0]), ASH_ECORRUPT);
    assert_int_equal(support_faults.count, 1);
    support_faults_reset();
    assert_int_equal(ash_pmem_owned(ASH_OWNER_DMA), 0x3000);
    none = buffers[1];
    if (ASH_CHECK >= 1) {
        MISUSE(ash_dma_free(&none), ASH_ECORRUPT); /* by a copy */
    }
    assert_int_equal(ash_dma_free(&buffers[1]), 0);
    if (ASH_CHECK >= 1) {
        MISUSE(ash_dma_free(&none), ASH_ECORRUPT);
    }
    assert_int_equal(ash_dma_exit(&device), 0);
    assert_all_free(dma);
}

static void buffers_stay_within_the_mask(void **state)
{
    struct ash_pmem *dma = machine_dma();
    /* It reaches up to bus 0xffffff: the region's first 13 quanta, and not one more. */
    struct ash_dma_device device = {.mask = 0xffffff, .bus_offset = -(int64_t)(ZONE_AT - 0xff0000)};
    struct ash_dma_device coherent = {.mask = UINT64_MAX, .coherent = true, .alignment = 0x8000};
    struct ash_dma_device below = {.mask = 0x3fffffff};
    struct ash_dma_device above = {.mask = 0xffff, .bus_offset = -(int64_t)(DMA_AT + DMA_IN)};
    struct ash_dma_buffer first, second;

    (void)state;
    assert_int_equal(ash_dma_init(&device), 0);
    assert_int_equal(ash_dma_alloc(&device, dma, 14 * Q, &first), ASH_ENOMEM);
    assert_int_equal(ash_dma_alloc(&device, dma, 13 * Q, &first), 0);
    assert_int_equal(first.bus.value, 0xff3000);
    assert_int_equal(ash_dma_alloc(&device, dma, Q, &second), ASH_ENOMEM);
    assert_int_equal(ash_dma_free(&first), 0);

    assert_int_equal(ash_dma_init(&below), 0);
    assert_int_equal(ash_dma_alloc(&below, dma, Q, &first), ASH_ERANGE);
    assert_int_equal(ash_dma_init(&above), 0);
    assert_int_equal(ash_dma_alloc(&above, dma, Q, &first), ASH_ERANGE);

    assert_int_equal(ash_dma_init(&coherent), 0);
    assert_int_equal(ash_dma_alloc(&coherent, dma, 5, &first), 0);
    assert_int_equal(first.block.pa.value, ZONE_AT + 0x8000);
    assert_int_equal(first.block.size, Q);
    assert_view(first.block.pa.value, Q, false);
    assert_int_equal(ash_dma_alloc(&coherent, dma, 5, &second), 0);
    assert_int_equal(second.block.pa.value, ZONE_AT + 0x10000);
    assert_int_equal(ash_dma_free(&first), 0);
    MISUSE(ash_dma_exit(&coherent), ASH_EBUSY);
    assert_int_equal(ash_dma_free(&second), 0);
    assert_int_equal(ash_dma_exit(&coherent), 0);

    struct ash_dma_device small = {.mask = UINT32_MAX, .boundary = 0x800};

    assert_int_equal(ash_dma_init(&small), 0);
    assert_int_equal(ash_dma_alloc(&small, dma, 0x801, &first), ASH_ERANGE);
    assert_int_equal(ash_dma_alloc(&small, dma, 0x800, &first), 0);
    assert_int_equal(ash_dma_free(&first), 0);
    assert_all_free(dma);
    assert_int_equal(support_faults.count, 0);
}

static void buffers_need_the_remap_zone(void **state)
{
    struct ash_dma_device device = {.mask = UINT32_MAX};
    struct ash_dma_buffer buffer;

    (void)state;
    machine_start();
    struct ash_pmem *fixed = machine_region("fixed", FIXED_AT, FIXED_IN);

    ash_mmu_freeze(&machine_map);
    assert_int_equal(ash_dma_init(&device), 0);
    assert_int_equal(ash_dma_alloc(&device, fixed, Q, &buffer), ASH_EBUSY);
    assert_int_equal(ash_dma_exit(&device), 0);
    assert_all_free(fixed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constraints_are_checked),
        cmocka_unit_test(bus_addresses),
        cmocka_unit_test(queries),
        cmocka_unit_test(buffers_follow_the_device),
        cmocka_unit_test(buffers_stay_within_the_mask),
        cmocka_unit_test(buffers_need_the_remap_zone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
