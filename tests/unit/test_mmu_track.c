/* SPDX-License-Identifier: MIT */
/*
 * Accessed and written: what maps that track it report, by faults, and when entries change by
 * themselves between any two steps.
 */
#include "tests/unit/mmu_rig.h"

#define RW    ASH_MMU_WRITE
#define OLD   ASH_MMU_OLD
#define CLEAN ASH_MMU_CLEAN
#define STATE (OLD | CLEAN)
#define PAGES 8u
#define FAR   GIB(1)

static struct rig rig;

static void start(const struct rig_kind *kind, bool updates)
{
    struct ash_mmu_config config;

    rig_machine(&rig, kind);
    config = rig_config(&rig, kind);
    config.track = true;
    config.updates = updates;
    config.contiguous = true; /* tracked entries never have the hint */
    assert_int_equal(ash_mmu_init(&rig.map, &config), 0);
    rig_install(&rig);
}

static void map(uint64_t offset, uint64_t size, ash_mmu_attr_t attr)
{
    assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, offset), ash_pa(FAR + offset), size, attr),
                     0);
    rig_verify(&rig);
}

static ash_mmu_attr_t attr_at(uint64_t offset)
{
    struct ash_mmu_mapping mapping;

    assert_int_equal(ash_mmu_query(&rig.map, rig_va(&rig, offset), &mapping), 0);
    return mapping.attr;
}

/* What was harvested, by page. */
static struct {
    unsigned calls;
    bool accessed[PAGES], written[PAGES];
    unsigned stop_after;
} seen;

static int see(void *arg, const struct ash_mmu_mapping *mapping)
{
    unsigned page = (unsigned)((mapping->va.value - rig.kind->base) / ASH_PAGE_SIZE);

    (void)arg;
    assert_in_range(page, 0, PAGES - 1);
    seen.calls++;
    seen.accessed[page] = (mapping->attr & OLD) == 0;
    seen.written[page] = ash_mmu_written(mapping);
    return seen.stop_after != 0 && seen.calls == seen.stop_after ? 77 : 0;
}

static int harvest(ash_mmu_attr_t clear)
{
    memset(&seen, 0, sizeof seen);
    return ash_mmu_harvest(&rig.map, rig_va(&rig, 0), PAGES * ASH_PAGE_SIZE, clear, see, NULL);
}

static enum sim_fault fault(unsigned page, unsigned access)
{
    return sim_translate(rig_va(&rig, KIB(4) * page).value, access).fault;
}

static int touch(unsigned page, bool write)
{
    return ash_mmu_touch(&rig.map, rig_va(&rig, KIB(4) * page + 0x123), write);
}

/* Without the hardware: the machine faults, touch() lets it pass. */
static void by_faults(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        start(kind, false);
        map(0, KIB(4) * PAGES, RW | STATE);
        assert_int_equal(attr_at(0), RW | STATE);
        assert_int_equal(fault(0, SIM_READ), SIM_FAULT_ACCESS_FLAG);
        assert_int_equal(touch(0, false), 0);
        assert_int_equal(fault(0, SIM_READ), SIM_OK);
        assert_int_equal(fault(0, SIM_WRITE), SIM_FAULT_PERMISSION);
        assert_int_equal(attr_at(0), RW | CLEAN);
        assert_int_equal(touch(0, true), 0);
        assert_int_equal(fault(0, SIM_WRITE), SIM_OK);
        assert_int_equal(attr_at(0), RW);
        assert_int_equal(touch(1, true), 0); /* both at once */
        assert_int_equal(fault(1, SIM_WRITE), SIM_OK);
        assert_int_equal(touch(2, false), 0);

        sim_forget();
        assert_int_equal(harvest(STATE), 0);
        assert_int_equal(sim_tlbi_count(), 3);
        assert_int_equal(sim_count[SIM_DSB_ISH], 1);
        assert_int_equal(seen.calls, 3);
        assert_true(seen.accessed[0] && seen.accessed[1] && seen.accessed[2]);
        assert_true(seen.written[0] && seen.written[1] && !seen.written[2]);
        for (unsigned i = 0; i < PAGES; i++) {
            assert_int_equal(attr_at(KIB(4) * i), RW | STATE);
            assert_int_equal(fault(i, SIM_READ), SIM_FAULT_ACCESS_FLAG);
        }
        assert_int_equal(harvest(STATE), 0);
        assert_int_equal(seen.calls, 0);
        rig_verify(&rig);
        rig_destroy(&rig);
    }
}

