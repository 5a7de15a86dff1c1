/* SPDX-License-Identifier: MIT */
/*
 * What the hardware gets to see, in which order: barriers, invalidations and stores of entries
 * (arm-rules 1 to 4, 7, 12, 13, 19, 33, 42), and how few of them.
 */
#include "tests/unit/mmu_rig.h"

#define RW ASH_MMU_WRITE
#define RX ASH_MMU_EXEC

static struct rig rig;

static void map_ok(uint64_t offset, uint64_t pa, uint64_t size, ash_mmu_attr_t attr)
{
    assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, offset), ash_pa(pa), size, attr), 0);
}

/* The trace from `at` on is exactly these operations; stores in a row count as one. */
static void expect_ops(unsigned at, const enum sim_op *ops, unsigned count)
{
    unsigned i = at;

    for (unsigned n = 0; n < count; n++) {
        if (i >= sim_traced || sim_trace[i].op != ops[n]) {
            sim_print_trace();
            fail_msg("operation %u is not the expected one", i);
        }
        do {
            i++;
        } while (ops[n] == SIM_ENTRY_STORE && i < sim_traced && sim_trace[i].op == ops[n]);
    }
    assert_int_equal(i, sim_traced);
}

#define EXPECT_OPS(...)                                                                            \
    do {                                                                                           \
        static const enum sim_op ops_[] = {__VA_ARGS__};                                           \
        expect_ops(0, ops_, sizeof ops_ / sizeof ops_[0]);                                         \
    } while (0)

#define ONE_PAIR SIM_DSB_ISH, SIM_ISB

static void mapping_needs_no_tlbi(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        rig_start(&rig, kind);
        map_ok(0, MIB(2), KIB(64), RW);
        EXPECT_OPS(SIM_ENTRY_STORE, SIM_DSB_ISHST, SIM_ISB);
        sim_forget();
        map_ok(KIB(64), MIB(2), KIB(64), RX);
        EXPECT_OPS(SIM_ENTRY_STORE, SIM_DSB_ISHST, SIM_BRANCH_SYNC, ONE_PAIR);
        sim_forget();
        assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, 0), ash_pa(0), KIB(4), RW), ASH_EEXIST);
        assert_int_equal(sim_traced, 0);
    }
}

/* The table frame that a stored descriptor links, or 0. */
static uint64_t linked_table(const struct sim_event *event)
{
    uint64_t pa = event->value & 0xfffffffff000;

    if (event->op != SIM_ENTRY_STORE || (event->value & 3) != 3 ||
        pa - RIG_RAM.value >= RIG_FRAMES * ASH_PAGE_SIZE) {
        return 0;
    }
    return pa;
}

/* A new table is complete before a descriptor links it: after the link nothing is stored there. */
static void tables_are_linked_last(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        unsigned links = 0;

        rig_start(&rig, kind);
        map_ok(KIB(4), KIB(8), MIB(4), RW);
        for (unsigned i = 0; i < sim_traced; i++) {
            uint64_t table = linked_table(&sim_trace[i]);

            if (table == 0) {
                continue;
            }
            links++;
            assert_int_equal(sim_trace[i].asid, SIM_RELEASE);
            for (unsigned j = i + 1; j < sim_traced; j++) {
                assert_false(sim_trace[j].op == SIM_ENTRY_STORE &&
                             ash_align_down(sim_trace[j].address, ASH_PAGE_SIZE) == table);
            }
        }
        assert_int_equal(links, rig.in_use - 1);
    }
}

static void unmapping(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        rig_start(&rig, kind);
        map_ok(0, MIB(2), KIB(64), RW);
        sim_forget();
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, KIB(8)), KIB(4)), 0);
        EXPECT_OPS(SIM_ENTRY_STORE, SIM_DSB_ISHST, SIM_TLBI_PAGE, ONE_PAIR);
        int tlbi = sim_find(SIM_TLBI_PAGE, 0);

        assert_int_equal(sim_trace[tlbi].address, kind->base + KIB(8));
        assert_int_equal(sim_trace[tlbi].asid, kind->global ? PORT_ASID_GLOBAL : RIG_ASID);
        sim_forget();
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, KIB(16)), KIB(12)), 0);
        EXPECT_OPS(SIM_ENTRY_STORE, SIM_DSB_ISHST, SIM_TLBI_PAGE, SIM_TLBI_PAGE, SIM_TLBI_PAGE,
                   ONE_PAIR);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(sim_trace[(unsigned)sim_find(SIM_TLBI_PAGE, 0) + i].address,
                             kind->base + KIB(16) + i * KIB(4));
        }
    }
}

