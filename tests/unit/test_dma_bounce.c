/* SPDX-License-Identifier: MIT */
/*
 * Bounce buffers: who gets one, where the copy lies, what is copied when, and what is left over.
 * The simulated device works on memory behind the cache.
 */
#include "ashlar/dma.h"
#include "tests/unit/pmem_machine.h"

#define TO   ASH_DMA_TO_DEVICE
#define FROM ASH_DMA_FROM_DEVICE
#define BOTH ASH_DMA_BIDIRECTIONAL

#define SLOT    ((uint64_t)ASH_DMA_SLOT)
#define LINE    64u
#define FAR_AT  FIXED_AT /* what the device does not reach */
#define POOL_IN (16 * Q)
#define OFFSET  0x20000000

static struct ash_pmem *region;
static struct ash_dma_device device;
static struct ash_dma_bounce bounce;

/* A device that reaches the region, of 384 KiB from ZONE_AT + 12 KiB on, and not FAR_AT. */
static void start(void)
{
    region = machine_dma();
    bounce = (struct ash_dma_bounce){.slots = 0};
    device = (struct ash_dma_device){
        .name = "weak", .mask = 0x7fffffff, .bounce = &bounce, .bus_offset = OFFSET};
}

static void join(uint64_t size)
{
    assert_int_equal(ash_dma_bounce_create(&bounce, "copies", region, size, &device), 0);
    assert_int_equal(ash_dma_init(&device), 0);
}

static void finish(void)
{
    struct ash_dma_bounce_stats stats;

    ash_dma_bounce_stats(&bounce, &stats);
    assert_int_equal(stats.used, 0);
    assert_int_equal(ash_dma_exit(&device), 0);
    assert_int_equal(ash_dma_bounce_destroy(&bounce), 0);
    assert_int_equal(ash_dma_bounce_destroy(&bounce), ASH_EINVAL);
    assert_all_free(region);
    assert_int_equal(ash_frames_owned(ASH_OWNER_DMA), 0);
    assert_int_equal(support_faults.count, 0);
    assert_false(sim_irq_masked);
}

/* What the device calls the first slot. */
#define COPIES (bounce.block.pa.value + OFFSET)

static unsigned char *bytes_at(uint64_t pa)
{
    return port_ptr(ash_pa(pa));
}

static int map(uint64_t pa, size_t size, enum ash_dma_direction direction,
               struct ash_dma_mapping *mapping)
{
    return ash_dma_map(&device, ash_pa(pa), size, direction, mapping);
}

/* The device finds these bytes from bus address `bus` on. */
static void device_finds(uint64_t bus, int value, size_t size)
{
    unsigned char bytes[8192];

    assert_true(size <= sizeof bytes);
    sim_device_read(ash_pa(bus - (uint64_t)device.bus_offset), bytes, size);
    assert_true(bytes_are(bytes, value, size));
}

static void device_puts(uint64_t bus, int value, size_t size)
{
    unsigned char bytes[8192];

    assert_true(size <= sizeof bytes);
    memset(bytes, value, size);
    sim_device_write(ash_pa(bus - (uint64_t)device.bus_offset), bytes, size);
}

