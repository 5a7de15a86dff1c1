/* SPDX-License-Identifier: MIT */
/*
 * Translation tables: arguments, edges of the address space, choice of blocks, splits, merging,
 * and how much table memory a map costs.
 */
#include "tests/unit/mmu_rig.h"

#define RW ASH_MMU_WRITE
#define RX ASH_MMU_EXEC

static uint64_t map_bytes(const struct rig_kind *kind)
{
    return 1ull << kind->va_bits;
}

static void bad_arguments(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig rig;
        uint64_t bytes = map_bytes(kind), pa_end = kind->sim == SIM_LPAE ? 1ull << 40 : 1ull << 48;
        struct {
            uint64_t offset, pa, size;
            int error;
        } rows[] = {
            {0, 0, 0, ASH_EINVAL},
            {0x800, 0, 0x1000, ASH_EALIGN},
            {0, 0x800, 0x1000, ASH_EALIGN},
            {0, 0, 0x1800, ASH_EALIGN},
            {0, 0, 1, ASH_EALIGN},
            {bytes, 0, 0x1000, ASH_ERANGE},
            {bytes - 0x1000, 0, 0x2000, ASH_ERANGE},
            {0, 0, bytes + 0x1000, ASH_ERANGE},
            {0x1000, 0, bytes, ASH_ERANGE},
            {0x1000, 0, UINT64_MAX - 0xfff, ASH_ERANGE},
            {(uint64_t)0 - 0x1000, 0, 0x1000, ASH_ERANGE},
            {(uint64_t)0 - 0x1000, 0, 0x2000, ASH_ERANGE},
            {0, pa_end, 0x1000, ASH_ERANGE},
            {0, pa_end - 0x1000, 0x2000, ASH_ERANGE},
            {0, UINT64_MAX - 0xfff, 0x1000, ASH_ERANGE},
            {0, UINT64_MAX - 0xfff, 0x2000, ASH_ERANGE},
        };

        rig_start(&rig, kind);
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            struct rig_image *before = rig_copy(&rig);
            ash_va_t va = rig_va(&rig, rows[i].offset);
            unsigned tables;

            if (va.value >= kind->base && va.value - kind->base < bytes &&
                rows[i].error == ASH_ERANGE && rows[i].size <= bytes - (va.value - kind->base) &&
                rows[i].pa == 0) {
                free(before); /* in this map the row is not out of range */
                continue;
            }
            assert_int_equal(ash_mmu_map(&rig.map, va, ash_pa(rows[i].pa), rows[i].size, RW),
                             rows[i].error);
            assert_int_equal(
                ash_mmu_tables_needed(&rig.map, va, ash_pa(rows[i].pa), rows[i].size, RW, &tables),
                rows[i].error);
            if (rows[i].pa == 0) {
                assert_int_equal(ash_mmu_unmap(&rig.map, va, rows[i].size), rows[i].error);
                assert_int_equal(ash_mmu_protect(&rig.map, va, rows[i].size, RW), rows[i].error);
                assert_int_equal(ash_mmu_merge(&rig.map, va, rows[i].size, NULL), rows[i].error);
                assert_int_equal(ash_mmu_remap_zone(&rig.map, va, rows[i].size), rows[i].error);
                assert_int_equal(ash_mmu_open_zone(&rig.map, va, rows[i].size), rows[i].error);
            }
            rig_unchanged(&rig, before);
        }
        rig_end(&rig);
    }
}

