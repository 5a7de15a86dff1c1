/* SPDX-License-Identifier: MIT */
/*
 * Live pages that come to lead elsewhere: where to, in which order, and what is refused.
 */
#include "tests/unit/mmu_rig.h"

#define RW    ASH_MMU_WRITE
#define PAGES (ASH_MMU_PAGES | RW)
#define NEW   MIB(512)
#define AT    (MIB(2) - KIB(8)) /* two pages in one table, more in the next ones */

static struct rig rig;

static void start(const struct rig_kind *kind, uint64_t size)
{
    rig_start(&rig, kind);
    assert_int_equal(
        ash_mmu_map(&rig.map, rig_va(&rig, AT - KIB(4)), ash_pa(AT - KIB(4)), size + KIB(8), PAGES),
        0);
    rig_install(&rig);
}

static int repoint(uint64_t offset, uint64_t size, uint64_t pa, uint64_t step, ash_mmu_attr_t attr)
{
    return ash_mmu_repoint(&rig.map, rig_va(&rig, offset), size, ash_pa(pa), step, attr);
}

static void expect(uint64_t offset, uint64_t pa, ash_mmu_attr_t attr)
{
    rig_expect(&rig, rig_va(&rig, offset), ash_pa(pa), attr);
}

static void all_lead_to_the_new_place(void **state)
{
    static const uint64_t sizes[] = {KIB(4), KIB(8), KIB(12), KIB(64), MIB(4)};

    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            for (unsigned step = 0; step < 2; step++) {
                uint32_t taken;

                start(kind, sizes[i]);
                taken = rig.map.counters.taken;
                assert_int_equal(
                    repoint(AT, sizes[i], NEW, step * KIB(4), step ? RW : ASH_MMU_UNCACHED), 0);
                assert_int_equal(rig.map.counters.taken, taken);
                expect(AT - KIB(4), AT - KIB(4), RW);
                expect(AT + sizes[i], AT + sizes[i], RW);
                for (uint64_t done = 0; done < sizes[i]; done += KIB(4)) {
                    expect(AT + done, NEW + step * done, step ? RW : ASH_MMU_UNCACHED);
                }
                rig_verify(&rig);
                rig_destroy(&rig);
            }
        }
    }
}

/* Everything is a hole, and that is invalidated, before the first page leads elsewhere. */
static void nobody_sees_a_part_of_each(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        int hole, tlbi, done;

        start(kind, KIB(16));
        sim_forget();
        assert_int_equal(repoint(AT, KIB(16), NEW, KIB(4), RW), 0);
        hole = -1;
        for (unsigned i = 0; i < 4; i++) {
            hole = sim_find(SIM_ENTRY_STORE, (unsigned)(hole + 1));
            assert_int_equal(sim_trace[hole].value & 1, 0);
        }
        tlbi = sim_find(SIM_DSB_ISHST, (unsigned)hole);
        assert_true(tlbi > hole && sim_tlbi_count() > 0);
        done = sim_find(SIM_DSB_ISH, (unsigned)tlbi);
        assert_true(done > tlbi);
        assert_true(sim_find(SIM_ENTRY_STORE, (unsigned)hole + 1) > done);
        rig_destroy(&rig);
    }
}

static void mistakes_change_nothing(void **state)
{
    static const struct {
        uint64_t offset, size, pa, step;
        ash_mmu_attr_t attr;
        int error;
    } rows[] = {
        {AT, 0, NEW, KIB(4), RW, ASH_EINVAL},
        {AT, KIB(4), NEW, KIB(8), RW, ASH_EINVAL},
        {AT, KIB(4), NEW, 1, RW, ASH_EINVAL},
        {AT, KIB(4), NEW, KIB(4), 0x80000, ASH_EINVAL},
        {AT, KIB(4), NEW, KIB(4), RW | ASH_MMU_EXEC, ASH_EPERM},
        {AT + 1, KIB(4), NEW, KIB(4), RW, ASH_EALIGN},
        {AT, KIB(4), NEW + 1, KIB(4), RW, ASH_EALIGN},
        {AT, KIB(8), 1ull << 52, KIB(4), RW, ASH_ERANGE},
        {AT, KIB(8), -KIB(4), KIB(4), RW, ASH_ERANGE},
        {AT - KIB(8), KIB(8), NEW, KIB(4), RW, ASH_ENOENT},
        {AT + MIB(3), KIB(16), NEW, KIB(4), RW, ASH_ENOENT},
        {MIB(24), KIB(4), NEW, KIB(4), RW, ASH_ENOENT},
        {MIB(8), KIB(4), NEW, KIB(4), RW, ASH_EBUSY},
        {MIB(8), MIB(2), NEW, KIB(4), RW, ASH_EBUSY},
    };

    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig_image *image;

        start(kind, MIB(3));
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, MIB(8)), ash_pa(0), MIB(2), RW), 0);
        image = rig_copy(&rig);
        for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            assert_int_equal(
                repoint(rows[i].offset, rows[i].size, rows[i].pa, rows[i].step, rows[i].attr),
                rows[i].error);
        }
        rig_unchanged(&rig, image);
        ash_mmu_freeze(&rig.map);
        assert_int_equal(repoint(AT, KIB(4), NEW, KIB(4), RW), ASH_EBUSY);
        rig_destroy(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_lead_to_the_new_place),
        cmocka_unit_test(nobody_sees_a_part_of_each),
        cmocka_unit_test(mistakes_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