/* To look is not to take, and either state can be taken alone. */
static void what_is_cleared(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        start(kind, false);
        map(0, KIB(4) * PAGES, RW);
        assert_int_equal(harvest(0), 0);
        assert_int_equal(seen.calls, PAGES);
        assert_int_equal(attr_at(0), RW);
        assert_int_equal(harvest(OLD), 0);
        assert_int_equal(attr_at(0), RW | OLD);
        assert_int_equal(harvest(CLEAN), 0);
        assert_true(seen.written[0] && !seen.accessed[0]);
        assert_int_equal(attr_at(0), RW | STATE);
        rig_destroy(&rig);
    }
}

/* Page-out: read-only first, then the last write is known, once. */
static void protect_keeps_what_was_written(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (unsigned type = 0; type < 3; type++) {
            static const ash_mmu_attr_t now[] = {0, RW | CLEAN, ASH_MMU_UNCACHED};

            start(kind, false);
            map(0, KIB(4) * PAGES, RW | STATE);
            assert_int_equal(touch(3, true), 0);
            assert_int_equal(touch(4, false), 0);
            assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, 0), KIB(4) * PAGES, now[type]),
                             0);
            rig_verify(&rig);
            assert_int_equal(fault(3, SIM_WRITE), SIM_FAULT_PERMISSION);
            assert_int_equal(touch(3, true), type == 1 ? 0 : ASH_EPERM);
            assert_int_equal(harvest(CLEAN), 0);
            for (unsigned i = 0; i < PAGES; i++) {
                assert_int_equal(seen.written[i], i == 3);
            }
            assert_int_equal(harvest(CLEAN), 0);
            assert_false(seen.written[3]);
            rig_destroy(&rig);
        }
    }
}

/* The machine writes to each page right before its entry changes: that is never lost. */
static void entries_change_by_themselves(void **state)
{
    static const ash_mmu_attr_t now[] = {0, RW | CLEAN, ASH_MMU_UNCACHED, ASH_MMU_UNCACHED | RW};

    (void)state;
    FOR_EACH_KIND(kind)
    {
        if (kind->sim == SIM_LPAE) {
            continue; /* AArch32 has no such hardware */
        }
        for (unsigned i = 0; i <= sizeof now / sizeof now[0]; i++) {
            start(kind, true);
            sim_regime.sets_access = sim_regime.sets_dirty = true;
            map(0, KIB(4) * PAGES, RW | STATE);
            for (unsigned page = 0; page < PAGES; page++) {
                ash_va_t va = rig_va(&rig, KIB(4) * page);

                assert_int_equal(sim_access(va.value, SIM_READ).fault, SIM_OK);
            }
            if (i > 0) {
                assert_int_equal(
                    ash_mmu_protect(&rig.map, rig_va(&rig, 0), KIB(4) * PAGES, now[i - 1]), 0);
            }
            assert_int_equal(harvest(STATE), 0);
            assert_int_equal(seen.calls, PAGES);
            for (unsigned page = 0; page < PAGES; page++) {
                assert_true(seen.written[page]);
            }
            rig_verify(&rig);
            rig_destroy(&rig);
        }
    }
}

/* Entries without access flag are in no TLB; but by the time that they get it from software, the
 * processor may have made them accessed and writable. */
static void first_write_meanwhile(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        if (kind->sim == SIM_LPAE) {
            continue;
        }
        start(kind, true);
        sim_regime.sets_access = sim_regime.sets_dirty = true;
        map(0, KIB(4) * PAGES, RW | STATE);
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, 0), KIB(4) * PAGES, RW | CLEAN), 0);
        assert_int_equal(fault(0, SIM_READ), SIM_OK); /* the machine looks at what TLBs hold */
        assert_int_equal(harvest(CLEAN), 0);
        assert_true(seen.written[0] && seen.written[PAGES - 1]);
        rig_destroy(&rig);
    }
}

/* State in between is no run's end, to a dump; and such pages do not merge. */
static char text[2048];
static size_t length;

static int print(const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(text + length, sizeof text - length, format, arguments);
    va_end(arguments);
    length += (size_t)n;
    assert_true(length < sizeof text);
    return n;
}