static void bad_configurations(void **state)
{
    static const struct rig_kind bad[] = {
        {"too small", SIM_LPAE, 0, 24, true},
        {"too large", SIM_LPAE, 0, 33, true},
        {"not the upper half", SIM_LPAE, 0x80000000, 30, false},
        {"not aligned", SIM_LPAE, 0x1000, 30, false},
        {"above 32 bits", SIM_LPAE, 0xffffff8000000000, 30, false},
        {"a base for the whole space", SIM_LPAE, 0x80000000, 32, true},
        {"too large", SIM_A64, 0, 49, true},
        {"not the upper half", SIM_A64, 0x8000000000, 39, true},
    };
    struct rig rig;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ash_mmu_config config;

        rig_machine(&rig, &bad[i]);
        config = rig_config(&rig, &bad[i]);
        assert_int_equal(ash_mmu_init(&rig.map, &config), ASH_EINVAL);
        assert_int_equal(rig.takes, 0);
    }
    FOR_EACH_KIND(kind)
    {
        struct ash_mmu_config config;

        rig_machine(&rig, kind);
        config = rig_config(&rig, kind);
        rig.fail_at = 1;
        assert_int_equal(ash_mmu_init(&rig.map, &config), ASH_ENOMEM);
        config.tables.give = NULL;
        assert_int_equal(ash_mmu_init(&rig.map, &config), ASH_EINVAL);
        assert_int_equal(rig.in_use, 0);
    }
    /* Without a format: that of the build. */
    rig_machine(&rig, &rig_kinds[4]);
    struct ash_mmu_config config = rig_config(&rig, &rig_kinds[4]);

    config.format = NULL;
    assert_int_equal(ash_mmu_init(&rig.map, &config), 0);
    rig_destroy(&rig);
}

/* First and last page of each map; the last one ends with the address space. */
static void edges(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig rig;
        uint64_t last = map_bytes(kind) - ASH_PAGE_SIZE;
        uint64_t pa_last = (kind->sim == SIM_LPAE ? 1ull << 40 : 1ull << 48) - ASH_PAGE_SIZE;

        rig_start(&rig, kind);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, last), ash_pa(pa_last), 0x1000, RW), 0);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, 0), ash_pa(0x5000), 0x1000, RX), 0);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, last), ash_pa(0), 0x1000, RW),
                         ASH_EEXIST);
        rig_expect(&rig, rig_va(&rig, last), ash_pa(pa_last), RW);
        rig_expect(&rig, rig_va(&rig, last + 0xfff), ash_pa(pa_last + 0xfff), RW);
        rig_expect(&rig, rig_va(&rig, 0), ash_pa(0x5000), RX);
        rig_expect_hole(&rig, rig_va(&rig, last - 1));
        rig_expect_hole(&rig, rig_va(&rig, 0x1000));
        rig_verify(&rig);
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, last), 0x1000, ASH_MMU_DEVICE), 0);
        rig_expect(&rig, rig_va(&rig, last), ash_pa(pa_last), ASH_MMU_DEVICE);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, last), 0x1000), 0);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, 0), 0x1000), 0);
        rig_end(&rig);
    }
}

/* The whole of a map in one call, and away again. */
static void whole_map(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct rig_kind *kind = &rig_kinds[i];
        struct rig rig;
        uint64_t bytes = map_bytes(kind);

        rig_start(&rig, kind);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, 0), ash_pa(GIB(8)), bytes, RW), 0);
        assert_int_equal(rig.in_use, 1);
        rig_expect(&rig, rig_va(&rig, bytes - 1), ash_pa(GIB(8) + bytes - 1), RW);
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, 0), bytes, 0), 0);
        rig_expect(&rig, rig_va(&rig, bytes - 1), ash_pa(GIB(8) + bytes - 1), 0);
        rig_verify(&rig);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, 0), bytes), 0);
        rig_end(&rig);
    }
}

struct span {
    uint64_t offset, pa, size;
    ash_mmu_attr_t attr;
    unsigned tables;    /* needed, root aside */
    unsigned leaves[4]; /* by level */
};

