/* SPDX-License-Identifier: MIT */
/*
 * The early memory map, checked by hand-made cases and against a map of single pages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ashlar/regions.h"
#include "tests/unit/support.h"

static struct ash_regions regions;

static struct ash_range range(uint64_t base, uint64_t size)
{
    return (struct ash_range){ash_pa(base), size};
}

static int start(void **state)
{
    (void)state;
    memset(&regions, 0x5a, sizeof(regions));
    ash_regions_init(&regions);
    return 0;
}

static void check_list(const struct ash_range *list, unsigned count, const uint64_t *expected)
{
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(list[i].base.value, expected[2 * i]);
        assert_int_equal(list[i].size, expected[2 * i + 1]);
    }
}

static void ram_is_rounded_inwards(void **state)
{
    (void)state;
    assert_int_equal(ash_regions_add(&regions, range(0x1001, 0x2fff)), 0);
    assert_int_equal(ash_regions_add(&regions, range(0x8001, 0x1fff)), 0);
    assert_int_equal(ash_regions_add(&regions, range(0x10001, 0x1ffe)), 0); /* no whole page */
    assert_int_equal(regions.ram_count, 2);
    check_list(regions.ram, 2, (const uint64_t[]){0x2000, 0x2000, 0x9000, 0x1000});
}

static void reserved_is_rounded_outwards(void **state)
{
    (void)state;
    assert_int_equal(ash_regions_reserve(&regions, range(0x1fff, 2)), 0);
    assert_int_equal(ash_regions_reserve(&regions, range(0x8000, 0x1000)), 0);
    assert_int_equal(regions.reserved_count, 2);
    check_list(regions.reserved, 2, (const uint64_t[]){0x1000, 0x2000, 0x8000, 0x1000});
}

static void touching_ranges_merge(void **state)
{
    (void)state;
    assert_int_equal(ash_regions_add(&regions, range(0x10000, 0x1000)), 0);
    assert_int_equal(ash_regions_add(&regions, range(0x30000, 0x1000)), 0);
    assert_int_equal(ash_regions_add(&regions, range(0x20000, 0x1000)), 0);
    check_list(regions.ram, 3,
               (const uint64_t[]){0x10000, 0x1000, 0x20000, 0x1000, 0x30000, 0x1000});
    assert_int_equal(ash_regions_add(&regions, range(0x11000, 0x1000)), 0); /* adjacent above */
    assert_int_equal(ash_regions_add(&regions, range(0x2f000, 0x1000)), 0); /* adjacent below */
    assert_int_equal(regions.ram_count, 3);
    assert_int_equal(ash_regions_add(&regions, range(0x20800, 0x400)), 0); /* inside */
    check_list(regions.ram, 3,
               (const uint64_t[]){0x10000, 0x2000, 0x20000, 0x1000, 0x2f000, 0x2000});
    assert_int_equal(ash_regions_add(&regions, range(0x11000, 0x1f000)), 0); /* joins all */
    assert_int_equal(regions.ram_count, 1);
    check_list(regions.ram, 1, (const uint64_t[]){0x10000, 0x21000});
}

static void bad_ranges_are_refused(void **state)
{
    (void)state;
    assert_int_equal(ash_regions_add(&regions, range(0x1000, 0)), ASH_EINVAL);
    assert_int_equal(ash_regions_reserve(&regions, range(0x1000, 0)), ASH_EINVAL);
    assert_int_equal(ash_regions_add(&regions, range(UINT64_MAX - 0xfff, 0x2000)), ASH_ERANGE);
    assert_int_equal(ash_regions_reserve(&regions, range(UINT64_MAX - 0xfff, 0xfff)), ASH_ERANGE);
    assert_int_equal(ash_regions_add(&regions, range(ASH_REGIONS_LIMIT, 0x1000)), ASH_ERANGE);
    assert_int_equal(ash_regions_add(&regions, range(ASH_REGIONS_LIMIT - 0x1000, 0x1000)), 0);
    assert_int_equal(ash_regions_reserve(&regions, range(ASH_REGIONS_LIMIT - 1, 2)), ASH_ERANGE);
    assert_int_equal(ash_regions_reserve(&regions, range(ASH_REGIONS_LIMIT - 1, 1)), 0);
    assert_int_equal(regions.ram_count, 1);
    assert_int_equal(regions.reserved_count, 1);
}

