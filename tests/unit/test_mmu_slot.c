/* SPDX-License-Identifier: MIT */
/*
 * Ranges inside one table of pages: every number of tables that they take and give back, every
 * place of an overlap or a hole, the edges of a map, entries that differ.
 */
#include "tests/unit/mmu_rig.h"

#define RW    ASH_MMU_WRITE
#define RX    ASH_MMU_EXEC
#define PAGES ASH_MMU_PAGES
#define OTHER (ASH_MMU_UNCACHED | ASH_MMU_WRITE)

static struct rig rig;

static int map(uint64_t offset, uint64_t pa, uint64_t size, ash_mmu_attr_t attr)
{
    return ash_mmu_map(&rig.map, rig_va(&rig, offset), ash_pa(pa), size, attr);
}

static int unmap(uint64_t offset, uint64_t size)
{
    return ash_mmu_unmap(&rig.map, rig_va(&rig, offset), size);
}

static int protect(uint64_t offset, uint64_t size, ash_mmu_attr_t attr)
{
    return ash_mmu_protect(&rig.map, rig_va(&rig, offset), size, attr);
}

/* A fresh map in which so many tables are missing for a page at 0; returns false if no map of this
 * kind has that many below its root. */
static bool start_missing(const struct rig_kind *kind, unsigned missing)
{
    unsigned below;

    rig_start(&rig, kind);
    below = 3 - rig.map.start;
    if (missing < below) {
        assert_int_equal(map(missing == 1 ? MIB(2) : GIB(1), KIB(4), KIB(4), RW), 0);
    }
    sim_forget();
    return missing <= below;
}

/* As before, statistics aside. */
static void same_tables(const struct rig_image *before)
{
    assert_memory_equal(before->memory, rig_frame(0), sizeof before->memory);
    assert_int_equal(before->map.root_count, rig.map.root_count);
    assert_int_equal(before->map.counters.tables, rig.map.counters.tables);
}

/* The n-th table cannot be had, for every n. */
static void failing_tables(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (unsigned missing = 1; missing <= 3 && start_missing(kind, missing); missing++) {
            unsigned in_use = rig.in_use;

            for (unsigned n = 1; n <= missing; n++) {
                struct rig_image *before = rig_copy(&rig);
                unsigned taken = rig.map.counters.taken;

                rig.fail_at = n;
                sim_forget();
                assert_int_equal(map(KIB(4), KIB(4), KIB(12), RX), ASH_ENOMEM);
                assert_int_equal(rig.fail_at, 0);
                assert_int_equal(rig.in_use, in_use);
                assert_int_equal(rig.map.counters.taken, taken + n - 1);
                assert_int_equal(sim_count[SIM_ENTRY_STORE] + sim_count[SIM_DSB_ISHST], 0);
                rig_unchanged(&rig, before);
            }
            rig.fail_at = missing + 1; /* so many are not needed */
            assert_int_equal(map(KIB(4), KIB(4), KIB(12), RX), 0);
            assert_int_equal(rig.in_use, in_use + missing);
            rig_verify(&rig);
            rig_destroy(&rig);
        }
    }
}

/* Each table is linked when it is complete: the stores go from the bottom up, and nothing is stored
 * to a table after its link. */
static void linked_when_complete(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (unsigned missing = 1; missing <= 3 && start_missing(kind, missing); missing++) {
            assert_int_equal(map(KIB(4), KIB(4), KIB(12), RW), 0);
            /* ... and then one more is counted in the link of the table above. */
            assert_int_equal(sim_count[SIM_ENTRY_STORE],
                             3 + missing + (missing < 3 - rig.map.start));
            for (unsigned i = 0; i < missing; i++) {
                const struct sim_event *link = &sim_trace[3 + i], *inside = link - 1;

                assert_int_equal(link->value & 3, 3);
                assert_int_equal(link->value & 0xfffffffff000,
                                 ash_align_down(inside->address, ASH_PAGE_SIZE));
                assert_int_equal(link->asid, i + 1 == missing ? SIM_RELEASE : 0);
            }
            rig_destroy(&rig);
        }
    }
}

/* The tables that become empty go with the last page, after the barrier; those above stay. */
static void emptied_tables(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (unsigned missing = 1; missing <= 3 && start_missing(kind, missing); missing++) {
            struct rig_image *before = rig_copy(&rig);
            unsigned in_use = rig.in_use;

            assert_int_equal(map(KIB(64), 0, KIB(32), RW), 0);
            assert_int_equal(unmap(KIB(64), KIB(4)), 0);
            assert_int_equal(unmap(KIB(72), KIB(24)), 0);
            assert_int_equal(rig.in_use, in_use + missing);
            rig_expect(&rig, rig_va(&rig, KIB(68)), ash_pa(KIB(4)), RW);
            rig_verify(&rig);
            sim_forget();
            assert_int_equal(unmap(KIB(68), KIB(4)), 0);
            assert_int_equal(rig.in_use, in_use);
            assert_int_equal(sim_count[SIM_NOTE], missing);
            assert_int_equal(sim_count[SIM_TLBI_PAGE_WALK], 1);
            assert_int_equal(sim_tlbi_count(), 1);
            assert_true(sim_find(SIM_NOTE, 0) > sim_find(SIM_DSB_ISH, 0));
            assert_true(sim_find(SIM_DSB_ISH, 0) > sim_find(SIM_TLBI_PAGE_WALK, 0));
            same_tables(before);
            rig_expect_hole(&rig, rig_va(&rig, KIB(68)));
            rig_verify(&rig);
            free(before);
            rig_destroy(&rig);
        }
    }
}