static void state_stays_with_pages(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        unsigned merged;

        start(kind, false);
        map(0, MIB(2), RW | CLEAN | ASH_MMU_PAGES);
        assert_int_equal(touch(5, true), 0);
        assert_int_equal(ash_mmu_merge(&rig.map, rig_va(&rig, 0), MIB(2), &merged), 0);
        assert_int_equal(merged, 0);
        length = 0;
        ash_mmu_dump_raw(&rig.map, print);
        assert_non_null(strstr(text, " 0x200000 3 normal rw--\n"));
        assert_int_equal(harvest(CLEAN), 0);
        assert_int_equal(ash_mmu_merge(&rig.map, rig_va(&rig, 0), MIB(2), &merged), 0);
        assert_int_equal(merged, 0); /* all alike, but any may be written at any time */
        assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, 0), MIB(2), RW), 0);
        assert_int_equal(ash_mmu_merge(&rig.map, rig_va(&rig, 0), MIB(2), &merged), 0);
        assert_int_equal(merged, 1);
        rig_verify(&rig);
        rig_destroy(&rig);
    }
}

/* A block that is split may be written until the break: its parts count as written. */
static void split_parts_are_written(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (unsigned updates = 0; updates < (kind->sim == SIM_A64 ? 2u : 1u); updates++) {
            start(kind, updates);
            map(0, MIB(2), RW | STATE);
            assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, MIB(1)), KIB(4), 0), 0);
            rig_verify(&rig);
            assert_int_equal(attr_at(0), updates ? RW : RW | STATE);
            rig_destroy(&rig);
        }
    }
}

static void arguments(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct ash_mmu_config config;
        struct sim_answer answer;
        struct ash_mmu other;
        uint64_t *entry;
        ash_va_t va;

        start(kind, false);
        va = rig_va(&rig, 0);
        assert_int_equal(ash_mmu_map(&rig.map, va, ash_pa(FAR), KIB(4), CLEAN), ASH_EINVAL);
        assert_int_equal(touch(0, false), ASH_ENOENT);
        assert_int_equal(harvest(0), 0);
        assert_int_equal(harvest(RW), ASH_EINVAL);
        map(0, KIB(4) * PAGES, 0);
        assert_int_equal(touch(0, true), ASH_EPERM);
        seen.stop_after = 0;
        memset(&seen, 0, sizeof seen);
        seen.stop_after = 3;
        assert_int_equal(ash_mmu_harvest(&rig.map, va, KIB(4) * PAGES, OLD, see, NULL), 77);
        assert_int_equal(attr_at(KIB(8)), OLD);
        assert_int_equal(attr_at(KIB(12)), 0);
        ash_mmu_freeze(&rig.map);
        assert_int_equal(harvest(OLD), ASH_EBUSY);
        assert_int_equal(harvest(0), 0);
        rig_destroy(&rig);

        rig_start(&rig, kind); /* a map that does not track */
        assert_int_equal(ash_mmu_map(&rig.map, va, ash_pa(FAR), KIB(4), RW | OLD), ASH_EINVAL);
        map(0, KIB(4), RW);
        assert_int_equal(touch(0, false), ASH_EINVAL);
        assert_int_equal(harvest(0), ASH_EINVAL);
        answer = sim_translate(va.value, SIM_READ);
        entry = port_ptr(answer.entry);
        *entry ^= kind->sim == SIM_A64 ? UINT64_C(1) << 51 : UINT64_C(1) << 55;
        assert_int_equal(ash_mmu_verify(&rig.map, NULL), ASH_ECORRUPT);
        *entry ^= kind->sim == SIM_A64 ? UINT64_C(1) << 51 : UINT64_C(1) << 55;
        config = rig_config(&rig, kind);
        config.updates = true;
        assert_int_equal(ash_mmu_init(&other, &config), ASH_EINVAL);
        if (kind->sim == SIM_LPAE) { /* there is no such hardware */
            config.track = true;
            assert_int_equal(ash_mmu_init(&other, &config), ASH_EINVAL);
        }
        rig_destroy(&rig);
    }
}

/* What is cleared loses the contiguous hint, which no run that reaches out of a zone may. */
static void zones(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        ash_va_t va;

        start(kind, false);
        va = rig_va(&rig, KIB(8));
        assert_int_equal(ash_mmu_open_zone(&rig.map, va, KIB(64)), 0);
        map(0, KIB(128), RW);
        ash_mmu_freeze(&rig.map);
        assert_int_equal(ash_mmu_harvest(&rig.map, va, KIB(4), CLEAN, see, NULL), ASH_EBUSY);
        assert_int_equal(ash_mmu_touch(&rig.map, va, true), 0);
        rig_destroy(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_faults),
        cmocka_unit_test(what_is_cleared),
        cmocka_unit_test(protect_keeps_what_was_written),
        cmocka_unit_test(entries_change_by_themselves),
        cmocka_unit_test(first_write_meanwhile),
        cmocka_unit_test(split_parts_are_written),
        cmocka_unit_test(state_stays_with_pages),
        cmocka_unit_test(arguments),
        cmocka_unit_test(zones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
