/* SPDX-License-Identifier: MIT */
/*
 * A processor that invalidates ranges: the same maps by fewer operations, and each range neither
 * shorter nor longer than what became stale.
 */
#include "tests/unit/mmu_rig.h"

#define RW    ASH_MMU_WRITE
#define PAGES ASH_MMU_PAGES

static struct rig rig;

static void start(const struct rig_kind *kind)
{
    rig_start(&rig, kind);
    sim_range_tlbi = true;
}

static void map(uint64_t offset, uint64_t pa, uint64_t size, ash_mmu_attr_t attr)
{
    assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, offset), ash_pa(pa), size, attr), 0);
}

static void unmap(uint64_t offset, uint64_t size)
{
    assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, offset), size), 0);
}

static void protect(uint64_t offset, uint64_t size, ash_mmu_attr_t attr)
{
    assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, offset), size, attr), 0);
}

/* Since sim_forget() there was one invalidation, of this range. */
static void expect_range(uint64_t offset, uint64_t size)
{
    int found = sim_find(SIM_TLBI_RANGE, 0);

    assert_int_equal(sim_tlbi_count(), 1);
    assert_true(found >= 0);
    assert_int_equal(sim_trace[found].address, rig_va(&rig, offset).value);
    assert_int_equal(sim_trace[found].value, size / KIB(4));
    assert_int_equal(sim_trace[found].asid, rig.kind->global ? PORT_ASID_GLOBAL : RIG_ASID);
    assert_true(found > sim_find(SIM_DSB_ISHST, 0));
    assert_true(found < sim_find(SIM_DSB_ISH, 0));
    assert_int_equal(sim_count[SIM_DSB_ISH], 1);
    sim_forget();
}

#define FOR_EACH_A64(kind) FOR_EACH_KIND(kind) if (kind->sim == SIM_A64)

/* Any number of pages but one. */
static void one_for_all(void **state)
{
    static const unsigned counts[] = {2, 3, 15, 16, 17, 511, 512};

    (void)state;
    FOR_EACH_A64(kind)
    {
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            uint64_t size = KIB(4) * counts[i], first = MIB(4) - size;
            uint32_t ranges;

            start(kind);
            map(MIB(2), KIB(4), MIB(2), RW | PAGES);
            ranges = rig.map.counters.ranges;
            sim_forget();
            protect(first, size, 0);
            expect_range(first, size);
            protect(first, size, ASH_MMU_UNCACHED); /* a break */
            expect_range(first, size);
            unmap(first, size);
            expect_range(first, size);
            assert_int_equal(rig.map.counters.ranges, ranges + 3);
            assert_int_equal(rig.map.counters.pages + rig.map.counters.asids, 0);
            assert_int_equal(rig.map.counters.alls, 0);
            if (size < MIB(2)) {
                unmap(MIB(2), MIB(2) - size);
            }
            rig_end(&rig);
        }
    }
}

/* One page is no range, whether its table goes or not. */
static void single_pages(void **state)
{
    (void)state;
    FOR_EACH_A64(kind)
    {
        start(kind);
        map(0, KIB(4), KIB(8), RW);
        sim_forget();
        protect(0, KIB(4), 0);
        unmap(0, KIB(4));
        assert_int_equal(sim_count[SIM_TLBI_PAGE], 2);
        unmap(KIB(4), KIB(4));
        assert_int_equal(sim_count[SIM_TLBI_PAGE_WALK], 1);
        assert_int_equal(sim_tlbi_count(), 3);
        assert_int_equal(rig.map.counters.ranges, 0);
        rig_end(&rig);
    }
}

/* Blocks count as the pages that they cover. */
static void blocks(void **state)
{
    (void)state;
    FOR_EACH_A64(kind)
    {
        start(kind);
        map(MIB(2), MIB(4), MIB(40), RW);
        sim_forget();
        protect(MIB(4), MIB(4), 0);
        expect_range(MIB(4), MIB(4));
        unmap(MIB(4), MIB(38));
        expect_range(MIB(4), MIB(38));
        unmap(MIB(2), MIB(2));
        assert_int_equal(sim_count[SIM_TLBI_RANGE], 0);
        rig_end(&rig);
    }
}

/* Tables that go: the range of their last pages covers the walks to them. */
static void tables(void **state)
{
    (void)state;
    FOR_EACH_A64(kind)
    {
        start(kind);
        map(MIB(2) - KIB(8), KIB(4), KIB(20), RW);
        sim_forget();
        unmap(MIB(2) - KIB(8), KIB(20));
        assert_int_equal(sim_count[SIM_TLBI_RANGE], 2);
        assert_int_equal(sim_tlbi_count(), 2);
        assert_true(sim_find(SIM_NOTE, 0) > sim_find(SIM_DSB_ISH, 0));
        rig_end(&rig);
    }
}