static void full_table_changes_nothing(void **state)
{
    struct ash_regions before;
    ash_pa_t base = ash_pa(0x1234);

    (void)state;
    for (unsigned i = 0; i < ASH_REGIONS_RAM; i++) {
        assert_int_equal(ash_regions_add(&regions, range(0x100000 * (i + 1), 0x10000)), 0);
    }
    for (unsigned i = 0; i < ASH_REGIONS_RESERVED; i++) {
        assert_int_equal(ash_regions_reserve(&regions, range(0x100000 + 0x2000 * i, 0x1000)), 0);
    }
    before = regions;
    assert_int_equal(ash_regions_add(&regions, range(0x80000, 0x1000)), ASH_ENOMEM);
    assert_int_equal(ash_regions_reserve(&regions, range(0x80000, 0x1000)), ASH_ENOMEM);
    assert_int_equal(ash_regions_take(&regions, 0x1000, 0x1000, UINT64_MAX, &base), ASH_ENOMEM);
    assert_int_equal(base.value, 0x1234);
    assert_memory_equal(&regions, &before, sizeof(before));
    /* What merges needs no entry. */
    assert_int_equal(ash_regions_add(&regions, range(0xf0000, 0x10000)), 0);
    assert_int_equal(ash_regions_reserve(&regions, range(0x101000, 0x1000)), 0);
    assert_int_equal(regions.ram_count, ASH_REGIONS_RAM);
    assert_int_equal(regions.reserved_count, ASH_REGIONS_RESERVED - 1);
}

static void take_finds_the_highest_place(void **state)
{
    ash_pa_t base;

    (void)state;
    assert_int_equal(ash_regions_add(&regions, range(0x40000000, 0x100000)), 0);
    assert_int_equal(ash_regions_add(&regions, range(0x80000000, 0x100000)), 0);
    assert_int_equal(ash_regions_take(&regions, 0x1000, 0x1000, UINT64_MAX, &base), 0);
    assert_int_equal(base.value, 0x800ff000);
    assert_int_equal(ash_regions_take(&regions, 1, 1, UINT64_MAX, &base), 0);
    assert_int_equal(base.value, 0x800fe000);
    assert_int_equal(ash_regions_take(&regions, 0x4000, 0x4000, UINT64_MAX, &base), 0);
    assert_int_equal(base.value, 0x800f8000);
    assert_int_equal(ash_regions_take(&regions, 0x1000, 0x1000, 0x80000000, &base), 0);
    assert_int_equal(base.value, 0x400ff000);
    assert_int_equal(ash_regions_take(&regions, 0x1000, 0x1000, 0x40080800, &base), 0);
    assert_int_equal(base.value, 0x4007f000);
    assert_int_equal(
        ash_regions_take_in(&regions, 0x1000, 0x1000, range(0x40010800, 0x1900), &base), 0);
    assert_int_equal(base.value, 0x40011000);
    assert_int_equal(
        ash_regions_take_in(&regions, 0x1000, 0x1000, range(0x40010800, 0x1900), &base),
        ASH_ENOMEM);
    assert_int_equal(ash_regions_take(&regions, 0x100000, 0x1000, UINT64_MAX, &base), ASH_ENOMEM);
    assert_int_equal(ash_regions_take(&regions, 0, 0x1000, UINT64_MAX, &base), ASH_EINVAL);
    assert_int_equal(ash_regions_take(&regions, 0x1000, 0, UINT64_MAX, &base), ASH_EINVAL);
    assert_int_equal(ash_regions_take(&regions, 0x1000, 0x3000, UINT64_MAX, &base), ASH_EINVAL);
    assert_int_equal(ash_regions_take(&regions, UINT64_MAX, 0x1000, UINT64_MAX, &base), ASH_ERANGE);
    assert_int_equal(
        ash_regions_take_in(&regions, 0x1000, 0x1000, range(0x1000, UINT64_MAX), &base),
        ASH_ERANGE);
}

/* The model: one byte a page. */
#define PAGES 300u
#define RAM   1u
#define TAKEN 2u

static uint8_t model[PAGES];

static void model_set(uint64_t first, uint64_t end, uint8_t bit)
{
    for (uint64_t page = first; page < end; page++) {
        model[page] |= bit;
    }
}

static void check_model(void)
{
    uint8_t seen[PAGES] = {0};
    uint64_t cursor = 0;
    struct ash_range next;
    uint64_t previous_end = 0;

    for (unsigned i = 0; i < regions.ram_count; i++) {
        for (uint64_t page = 0; page < regions.ram[i].size >> 12; page++) {
            seen[(regions.ram[i].base.value >> 12) + page] |= RAM;
        }
        assert_true(i == 0 || regions.ram[i].base.value >
                                  regions.ram[i - 1].base.value + regions.ram[i - 1].size);
    }
    for (unsigned i = 0; i < regions.reserved_count; i++) {
        for (uint64_t page = 0; page < regions.reserved[i].size >> 12; page++) {
            seen[(regions.reserved[i].base.value >> 12) + page] |= TAKEN;
        }
        assert_true(i == 0 || regions.reserved[i].base.value > regions.reserved[i - 1].base.value +
                                                                   regions.reserved[i - 1].size);
    }
    assert_memory_equal(seen, model, sizeof(seen));
    for (unsigned page = 0; page < PAGES; page++) {
        assert_int_equal(ash_regions_is_ram(&regions, range((uint64_t)page << 12, 0x1000)),
                         (model[page] & RAM) != 0);
        assert_int_equal(ash_regions_is_reserved(&regions, range((uint64_t)page << 12, 1)),
                         (model[page] & TAKEN) != 0);
    }
    while (ash_regions_next_free(&regions, &cursor, &next)) {
        uint64_t first = next.base.value >> 12;
        uint64_t end = first + (next.size >> 12);

        for (uint64_t page = previous_end; page < first; page++) {
            assert_int_not_equal(model[page], RAM);
        }
        assert_true(first < end);
        for (uint64_t page = first; page < end; page++) {
            assert_int_equal(model[page], RAM);
        }
        previous_end = end;
    }
    for (uint64_t page = previous_end; page < PAGES; page++) {
        assert_int_not_equal(model[page], RAM);
    }
}