/* Whatever is mapped twice in a row takes what was given back: nothing leaks, nothing is stale. */
static void full_and_empty(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig_image *before;

        rig_start(&rig, kind);
        before = rig_copy(&rig);
        for (unsigned round = 0; round < 3; round++) {
            assert_int_equal(map(MIB(4), KIB(4) * round, MIB(2), RW | PAGES), 0);
            assert_int_equal(protect(MIB(4), MIB(2), round == 1 ? RW : 0), 0);
            rig_expect(&rig, rig_va(&rig, MIB(6) - 1), ash_pa(KIB(4) * round + MIB(2) - 1),
                       round == 1 ? RW : 0);
            assert_int_equal(map(MIB(6) - KIB(4), 0, KIB(4), RW), ASH_EEXIST);
            rig_verify(&rig);
            assert_int_equal(unmap(MIB(4), MIB(2)), 0);
            same_tables(before);
        }
        free(before);
        rig_end(&rig);
    }
}

/* Tables of a remap zone are empty and stay. */
static void pinned_tables(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig_image *before;

        rig_start(&rig, kind);
        assert_int_equal(ash_mmu_remap_zone(&rig.map, rig_va(&rig, MIB(2)), MIB(2)), 0);
        before = rig_copy(&rig);
        sim_forget();
        rig.fail_at = 1; /* none is taken */
        assert_int_equal(map(MIB(2), 0, KIB(64), RW), 0);
        assert_int_equal(unmap(MIB(2), KIB(64)), 0);
        assert_int_equal(map(MIB(2), 0, MIB(2), RW), 0);
        assert_int_equal(unmap(MIB(2), MIB(2)), 0);
        assert_int_equal(sim_count[SIM_NOTE] + sim_count[SIM_TLBI_PAGE_WALK], 0);
        same_tables(before);
        free(before);
        rig_verify(&rig);
        rig_destroy(&rig);
    }
}

/* An overlap or a hole at every place of a range, and a block in its way. */
static void every_place(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig_image *before;

        for (unsigned at = 0; at < 9; at++) {
            rig_start(&rig, kind);
            assert_int_equal(map(KIB(64) + KIB(4) * at, 0, KIB(4), RW), 0);
            before = rig_copy(&rig);
            assert_int_equal(map(KIB(64), MIB(1), KIB(36), RW), ASH_EEXIST);
            rig_unchanged(&rig, before);
            assert_int_equal(unmap(KIB(64) + KIB(4) * at, KIB(4)), 0);
            assert_int_equal(map(KIB(64), MIB(1), KIB(36), RW), 0);
            assert_int_equal(unmap(KIB(64) + KIB(4) * at, KIB(4)), 0);
            before = rig_copy(&rig);
            assert_int_equal(unmap(KIB(64), KIB(36)), ASH_ENOENT);
            assert_int_equal(protect(KIB(64), KIB(36), 0), ASH_ENOENT);
            assert_int_equal(protect(KIB(64), KIB(36), OTHER), ASH_ENOENT);
            rig_unchanged(&rig, before);
            rig_destroy(&rig);
        }
        rig_start(&rig, kind);
        assert_int_equal(map(0, 0, MIB(2), RW), 0);
        before = rig_copy(&rig);
        assert_int_equal(map(KIB(64), 0, KIB(4), RW), ASH_EEXIST);
        assert_int_equal(unmap(MIB(2), KIB(4)), ASH_ENOENT);
        assert_int_equal(protect(MIB(2), KIB(4), 0), ASH_ENOENT);
        rig_unchanged(&rig, before);
        rig_destroy(&rig);
    }
}

/* What query says of the page is what was asked for. */
static void expect_page(uint64_t offset, uint64_t pa, ash_mmu_attr_t attr)
{
    struct ash_mmu_mapping mapping;

    rig_expect(&rig, rig_va(&rig, offset), ash_pa(pa), attr);
    assert_int_equal(ash_mmu_query(&rig.map, rig_va(&rig, offset + 0x123), &mapping), 0);
    assert_int_equal(mapping.va.value, rig_va(&rig, offset).value);
    assert_int_equal(mapping.pa.value, pa);
    assert_int_equal(mapping.level, 3);
    assert_int_equal(mapping.size, KIB(4));
}