/* Each run is one of the few that are done one by one; more of them are all at once. */
static void many_runs(void **state)
{
    (void)state;
    FOR_EACH_A64(kind)
    {
        for (unsigned runs = 14; runs <= 17; runs++) {
            start(kind);
            for (unsigned i = 0; i < runs; i++) {
                map(MIB(2) + KIB(8) * i, MIB(1) + KIB(64) * i, KIB(8),
                    i % 2 ? RW : RW | ASH_MMU_USER);
            }
            sim_forget();
            protect(MIB(2), KIB(8) * runs, 0);
            assert_int_equal(sim_count[SIM_TLBI_RANGE], runs < 16 ? runs : 0);
            assert_int_equal(sim_tlbi_count(), runs < 16 ? runs : 1);
            assert_int_equal(rig.map.counters.ranges, sim_count[SIM_TLBI_RANGE]);
            unmap(MIB(2), KIB(8) * runs);
            rig_end(&rig);
        }
    }
}

/* Before the MMU is on there is nothing to invalidate. */
static void early(void **state)
{
    (void)state;
    FOR_EACH_A64(kind)
    {
        struct ash_mmu_config config;

        rig_machine(&rig, kind);
        sim_range_tlbi = true;
        config = rig_config(&rig, kind);
        config.early = true;
        assert_int_equal(ash_mmu_init(&rig.map, &config), 0);
        map(0, KIB(4), KIB(64), RW);
        protect(0, KIB(8), 0);
        unmap(0, KIB(64));
        assert_int_equal(sim_tlbi_count() + rig.map.counters.ranges, 0);
    }
}

#define STEPS 300u
#define SPACE 2048u /* pages */

/* Random operations: the accesses that went before are in the TLBs. Returns the TLBIs. */
static unsigned random_operations(const struct rig_kind *kind, bool ranges, uint64_t *image)
{
    static bool mapped[SPACE];
    unsigned tlbis = 0;

    support_seed(4711);
    memset(mapped, 0, sizeof mapped);
    rig_start(&rig, kind);
    sim_range_tlbi = ranges;
    sim_set_cpus(2);
    for (unsigned i = 0; i < STEPS; i++) {
        unsigned page = support_random_below(SPACE), count = 1;
        unsigned most = 1 + support_random_below(40), what = support_random_below(3);
        uint64_t size;

        while (count < most && page + count < SPACE && mapped[page + count] == mapped[page]) {
            count++;
        }
        size = KIB(4) * count;
        sim_forget();
        if (!mapped[page]) {
            map(KIB(4) * page, GIB(1) + KIB(4) * page, size, RW | PAGES);
            memset(mapped + page, true, count);
        } else if (what == 0) {
            unmap(KIB(4) * page, size);
            memset(mapped + page, false, count);
        } else {
            protect(KIB(4) * page, size, what == 1 ? RW : ASH_MMU_USER);
        }
        tlbis += sim_tlbi_count();
        for (unsigned cpu = 0; cpu < 2; cpu++) {
            sim_on_cpu(cpu);
            (void)sim_access(rig_va(&rig, KIB(4) * page).value, SIM_READ);
            (void)sim_access(rig_va(&rig, KIB(4) * (page + count - 1)).value, SIM_WRITE);
            sim_rest();
        }
        sim_on_cpu(0);
    }
    rig_verify(&rig);
    memcpy(image, rig_frame(0), RIG_FRAMES * ASH_PAGE_SIZE);
    return tlbis;
}

static void the_same_by_fewer(void **state)
{
    static uint64_t with[RIG_FRAMES * 512], without[RIG_FRAMES * 512];

    (void)state;
    FOR_EACH_A64(kind)
    {
        unsigned many = random_operations(kind, false, without);
        unsigned few = random_operations(kind, true, with);

        printf("# %s: %u invalidations without ranges, %u with\n", kind->name, many, few);
        assert_memory_equal(with, without, sizeof with);
        assert_true(few * 2 < many);
        assert_int_equal(rig.map.counters.asids + rig.map.counters.alls, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_for_all),
        cmocka_unit_test(single_pages),
        cmocka_unit_test(blocks),
        cmocka_unit_test(tables),
        cmocka_unit_test(many_runs),
        cmocka_unit_test(early),
        cmocka_unit_test(the_same_by_fewer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