static void buffers_are_made_within_the_mask(void **state)
{
    struct ash_dma_device wrong = {.mask = 0x12}, below = {.mask = 0x3fffffff};
    struct ash_dma_device above = {.mask = 0x3fffffff, .bus_offset = -(int64_t)(DMA_AT + Q)};

    (void)state;
    start();
    assert_int_equal(ash_dma_init(&device), ASH_EINVAL); /* the bounce buffer is not made */
    assert_int_equal(ash_dma_bounce_create(&bounce, "b", region, 0, &device), ASH_EINVAL);
    assert_int_equal(ash_dma_bounce_create(&bounce, "b", region, Q, &wrong), ASH_EINVAL);
    assert_int_equal(ash_dma_bounce_create(&bounce, "b", region, Q, &below), ASH_ERANGE);
    assert_int_equal(ash_dma_bounce_create(&bounce, "b", region, ASH_DMA_BOUNCE_MAX + 1, &device),
                     ASH_ERANGE);
    assert_int_equal(ash_dma_bounce_create(&bounce, "b", region, UINT64_MAX, &device), ASH_ERANGE);
    assert_int_equal(ash_dma_bounce_create(&bounce, "b", region, DMA_IN + 1, &device), ASH_ENOMEM);
    assert_int_equal(bounce.slots, 0);
    assert_all_free(region);

    assert_int_equal(ash_dma_bounce_create(&bounce, "b", region, 1, &above), 0);
    assert_int_equal(bounce.block.pa.value, DMA_AT + Q);
    assert_int_equal(bounce.slots, Q / SLOT);
    assert_int_equal(ash_dma_bounce_create(&bounce, "b", region, Q, &device), ASH_EEXIST);
    /* Others may share it that reach it, with their alignment. */
    below.bounce = &bounce;
    assert_int_equal(ash_dma_init(&below), ASH_ERANGE);
    above.alignment = 4 * Q;
    device.alignment = 8 * Q;
    assert_int_equal(ash_dma_init(&device), ASH_EALIGN);
    device.alignment = 0;
    device.keep = 8 * Q - 1;
    assert_int_equal(ash_dma_init(&device), ASH_EALIGN);
    device.keep = 8 * Q - 2;
    assert_int_equal(ash_dma_init(&device), ASH_EINVAL);
    device.keep = 0;
    assert_int_equal(ash_dma_init(&device), 0);
    assert_int_equal(ash_dma_bounce_destroy(&bounce), ASH_EBUSY);
    finish();

    /* The alignment of the device that it is made for. */
    device.alignment = 4 * Q;
    join(Q);
    assert_int_equal(bounce.block.pa.value % (4 * Q), 0);
    finish();
    device.alignment = 0;
    device.keep = 8 * Q - 1;
    join(Q);
    assert_int_equal(bounce.block.pa.value % (8 * Q), 0);
    finish();
}

static void devices_that_reach_no_ram_are_refused(void **state)
{
    static const struct {
        uint64_t mask;
        int64_t offset;
        int expected;
    } rows[] = {
        {0x0fffffff, 0, ASH_ERANGE}, /* QEMU's edu on virt */
        {0x3fffffff, 0, ASH_ERANGE},
        {0x7fffffff, 0, 0},
        {0x0fffffff, -(int64_t)FRAMES_AT, 0},
        {0x0fffffff, -(int64_t)(FRAMES_AT + FRAMES_IN - 1), 0},
        {0x0fffffff, -(int64_t)(FRAMES_AT + FRAMES_IN), ASH_ERANGE},
        {0x3fffffff, -(int64_t)(FRAMES_AT + FRAMES_IN), 0}, /* the other range of RAM */
        {0x0fffffff, -(int64_t)(FIXED_AT + FIXED_IN), ASH_ERANGE},
        {0xffffffff, 0xc0000000, ASH_ERANGE},
        {0xffffffff, 0xbff00000, 0},
    };
    struct ash_regions ram;

    (void)state;
    machine_start();
    ash_regions_init(&ram);
    assert_int_equal(ash_regions_add(&ram, (struct ash_range){{FRAMES_AT}, FRAMES_IN}), 0);
    assert_int_equal(ash_regions_add(&ram, (struct ash_range){{FIXED_AT}, FIXED_IN}), 0);
    assert_int_equal(ash_dma_required_mask(&device), UINT64_MAX);
    ash_dma_setup(&ram, (struct ash_range){{0}, 0});
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ash_dma_device one = {.mask = rows[i].mask, .bus_offset = rows[i].offset};

        print_message("# row %zu\n", i);
        assert_int_equal(ash_dma_init(&one), rows[i].expected);
        assert_int_equal(ash_dma_exit(&one), rows[i].expected == 0 ? 0 : ASH_EINVAL);
    }
    device = (struct ash_dma_device){.mask = 1};
    assert_int_equal(ash_dma_required_mask(&device), 0x7fffffff);
    device.bus_offset = 0x40000000;
    assert_int_equal(ash_dma_required_mask(&device), 0xffffffff);
    device.bus_offset = -(int64_t)FRAMES_AT;
    assert_int_equal(ash_dma_required_mask(&device), 0x3fffffff);
    device.bus_offset = -(int64_t)FRAMES_AT - 1;
    assert_int_equal(ash_dma_required_mask(&device), UINT64_MAX);
}

