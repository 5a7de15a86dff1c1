/* SPDX-License-Identifier: MIT */
/*
 * Scatter lists: what the device reads by its segments is the parts, one behind the other, and what
 * it writes comes back to them; each segment keeps every constraint.
 */
#include "ashlar/dma_list.h"
#include "tests/unit/pmem_machine.h"

#define TO       ASH_DMA_TO_DEVICE
#define FROM     ASH_DMA_FROM_DEVICE
#define BOTH     ASH_DMA_BIDIRECTIONAL
#define OFFSET   0x20000000
#define AT       (ZONE_AT + 0x100000) /* outside of the region; the device reaches it */
#define POOL_IN  (32 * Q)
#define CAPACITY 64u
#define BYTES    0x40000u

static struct ash_pmem *region;
static struct ash_dma_device device;
static struct ash_dma_bounce bounce;
static struct ash_dma_mapping mappings[CAPACITY];
static struct ash_dma_segment segments[CAPACITY];
static struct ash_dma_list list;
static unsigned char seen[BYTES], wanted[BYTES];

static void start(void)
{
    region = machine_dma();
    bounce = (struct ash_dma_bounce){.slots = 0};
    device = (struct ash_dma_device){
        .name = "list", .mask = 0x7fffffff, .bounce = &bounce, .bus_offset = OFFSET};
    memset(mappings, 0, sizeof mappings);
    list = (struct ash_dma_list){
        .mappings = mappings, .segments = segments, .capacity = CAPACITY, .device = NULL};
}

static void join(void)
{
    assert_int_equal(ash_dma_bounce_create(&bounce, "copies", region, POOL_IN, &device), 0);
    assert_int_equal(ash_dma_init(&device), 0);
}

static void finish(void)
{
    struct ash_dma_bounce_stats stats;

    ash_dma_bounce_stats(&bounce, &stats);
    assert_int_equal(stats.used, 0);
    assert_null(list.device);
    for (unsigned i = 0; i < CAPACITY; i++) {
        assert_null(mappings[i].device);
    }
    assert_int_equal(ash_dma_exit(&device), 0);
    assert_int_equal(ash_dma_bounce_destroy(&bounce), 0);
    assert_int_equal(support_faults.count, 0);
    assert_all_free(region);
}

struct segment {
    uint64_t bus, size;
};

static void assert_segments(const struct segment *expected, unsigned count)
{
    assert_int_equal(list.count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(segments[i].bus.value, expected[i].bus);
        assert_int_equal(segments[i].size, expected[i].size);
    }
}

#define PARTS(...)                                                                                 \
    static const struct ash_range parts[] = {__VA_ARGS__};                                         \
    const unsigned count = sizeof parts / sizeof parts[0]
#define SEGMENTS(...)                                                                              \
    do {                                                                                           \
        static const struct segment expected_[] = {__VA_ARGS__};                                   \
        assert_segments(expected_, sizeof expected_ / sizeof expected_[0]);                        \
    } while (0)
#define BUS(offset) (AT + OFFSET + (offset))

static void neighbours_are_one(void **state)
{
    PARTS({{AT}, 64}, {{AT + 64}, 128}, {{AT + 512}, 64}, {{AT + 576}, 64}, {{AT + 448}, 64});

    (void)state;
    start();
    join();
    assert_int_equal(ash_dma_map_list(&device, parts, count, FROM, &list), 0);
    SEGMENTS({BUS(0), 192}, {BUS(512), 128}, {BUS(448), 64});
    assert_int_equal(list.mapped, 5);
    assert_int_equal(ash_dma_unmap_list(&list), 0);

    device.segment = 128;
    assert_int_equal(ash_dma_map_list(&device, parts, count, FROM, &list), 0);
    SEGMENTS({BUS(0), 64}, {BUS(64), 128}, {BUS(512), 128}, {BUS(448), 64});
    assert_int_equal(ash_dma_unmap_list(&list), 0);
    device.segment = 0;
    device.boundary = 64;
    assert_int_equal(ash_dma_map_list(&device, parts, count, FROM, &list), 0);
    SEGMENTS({BUS(0), 64}, {BUS(64), 64}, {BUS(128), 64}, {BUS(512), 64}, {BUS(576), 64},
             {BUS(448), 64});
    assert_int_equal(ash_dma_unmap_list(&list), 0);
    assert_int_equal(ash_dma_merge_boundary(&device), 64);
    finish();
}

