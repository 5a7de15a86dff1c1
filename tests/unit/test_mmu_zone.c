/* SPDX-License-Identifier: MIT */
/*
 * Zones and freezing: what a frozen map lets change, and that a remap zone is pages for good.
 */
#include "tests/unit/mmu_rig.h"

#define RW ASH_MMU_WRITE

static struct rig rig;

/* 16 MiB mapped, a remap zone of 3 MiB inside that begins and ends within blocks, an open zone
 * above; then frozen. */
#define ZONE      MIB(5)
#define ZONE_SIZE MIB(3)
#define OPEN      MIB(32)
#define OPEN_SIZE MIB(8)

static void start(const struct rig_kind *kind)
{
    rig_start(&rig, kind);
    assert_int_equal(ash_mmu_remap_zone(&rig.map, rig_va(&rig, ZONE), ZONE_SIZE), 0);
    assert_int_equal(ash_mmu_open_zone(&rig.map, rig_va(&rig, OPEN), OPEN_SIZE), 0);
    assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, 0), ash_pa(0), MIB(16), RW), 0);
    ash_mmu_freeze(&rig.map);
    rig_verify(&rig);
}

static void zone_is_pages(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct ash_mmu_report report;
        unsigned merged;

        start(kind);
        assert_int_equal(ash_mmu_verify(&rig.map, &report), 0);
        assert_int_equal(report.leaves[2], 6); /* the zone touches two blocks of eight */
        assert_int_equal(report.leaves[3], 1024);
        assert_int_equal(ash_mmu_merge(&rig.map, rig_va(&rig, ZONE), ZONE_SIZE, &merged), 0);
        assert_int_equal(merged, 0);
        rig.map.frozen = false;
        assert_int_equal(ash_mmu_merge(&rig.map, rig_va(&rig, 0), MIB(16), &merged), 0);
        assert_int_equal(merged, 0);
        rig_verify(&rig);
    }
}

static void frozen_outside(void **state)
{
    static const struct {
        uint64_t offset, size;
    } ranges[] = {
        {0, KIB(4)},
        {MIB(8), KIB(4)},
        {MIB(8), MIB(2)},
        {ZONE - KIB(4), KIB(4)},
        {ZONE - KIB(4), KIB(8)},
        {ZONE + ZONE_SIZE - KIB(4), KIB(8)},
        {ZONE + ZONE_SIZE, KIB(4)},
        {ZONE - KIB(4), ZONE_SIZE + KIB(8)},
        {0, MIB(16)},
    };

    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig_image *before;

        start(kind);
        before = rig_copy(&rig);
        for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
            ash_va_t va = rig_va(&rig, ranges[i].offset);

            assert_int_equal(ash_mmu_unmap(&rig.map, va, ranges[i].size), ASH_EBUSY);
            assert_int_equal(ash_mmu_protect(&rig.map, va, ranges[i].size, 0), ASH_EBUSY);
            assert_int_equal(ash_mmu_merge(&rig.map, va, ranges[i].size, NULL), ASH_EBUSY);
        }
        rig_unchanged(&rig, before);
        /* Adding where nothing is stays allowed, and is then as immutable. */
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, MIB(20)), ash_pa(0), KIB(4), RW), 0);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, MIB(20)), KIB(4)), ASH_EBUSY);
        rig_verify(&rig);
    }
}

static void free_inside(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        unsigned tables;

        start(kind);
        tables = rig.in_use;
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, ZONE), ZONE_SIZE, 0), 0);
        rig_expect(&rig, rig_va(&rig, ZONE - 1), ash_pa(ZONE - 1), RW);
        rig_expect(&rig, rig_va(&rig, ZONE), ash_pa(ZONE), 0);
        rig_expect(&rig, rig_va(&rig, ZONE + ZONE_SIZE - 1), ash_pa(ZONE + ZONE_SIZE - 1), 0);
        rig_expect(&rig, rig_va(&rig, ZONE + ZONE_SIZE), ash_pa(ZONE + ZONE_SIZE), RW);
        assert_int_equal(
            ash_mmu_protect(&rig.map, rig_va(&rig, ZONE + KIB(4)), KIB(4), ASH_MMU_UNCACHED | RW),
            0);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, ZONE), ZONE_SIZE), 0);
        assert_int_equal(rig.in_use, tables); /* its tables stay, even empty ones */
        rig_expect_hole(&rig, rig_va(&rig, MIB(6)));
        rig_verify(&rig);
        /* Mapping it again needs no table, and makes no block. */
        unsigned takes = rig.takes;

        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, ZONE), ash_pa(ZONE), ZONE_SIZE, RW), 0);
        assert_int_equal(rig.takes, takes);
        rig_verify(&rig);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, MIB(6)), MIB(2)), 0);
        rig_verify(&rig);
    }
}

static void open_zone(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct ash_mmu_mapping mapping;

        start(kind);
        assert_int_equal(
            ash_mmu_map(&rig.map, rig_va(&rig, OPEN), ash_pa(GIB(2)), MIB(4), ASH_MMU_DEVICE | RW),
            0);
        assert_int_equal(ash_mmu_query(&rig.map, rig_va(&rig, OPEN), &mapping), 0);
        assert_int_equal(mapping.size, MIB(2));
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, OPEN + KIB(4)), KIB(4)), 0);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, OPEN), KIB(4)), 0);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, OPEN + KIB(8)), MIB(4) - KIB(8)), 0);
        rig_verify(&rig);
    }
}