/* VA, PA and size together decide on the block. */
static void largest_blocks(void **state)
{
    static const struct span spans[] = {
        {0, 0, GIB(1), RW, 0, {0, 1, 0, 0}},
        {GIB(1), GIB(1), GIB(2), RW, 0, {0, 2, 0, 0}},
        {0, MIB(2), GIB(1), RW, 1, {0, 0, 512, 0}},
        {MIB(2), 0, GIB(1), RW, 2, {0, 0, 512, 0}},
        {0, 0x1000, MIB(2), RW, 2, {0, 0, 0, 512}},
        {0, 0, MIB(2), RW, 1, {0, 0, 1, 0}},
        {0, 0, MIB(2), RW | ASH_MMU_PAGES, 2, {0, 0, 0, 512}},
        {0, 0, MIB(2) - KIB(4), RW, 2, {0, 0, 0, 511}},
        {0, 0, MIB(2) + KIB(4), RW, 2, {0, 0, 1, 1}},
        {KIB(4), KIB(4), MIB(4) - KIB(8), RW, 3, {0, 0, 0, 1022}},
        {KIB(4), KIB(4), MIB(6) - KIB(8), RW, 3, {0, 0, 1, 1022}},
        {GIB(1) - KIB(4), GIB(1) - KIB(4), GIB(1) + KIB(8), RW, 4, {0, 1, 0, 2}},
        {GIB(1) - MIB(2), GIB(1) - MIB(2), GIB(1) + MIB(4), RW, 2, {0, 1, 2, 0}},
        {GIB(1), GIB(1) + MIB(2), MIB(2), RW, 1, {0, 0, 1, 0}},
        {GIB(2), GIB(38), GIB(1), RW, 0, {0, 1, 0, 0}},
    };

    (void)state;
    FOR_EACH_KIND(kind)
    {
        if (kind->va_bits < 32) {
            continue; /* rows reach beyond */
        }
        for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
            const struct span *span = &spans[i];
            struct rig rig;
            struct ash_mmu_report report;
            unsigned tables, above = kind->va_bits == 48;

            rig_start(&rig, kind);
            ash_va_t va = rig_va(&rig, span->offset);

            assert_int_equal(ash_mmu_tables_needed(&rig.map, va, ash_pa(span->pa), span->size,
                                                   span->attr, &tables),
                             0);
            assert_int_equal(tables, span->tables + above);
            assert_int_equal(ash_mmu_map(&rig.map, va, ash_pa(span->pa), span->size, span->attr),
                             0);
            assert_int_equal(rig.in_use, 1 + tables);
            assert_int_equal(ash_mmu_verify(&rig.map, &report), 0);
            for (unsigned level = 1; level <= 3; level++) {
                assert_int_equal(report.leaves[level], span->leaves[level]);
            }
            assert_int_equal(report.bytes, span->size);
            rig_expect(&rig, va, ash_pa(span->pa), span->attr);
            rig_expect(&rig, rig_va(&rig, span->offset + span->size - 1),
                       ash_pa(span->pa + span->size - 1), span->attr);
            rig_expect_hole(&rig, rig_va(&rig, span->offset + span->size));
            assert_int_equal(ash_mmu_unmap(&rig.map, va, span->size), 0);
            rig_end(&rig);
        }
    }
}

/* In the map that starts at level 2, a GiB is 512 blocks. */
static void start_level_2(void **state)
{
    struct rig rig;
    struct ash_mmu_report report;

    (void)state;
    rig_start(&rig, &rig_kinds[1]);
    assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, 0), ash_pa(GIB(1)), GIB(1), RW), 0);
    assert_int_equal(ash_mmu_verify(&rig.map, &report), 0);
    assert_int_equal(report.tables, 1);
    assert_int_equal(report.leaves[2], 512);
    assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, 0), GIB(1)), 0);
    rig_end(&rig);
}

