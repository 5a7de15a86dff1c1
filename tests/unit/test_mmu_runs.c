/* SPDX-License-Identifier: MIT */
/*
 * The contiguous hint and merging as a consequence of mapping: maps with those options, judged by
 * the simulated machine, which stops at uneven runs (arm-rules 10).
 */
#include "tests/unit/mmu_rig.h"

#define RW   ASH_MMU_WRITE
#define HINT (UINT64_C(1) << 52)
#define FAR  GIB(1) /* physical memory that is only mapped */

static struct rig rig;

static void start(const struct rig_kind *kind, bool contiguous, bool merge)
{
    struct ash_mmu_config config;

    rig_machine(&rig, kind);
    config = rig_config(&rig, kind);
    config.contiguous = contiguous;
    config.merge = merge;
    assert_int_equal(ash_mmu_init(&rig.map, &config), 0);
    rig_install(&rig);
    sim_forget();
}

static void map(uint64_t offset, uint64_t pa, uint64_t size, ash_mmu_attr_t attr)
{
    assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, offset), ash_pa(pa), size, attr), 0);
    rig_verify(&rig);
}

static struct ash_mmu_mapping query(uint64_t offset)
{
    struct ash_mmu_mapping mapping;

    assert_int_equal(ash_mmu_query(&rig.map, rig_va(&rig, offset), &mapping), 0);
    return mapping;
}

/* Pages of the range with the hint; in the end exactly those from `first` to `end`. */
static void expect_hint(uint64_t from, uint64_t to, uint64_t first, uint64_t end)
{
    for (uint64_t offset = from; offset < to; offset += KIB(4)) {
        bool hinted = query(offset).descriptor & HINT;

        if (hinted != (offset >= first && offset < end)) {
            fail_msg("%s: %#llx is%s hinted", rig.kind->name, (unsigned long long)offset,
                     hinted ? "" : " not");
        }
    }
}

/* 16 pages that VA and PA allow, and no others. */
static void hint_where_it_fits(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        start(kind, true, false);
        map(KIB(60), FAR + KIB(60), KIB(64 + 4 + 60), RW);
        expect_hint(KIB(60), KIB(60 + 128), KIB(64), KIB(128));
        map(MIB(2), FAR + MIB(8) + KIB(4), KIB(128), RW); /* PA is off by a page */
        expect_hint(MIB(2), MIB(2) + KIB(128), 0, 0);
        map(MIB(4), FAR + MIB(4), KIB(60), RW); /* too short */
        expect_hint(MIB(4), MIB(4) + KIB(60), 0, 0);
        if (kind->va_bits > 30) { /* blocks of 2 MiB: 32 MiB together */
            map(MIB(62), FAR + MIB(62), MIB(36), RW);
            assert_int_equal(query(MIB(62)).descriptor & HINT, 0);
            for (uint64_t offset = MIB(64); offset < MIB(96); offset += MIB(2)) {
                assert_int_equal(query(offset).level, 2);
                assert_true(query(offset).descriptor & HINT);
            }
            assert_int_equal(query(MIB(96)).descriptor & HINT, 0);
        }
        rig_destroy(&rig);
    }
}

/* In a remap zone each page is changed alone. */
static void no_hint_in_a_remap_zone(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        start(kind, true, false);
        assert_int_equal(ash_mmu_remap_zone(&rig.map, rig_va(&rig, MIB(2)), MIB(2)), 0);
        map(MIB(1), FAR + MIB(1), MIB(3) + KIB(256), RW);
        expect_hint(MIB(1), MIB(4), MIB(1), MIB(2));
        expect_hint(MIB(4), MIB(4) + KIB(256), MIB(4), MIB(4) + KIB(256));
        rig_destroy(&rig);
    }
}

/* So none is laid over runs that are there. */
static void no_remap_zone_over_runs(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig_image *before;

        start(kind, true, false);
        map(0, FAR, KIB(60), RW);
        map(KIB(64), FAR + KIB(64), KIB(64), RW);
        before = rig_copy(&rig);
        assert_int_equal(ash_mmu_remap_zone(&rig.map, rig_va(&rig, 0), KIB(68)), ASH_EEXIST);
        assert_int_equal(ash_mmu_remap_zone(&rig.map, rig_va(&rig, KIB(124)), MIB(4)), ASH_EEXIST);
        rig_unchanged(&rig, before);
        assert_int_equal(ash_mmu_remap_zone(&rig.map, rig_va(&rig, 0), KIB(64)), 0);
        rig_verify(&rig);
        rig_destroy(&rig);
    }
}

/* A run that reaches out of an open zone does not change in part. */
static void runs_beyond_a_zone(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig_image *before;
        ash_va_t va;

        start(kind, true, false);
        va = rig_va(&rig, KIB(4));
        assert_int_equal(ash_mmu_open_zone(&rig.map, va, KIB(64)), 0);
        map(0, FAR, KIB(128), RW);
        ash_mmu_freeze(&rig.map);
        before = rig_copy(&rig);
        assert_int_equal(ash_mmu_unmap(&rig.map, va, KIB(4)), ASH_EBUSY);
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, KIB(64)), KIB(4), 0), ASH_EBUSY);
        rig_unchanged(&rig, before);
        rig_destroy(&rig);
    }
}