/* Many pages: one invalidation, one barrier pair. */
static void many_pages(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        enum sim_op once = kind->global ? SIM_TLBI_ALL : SIM_TLBI_ASID;

        rig_start(&rig, kind);
        map_ok(0, KIB(4), MIB(2) + KIB(4), RW);
        sim_forget();
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, 0), MIB(2), 0), 0);
        assert_int_equal(sim_tlbi_count(), 1);
        assert_int_equal(sim_count[once], 1);
        sim_forget();
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, 0), MIB(2)), 0);
        assert_int_equal(sim_tlbi_count(), 1);
        assert_int_equal(sim_count[once], 1);
        assert_int_equal(sim_count[SIM_DSB_ISHST], 1);
        assert_int_equal(sim_count[SIM_DSB_ISH], 1);
        assert_int_equal(sim_count[SIM_ISB], 1);
        assert_int_equal(sim_trace[sim_find(once, 0)].asid, kind->global ? 0 : RIG_ASID);
    }
}

/* Exactly as many by address as are not too many. */
static void threshold(void **state)
{
    (void)state;
    for (unsigned pages = 1; pages <= 40; pages++) {
        rig_start(&rig, &rig_kinds[2]);
        map_ok(KIB(4), 0, KIB(4) * 50, RW);
        sim_forget();
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, KIB(8)), KIB(4) * pages), 0);
        assert_int_equal(sim_count[SIM_TLBI_PAGE] + 100 * sim_count[SIM_TLBI_ASID],
                         pages < 16 ? pages : 100);
    }
}

/* A table is given back after the DSB that completes its invalidation, which covers the walk. */
static void tables_are_given_last(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        rig_start(&rig, kind);
        map_ok(0, KIB(4), KIB(4), RW);
        sim_forget();
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, 0), KIB(4)), 0);
        assert_int_equal(rig.in_use, 1);
        assert_int_equal(sim_count[SIM_TLBI_PAGE_WALK], 1);
        assert_int_equal(sim_tlbi_count(), 1);
        int tlbi = sim_find(SIM_TLBI_PAGE_WALK, 0);
        int dsb = sim_find(SIM_DSB_ISH, 0);

        assert_true(sim_find(SIM_ENTRY_STORE, (unsigned)tlbi) < 0);
        assert_true(tlbi < dsb);
        assert_true(dsb < sim_find(SIM_NOTE, 0));
        assert_int_equal(ash_align_down(sim_trace[tlbi].address, MIB(2)), kind->base);
    }
}

/* Many tables go in one operation: each after the one DSB. */
static void many_tables(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        rig_start(&rig, kind);
        for (unsigned i = 0; i < 8; i++) {
            map_ok(MIB(2) * i, KIB(4), MIB(2), RW);
        }
        sim_forget();
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, 0), MIB(16)), 0);
        assert_int_equal(sim_count[SIM_DSB_ISH], 1);
        assert_int_equal(sim_tlbi_count(), 1);
        assert_true(sim_count[SIM_NOTE] >= 8);
        rig_end(&rig);
    }
}

/* Tables that go, each with one page: an address in each, with its walk. */
static void tables_by_address(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        bool seen[3] = {false};

        rig_start(&rig, kind);
        map_ok(MIB(2) - KIB(8), KIB(4), KIB(8), RW);
        map_ok(MIB(2), MIB(4), MIB(2), RW);
        map_ok(MIB(4), KIB(4), KIB(8), RW);
        sim_forget();
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, MIB(2) - KIB(8)), MIB(2) + KIB(16)),
                         0);
        for (unsigned i = 0; i < sim_traced; i++) {
            if (sim_trace[i].op == SIM_TLBI_PAGE_WALK) {
                seen[(sim_trace[i].address - kind->base) / MIB(2)] = true;
            }
        }
        assert_true(seen[0] && seen[2]);
        assert_int_equal(sim_tlbi_count(), 5);
        rig_end(&rig);
    }
}

