/* SPDX-License-Identifier: MIT */
/*
 * Table memory: what a firmware's map takes is the least that its mappings need, in whatever order
 * they come, and by the count of the flat list as well.
 */
#include "tests/fuzz/shadow.h"
#include "tests/unit/mmu_rig.h"

#define DEVICE ASH_MMU_DEVICE | ASH_MMU_WRITE

struct mapping {
    uint64_t base, size;
    ash_mmu_attr_t attr;
};

/* 1 GiB of RAM with one guard page, 64 MiB of flash in two parts, three windows of 64 KiB. */
static const struct mapping firmware[] = {
    {0, KIB(932), ASH_MMU_EXEC},
    {KIB(932), MIB(64) - KIB(932), 0},
    {0x08000000, KIB(64), DEVICE},
    {0x09000000, KIB(64), DEVICE},
    {0x0a000000, KIB(64), DEVICE},
    {GIB(1), MIB(300) + KIB(36), ASH_MMU_WRITE},
    {GIB(1) + MIB(300) + KIB(40), MIB(724) - KIB(40), ASH_MMU_WRITE},
};
#define MAPPINGS (sizeof firmware / sizeof firmware[0])
#define TABLES   8u

static struct shadow list[2];

static void eight_tables(void **state)
{
    static struct rig rig;

    (void)state;
    for (unsigned first = 0; first < MAPPINGS; first++) {
        unsigned at = 0, needed, merged;

        rig_start(&rig, &rig_kinds[0]);
        list[0] = (struct shadow){.start = 1, .pages = GIB(4) / KIB(4)};
        for (unsigned n = 0; n < MAPPINGS; n++, at ^= 1) {
            const struct mapping *next = &firmware[(first + n) % MAPPINGS];
            const struct shadow_run run = {
                next->base / KIB(4), next->size / KIB(4), next->base / KIB(4), next->attr, 0,
            };

            assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, next->base), ash_pa(next->base),
                                         next->size, next->attr),
                             0);
            assert_int_equal(shadow_map(&list[at], &list[at ^ 1], &run, false, &needed, &merged),
                             0);
            assert_int_equal(rig.in_use, shadow_tables(&list[at ^ 1]));
        }
        assert_int_equal(rig.in_use, TABLES);
        assert_int_equal(shadow_least(&list[at], &list[at ^ 1]), TABLES);
        rig_verify(&rig);
        rig_destroy(&rig);
    }
}

/* RAM that is cut for a guard page and made whole again is as small as before. */
static void whole_again(void **state)
{
    static struct rig rig;
    unsigned merged;

    (void)state;
    rig_start(&rig, &rig_kinds[0]);
    assert_int_equal(ash_mmu_map(&rig.map, ash_va(GIB(1)), ash_pa(GIB(1)), GIB(1), ASH_MMU_WRITE),
                     0);
    assert_int_equal(rig.in_use, 1);
    assert_int_equal(ash_mmu_unmap(&rig.map, ash_va(GIB(1) + MIB(7)), KIB(4)), 0);
    assert_int_equal(rig.in_use, 3);
    assert_int_equal(ash_mmu_map(&rig.map, ash_va(GIB(1) + MIB(7)), ash_pa(GIB(1) + MIB(7)), KIB(4),
                                 ASH_MMU_WRITE),
                     0);
    assert_int_equal(ash_mmu_merge(&rig.map, ash_va(GIB(1)), GIB(1), &merged), 0);
    assert_int_equal(rig.in_use, 1);
    rig_verify(&rig);
    rig_destroy(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_tables),
        cmocka_unit_test(whole_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