/* Whatever part of a run changes, the rest stays as it was, without the hint. */
static void parts_change(void **state)
{
    static const struct {
        uint64_t first, size;
    } parts[] = {{0, KIB(4)},       {KIB(4), KIB(4)},  {KIB(60), KIB(4)},
                 {0, KIB(60)},      {KIB(4), KIB(60)}, {KIB(20), KIB(8)},
                 {KIB(60), KIB(8)}, {0, KIB(64)},      {KIB(4), KIB(64 + 60 + 64)}};

    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++) {
            for (unsigned type = 0; type < 3; type++) {
                uint64_t first = parts[i].first, end = first + parts[i].size;
                ash_va_t va = rig_va(&rig, 0);
                int error;

                start(kind, true, false);
                va = rig_va(&rig, first);
                map(0, FAR, KIB(256), RW);
                if (type == 0) {
                    error = ash_mmu_unmap(&rig.map, va, parts[i].size);
                } else {
                    error = ash_mmu_protect(&rig.map, va, parts[i].size,
                                            type == 1 ? 0 : ASH_MMU_UNCACHED | RW);
                }
                assert_int_equal(error, 0);
                rig_verify(&rig);
                for (uint64_t offset = 0; offset < KIB(256); offset += KIB(4)) {
                    bool inside = offset >= first && offset < end;

                    if (inside && type == 0) {
                        rig_expect_hole(&rig, rig_va(&rig, offset));
                    } else {
                        rig_expect(&rig, rig_va(&rig, offset), ash_pa(FAR + offset),
                                   !inside     ? RW
                                   : type == 1 ? 0
                                               : ASH_MMU_UNCACHED | RW);
                    }
                }
                rig_destroy(&rig);
            }
        }
    }
}

/* A part of a block that is one of a run: the run loses the hint, the block is split. */
static void block_of_a_run(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        start(kind, true, false);
        map(0, FAR, MIB(64), RW);
        assert_true(query(MIB(10)).descriptor & HINT);
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, MIB(10) + KIB(4)), KIB(4), 0), 0);
        rig_verify(&rig);
        assert_int_equal(query(MIB(10)).level, 3);
        assert_int_equal(query(MIB(12)).level, 2);
        assert_int_equal(query(MIB(12)).descriptor & HINT, 0);
        assert_true(query(MIB(32)).descriptor & HINT);
        rig_expect(&rig, rig_va(&rig, MIB(10) + KIB(4)), ash_pa(FAR + MIB(10) + KIB(4)), 0);
        rig_expect(&rig, rig_va(&rig, MIB(10)), ash_pa(FAR + MIB(10)), RW);
        rig_destroy(&rig);
    }
}

/* Page by page in any order: a block in the end, and not before. */
static void filled_tables_merge(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (unsigned contiguous = 0; contiguous < 2; contiguous++) {
            start(kind, contiguous, true);
            map(MIB(4), FAR, KIB(4), RW); /* the tables above stay */
            for (unsigned i = 0; i < 512; i++) {
                uint64_t offset = MIB(2) + (i * 37ull % 512) * KIB(4);

                assert_int_equal(query(MIB(4)).level, 3);
                assert_int_equal(
                    ash_mmu_map(&rig.map, rig_va(&rig, offset), ash_pa(FAR + offset), KIB(4), RW),
                    0);
                assert_int_equal(query(offset).level, i == 511 ? 2 : 3);
            }
            rig_verify(&rig);
            assert_int_equal(rig.map.counters.merges, 1);
            rig_expect(&rig, rig_va(&rig, MIB(4) - KIB(4)), ash_pa(FAR + MIB(4) - KIB(4)), RW);
            rig_destroy(&rig);
        }
    }
}

/* A mapping that fills the tables at both its ends: both merge. */
static void both_ends_merge(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        start(kind, false, true);
        map(0, FAR, MIB(1), RW);
        map(MIB(5), FAR + MIB(5), MIB(1), RW);
        map(MIB(1), FAR + MIB(1), MIB(4), RW);
        assert_int_equal(rig.map.counters.merges, 2);
        assert_int_equal(query(0).level, 2);
        assert_int_equal(query(MIB(4)).level, 2);
        rig_destroy(&rig);
    }
}

