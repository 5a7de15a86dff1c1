/* SPDX-License-Identifier: MIT */
/*
 * Reading maps: query, walk, both dumps, the explanation of an address; and what verify finds when
 * a table is damaged.
 */
#include "tests/unit/mmu_rig.h"

#define RW ASH_MMU_WRITE
#define RX ASH_MMU_EXEC

static struct rig rig;
static char text[8192];
static size_t length;

static int print(const char *format, ...)
{
    va_list arguments;
    int printed;

    va_start(arguments, format);
    printed = vsnprintf(text + length, sizeof text - length, format, arguments);
    va_end(arguments);
    assert_true(printed >= 0 && (size_t)printed < sizeof text - length);
    length += (size_t)printed;
    return printed;
}

static void map_ok(uint64_t offset, uint64_t pa, uint64_t size, ash_mmu_attr_t attr)
{
    assert_int_equal(ash_mmu_map(&rig.map, rig_va(&rig, offset), ash_pa(pa), size, attr), 0);
}

static void standard_map(void)
{
    rig_start(&rig, &rig_kinds[0]);
    map_ok(0x1000, 0x1000, 0x7f000, RX);
    map_ok(0x80000, 0x80000, MIB(4) - 0x80000, 0);
    map_ok(0x09000000, 0x09000000, 0x1000, ASH_MMU_DEVICE | RW);
    map_ok(GIB(1), GIB(1), GIB(2), RW);
    map_ok(0xd0000000, 0x4010000000, MIB(2), ASH_MMU_UNCACHED | RW | ASH_MMU_USER);
    map_ok(0xd0200000, 0x4020000000, MIB(2), ASH_MMU_UNCACHED | RW | ASH_MMU_USER);
    map_ok(0xfffff000, 0x09010000, 0x1000, ASH_MMU_STRICT);
}

static void dump_for_programs(void **state)
{
    (void)state;
    standard_map();
    length = 0;
    ash_mmu_dump_raw(&rig.map, print);
    assert_string_equal(text, "map 0x1000 0x1000 0x7f000 3 normal r-x-\n"
                              "map 0x80000 0x80000 0x180000 3 normal r---\n"
                              "map 0x200000 0x200000 0x200000 2 normal r---\n"
                              "map 0x9000000 0x9000000 0x1000 3 device rw--\n"
                              "map 0x40000000 0x40000000 0x80000000 1 normal rw--\n"
                              "map 0xd0000000 0x4010000000 0x200000 2 uncached rw-u\n"
                              "map 0xd0200000 0x4020000000 0x200000 2 uncached rw-u\n"
                              "map 0xfffff000 0x9010000 0x1000 3 strict r---\n");
}

static void dump_for_people(void **state)
{
    static const char *const lines[] = {
        "LPAE, level 1 to 3, root at 0x48000000, global\n",
        "  0x00001000-0x0007ffff = PA             508 KiB normal   r-x-  127 x 4K\n",
        "  0x00080000-0x003fffff = PA            3584 KiB normal   r---  1 x 2M 384 x 4K\n",
        "  0x40000000-0xbfffffff = PA               2 GiB normal   rw--  2 x 1G\n",
        "  0xd0000000-0xd01fffff > 0x4010000000     2 MiB uncached rw-u  1 x 2M\n",
        "  0xfffff000-0xffffffff > 0x0009010000     4 KiB strict   r---  1 x 4K\n",
        "  2105348 KiB mapped, 6 tables\n",
    };

    (void)state;
    standard_map();
    length = 0;
    ash_mmu_dump(&rig.map, print);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (strstr(text, lines[i]) == NULL) {
            fail_msg("missing line %s in\n%s", lines[i], text);
        }
    }
    rig_start(&rig, &rig_kinds[5]);
    length = 0;
    ash_mmu_dump(&rig.map, print);
    assert_string_equal(text, "AArch64, level 0 to 3, root at 0x48000000, ASID 66\n"
                              "  0 KiB mapped, 1 tables\n");
}