/* Break-before-make: invalid, DSB, TLBI, DSB, and only then the new entry. */
static void change_of_type(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        rig_start(&rig, kind);
        map_ok(0, MIB(2), KIB(64), RW);
        sim_forget();
        assert_int_equal(
            ash_mmu_protect(&rig.map, rig_va(&rig, KIB(4)), KIB(8), ASH_MMU_UNCACHED | RW), 0);
        EXPECT_OPS(SIM_ENTRY_STORE, SIM_DSB_ISHST, SIM_TLBI_PAGE, SIM_TLBI_PAGE, ONE_PAIR,
                   SIM_ENTRY_STORE, SIM_DSB_ISHST, SIM_ISB);
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(sim_trace[i].op, SIM_ENTRY_STORE);
            assert_int_equal(sim_trace[i].value & 1, 0);
        }
        assert_int_equal(rig.map.counters.breaks, 1);
    }
}

/* A split is one hole, of the block, and one address to invalidate. */
static void split(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        rig_start(&rig, kind);
        map_ok(0, MIB(2), MIB(4), RW);
        sim_forget();
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, KIB(4)), KIB(4), 0), 0);
        assert_int_equal(sim_tlbi_count(), 1);
        assert_int_equal(rig.map.counters.breaks, 1);
        assert_int_equal(rig.map.counters.splits, 1);
        int broken = sim_find(SIM_DSB_ISHST, 0) - 1;
        int tlbi = broken + 2;

        /* 512 entries and the change in the new table; then the block: broken, made. */
        assert_int_equal(broken, 513);
        assert_int_equal(sim_trace[broken].value & 1, 0);
        assert_true(sim_trace[tlbi].op == SIM_TLBI_PAGE);
        assert_int_equal(sim_trace[tlbi].address, kind->base);
        assert_int_equal(sim_trace[tlbi + 1].op, SIM_DSB_ISH);
        assert_int_equal(sim_trace[tlbi + 2].op, SIM_ISB);
        assert_int_equal(sim_trace[tlbi + 3].op, SIM_ENTRY_STORE);
        assert_int_equal(sim_trace[tlbi + 3].address, sim_trace[broken].address);
        assert_int_equal(sim_trace[tlbi + 3].value & 3, 3);
    }
}

/* Code out of a block: the branch predictors are told when it is mapped, not while there is a hole
 * (arm-rules 33). */
static void split_for_code(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        rig_start(&rig, kind);
        map_ok(0, MIB(2), MIB(2), RW);
        sim_forget();
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, KIB(4)), KIB(4), RX), 0);
        EXPECT_OPS(SIM_ENTRY_STORE, SIM_DSB_ISHST, SIM_TLBI_PAGE, ONE_PAIR, SIM_ENTRY_STORE,
                   SIM_DSB_ISHST, SIM_BRANCH_SYNC, ONE_PAIR);
    }
}

/* A root may be installed as it is: walks see that it is empty, whatever the frame held. */
static void empty_root(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct ash_mmu_config config;

        rig_machine(&rig, kind);
        config = rig_config(&rig, kind);
        sim_forget();
        assert_int_equal(ash_mmu_init(&rig.map, &config), 0);
        EXPECT_OPS(SIM_DSB_ISHST);
        config.early = true; /* publishing comes */
        sim_forget();
        assert_int_equal(ash_mmu_init(&rig.map, &config), 0);
        assert_int_equal(sim_count[SIM_DSB_ISHST], 0);
    }
}

/* A merge invalidates all 512 pages before the block appears. */
static void merge(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        unsigned merged;

        rig_start(&rig, kind);
        map_ok(0, MIB(2), MIB(2), RW | ASH_MMU_PAGES);
        map_ok(MIB(2), KIB(4), KIB(4), RW);
        sim_forget();
        assert_int_equal(ash_mmu_merge(&rig.map, rig_va(&rig, 0), MIB(2), &merged), 0);
        assert_int_equal(merged, 1);
        assert_int_equal(sim_trace[0].op, SIM_ENTRY_STORE);
        assert_int_equal(sim_trace[0].value & 1, 0);
        assert_int_equal(sim_trace[1].op, SIM_DSB_ISHST);
        assert_int_equal(sim_trace[2].op, kind->global ? SIM_TLBI_ALL : SIM_TLBI_ASID);
        assert_int_equal(sim_trace[3].op, SIM_DSB_ISH);
        assert_int_equal(sim_trace[5].op, SIM_ENTRY_STORE);
        assert_int_equal(sim_trace[5].value & 3, 1);
        assert_true(sim_find(SIM_NOTE, 0) > 5);
        rig_expect(&rig, rig_va(&rig, KIB(12)), ash_pa(MIB(2) + KIB(12)), RW);
    }
}