/* An overlap anywhere is refused as a whole, and so is a hole under unmap and protect. */
static void overlaps_and_holes(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig rig;
        struct rig_image *before;
        uint64_t base = MIB(16);

        rig_start(&rig, kind);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, base + MIB(2)), ash_pa(0), MIB(2), RW),
                         0);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, base + MIB(5)), ash_pa(0), KIB(4), RW),
                         0);
        assert_int_equal(
            ash_mmu_map(&rig.map, rig_va(&rig, base + MIB(8) - KIB(4)), ash_pa(0), KIB(8), RW), 0);
        before = rig_copy(&rig);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, base), ash_pa(0), MIB(4), RW),
                         ASH_EEXIST);
        assert_int_equal(
            ash_mmu_map(&rig.map, rig_va(&rig, base), ash_pa(0x1000), MIB(2) + KIB(4), RW),
            ASH_EEXIST);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, base + MIB(4)), ash_pa(0), MIB(2), RW),
                         ASH_EEXIST);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, base + MIB(3)), ash_pa(0), KIB(4), RW),
                         ASH_EEXIST);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, base), MIB(4)), ASH_ENOENT);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, base + MIB(2)), MIB(2) + KIB(4)),
                         ASH_ENOENT);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, base + MIB(5)), KIB(8)), ASH_ENOENT);
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, base + MIB(5) - KIB(4)), KIB(8), 0),
                         ASH_ENOENT);
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, base + MIB(3)), MIB(2), 0),
                         ASH_ENOENT);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, base + MIB(8) - KIB(4)), KIB(12)),
                         ASH_ENOENT);
        assert_int_equal(
            ash_mmu_protect(&rig.map, rig_va(&rig, base + MIB(8) - KIB(4)), KIB(12), 0),
            ASH_ENOENT);
        rig_unchanged(&rig, before);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, base + MIB(8) - KIB(4)), KIB(8)), 0);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, base + MIB(2)), MIB(2)), 0);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, base + MIB(5)), KIB(4)), 0);
        rig_end(&rig);
    }
}

/* A change of a part splits the block, everything else of it stays, a merge makes it one again. */
static void split_and_merge(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig rig;
        bool large = kind->va_bits > 30;
        uint64_t base = large ? GIB(1) : 0, size = large ? GIB(1) : MIB(2), pa = GIB(4);
        unsigned tables, merged;

        rig_start(&rig, kind);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, base), ash_pa(pa), size, RW), 0);
        tables = rig.in_use;
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, base + KIB(12)), KIB(8), 0), 0);
        assert_int_equal(rig.in_use, tables + (large ? 2 : 1));
        rig_verify(&rig);
        rig_expect(&rig, rig_va(&rig, base), ash_pa(pa), RW);
        rig_expect(&rig, rig_va(&rig, base + KIB(8)), ash_pa(pa + KIB(8)), RW);
        rig_expect(&rig, rig_va(&rig, base + KIB(12)), ash_pa(pa + KIB(12)), 0);
        rig_expect(&rig, rig_va(&rig, base + KIB(16)), ash_pa(pa + KIB(16)), 0);
        rig_expect(&rig, rig_va(&rig, base + KIB(20)), ash_pa(pa + KIB(20)), RW);
        rig_expect(&rig, rig_va(&rig, base + size - 1), ash_pa(pa + size - 1), RW);
        assert_int_equal(ash_mmu_merge(&rig.map, rig_va(&rig, base), size, &merged), 0);
        assert_int_equal(merged, 0);
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, base + KIB(12)), KIB(8), RW), 0);
        assert_int_equal(ash_mmu_merge(&rig.map, rig_va(&rig, base), size - ASH_PAGE_SIZE, &merged),
                         0);
        assert_int_equal(merged, large ? 1 : 0); /* only what lies in the range */
        assert_int_equal(ash_mmu_merge(&rig.map, rig_va(&rig, base), size, &merged), 0);
        assert_int_equal(merged, 1);
        assert_int_equal(rig.in_use, tables);
        rig_verify(&rig);
        rig_expect(&rig, rig_va(&rig, base + KIB(12)), ash_pa(pa + KIB(12)), RW);

        /* A hole in the middle, then the rest. */
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, base + size / 2), KIB(4)), 0);
        rig_verify(&rig);
        rig_expect_hole(&rig, rig_va(&rig, base + size / 2));
        rig_expect(&rig, rig_va(&rig, base + size / 2 - 1), ash_pa(pa + size / 2 - 1), RW);
        rig_expect(&rig, rig_va(&rig, base + size / 2 + KIB(4)), ash_pa(pa + size / 2 + KIB(4)),
                   RW);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, base), size / 2), 0);
        assert_int_equal(
            ash_mmu_unmap(&rig.map, rig_va(&rig, base + size / 2 + KIB(4)), size / 2 - KIB(4)), 0);
        rig_end(&rig);
    }
}