static void explanation(void **state)
{
    (void)state;
    standard_map();
    length = 0;
    ash_mmu_explain(&rig.map, ash_va(0x2345), print);
    assert_non_null(strstr(text, "level 1: table 0x48000000 [0] = 0x"));
    assert_non_null(strstr(text, "3 entries valid\n")); /* two tables and a block at level 2 */
    assert_non_null(strstr(text, "level 3: table 0x"));
    assert_non_null(strstr(text, "page at 0x2000: normal r-x- global\n  PA 0x2345\n"));
    length = 0;
    ash_mmu_explain(&rig.map, ash_va(0x212345), print);
    assert_non_null(strstr(text, "block at 0x200000: normal r--- global\n  PA 0x212345\n"));
    length = 0;
    ash_mmu_explain(&rig.map, ash_va(0xfff), print);
    assert_non_null(strstr(text, "[0] = 0x0000000000000000 invalid: translation fault, level 3\n"));
    rig_start(&rig, &rig_kinds[1]);
    length = 0;
    ash_mmu_explain(&rig.map, ash_va(0xbfffffff), print);
    assert_non_null(strstr(text, "outside of this map"));
    assert_int_equal(ash_mmu_remap_zone(&rig.map, rig_va(&rig, 0), MIB(2)), 0);
    length = 0;
    ash_mmu_explain(&rig.map, rig_va(&rig, 0), print);
    assert_non_null(strstr(text, "0 entries valid, stays\n"));
}

static void query(void **state)
{
    struct ash_mmu_mapping mapping;

    (void)state;
    standard_map();
    assert_int_equal(ash_mmu_query(&rig.map, ash_va(0xd0012345), &mapping), 0);
    assert_int_equal(mapping.va.value, 0xd0000000);
    assert_int_equal(mapping.pa.value, 0x4010000000);
    assert_int_equal(mapping.size, MIB(2));
    assert_int_equal(mapping.level, 2);
    assert_int_equal(mapping.attr, ASH_MMU_UNCACHED | RW | ASH_MMU_USER);
    assert_int_equal(ash_mmu_query(&rig.map, ash_va(0xffffffff), &mapping), 0);
    assert_int_equal(ash_mmu_query(&rig.map, ash_va(0), &mapping), ASH_ENOENT);
    assert_int_equal(ash_mmu_query(&rig.map, ash_va(GIB(4)), &mapping), ASH_ERANGE);
    rig_start(&rig, &rig_kinds[1]);
    assert_int_equal(ash_mmu_query(&rig.map, ash_va(0), &mapping), ASH_ERANGE);
}

struct seen {
    unsigned count, stop_at;
    uint64_t last;
};

static int look(void *arg, const struct ash_mmu_mapping *mapping)
{
    struct seen *seen = arg;

    assert_true(seen->count == 0 || mapping->va.value > seen->last);
    seen->last = mapping->va.value;
    return ++seen->count == seen->stop_at ? 77 : 0;
}

static void walk(void **state)
{
    struct seen seen = {0};

    (void)state;
    standard_map();
    assert_int_equal(ash_mmu_walk(&rig.map, ash_va(0), GIB(4), look, &seen), 0);
    assert_int_equal(seen.count, 127 + 384 + 1 + 1 + 2 + 2 + 1);
    assert_int_equal(seen.last, 0xfffff000);
    seen = (struct seen){.stop_at = 3};
    assert_int_equal(ash_mmu_walk(&rig.map, ash_va(0), GIB(4), look, &seen), 77);
    assert_int_equal(seen.count, 3);
    /* Edges inside a block report it. */
    seen = (struct seen){0};
    assert_int_equal(ash_mmu_walk(&rig.map, ash_va(0x201000), 0x1000, look, &seen), 0);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.last, 0x200000);
    assert_int_equal(ash_mmu_walk(&rig.map, ash_va(0), 0, look, &seen), ASH_EINVAL);
}