/* Early, nothing is in any TLB; the lines of tables are invalidated when taken and at the end. */
static void early(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct ash_mmu_config config;

        rig_machine(&rig, kind);
        config = rig_config(&rig, kind);
        config.early = true;
        assert_int_equal(ash_mmu_init(&rig.map, &config), 0);
        map_ok(0, MIB(2), MIB(4), RW);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, KIB(4)), KIB(4)), 0);
        map_ok(MIB(6), KIB(4), KIB(16), RX);
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, MIB(6)), KIB(8), 0), 0);
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, MIB(6)), KIB(8), RX), 0);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, MIB(6)), KIB(8)), 0);
        rig_verify(&rig);
        assert_int_equal(sim_tlbi_count(), 0);
        assert_int_equal(sim_count[SIM_BRANCH_SYNC] + sim_count[SIM_DSB_ISH], 0);
        assert_int_equal(sim_count[SIM_CACHE_INVALIDATE], rig.in_use);
        assert_int_equal(sim_count[SIM_CACHE_CLEAN], 0);
        ash_mmu_publish(&rig.map);
        rig_install(&rig);
        assert_int_equal(sim_count[SIM_CACHE_INVALIDATE], 2 * rig.in_use);
        for (unsigned i = 0; i < RIG_FRAMES; i++) {
            unsigned lines = 0;

            for (unsigned n = 0; n < sim_traced; n++) {
                if (sim_trace[n].op == SIM_CACHE_INVALIDATE &&
                    sim_trace[n].address == (uintptr_t)rig_frame(i)) {
                    assert_int_equal(sim_trace[n].value, ASH_PAGE_SIZE);
                    lines++;
                }
            }
            assert_int_equal(lines, rig.used[i] ? 2 : 0);
        }
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, 0), KIB(4)), 0);
        assert_int_equal(sim_count[SIM_TLBI_PAGE], 1);
    }
}

/* Walks that do not see the cache: each store is cleaned before the barrier that publishes it. */
static void incoherent_walks(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct ash_mmu_config config;
        int clean;

        rig_machine(&rig, kind);
        config = rig_config(&rig, kind);
        config.incoherent = true;
        assert_int_equal(ash_mmu_init(&rig.map, &config), 0);
        rig_install(&rig);
        sim_forget();
        map_ok(0, KIB(4), MIB(2), RW);
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, 0), KIB(64), 0), 0);
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, 0), KIB(4), ASH_MMU_UNCACHED), 0);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, 0), KIB(4)), 0);
        assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, KIB(4)), MIB(2) - KIB(4)), 0);
        for (unsigned i = 0; i < sim_traced; i++) {
            if (sim_trace[i].op != SIM_ENTRY_STORE) {
                continue;
            }
            uint64_t at = (uintptr_t)port_ptr(ash_pa(sim_trace[i].address));

            if (sim_trace[i].value != 0 && (sim_trace[i].value & 1) == 0 &&
                sim_trace[i].address % ASH_PAGE_SIZE == 0 &&
                (sim_trace[i].value == ~0xfffull ||
                 sim_trace[i].value - RIG_RAM.value < RIG_FRAMES * ASH_PAGE_SIZE)) {
                continue; /* the chain of unlinked tables: either value is empty to a walk */
            }
            for (clean = (int)i;; clean++) {
                clean = sim_find(SIM_CACHE_CLEAN, (unsigned)clean);
                assert_true(clean >= 0);
                if (at - sim_trace[clean].address < sim_trace[clean].value) {
                    break;
                }
            }
            assert_true(clean < sim_find(SIM_DSB_ISHST, i));
        }
        assert_int_equal(rig.in_use, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mapping_needs_no_tlbi),
        cmocka_unit_test(tables_are_linked_last),
        cmocka_unit_test(unmapping),
        cmocka_unit_test(many_pages),
        cmocka_unit_test(threshold),
        cmocka_unit_test(tables_are_given_last),
        cmocka_unit_test(many_tables),
        cmocka_unit_test(tables_by_address),
        cmocka_unit_test(change_of_type),
        cmocka_unit_test(split),
        cmocka_unit_test(split_for_code),
        cmocka_unit_test(empty_root),
        cmocka_unit_test(merge),
        cmocka_unit_test(early),
        cmocka_unit_test(incoherent_walks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