/* Each reason for a copy; and without a reason, none. */
static void what_the_device_cannot_have_is_copied(void **state)
{
    struct ash_dma_mapping mapping = {0};
    static const struct {
        uint64_t pa;
        size_t size;
        enum ash_dma_direction direction;
        uint64_t alignment, boundary, segment;
        int error; /* without a bounce buffer */
    } rows[] = {
        {ZONE_AT + 0x100000, 128, FROM, 0, 0, 0, 0},
        {ZONE_AT + 0x100003, 7, TO, 0, 0, 0, 0},
        {FAR_AT, 128, FROM, 0, 0, 0, ASH_ERANGE},
        {FAR_AT + 5, 77, TO, 0, 0, 0, ASH_ERANGE},
        {ZONE_AT + 0x100003, 7, TO, 4, 0, 0, ASH_EALIGN},
        {ZONE_AT + 0x100000, 65, FROM, 0, 0, 0, ASH_EALIGN},
        {ZONE_AT + 0x100001, 64, BOTH, 0, 0, 0, ASH_EALIGN},
        {ZONE_AT + 0x100ff0, 32, TO, 0, Q, 0, ASH_ERANGE},
        {ZONE_AT + 0x100fe0, 32, TO, 0, Q, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("# row %zu\n", i);
        start();
        device.alignment = rows[i].alignment;
        device.boundary = rows[i].boundary;
        device.segment = rows[i].segment;
        device.bounce = NULL;
        assert_int_equal(ash_dma_init(&device), 0);
        assert_int_equal(map(rows[i].pa, rows[i].size, rows[i].direction, &mapping), rows[i].error);
        assert_int_equal(ash_dma_unmap(&mapping), rows[i].error == 0 ? 0 : ASH_ENOENT);
        assert_misused(rows[i].error != 0);
        assert_int_equal(ash_dma_exit(&device), 0);

        device.bounce = &bounce;
        join(POOL_IN);
        memset(bytes_at(rows[i].pa), 0x21, rows[i].size);
        assert_int_equal(map(rows[i].pa, rows[i].size, rows[i].direction, &mapping), 0);
        assert_int_equal(ash_dma_is_bounced(&mapping), rows[i].error != 0);
        assert_int_equal(mapping.pa.value, rows[i].pa);
        if (rows[i].error != 0) {
            assert_int_equal(mapping.bus.value, COPIES);
        }
        device_finds(mapping.bus.value, 0x21, rows[i].size);
        if (rows[i].direction != TO) {
            device_puts(mapping.bus.value, 0x42, rows[i].size);
        }
        MISUSE(ash_dma_exit(&device), ASH_EBUSY);
        assert_int_equal(ash_dma_unmap(&mapping), 0);
        MISUSE(ash_dma_unmap(&mapping), ASH_ENOENT);
        assert_true(
            bytes_are(bytes_at(rows[i].pa), rows[i].direction == TO ? 0x21 : 0x42, rows[i].size));
        finish();
    }
}

static void copies_keep_the_constraints(void **state)
{
    struct ash_dma_mapping mappings[40];

    (void)state;
    support_seed(5);
    for (unsigned round = 0; round < 60; round++) {
        unsigned count = 0, wanted = 1 + support_random_below(40);

        start();
        memset(mappings, 0, sizeof mappings);
        device.alignment = support_random_below(3) == 0 ? 1u << support_random_below(14) : 0;
        device.boundary = support_random_below(2) == 0 ? 1024u << support_random_below(7) : 0;
        device.keep = support_random_below(3) == 0 ? (2u << support_random_below(13)) - 1 : 0;
        device.coherent = support_random_below(4) == 0;
        join(POOL_IN);
        while (count < wanted) {
            struct ash_dma_mapping *mapping = &mappings[count];
            uint64_t pa = FAR_AT + 0x20000 * count + support_random_below(0x10000);
            size_t size = 1 + support_random_below(1u << support_random_below(15));
            int error = map(pa, size, 1 + support_random_below(3), mapping);
            uint64_t skip = pa & device.keep;

            if (error != 0) {
                assert_true(error == ASH_ENOMEM || size > ash_dma_max_mapping_size(&device) ||
                            (error == ASH_EALIGN && skip % device.alignment != 0));
                assert_null(mapping->device);
                break;
            }
            assert_true(ash_dma_is_bounced(mapping));
            assert_int_equal(mapping->bus.value & device.keep, skip);
            if (device.alignment != 0) {
                assert_int_equal(mapping->bus.value % device.alignment, 0);
            }
            if (device.boundary != 0) {
                assert_int_equal(mapping->bus.value / device.boundary,
                                 (mapping->bus.value + size - 1) / device.boundary);
            }
            /* In slots of its own, all of it in the buffer. */
            uint64_t begin = (mapping->bus.value - skip) / SLOT * SLOT;
            uint64_t end = (mapping->bus.value + size + SLOT - 1) / SLOT * SLOT;

            assert_true(begin >= COPIES);
            assert_true(end <= COPIES + bounce.block.size);
            for (unsigned i = 0; i < count; i++) {
                uint64_t other = mappings[i].bus.value - (mappings[i].pa.value & device.keep);

                assert_true(other / SLOT * SLOT >= end ||
                            mappings[i].bus.value + mappings[i].size <= begin);
            }
            count++;
        }
        for (unsigned i = 0; i < count; i++) {
            assert_int_equal(ash_dma_unmap(&mappings[i]), 0);
        }
        finish();
    }
}

/* What a slot's last user left is nobody's to see, and bytes that the device leaves alone are what
 * they were. */
static void nothing_leaks(void **state)
{
    struct ash_dma_mapping mapping = {0};
    enum ash_dma_direction directions[] = {TO, FROM, BOTH};

    (void)state;
    start();
    device.keep = 0xff;
    join(POOL_IN);
    for (unsigned i = 0; i < 3; i++) {
        memset(bytes_at(FAR_AT), 0x77, 2 * SLOT);
        assert_int_equal(map(FAR_AT, 2 * SLOT, BOTH, &mapping), 0);
        device_puts(mapping.bus.value, 0x99, 2 * SLOT);
        assert_int_equal(ash_dma_unmap(&mapping), 0);
        assert_true(bytes_are(bytes_at(FAR_AT), 0x99, 2 * SLOT));

        assert_int_equal(map(FAR_AT + 0x1234, 100, directions[i], &mapping), 0);
        assert_int_equal(mapping.bus.value, COPIES + 0x34);
        device_finds(COPIES, 0, 0x34);
        device_finds(mapping.bus.value + 100, 0, (size_t)SLOT - 0x34 - 100);
        assert_int_equal(ash_dma_unmap(&mapping), 0);
    }
    /* A short transfer. */
    memset(bytes_at(FAR_AT), 0x11, 1000);
    assert_int_equal(map(FAR_AT, 1000, FROM, &mapping), 0);
    device_puts(mapping.bus.value + 100, 0x22, 100);
    assert_int_equal(ash_dma_unmap(&mapping), 0);
    assert_true(bytes_are(bytes_at(FAR_AT), 0x11, 100));
    assert_true(bytes_are(bytes_at(FAR_AT) + 100, 0x22, 100));
    assert_true(bytes_are(bytes_at(FAR_AT) + 200, 0x11, 800));
    finish();
}

static void parts_change_hands(void **state)
{
    struct ash_dma_mapping mapping = {0};
    unsigned char *bytes;

    (void)state;
    start();
    join(POOL_IN);
    bytes = bytes_at(FAR_AT);
    memset(bytes, 1, 1000);
    assert_int_equal(map(FAR_AT, 1000, BOTH, &mapping), 0);
    device_puts(mapping.bus.value, 2, 1000);
    assert_true(bytes_are(bytes, 1, 1000));

    /* Whole lines of the copy, but for its end. */
    MISUSE(ash_dma_sync_for_cpu(&mapping, 1, LINE - 1, BOTH), ASH_EALIGN);
    MISUSE(ash_dma_sync_for_cpu(&mapping, LINE, LINE - 1, BOTH), ASH_EALIGN);
    assert_int_equal(ash_dma_sync_for_cpu(&mapping, 15 * LINE, 40, BOTH), 0);
    assert_true(bytes_are(bytes, 1, 15 * LINE));
    assert_true(bytes_are(bytes + 15 * LINE, 2, 40));
    assert_int_equal(ash_dma_sync_for_cpu(&mapping, 2 * LINE, 3 * LINE, BOTH), 0);
    assert_true(bytes_are(bytes + 2 * LINE, 2, 3 * LINE));
    /* What the CPU has already is not copied over. */
    memset(bytes + 3 * LINE, 3, LINE);
    assert_int_equal(ash_dma_sync_for_cpu(&mapping, 0, 8 * LINE, BOTH), 0);
    assert_true(bytes_are(bytes, 2, 3 * LINE));
    assert_true(bytes_are(bytes + 3 * LINE, 3, LINE));
    assert_true(bytes_are(bytes + 4 * LINE, 2, 4 * LINE));
    /* Back again: the device sees that part and nothing else of what the CPU wrote. */
    memset(bytes + 4 * LINE, 4, 2 * LINE);
    assert_int_equal(ash_dma_sync_for_device(&mapping, 3 * LINE, 2 * LINE, BOTH), 0);
    device_finds(mapping.bus.value + 3 * LINE, 3, LINE);
    device_finds(mapping.bus.value + 4 * LINE, 4, LINE);
    device_finds(mapping.bus.value + 5 * LINE, 2, LINE);
    MISUSE(ash_dma_sync_for_device(&mapping, 3 * LINE, LINE, BOTH), ASH_ENOTOWNER);
    /* At the end, the device's parts are copied and the CPU's stay. */
    device_puts(mapping.bus.value + 3 * LINE, 5, 2 * LINE);
    device_puts(mapping.bus.value + 8 * LINE, 5, LINE);
    assert_int_equal(ash_dma_unmap(&mapping), 0);
    assert_true(bytes_are(bytes, 2, 3 * LINE));
    assert_true(bytes_are(bytes + 3 * LINE, 5, 2 * LINE));
    assert_true(bytes_are(bytes + 5 * LINE, 4, LINE));
    assert_true(bytes_are(bytes + 6 * LINE, 2, 2 * LINE));
    assert_true(bytes_are(bytes + 8 * LINE, 5, LINE));
    assert_true(bytes_are(bytes + 9 * LINE, 2, 1000 - 9 * LINE));
    finish();
}

/* Only ASH_DMA_PARTS at a time. */
static void separate_parts_are_few(void **state)
{
    struct ash_dma_mapping mapping = {0};

    (void)state;
    start();
    join(POOL_IN);
    assert_int_equal(map(FAR_AT, 1024, FROM, &mapping), 0);
    for (unsigned i = 0; i < ASH_DMA_PARTS; i++) {
        assert_int_equal(ash_dma_sync_for_cpu(&mapping, 2 * i * LINE, LINE, FROM), 0);
    }
    assert_int_equal(ash_dma_sync_for_cpu(&mapping, 15 * LINE, LINE, FROM), ASH_ENOMEM);
    assert_int_equal(ash_dma_sync_for_cpu(&mapping, LINE, LINE, FROM), 0);
    assert_int_equal(ash_dma_sync_for_cpu(&mapping, 15 * LINE, LINE, FROM), 0);
    assert_int_equal(ash_dma_sync_for_device(&mapping, LINE, LINE, FROM), ASH_ENOMEM);
    assert_int_equal(ash_dma_sync_for_device(&mapping, 0, 3 * LINE, FROM), 0);
    assert_int_equal(mapping.held.count, 3);
    assert_int_equal(ash_dma_unmap(&mapping), 0);
    finish();
}

static void exhaustion_and_recovery(void **state)
{
    struct ash_dma_mapping mappings[32] = {0}, one = {0};
    struct ash_dma_bounce_stats stats;

    (void)state;
    start();
    join(POOL_IN); /* 32 slots */
    assert_int_equal(ash_pmem_owned(ASH_OWNER_DMA), POOL_IN);
    assert_int_equal(ash_dma_max_mapping_size(&device), POOL_IN);
    assert_int_equal(map(FAR_AT, POOL_IN + 1, TO, &one), ASH_ERANGE);
    assert_int_equal(map(FAR_AT, FIXED_IN, TO, &one), ASH_ERANGE);
    assert_int_equal(map(FAR_AT, SIZE_MAX, TO, &one), ASH_ERANGE);
    assert_int_equal(map(FAR_AT, (size_t)0 - FAR_AT, TO, &one), ASH_ERANGE);
    assert_int_equal(map(FAR_AT, POOL_IN, TO, &one), 0);
    assert_int_equal(map(FAR_AT, 1, TO, &mappings[0]), ASH_ENOMEM);
    assert_int_equal(ash_dma_unmap(&one), 0);
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(map(FAR_AT + i * SLOT, SLOT, TO, &mappings[i]), 0);
        assert_int_equal(mappings[i].bus.value, COPIES + i * SLOT);
    }
    assert_int_equal(map(FAR_AT, 1, TO, &one), ASH_ENOMEM);
    assert_int_equal(ash_dma_unmap(&mappings[3]), 0);
    assert_int_equal(ash_dma_unmap(&mappings[5]), 0);
    assert_int_equal(map(FAR_AT, SLOT + 1, TO, &one), ASH_ENOMEM);
    assert_int_equal(ash_dma_unmap(&mappings[4]), 0);
    assert_int_equal(map(FAR_AT, 2 * SLOT + 1, TO, &one), 0);
    assert_int_equal(one.bus.value, COPIES + 3 * SLOT);
    ash_dma_bounce_stats(&bounce, &stats);
    assert_int_equal(stats.size, POOL_IN);
    assert_int_equal(stats.used, POOL_IN);
    assert_int_equal(stats.most, POOL_IN);
    assert_int_equal(stats.mapped, 34);
    assert_int_equal(stats.failures, 3);
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(ash_dma_unmap(&mappings[i]), i >= 3 && i <= 5 ? ASH_ENOENT : 0);
        assert_misused(i >= 3 && i <= 5);
    }
    assert_int_equal(ash_dma_unmap(&one), 0);
    ash_dma_bounce_stats(&bounce, &stats);
    assert_int_equal(stats.copied, POOL_IN + 32 * SLOT + 2 * SLOT + 1);
    finish();
}

