/* SPDX-License-Identifier: MIT */
/*
 * The decision how an entry may change, case by case from the manual (DDI 0487 D8.16.1 and D8.17,
 * arm-rules 1, 3, 7, 9, 15, 25 to 27), and the attributes that may be built.
 */
#include "tests/unit/mmu_rig.h"

#include "mmu/attributes.h"
#include "mmu/change.h"

/* Descriptor fields, written from the manual's figures: upper attributes, AF SH AP index, type. */
#define PXN      (1ull << 53)
#define XN       (1ull << 54)
#define NEVER    (PXN | XN)
#define CONT     (1ull << 52)
#define GP       (1ull << 50)
#define NG       0x800ull
#define AF       0x400ull
#define SH_INNER 0x300ull
#define SH_OUTER 0x200ull
#define RO       0x80ull
#define EL0      0x40ull
#define MAIR(n)  ((uint64_t)(n) << 2)
#define BASE     0x40000000ull
#define PAGE_RW  (BASE | NEVER | AF | SH_INNER | 3)
#define PAGE_RO  (PAGE_RW | RO)
#define PAGE_RX  (BASE | AF | SH_INNER | RO | 3)
#define BLOCK_RW (BASE | NEVER | AF | SH_INNER | 1)
#define TABLE    (0x48000000ull | 3)
#define SOFT(n)  ((uint64_t)(n) << 55)
#define COUNT(n) ((uint64_t)(n) << 2)

struct row {
    const char *what;
    uint64_t old, new;
    unsigned level;
    enum mmu_change expected;
};

static const struct row rows[] = {
    {"nothing to nothing", 0, 0, 3, MMU_KEEP},
    {"the same page", PAGE_RW, PAGE_RW, 3, MMU_KEEP},
    {"the same table", TABLE, TABLE, 2, MMU_KEEP},
    /* invalid to valid: store and barrier, no TLBI */
    {"map a page", 0, PAGE_RW, 3, MMU_STORE},
    {"map a block at level 2", 0, BLOCK_RW, 2, MMU_STORE},
    {"map a block at level 1", 0, BLOCK_RW, 1, MMU_STORE},
    {"link a table at level 2", 0, TABLE | COUNT(1), 2, MMU_STORE},
    {"link a table at level 0", 0, TABLE, 0, MMU_STORE},
    {"make after a break", PAGE_RW & ~1ull, PAGE_RX, 3, MMU_STORE},
    /* valid to invalid: TLBI */
    {"unmap a page", PAGE_RW, 0, 3, MMU_INVALIDATE},
    {"unmap a block", BLOCK_RW, 0, 2, MMU_INVALIDATE},
    {"unlink a table", TABLE, 0, 1, MMU_INVALIDATE},
    {"break", PAGE_RW, PAGE_RW & ~1ull, 3, MMU_INVALIDATE},
    /* permissions: TLBI is enough */
    {"RW to RO", PAGE_RW, PAGE_RO, 3, MMU_INVALIDATE},
    {"RO to RW", PAGE_RO, PAGE_RW, 3, MMU_INVALIDATE},
    {"RO to RX", PAGE_RO, PAGE_RX, 3, MMU_INVALIDATE},
    {"RX to RW", PAGE_RX, PAGE_RW, 3, MMU_INVALIDATE},
    {"to unprivileged", PAGE_RW, PAGE_RW | EL0, 3, MMU_INVALIDATE},
    {"guarded", PAGE_RX, PAGE_RX | GP, 3, MMU_INVALIDATE},
    {"block RW to RO", BLOCK_RW, BLOCK_RW | RO, 2, MMU_INVALIDATE},
    {"RW to RO and software bits", PAGE_RW, PAGE_RO | SOFT(5), 3, MMU_INVALIDATE},
    /* access flag: what has AF=0 is in no TLB */
    {"AF set", PAGE_RW & ~AF, PAGE_RW, 3, MMU_STORE},
    {"AF cleared", PAGE_RW, PAGE_RW & ~AF, 3, MMU_INVALIDATE},
    {"AF set, RW to RO", PAGE_RW & ~AF, PAGE_RO, 3, MMU_INVALIDATE},
    {"software bits", PAGE_RW, PAGE_RW | SOFT(9), 3, MMU_STORE},
    /* break-before-make */
    {"output address", PAGE_RW, PAGE_RW + 0x1000, 3, MMU_BREAK},
    {"output address, read-only", PAGE_RO, PAGE_RO + 0x1000, 3, MMU_BREAK},
    {"memory type", PAGE_RW, PAGE_RW | MAIR(1), 3, MMU_BREAK},
    {"normal to device", PAGE_RW, PAGE_RW | MAIR(2), 3, MMU_BREAK},
    {"memory type of a block", BLOCK_RW, BLOCK_RW | MAIR(1), 1, MMU_BREAK},
    {"shareability", PAGE_RW, (PAGE_RW & ~SH_INNER) | SH_OUTER, 3, MMU_BREAK},
    {"nG to global", PAGE_RW | NG, PAGE_RW, 3, MMU_BREAK},
    {"global to nG", PAGE_RW, PAGE_RW | NG, 3, MMU_BREAK},
    {"contiguous set", PAGE_RW, PAGE_RW | CONT, 3, MMU_BREAK},
    {"contiguous cleared", PAGE_RW | CONT, PAGE_RW, 3, MMU_BREAK},
    {"split: block to table", BLOCK_RW, TABLE | COUNT(512), 2, MMU_BREAK},
    {"merge: table to block", TABLE | COUNT(512), BLOCK_RW, 2, MMU_BREAK},
    {"another table", TABLE, TABLE + 0x1000, 2, MMU_BREAK},
    {"type and permission", PAGE_RW, PAGE_RO | MAIR(1), 3, MMU_BREAK},
    /* bits of a table descriptor that the hardware ignores */
    {"count", TABLE | COUNT(1), TABLE | COUNT(512), 2, MMU_STORE},
    {"software bit of a table", TABLE, TABLE | SOFT(1), 2, MMU_STORE},
    /* what no table may hold */
    {"writable and executable", 0, PAGE_RW & ~NEVER, 3, MMU_REFUSE},
    {"writable, privileged execute", 0, PAGE_RW & ~PXN, 3, MMU_REFUSE},
    {"writable, unprivileged execute", PAGE_RW, PAGE_RW & ~XN, 3, MMU_REFUSE},
    {"executable device", 0, PAGE_RX | MAIR(2), 3, MMU_REFUSE},
    {"executable strict device", 0, PAGE_RX | MAIR(3), 3, MMU_REFUSE},
    {"user code that the firmware may run", 0, PAGE_RX | EL0, 3, MMU_REFUSE},
    {"memory type without a MAIR byte", 0, PAGE_RW | MAIR(4), 3, MMU_REFUSE},
    {"block descriptor at level 3", 0, BLOCK_RW, 3, MMU_REFUSE},
    {"block at level 0", 0, BLOCK_RW, 0, MMU_REFUSE},
    {"misaligned block at level 2", 0, BLOCK_RW + 0x1000, 2, MMU_REFUSE},
    {"2 MiB-aligned block at level 1", 0, BLOCK_RW + 0x200000, 1, MMU_REFUSE},
    {"APTable", TABLE, TABLE | 1ull << 61, 2, MMU_REFUSE},
    {"XNTable", 0, TABLE | 1ull << 60, 2, MMU_REFUSE},
    {"unknown bit", 0, PAGE_RW | 1ull << 49, 3, MMU_REFUSE},
};