/* Not if the entries form no block, nor with PAGES, nor in a remap zone or a frozen map. */
static void some_do_not_merge(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        start(kind, false, true);
        map(0, FAR, KIB(8), RW);
        map(KIB(8), FAR + KIB(8), MIB(2) - KIB(8), 0);
        map(MIB(2), FAR + KIB(4), MIB(2), RW);
        map(MIB(4), FAR + MIB(4), KIB(4), RW);
        map(MIB(4) + KIB(4), FAR + MIB(4) + KIB(4), MIB(2) - KIB(4), RW | ASH_MMU_PAGES);
        assert_int_equal(ash_mmu_remap_zone(&rig.map, rig_va(&rig, MIB(6)), MIB(2)), 0);
        map(MIB(6), FAR + MIB(6), MIB(1), RW);
        map(MIB(7), FAR + MIB(7), MIB(1), RW);
        map(MIB(8), FAR + MIB(8), MIB(1), RW);
        ash_mmu_freeze(&rig.map);
        map(MIB(9), FAR + MIB(9), MIB(1), RW);
        assert_int_equal(rig.map.counters.merges, 0);
        for (unsigned i = 0; i < 5; i++) {
            assert_int_equal(query(MIB(2) * i).level, 3);
        }
        rig_destroy(&rig);
    }
}

/* 512 blocks of 2 MiB, the last of them by pages: one block of 1 GiB. */
static void merges_go_up(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        if (kind->va_bits <= 30) {
            continue;
        }
        start(kind, false, true);
        map(0, FAR, GIB(1) - MIB(1), RW);
        assert_int_equal(query(0).level, 2);
        map(GIB(1) - MIB(1), FAR + GIB(1) - MIB(1), MIB(1), RW);
        assert_int_equal(query(0).level, 1);
        assert_int_equal(rig.map.counters.merges, 2);
        rig_expect(&rig, rig_va(&rig, GIB(1) - KIB(4)), ash_pa(FAR + GIB(1) - KIB(4)), RW);
        rig_destroy(&rig);
    }
}

/* Runs that were not made here. */
static void uneven_runs_are_found(void **state)
{
    static const struct {
        uint64_t bits; /* that change in the entry ... */
        unsigned index;
        const char *what;
    } wrongs[] = {
        {HINT, 16, "a contiguous hint where none may be"},
        {HINT, 3, "a contiguous hint where none may be"},
        {HINT, 20, "a contiguous run whose members differ"},
        {UINT64_C(1) << 12, 20, "a contiguous run whose members differ"},
        {UINT64_C(1) << 6, 31, "a contiguous run whose members differ"},
    };

    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (unsigned i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
            struct ash_mmu_report report;
            struct sim_answer answer;
            uint64_t *entry;

            start(kind, true, false);
            map(KIB(4), FAR + KIB(4), KIB(124), RW); /* a run from page 16 on */
            answer = sim_translate(rig_va(&rig, KIB(4)).value, SIM_READ);
            entry = (uint64_t *)port_ptr(answer.entry) - 1 + wrongs[i].index;
            *entry ^= wrongs[i].bits;
            assert_int_equal(ash_mmu_verify(&rig.map, &report), ASH_ECORRUPT);
            assert_string_equal(report.what, wrongs[i].what);
        }
    }
}

/* One frame with two memory types is found, wherever it is. */
static void aliases_are_found(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct ash_mmu_report report;

        start(kind, false, false);
        map(0, FAR, MIB(4), RW);
        map(MIB(8), FAR, MIB(2), 0); /* the same type: fine */
        map(MIB(16), FAR + MIB(64), KIB(64), ASH_MMU_DEVICE | RW);
        map(MIB(17), FAR + MIB(64), KIB(4), ASH_MMU_DEVICE | RW);
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, MIB(20)), ash_pa(FAR + MIB(3)), KIB(4),
                                     ASH_MMU_UNCACHED | RW),
                         0);
        assert_int_equal(ash_mmu_verify(&rig.map, &report), ASH_ECORRUPT);
        assert_string_equal(report.what, "a frame with two memory types");
        assert_int_equal(report.va.value, rig_va(&rig, MIB(2)).value);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, MIB(20)), KIB(4)), 0);
        map(MIB(20), FAR + MIB(4), KIB(4), ASH_MMU_UNCACHED | RW); /* the frame after */
        for (unsigned i = 0; i < 40; i++) { /* more runs than are looked at together */
            map(MIB(22) + KIB(8) * i, FAR + MIB(80) + KIB(8) * i, KIB(4), ASH_MMU_DEVICE);
        }
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, MIB(28)),
                                     ash_pa(FAR + MIB(80) + KIB(8) * 39), KIB(4), RW),
                         0);
        assert_int_equal(ash_mmu_verify(&rig.map, &report), ASH_ECORRUPT);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, MIB(28)), KIB(4)), 0);
        rig_destroy(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hint_where_it_fits),
        cmocka_unit_test(parts_change),
        cmocka_unit_test(block_of_a_run),
        cmocka_unit_test(filled_tables_merge),
        cmocka_unit_test(both_ends_merge),
        cmocka_unit_test(some_do_not_merge),
        cmocka_unit_test(merges_go_up),
        cmocka_unit_test(uneven_runs_are_found),
        cmocka_unit_test(no_hint_in_a_remap_zone),
        cmocka_unit_test(no_remap_zone_over_runs),
        cmocka_unit_test(runs_beyond_a_zone),
        cmocka_unit_test(aliases_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