static void refusals(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig_image *before;

        rig_start(&rig, kind);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, MIB(2)), ash_pa(0), MIB(2), RW), 0);
        before = rig_copy(&rig);
        assert_int_equal(ash_mmu_remap_zone(&rig.map, rig_va(&rig, KIB(4)), MIB(3)), ASH_EEXIST);
        rig_unchanged(&rig, before);
        for (unsigned i = 0; i < ASH_MMU_ZONES; i++) {
            assert_int_equal(ash_mmu_open_zone(&rig.map, rig_va(&rig, MIB(i)), MIB(1)), 0);
        }
        before = rig_copy(&rig);
        assert_int_equal(ash_mmu_open_zone(&rig.map, rig_va(&rig, MIB(8)), MIB(1)), ASH_ENOMEM);
        assert_int_equal(ash_mmu_remap_zone(&rig.map, rig_va(&rig, MIB(8)), MIB(1)), ASH_ENOMEM);
        rig_unchanged(&rig, before);
    }
}

/* Blocks that reach out of an open zone do not change in part: the break would be of all of them.
 */
static void blocks_beyond_a_zone(void **state)
{
    static const struct {
        uint64_t offset, size;
    } parts[] = {{MIB(1), KIB(4)}, {MIB(1), MIB(4)}, {MIB(3), MIB(2)}, {MIB(5) - KIB(4), KIB(4)}};

    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig_image *before;

        rig_start(&rig, kind);
        assert_int_equal(ash_mmu_open_zone(&rig.map, rig_va(&rig, MIB(1)), MIB(4)), 0);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, 0), ash_pa(0), MIB(8), RW), 0);
        ash_mmu_freeze(&rig.map);
        before = rig_copy(&rig);
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
            ash_va_t va = rig_va(&rig, parts[i].offset);
            uint64_t size = parts[i].size;

            assert_int_equal(ash_mmu_unmap(&rig.map, va, size), ASH_EBUSY);
            assert_int_equal(ash_mmu_protect(&rig.map, va, size, 0), ASH_EBUSY);
        }
        rig_unchanged(&rig, before);
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, MIB(2)), KIB(4), 0), 0);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, MIB(2)), MIB(2)), 0);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, MIB(1)), MIB(4)), ASH_ENOENT);
        rig_verify(&rig);
        rig_expect(&rig, rig_va(&rig, MIB(4)), ash_pa(MIB(4)), RW);
        rig_destroy(&rig);
    }
}

/* A zone over pages that are mapped already, and over a table that is there. */
static void zone_over_pages(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        rig_start(&rig, kind);
        assert_int_equal(
            ash_mmu_map(&rig.map, rig_va(&rig, 0), ash_pa(0), MIB(2), RW | ASH_MMU_PAGES), 0);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, MIB(4)), ash_pa(0), KIB(4), RW), 0);
        assert_int_equal(ash_mmu_remap_zone(&rig.map, rig_va(&rig, KIB(4)), MIB(6)), 0);
        rig_verify(&rig);
        rig_expect(&rig, rig_va(&rig, MIB(4)), ash_pa(0), RW);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, 0), MIB(2)), 0);
        rig_verify(&rig);
        rig_expect_hole(&rig, rig_va(&rig, 0));
        rig_destroy(&rig);
        assert_int_equal(rig.in_use, 0);
    }
}

/* Tables come from another place after boot. */
static int other_takes;

static int other_take(void *context, ash_pa_t *table)
{
    other_takes++;
    return rig_take(context, table);
}

static void other_tables(void **state)
{
    const struct ash_mmu_tables tables = {other_take, rig_give, &rig};

    (void)state;
    rig_start(&rig, &rig_kinds[0]);
    assert_int_equal(ash_mmu_map(&rig.map, ash_va(0), ash_pa(0), KIB(4), RW), 0);
    ash_mmu_set_tables(&rig.map, &tables);
    assert_int_equal(other_takes, 0);
    assert_int_equal(ash_mmu_map(&rig.map, ash_va(MIB(2)), ash_pa(0), KIB(4), RW), 0);
    assert_int_equal(other_takes, 1);
    assert_int_equal(ash_mmu_unmap(&rig.map, ash_va(0), KIB(4)), 0);
    assert_int_equal(ash_mmu_unmap(&rig.map, ash_va(MIB(2)), KIB(4)), 0);
    rig_end(&rig);
}

static void asid(void **state)
{
    (void)state;
    rig_start(&rig, &rig_kinds[1]);
    assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, 0), ash_pa(0), KIB(4), RW), 0);
    rig_uninstall(&rig);
    port_tlbi_asid(rig.map.asid);
    port_dsb_ish();
    port_isb();
    ash_mmu_set_asid(&rig.map, 7);
    rig_install(&rig);
    sim_forget();
    assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, 0), KIB(4)), 0);
    assert_int_equal(sim_trace[sim_find(SIM_TLBI_PAGE_WALK, 0)].asid, 7);
    rig_end(&rig);
    assert_int_equal(sim_count[SIM_TLBI_ASID], 1); /* destroy leaves nothing behind */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zone_is_pages),
        cmocka_unit_test(frozen_outside),
        cmocka_unit_test(free_inside),
        cmocka_unit_test(open_zone),
        cmocka_unit_test(refusals),
        cmocka_unit_test(zone_over_pages),
        cmocka_unit_test(blocks_beyond_a_zone),
        cmocka_unit_test(other_tables),
        cmocka_unit_test(asid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