static void decisions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum mmu_change change = mmu_change(rows[i].old, rows[i].new, rows[i].level);

        if (change != rows[i].expected) {
            fail_msg("%s: %d, expected %d", rows[i].what, (int)change, (int)rows[i].expected);
        }
    }
}

/* Every combination of attributes: refused where the rules say so, and what is built means, to the
 * simulated machine, just what was asked. */
static void attributes(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct rig rig;
        uint64_t offset = MIB(4);

        rig_start(&rig, kind);
        for (ash_mmu_attr_t attr = 0; attr < 0x800; attr++) {
            bool device = (attr & ASH_MMU_TYPE_MASK) >= ASH_MMU_DEVICE;
            int expected = 0;

            if (attr & ~(0x300u | 0x30u | 0x7u)) {
                expected = ASH_EINVAL;
            } else if ((attr & ASH_MMU_GUARDED) && (attr & ASH_MMU_EXEC) == 0) {
                expected = ASH_EPERM;
            } else if ((attr & ASH_MMU_EXEC) && ((attr & ASH_MMU_WRITE) || device)) {
                expected = ASH_EPERM;
            }
            assert_int_equal(
                ash_mmu_map(&rig.map, rig_va(&rig, offset), ash_pa(BASE), ASH_PAGE_SIZE, attr),
                expected);
            if (expected == 0) {
                rig_expect(&rig, rig_va(&rig, offset), ash_pa(BASE), attr);
                rig_verify(&rig);
                assert_int_equal(ash_mmu_protect(&rig.map, rig_va(&rig, offset), ASH_PAGE_SIZE,
                                                 attr ^ ASH_MMU_USER),
                                 0);
                rig_expect(&rig, rig_va(&rig, offset), ash_pa(BASE), attr ^ ASH_MMU_USER);
                assert_int_equal(ash_mmu_unmap(&rig.map, rig_va(&rig, offset), ASH_PAGE_SIZE), 0);
            }
            rig_expect_hole(&rig, rig_va(&rig, offset));
        }
        rig_end(&rig);
    }
}

/* protect refuses the same, and changes nothing. */
static void protect_refuses(void **state)
{
    static const ash_mmu_attr_t bad[] = {
        ASH_MMU_WRITE | ASH_MMU_EXEC,
        ASH_MMU_DEVICE | ASH_MMU_EXEC,
        ASH_MMU_STRICT | ASH_MMU_EXEC,
        ASH_MMU_WRITE | ASH_MMU_EXEC | ASH_MMU_USER,
        ASH_MMU_GUARDED,
        0x8,
        0x400,
    };
    struct rig rig;

    (void)state;
    rig_start(&rig, &rig_kinds[0]);
    assert_int_equal(ash_mmu_map(&rig.map, ash_va(0x1000), ash_pa(BASE), 0x1000, ASH_MMU_WRITE), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(ash_mmu_protect(&rig.map, ash_va(0x1000), 0x1000, bad[i]),
                         bad[i] == 0x8 || bad[i] == 0x400 ? ASH_EINVAL : ASH_EPERM);
        rig_expect(&rig, ash_va(0x1000), ash_pa(BASE), ASH_MMU_WRITE);
    }
    assert_int_equal(ash_mmu_unmap(&rig.map, ash_va(0x1000), 0x1000), 0);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions),
        cmocka_unit_test(attributes),
        cmocka_unit_test(protect_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