/* The first and the last table of a map, which may end with the address space. */
static void edges(void **state)
{
    static const unsigned counts[] = {1, 2, 3, 16, 511, 512};

    (void)state;
    FOR_EACH_KIND(kind)
    {
        uint64_t bytes = 1ull << kind->va_bits;

        for (size_t i = 0; i < 2 * sizeof counts / sizeof counts[0]; i++) {
            uint64_t size = KIB(4) * counts[i / 2], first = i % 2 ? bytes - size : 0;

            rig_start(&rig, kind);
            assert_int_equal(map(first, MIB(16), size, RW | PAGES), 0);
            expect_page(first, MIB(16), RW);
            expect_page(first + size - KIB(4), MIB(16) + size - KIB(4), RW);
            assert_int_equal(map(bytes - KIB(4), 0, KIB(8), RW), ASH_ERANGE);
            assert_int_equal(protect(first + size - KIB(4), KIB(4), RX), 0);
            assert_int_equal(protect(first, size, 0), 0);
            expect_page(first, MIB(16), 0);
            expect_page(first + size - KIB(4), MIB(16) + size - KIB(4), 0);
            if (i % 2 == 0) {
                rig_expect_hole(&rig, rig_va(&rig, size));
            } else {
                rig_expect_hole(&rig, rig_va(&rig, first - 1));
            }
            rig_verify(&rig);
            assert_int_equal(protect(bytes - KIB(4), KIB(8), RW), ASH_ERANGE);
            assert_int_equal(unmap(bytes - KIB(4), KIB(8)), ASH_ERANGE);
            assert_int_equal(unmap(first, size), 0);
            rig_end(&rig);
        }
    }
}

/* One page into the next table: the same, by the other way. */
static void across_tables(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (unsigned before = 0; before < 4; before++) {
            uint64_t first = MIB(2) - KIB(4) * before;

            rig_start(&rig, kind);
            assert_int_equal(map(first, KIB(4), KIB(12), RW), 0);
            rig_verify(&rig);
            assert_int_equal(protect(first, KIB(12), RX), 0);
            for (unsigned i = 0; i < 3; i++) {
                expect_page(first + KIB(4) * i, KIB(4) * (i + 1), RX);
            }
            assert_int_equal(unmap(first, KIB(12)), 0);
            rig_end(&rig);
        }
    }
}

/* Entries that differ: each becomes what was asked for and keeps where it leads, and no TLB keeps
 * what it was. Those that are it already need nothing. */
static void entries_that_differ(void **state)
{
    static const ash_mmu_attr_t kinds[] = {0, RW, RX, OTHER, ASH_MMU_USER, ASH_MMU_DEVICE | RW};
    const unsigned count = sizeof kinds / sizeof kinds[0];

    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (unsigned to = 0; to < count; to++) {
            for (unsigned first = 0; first < count; first++) {
                rig_start(&rig, kind);
                for (unsigned i = 0; i < 2 * count; i++) {
                    assert_int_equal(
                        map(KIB(4) * i, MIB(1) * (i + 1), KIB(4), kinds[(first + i / 2) % count]),
                        0);
                }
                assert_int_equal(protect(0, KIB(8) * count, kinds[to]), 0);
                for (unsigned i = 0; i < 2 * count; i++) {
                    (void)sim_access(rig_va(&rig, KIB(4) * i).value, SIM_WRITE);
                    expect_page(KIB(4) * i, MIB(1) * (i + 1), kinds[to]);
                }
                sim_forget();
                assert_int_equal(protect(0, KIB(8) * count, kinds[to]), 0);
                assert_int_equal(sim_tlbi_count() + sim_count[SIM_ENTRY_STORE], 0);
                assert_int_equal(unmap(0, KIB(8) * count), 0);
                rig_end(&rig);
            }
        }
    }
}

/* What query says of blocks: the level and size of the entry that maps the address. */
static void query_of_blocks(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct ash_mmu_mapping mapping;

        rig_start(&rig, kind);
        assert_int_equal(map(MIB(2), MIB(4), MIB(2), RW), 0);
        assert_int_equal(ash_mmu_query(&rig.map, rig_va(&rig, MIB(3) + 0x123), &mapping), 0);
        assert_int_equal(mapping.va.value, rig_va(&rig, MIB(2)).value);
        assert_int_equal(mapping.pa.value, MIB(4));
        assert_int_equal(mapping.level, 2);
        assert_int_equal(mapping.size, MIB(2));
        if (rig.map.start <= 1) {
            assert_int_equal(map(GIB(1), GIB(5), GIB(1), RW), 0);
            assert_int_equal(ash_mmu_query(&rig.map, rig_va(&rig, GIB(2) - 1), &mapping), 0);
            assert_int_equal(mapping.va.value, rig_va(&rig, GIB(1)).value);
            assert_int_equal(mapping.pa.value, GIB(5));
            assert_int_equal(mapping.level, 1);
            assert_int_equal(mapping.size, GIB(1));
        }
        rig_destroy(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_tables),
        cmocka_unit_test(linked_when_complete),
        cmocka_unit_test(emptied_tables),
        cmocka_unit_test(full_and_empty),
        cmocka_unit_test(pinned_tables),
        cmocka_unit_test(every_place),
        cmocka_unit_test(edges),
        cmocka_unit_test(across_tables),
        cmocka_unit_test(entries_that_differ),
        cmocka_unit_test(query_of_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