static uint64_t *entry_of(uint64_t va, unsigned level)
{
    uint64_t *table = port_ptr(ash_mmu_root(&rig.map));

    for (unsigned l = rig.map.start;; l++) {
        uint64_t *entry = &table[(va >> (39 - 9 * l)) & 511];

        if (l == level) {
            return entry;
        }
        table = port_ptr(ash_pa(*entry & 0xfffffff000));
    }
}

/* Each kind of damage is found, at its place, and verify survives it. */
static void verify_finds(void **state)
{
    struct {
        const char *what;
        uint64_t va;
        unsigned level;
        uint64_t xor ;
    } rows[] = {
        {"count of valid entries is wrong", 0, 1, 1 << 2},
        {"count of valid entries is wrong", 0, 2, 1 << 2},
        {"count of valid entries is wrong", 0x80000, 3, 0}, /* an entry gone: see below */
        {"an invalid entry that is not zero", 0x80000, 3, 1},
        {"reserved descriptor type", 0x80000, 3, 2},
        {"misaligned output address", 0x200000, 2, 0x1000},
        {"output address out of reach", 0x80000, 3, 1ull << 41},
        {"attributes that no mapping may have", 0x9000000, 3, 3ull << 53},
        {"attributes that no mapping may have", 0x80000, 3, 1ull << 4},
        {"attributes that were not built here", 0x80000, 3, 1 << 10},
        {"attributes that were not built here", 0x80000, 3, 1 << 11},
        {"attributes that were not built here", 0x80000, 3, 1 << 8},
        {"attributes that were not built here", 0x1000, 3, 1ull << 54},
        {"table descriptor with hierarchical attributes", 0, 1, 1ull << 60},
        {"table out of reach", 0, 1, 1ull << 36},
        {"tables in use cannot all be reached", 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ash_mmu_report report;

        standard_map();
        if (rows[i].level == 0) {
            rig.map.counters.tables++;
        } else {
            uint64_t *entry = entry_of(rows[i].va, rows[i].level);

            *entry = rows[i].xor ? *entry ^ rows[i].xor : 0;
        }
        assert_int_equal(ash_mmu_verify(&rig.map, &report), ASH_ECORRUPT);
        if (strcmp(report.what, rows[i].what) != 0) {
            fail_msg("found \"%s\", expected \"%s\"", report.what, rows[i].what);
        }
        if (rows[i].level != 0 && rows[i].xor != 0 && report.level == rows[i].level) {
            assert_int_equal(report.va.value, rows[i].va);
        }
    }
    /* A global entry in a space; an empty table that was kept. */
    rig_start(&rig, &rig_kinds[1]);
    map_ok(0, 0, KIB(4), RW);
    uint64_t *entry = entry_of(0, 3);
    struct ash_mmu_report report;

    *entry &= ~(1ull << 11);
    assert_int_equal(ash_mmu_verify(&rig.map, &report), ASH_ECORRUPT);
    assert_string_equal(report.what, "global entry in a map with an ASID");
    *entry = 0;
    *entry_of(0, 2) &= ~0xffcull;
    assert_int_equal(ash_mmu_verify(&rig.map, &report), ASH_ECORRUPT);
    assert_string_equal(report.what, "an empty table was kept");
    /* Beyond the four entries that the root of a 4 GiB map has. */
    rig_start(&rig, &rig_kinds[0]);
    ((uint64_t *)port_ptr(ash_mmu_root(&rig.map)))[4] = 0x40000701 | 3ull << 53;
    assert_int_equal(ash_mmu_verify(&rig.map, &report), ASH_ECORRUPT);
    assert_string_equal(report.what, "an entry past the end of the map");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dump_for_programs),
        cmocka_unit_test(dump_for_people),
        cmocka_unit_test(explanation),
        cmocka_unit_test(query),
        cmocka_unit_test(walk),
        cmocka_unit_test(verify_finds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