static void limits_follow_the_constraints(void **state)
{
    (void)state;
    start();
    join(POOL_IN);
    assert_int_equal(bounce.block.pa.value % 0x4000, 0x3000);
    device.boundary = 0x4000;
    assert_int_equal(ash_dma_max_mapping_size(&device), 0x4000);
    device.boundary = 0x10000; /* at 0x50010000: 52 KiB below, 12 above */
    assert_int_equal(ash_dma_max_mapping_size(&device), 0xd000);
    device.segment = 0x800;
    assert_int_equal(ash_dma_max_mapping_size(&device), 0x800);
    device.segment = 0;
    device.keep = 0xfff;
    assert_int_equal(ash_dma_max_mapping_size(&device), 0xd000 - 0xfff);
    device.boundary = 0x1000;
    assert_int_equal(ash_dma_max_mapping_size(&device), 1);
    device.boundary = 0x800;
    assert_int_equal(ash_dma_max_mapping_size(&device), 1);
    device.keep = 0xfffff;
    assert_int_equal(ash_dma_max_mapping_size(&device), 0);
    device.boundary = device.keep = 0;
    device.coherent = true;
    assert_true(ash_dma_need_sync(&device));
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_are_made_within_the_mask),
        cmocka_unit_test(devices_that_reach_no_ram_are_refused),
        cmocka_unit_test(what_the_device_cannot_have_is_copied),
        cmocka_unit_test(copies_keep_the_constraints),
        cmocka_unit_test(nothing_leaks),
        cmocka_unit_test(parts_change_hands),
        cmocka_unit_test(separate_parts_are_few),
        cmocka_unit_test(exhaustion_and_recovery),
        cmocka_unit_test(limits_follow_the_constraints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