static void long_parts_are_cut(void **state)
{
    PARTS({{AT + 0x800}, 0x3000});

    (void)state;
    start();
    device.boundary = 0x1000;
    join();
    assert_int_equal(ash_dma_map_list(&device, parts, count, BOTH, &list), 0);
    SEGMENTS({BUS(0x800), 0x800}, {BUS(0x1000), 0x1000}, {BUS(0x2000), 0x1000},
             {BUS(0x3000), 0x800});
    assert_int_equal(ash_dma_unmap_list(&list), 0);
    /* At multiples of the alignment, and of whole lines if the device writes. */
    device.boundary = 0;
    device.segment = 0x17f1;
    assert_int_equal(ash_dma_map_list(&device, parts, count, TO, &list), 0);
    SEGMENTS({BUS(0x800), 0x17f1}, {BUS(0x1ff1), 0x17f1}, {BUS(0x37e2), 0x1e});
    assert_int_equal(ash_dma_unmap_list(&list), 0);
    device.bounce = NULL;
    assert_int_equal(ash_dma_map_list(&device, parts, count, FROM, &list), 0);
    SEGMENTS({BUS(0x800), 0x17c0}, {BUS(0x1fc0), 0x17c0}, {BUS(0x3780), 0x80});
    assert_int_equal(ash_dma_unmap_list(&list), 0);
    device.bounce = &bounce;
    device.alignment = 0x400;
    assert_int_equal(ash_dma_map_list(&device, parts, count, TO, &list), 0);
    SEGMENTS({BUS(0x800), 0x1400}, {BUS(0x1c00), 0x1400}, {BUS(0x3000), 0x800});
    assert_int_equal(ash_dma_unmap_list(&list), 0);
    finish();
}

static void all_or_nothing(void **state)
{
    PARTS({{AT}, 0x1000}, {{FIXED_AT}, 0x1000}, {{AT + 0x2000}, 0x1000});
    struct ash_range bad[3];

    (void)state;
    start();
    device.bounce = NULL;
    assert_int_equal(ash_dma_map_list(&device, parts, count, TO, &list), ASH_EINVAL);
    assert_int_equal(ash_dma_init(&device), 0);
    assert_int_equal(ash_dma_map_list(&device, parts, 0, TO, &list), ASH_EINVAL);
    assert_int_equal(ash_dma_map_list(&device, parts, count, (enum ash_dma_direction)0, &list),
                     ASH_EINVAL);
    assert_int_equal(ash_dma_map_list(&device, parts, count, TO, &list), ASH_ERANGE);
    MISUSE(ash_dma_unmap_list(&list), ASH_ENOENT);
    assert_int_equal(ash_dma_exit(&device), 0);

    device.bounce = &bounce;
    join();
    for (unsigned capacity = 0; capacity < 3; capacity++) {
        list.capacity = capacity;
        assert_int_equal(ash_dma_map_list(&device, parts, count, BOTH, &list), ASH_ENOMEM);
        assert_null(list.device);
    }
    list.capacity = 3;
    /* The last part is wrong, in each way. */
    memcpy(bad, parts, sizeof bad);
    bad[2].size = 0;
    assert_int_equal(ash_dma_map_list(&device, bad, 3, BOTH, &list), ASH_EINVAL);
    bad[2].size = UINT64_MAX;
    assert_int_equal(ash_dma_map_list(&device, bad, 3, BOTH, &list), ASH_ERANGE);
    bad[2] = (struct ash_range){{UINT64_MAX - 0xfff}, 0x1000};
    assert_int_equal(ash_dma_map_list(&device, bad, 3, BOTH, &list), ASH_ERANGE);
    bad[2] = (struct ash_range){{ZONE_AT + ZONE_IN}, 64};
    assert_int_equal(ash_dma_map_list(&device, bad, 3, BOTH, &list), ASH_ERANGE);
    bad[2] = parts[0];
    if (ASH_CHECK >= 1) {
        MISUSE(ash_dma_map_list(&device, bad, 3, BOTH, &list), ASH_EBUSY);
    }
    for (unsigned i = 0; i < CAPACITY; i++) {
        assert_null(mappings[i].device);
    }
    /* The bounce buffer is full. */
    struct ash_dma_mapping all = {0};

    assert_int_equal(ash_dma_map(&device, ash_pa(FIXED_AT + Q), POOL_IN, TO, &all), 0);
    assert_int_equal(ash_dma_map_list(&device, parts, count, BOTH, &list), ASH_ENOMEM);
    assert_int_equal(ash_dma_unmap(&all), 0);
    assert_int_equal(ash_dma_map_list(&device, parts, count, BOTH, &list), 0);
    MISUSE(ash_dma_map_list(&device, parts, count, BOTH, &list), ASH_EBUSY);
    assert_int_equal(list.count, 3);
    assert_int_equal(segments[1].bus.value, bounce.block.pa.value + OFFSET);
    assert_int_equal(ash_dma_unmap_list(&list), 0);
    MISUSE(ash_dma_unmap_list(&list), ASH_ENOENT);
    MISUSE(ash_dma_sync_list_for_cpu(&list, BOTH), ASH_ENOENT);
    MISUSE(ash_dma_sync_list_for_device(&list, BOTH), ASH_ENOENT);
    finish();
}