/** The highest aligned run of free pages in [low, high), or -1. */
static int model_place(unsigned pages, unsigned align, unsigned low, unsigned high)
{
    for (int first = (int)high - (int)pages; first >= (int)low; first--) {
        unsigned page = 0;

        while (page < pages && model[(unsigned)first + page] == RAM) {
            page++;
        }
        if (page == pages && (unsigned)first % align == 0) {
            return first;
        }
    }
    return -1;
}

static void random_operations_agree_with_the_model(void **state)
{
    (void)state;
    support_seed(20250);
    for (unsigned round = 0; round < 200; round++) {
        ash_regions_init(&regions);
        memset(model, 0, sizeof(model));
        for (unsigned step = 0; step < 40; step++) {
            unsigned first = support_random_below(PAGES - 20);
            unsigned pages = 1 + support_random_below(20);
            unsigned align = 1u << support_random_below(5);
            unsigned high = first + support_random_below(PAGES - first + 1);
            struct ash_regions before = regions;
            ash_pa_t base;
            int place;
            int error;

            switch (support_random_below(step < 10 ? 2 : 4)) {
            case 0:
                error = ash_regions_add(&regions, range((uint64_t)first << 12, pages << 12));
                if (error == 0) {
                    model_set(first, first + pages, RAM);
                }
                break;
            case 1:
                error = ash_regions_reserve(
                    &regions, range(((uint64_t)first << 12) + 7, (pages << 12) - 3000));
                if (error == 0) {
                    model_set(first, first + pages, TAKEN);
                }
                break;
            default:
                place = model_place(pages, align, first, high);
                error = ash_regions_take_in(
                    &regions, pages << 12, align << 12,
                    range((uint64_t)first << 12, (uint64_t)(high - first) << 12), &base);
                assert_int_equal(error, place < 0 ? ASH_ENOMEM : 0);
                if (error == 0) {
                    assert_int_equal(base.value, (uint64_t)place << 12);
                    model_set((unsigned)place, (unsigned)place + pages, TAKEN);
                }
            }
            if (error != 0) {
                assert_int_equal(error, ASH_ENOMEM);
                assert_memory_equal(&regions, &before, sizeof(before));
            }
            check_model();
        }
    }
}

static void queries_survive_wrapping_ranges(void **state)
{
    (void)state;
    assert_int_equal(ash_regions_add(&regions, range(0x1000, 0x1000)), 0);
    assert_int_equal(ash_regions_reserve(&regions, range(0x1000, 0x1000)), 0);
    assert_false(ash_regions_is_ram(&regions, range(0x1000, 0)));
    assert_false(ash_regions_is_ram(&regions, range(0x1000, UINT64_MAX)));
    assert_false(ash_regions_is_ram(&regions, range(0x1800, 0x1000)));
    assert_true(ash_regions_is_ram(&regions, range(0x1001, 0xfff)));
    assert_true(ash_regions_is_reserved(&regions, range(0, UINT64_MAX)));
    assert_true(ash_regions_is_reserved(&regions, range(0x1fff, UINT64_MAX)));
    assert_false(ash_regions_is_reserved(&regions, range(0x2000, 0x1000)));
    assert_false(ash_regions_is_reserved(&regions, range(0, 0x1000)));
    assert_false(ash_regions_is_reserved(&regions, range(0x1800, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(ram_is_rounded_inwards, start),
        cmocka_unit_test_setup(reserved_is_rounded_outwards, start),
        cmocka_unit_test_setup(touching_ranges_merge, start),
        cmocka_unit_test_setup(bad_ranges_are_refused, start),
        cmocka_unit_test_setup(full_table_changes_nothing, start),
        cmocka_unit_test_setup(take_finds_the_highest_place, start),
        cmocka_unit_test_setup(random_operations_agree_with_the_model, start),
        cmocka_unit_test_setup(queries_survive_wrapping_ranges, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