/* A range that cuts two blocks, with whole ones between. */
static void split_at_both_ends(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig rig;

        rig_start(&rig, kind);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, 0), ash_pa(MIB(2)), MIB(16), RW), 0);
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, MIB(3)), MIB(8), ASH_MMU_UNCACHED),
                         0);
        rig_verify(&rig);
        for (uint64_t offset = 0; offset < MIB(16); offset += KIB(512)) {
            bool changed = offset >= MIB(3) && offset < MIB(11);

            rig_expect(&rig, rig_va(&rig, offset), ash_pa(MIB(2) + offset),
                       changed ? ASH_MMU_UNCACHED : RW);
        }
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, 0), MIB(16)), 0);
        rig_end(&rig);
    }
}

/* The standard map costs exactly what its entries need. */
static void table_memory(void **state)
{
    static const unsigned expected[RIG_KINDS] = {8, 0, 0, 8, 8, 9};

    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig rig;
        /* Code ends where it ends: one table of pages there. */
        uint64_t code = MIB(7) + KIB(332);
        static const uint64_t devices[] = {0x08000000, 0x09000000, 0x0a000000};

        if (kind->va_bits < 32) {
            continue;
        }
        rig_start(&rig, kind);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, 0), ash_pa(0), code, RX), 0);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, code), ash_pa(code), MIB(64) - code, 0),
                         0);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, devices[i]), ash_pa(devices[i]),
                                         KIB(64), ASH_MMU_DEVICE | RW),
                             0);
        }
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, GIB(1)), ash_pa(GIB(1)), GIB(1), RW),
                         0);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, GIB(1) + MIB(3)), KIB(4)), 0);
        rig_verify(&rig);
        assert_int_equal(rig.in_use, expected[kind - rig_kinds]);

        /* Halves at a block's edge: one less. The maximum that was promised is 8. */
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, 0), MIB(64)), 0);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, 0), ash_pa(0), MIB(32), RX), 0);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, MIB(32)), ash_pa(MIB(32)), MIB(32), 0),
                         0);
        assert_int_equal(rig.in_use, expected[kind - rig_kinds] - 1);
        rig_verify(&rig);
        rig_destroy(&rig);
        assert_int_equal(rig.in_use, 0);
    }
}

/* Counts are kept through the tables: each goes with its last entry, whatever the order. */
static void empty_tables_go(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig rig;
        unsigned before;

        rig_start(&rig, kind);
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, MIB(2) * i + KIB(64)),
                                         ash_pa(0x1000), KIB(4), RW),
                             0);
        }
        before = rig.in_use;
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, KIB(68)), ash_pa(0), KIB(8), RW), 0);
        assert_int_equal(rig.in_use, before);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, KIB(64)), KIB(4)), 0);
        assert_int_equal(rig.in_use, before);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, KIB(68)), KIB(8)), 0);
        assert_int_equal(rig.in_use, before - 1);
        for (unsigned i = 3; i >= 1; i--) {
            assert_int_equal(rig.in_use, before - 4 + i);
            assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, MIB(2) * i + KIB(64)), KIB(4)),
                             0);
            rig_verify(&rig);
        }
        rig_end(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_arguments),
        cmocka_unit_test(bad_configurations),
        cmocka_unit_test(edges),
        cmocka_unit_test(whole_map),
        cmocka_unit_test(largest_blocks),
        cmocka_unit_test(start_level_2),
        cmocka_unit_test(overlaps_and_holes),
        cmocka_unit_test(split_and_merge),
        cmocka_unit_test(split_at_both_ends),
        cmocka_unit_test(table_memory),
        cmocka_unit_test(empty_tables_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