/* Against the concatenation of the parts */

static struct ash_range drawn[16];
static unsigned parts_drawn;
static uint64_t total;

static void draw_parts(void)
{
    uint64_t near = AT, far = FIXED_AT;

    parts_drawn = 1 + support_random_below(16);
    total = 0;
    for (unsigned i = 0; i < parts_drawn; i++) {
        uint64_t *at = support_random_below(3) == 0 ? &far : &near;
        uint64_t unit = support_random_below(4) == 0 ? 1 : 64;
        uint64_t size = (1 + support_random_below(1u << support_random_below(9))) * unit;

        if (support_random_below(2)) {
            *at = (*at + 63) / 64 * 64 + support_random_below(100) / unit * unit;
        }
        drawn[i] = (struct ash_range){{*at}, size};
        *at += size;
        total += size;
    }
}

static void assert_sound(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < list.count; i++) {
        uint64_t bus = segments[i].bus.value, size = segments[i].size;

        sum += size;
        assert_true(size > 0 && bus + size - 1 <= device.mask);
        assert_true(device.segment == 0 || size <= device.segment);
        assert_true(device.alignment == 0 || bus % device.alignment == 0);
        if (device.boundary != 0) {
            assert_int_equal(bus / device.boundary, (bus + size - 1) / device.boundary);
        }
        if (i > 0 && segments[i - 1].bus.value + segments[i - 1].size == bus) {
            /* Why they are not one. */
            assert_true((device.segment != 0 && segments[i - 1].size + size > device.segment) ||
                        (device.boundary != 0 && segments[i - 1].bus.value / device.boundary !=
                                                     (bus + size - 1) / device.boundary));
        }
    }
    assert_int_equal(sum, total);
}

static void parts_to(unsigned char *bytes)
{
    for (unsigned i = 0; i < parts_drawn; i++) {
        memcpy(bytes, port_ptr(drawn[i].base), drawn[i].size);
        bytes += drawn[i].size;
    }
}

static void device_reads(unsigned char *bytes)
{
    for (unsigned i = 0; i < list.count; i++) {
        sim_device_read(ash_pa(segments[i].bus.value - OFFSET), bytes, segments[i].size);
        bytes += segments[i].size;
    }
}

static void device_writes(const unsigned char *bytes)
{
    for (unsigned i = 0; i < list.count; i++) {
        sim_device_write(ash_pa(segments[i].bus.value - OFFSET), bytes, segments[i].size);
        bytes += segments[i].size;
    }
}

static void fill(unsigned char *bytes, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)support_random();
    }
}

static void lists_carry_their_parts(void **state)
{
    unsigned mapped = 0, cut = 0, merged = 0;

    (void)state;
    support_seed(11);
    for (unsigned round = 0; round < 1500; round++) {
        enum ash_dma_direction direction = 1 + support_random_below(3);
        int error;

        if (round % 50 == 0) {
            start();
        }
        device.boundary = support_random_below(2) ? 256u << support_random_below(8) : 0;
        device.segment = support_random_below(2) ? 100 + support_random_below(5000) : 0;
        device.alignment = support_random_below(3) == 0 ? 1u << support_random_below(7) : 0;
        device.coherent = sim_coherent_devices = support_random_below(4) == 0;
        join();
        draw_parts();
        for (unsigned i = 0; i < parts_drawn; i++) {
            fill(port_ptr(drawn[i].base), drawn[i].size);
        }
        parts_to(wanted);
        error = ash_dma_map_list(&device, drawn, parts_drawn, direction, &list);
        /* A cut longer than a transfer may be, or too many. */
        assert_true(error == 0 || error == ASH_ENOMEM || error == ASH_EALIGN ||
                    error == ASH_ERANGE);
        if (error == 0) {
            mapped++;
            cut += list.mapped > parts_drawn;
            merged += list.count < list.mapped;
            assert_sound();
            device_reads(seen);
            assert_memory_equal(seen, wanted, total);
            if (direction != TO) {
                fill(wanted, total);
                device_writes(wanted);
                sim_device_done();
            }
            if (support_random_below(3) == 0) {
                assert_int_equal(ash_dma_sync_list_for_cpu(&list, direction), 0);
                parts_to(seen);
                assert_memory_equal(seen, wanted, total);
                assert_int_equal(ash_dma_sync_list_for_device(&list, direction), 0);
            }
            assert_int_equal(ash_dma_unmap_list(&list), 0);
        }
        parts_to(seen);
        assert_memory_equal(seen, wanted, total);
        finish();
    }
    print_message("# %u lists, %u with cuts, %u with neighbours\n", mapped, cut, merged);
    assert_true(mapped > 700 && cut > 200 && merged > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_are_one),
        cmocka_unit_test(long_parts_are_cut),
        cmocka_unit_test(all_or_nothing),
        cmocka_unit_test(lists_carry_their_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
