/* SPDX-License-Identifier: MIT */
/*
 * The device tree reader: against libfdt, and against every way in which a tree can be broken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fdt_oracle.h"
#include "tests/unit/support.h"
#include "tests/unit/trees.h"

static const char small[] =
    "/memreserve/ 0x40000000 0x1000;\n"
    "/memreserve/ 0x48000000 0x200000;\n"
    "/ { #address-cells = <2>; #size-cells = <2>; compatible = \"a,b\", \"c\";\n"
    "  interrupt-parent = <&gic>;\n"
    "  aliases { serial0 = \"/soc/uart@1000\"; };\n"
    "  chosen { bootargs = \"quiet x=1\"; stdout-path = \"serial0:115200\"; };\n"
    "  memory@40000000 { device_type = \"memory\"; reg = <0 0x40000000 0 0x8000000>; };\n"
    "  gic: gic@8000000 { compatible = \"arm,cortex-a15-gic\"; interrupt-controller;\n"
    "    #interrupt-cells = <3>; reg = <0 0x8000000 0 0x1000 0 0x8010000 0 0x1000>; };\n"
    "  soc { #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0x9000000 0x10000>;\n"
    "    uart@1000 { compatible = \"arm,pl011\"; reg = <0x1000 0x1000>;\n"
    "      interrupts = <0 5 4>; child { empty; }; }; };\n"
    "  reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;\n"
    "    pool@44000000 { compatible = \"ashlar,pmem\"; reg = <0 0x44000000 0 0x100000>; };\n"
    "  };\n"
    "};";

static struct fdt open_or_fail(const void *blob, size_t size)
{
    struct fdt tree;

    assert_int_equal(fdt_open(&tree, blob, size), 0);
    return tree;
}

static void agrees_with_libfdt(void **state)
{
    static const char *const machines[] = {"", ",gic-version=3", ",secure=on",
                                           ",virtualization=on"};
    struct fdt tree;
    size_t size;
    void *blob = trees_compile(small, &size);

    (void)state;
    tree = open_or_fail(blob, size);
    assert_int_equal(fdt_check_full(blob, size), 0);
    oracle_same_tree(&tree, blob);
    assert_int_equal(tree.used, size);
    free(blob);
    for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        blob = trees_of_virt(machines[i], "-smp 3 -m 300", &size);
        tree = open_or_fail(blob, size);
        oracle_same_tree(&tree, blob);
        free(blob);
    }
}

/* Paths and phandles of every node of a real tree find that node again. */
static void finds_every_node(void **state)
{
    size_t size;
    void *blob = trees_of_virt(",secure=on,gic-version=3", "-smp 4", &size);
    struct fdt tree = open_or_fail(blob, size);
    struct fdt_walk walk, found;
    int node = -1, depth = -1;
    char path[256];

    (void)state;
    fdt_walk_start(&walk, &tree);
    while ((node = fdt_next_node(blob, node, &depth)) >= 0 && depth >= 0) {
        uint32_t phandle = fdt_get_phandle(blob, node);

        assert_true(fdt_walk_next(&walk));
        assert_int_equal(fdt_get_path(blob, node, path, sizeof(path)), 0);
        assert_true(fdt_walk_path(&found, &tree, path));
        assert_int_equal(fdt_here(&found)->properties, fdt_here(&walk)->properties);
        assert_int_equal(found.depth, walk.depth);
        if (phandle != 0) {
            assert_true(fdt_walk_phandle(&found, &tree, phandle));
            assert_int_equal(fdt_here(&found)->properties, fdt_here(&walk)->properties);
        }
    }
    assert_false(fdt_walk_phandle(&found, &tree, 0));
    assert_false(fdt_walk_phandle(&found, &tree, UINT32_MAX));
    assert_false(fdt_walk_phandle(&found, &tree, 0x7777));
    free(blob);
}

static void paths_end_and_abbreviate(void **state)
{
    size_t size;
    void *blob = trees_compile(small, &size);
    struct fdt tree = open_or_fail(blob, size);
    struct fdt_walk walk;

    (void)state;
    assert_true(fdt_walk_path(&walk, &tree, "/"));
    assert_int_equal(walk.depth, 0);
    assert_true(fdt_walk_path(&walk, &tree, "/soc/uart@1000:115200n8"));
    assert_string_equal(fdt_here(&walk)->name, "uart@1000");
    assert_true(fdt_walk_path(&walk, &tree, "/soc/uart"));
    assert_string_equal(fdt_here(&walk)->name, "uart@1000");
    assert_true(fdt_walk_path(&walk, &tree, "//soc//uart/child/"));
    assert_string_equal(fdt_here(&walk)->name, "child");
    assert_true(fdt_walk_alias(&walk, &tree, "serial0:9600"));
    assert_string_equal(fdt_here(&walk)->name, "uart@1000");
    assert_false(fdt_walk_alias(&walk, &tree, "serial"));
    assert_false(fdt_walk_alias(&walk, &tree, "serial01"));
    assert_false(fdt_walk_path(&walk, &tree, "/soc/uart@100"));
    assert_false(fdt_walk_path(&walk, &tree, "/soc/uart@10000"));
    assert_false(fdt_walk_path(&walk, &tree, "/so"));
    assert_false(fdt_walk_path(&walk, &tree, "/soc/child"));
    assert_false(fdt_walk_path(&walk, &tree, "soc"));
    assert_false(fdt_walk_path(&walk, &tree, ""));
    assert_true(fdt_walk_path(&walk, &tree, "/soc/uart"));
    assert_true(fdt_named(&walk, 1, "soc") && fdt_named(&walk, 2, "uart"));
    assert_false(fdt_named(&walk, 2, "uar") || fdt_named(&walk, 3, "child"));
    free(blob);
}

static void values_are_typed(void **state)
{
    size_t size;
    void *blob =
        trees_compile("/ { text = \"one\"; list = \"one\", \"two\"; raw = [6f 6e 65]; none;"
                      " cells = <1 0xfffffffe>; odd = [00 00 00 07 01]; };",
                      &size);
    struct fdt tree = open_or_fail(blob, size);
    struct fdt_walk walk;
    struct fdt_value value;
    uint32_t cell = 0;

    (void)state;
    assert_true(fdt_walk_path(&walk, &tree, "/"));
    assert_true(fdt_is(&walk, "text", "one"));
    assert_false(fdt_is(&walk, "text", "on") || fdt_is(&walk, "text", "one1"));
    assert_false(fdt_is(&walk, "list", "one") || fdt_is(&walk, "raw", "one"));
    assert_false(fdt_is(&walk, "none", "") || fdt_is(&walk, "absent", ""));
    assert_true(fdt_value_find(&walk, "list", &value));
    assert_null(fdt_value_string(&value));
    assert_true(fdt_value_lists(&value, "one") && fdt_value_lists(&value, "two"));
    assert_false(fdt_value_lists(&value, "tw") ||
                 fdt_value_lists(&value, "one\0two"[0] ? "w" : ""));
    assert_true(fdt_value_find(&walk, "raw", &value));
    assert_null(fdt_value_string(&value));
    assert_false(fdt_value_lists(&value, "one"));
    assert_true(fdt_value_find(&walk, "cells", &value));
    assert_true(fdt_value_cell(&value, 1, &cell));
    assert_int_equal(cell, 0xfffffffe);
    assert_false(fdt_value_cell(&value, 2, &cell));
    assert_false(fdt_value_cell(&value, 0x40000000, &cell));
    assert_true(fdt_value_find(&walk, "odd", &value));
    assert_true(fdt_value_cell(&value, 0, &cell));
    assert_int_equal(cell, 7);
    assert_false(fdt_value_cell(&value, 1, &cell));
    free(blob);
}

/* The n-th reg of the node at `path` of `text`, translated or not. */
static int reg_of(const char *text, const char *path, uint32_t n, bool translated, uint64_t *base,
                  uint64_t *length)
{
    size_t size;
    void *blob = trees_compile(text, &size);
    struct fdt tree = open_or_fail(blob, size);
    struct ash_range range = {{0}, 0};
    struct fdt_walk walk;
    int error;

    assert_true(fdt_walk_path(&walk, &tree, path));
    error = translated ? fdt_reg(&walk, n, &range) : fdt_reg_local(&walk, n, &range);
    *base = range.base.value;
    *length = range.size;
    free(blob);
    return error;
}

#define BUS(cells, ranges, reg)                                                                    \
    "/ { #address-cells = <2>; #size-cells = <2>; bus { " cells " " ranges " d { " reg " }; }; };"
#define ONE_ONE "#address-cells = <1>; #size-cells = <1>;"
#define TWO_TWO "#address-cells = <2>; #size-cells = <2>;"

static void reg_is_translated(void **state)
{
    static const struct {
        const char *text;
        uint32_t n;
        int error;
        uint64_t base, size;
    } cases[] = {
        {BUS(ONE_ONE, "ranges;", "reg = <0x1000 0x10>;"), 0, 0, 0x1000, 0x10},
        {BUS(ONE_ONE, "ranges;", "reg = <0x1000 0x10 0x2000 0x20>;"), 1, 0, 0x2000, 0x20},
        {BUS(ONE_ONE, "ranges;", "reg = <0x1000 0x10>;"), 1, ASH_ENOENT, 0, 0},
        {BUS(ONE_ONE, "ranges;", ""), 0, ASH_ENOENT, 0, 0},
        {BUS(ONE_ONE, "ranges;", "reg;"), 0, ASH_EBADTREE, 0, 0},
        {BUS(ONE_ONE, "ranges;", "reg = <1>;"), 0, ASH_EBADTREE, 0, 0},
        {BUS(ONE_ONE, "ranges;", "reg = <1 2 3>;"), 0, ASH_EBADTREE, 0, 0},
        {BUS(ONE_ONE, "", "reg = <0x1000 0x10>;"), 0, ASH_ERANGE, 0, 0},
        {BUS("", "ranges;", "reg = <1 0x2000 3>;"), 0, 0, 0x100002000, 3}, /* 2 and 1 by default */
        {BUS("#address-cells = <1>; #size-cells = <0>;", "ranges;", "reg = <5>;"), 0, 0, 5, 0},
        {BUS("#address-cells = <3>; #size-cells = <2>;", "ranges;", "reg = <1 2 3 4 5>;"), 0,
         ASH_ERANGE, 0, 0},
        {BUS("#address-cells = <0>; #size-cells = <1>;", "ranges;", "reg = <1>;"), 0, ASH_ERANGE, 0,
         0},
        {BUS("#address-cells = <0xffffffff>; #size-cells = <2>;", "ranges;", "reg = <1>;"), 0,
         ASH_ERANGE, 0, 0},
        {BUS(ONE_ONE, "ranges = <0 0x12 0x9000000 0x10000>;", "reg = <0x1000 0x10>;"), 0, 0,
         0x1209001000, 0x10},
        {BUS(ONE_ONE, "ranges = <0x1000 0 0x9000000 0x10000>;", "reg = <0x1000 0x10>;"), 0, 0,
         0x9000000, 0x10},
        {BUS(ONE_ONE, "ranges = <0x1001 0 0x9000000 0x10000>;", "reg = <0x1000 0x10>;"), 0,
         ASH_ERANGE, 0, 0},
        {BUS(ONE_ONE, "ranges = <0 0 0x9000000 0x1000>;", "reg = <0xff0 0x10>;"), 0, 0, 0x9000ff0,
         0x10},
        {BUS(ONE_ONE, "ranges = <0 0 0x9000000 0x1000>;", "reg = <0xff0 0x11>;"), 0, ASH_ERANGE, 0,
         0},
        {BUS(ONE_ONE, "ranges = <0 0 0x9000000 0x1000>;", "reg = <0x1000 0>;"), 0, ASH_ERANGE, 0,
         0},
        {BUS(ONE_ONE, "ranges = <0 0 0x1000 0x1000 0x1000 0 0x8000 0x1000>;",
             "reg = <0x1800 0x10>;"),
         0, 0, 0x8800, 0x10},
        {BUS(TWO_TWO, "ranges = <0 0 0xffffffff 0xfffff000 0 0x10000>;", "reg = <0 0xfff 0 0x1>;"),
         0, ASH_ERANGE, 0, 0}, /* the end wraps */
        {BUS(TWO_TWO, "ranges = <0 0 0xffffffff 0xfffff000 0 0x10000>;", "reg = <0 0x1000 0 1>;"),
         0, ASH_ERANGE, 0, 0}, /* the base wraps */
        {BUS(TWO_TWO, "ranges;", "reg = <0xffffffff 0xfffff000 0 0x1000>;"), 0, ASH_ERANGE, 0, 0},
        {BUS(TWO_TWO, "ranges;", "reg = <0xffffffff 0xfffff000 0 0xfff>;"), 0, 0,
         0xfffffffffffff000, 0xfff},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t base, size;

        print_message("case %u\n", i);
        assert_int_equal(reg_of(cases[i].text, "/bus/d", cases[i].n, true, &base, &size),
                         cases[i].error);
        if (cases[i].error == 0) {
            assert_int_equal(base, cases[i].base);
            assert_int_equal(size, cases[i].size);
        }
    }
}

static void reg_goes_up_several_buses(void **state)
{
    static const char text[] =
        "/ { #address-cells = <2>; #size-cells = <2>;"
        " a { " ONE_ONE " ranges = <0x100000 1 0x0 0x100000>;"
        "  b { #address-cells = <1>; #size-cells = <1>; ranges = <0 0x140000 0x1000>;"
        "   c { " TWO_TWO " ranges; d { reg = <0 0x20 0 4>; }; }; }; }; };";
    uint64_t base, size;

    (void)state;
    assert_int_equal(reg_of(text, "/a/b/c/d", 0, true, &base, &size), 0);
    assert_int_equal(base, 0x100040020);
    assert_int_equal(size, 4);
    assert_int_equal(reg_of(text, "/a/b/c/d", 0, false, &base, &size), 0);
    assert_int_equal(base, 0x20);
}

static void nops_are_passed_over(void **state)
{
    size_t size;
    void *blob = trees_compile(small, &size);
    struct fdt tree;
    int node = fdt_path_offset(blob, "/soc/uart@1000");

    (void)state;
    assert_int_equal(fdt_nop_property(blob, node, "reg"), 0);
    assert_int_equal(fdt_nop_node(blob, fdt_path_offset(blob, "/chosen")), 0);
    tree = open_or_fail(blob, size);
    oracle_same_tree(&tree, blob);
    free(blob);
}

/* `levels` nodes one in the other, the root included. */
static int open_deep(unsigned levels)
{
    static char buffer[4096];
    struct fdt tree;

    assert_int_equal(fdt_create(buffer, sizeof(buffer)), 0);
    assert_int_equal(fdt_finish_reservemap(buffer), 0);
    for (unsigned i = 0; i < levels; i++) {
        assert_int_equal(fdt_begin_node(buffer, i == 0 ? "" : "n"), 0);
    }
    for (unsigned i = 0; i < levels; i++) {
        assert_int_equal(fdt_end_node(buffer), 0);
    }
    assert_int_equal(fdt_finish(buffer), 0);
    if (fdt_open(&tree, buffer, sizeof(buffer)) != 0) {
        return ASH_EBADTREE;
    }
    oracle_same_tree(&tree, buffer);
    return 0;
}

static void depth_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(open_deep(FDT_LEVELS), 0);
    assert_int_equal(open_deep(FDT_LEVELS + 1), ASH_EBADTREE);
    assert_int_equal(open_deep(100), ASH_EBADTREE);
}

static void put32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* One word of the header changed: refused. */
static void headers_are_checked(void **state)
{
    enum { MAGIC, TOTAL, STRUCT, STRINGS, RESERVE, VERSION, LAST, BOOT, STRINGS_SIZE, STRUCT_SIZE };
    size_t size;
    uint8_t *blob = trees_compile(small, &size);
    struct {
        unsigned word;
        uint32_t value;
        int error;
    } cases[] = {
        {MAGIC, 0xd00dfeee, ASH_EBADTREE},
        {MAGIC, 0xedfe0dd0, ASH_EBADTREE},
        {TOTAL, 0, ASH_EBADTREE},
        {TOTAL, 39, ASH_EBADTREE},
        {TOTAL, (uint32_t)size - 1, ASH_EBADTREE},
        {TOTAL, (uint32_t)size + 1, ASH_EBADTREE},
        {TOTAL, UINT32_MAX, ASH_EBADTREE},
        {STRUCT, 0, ASH_EBADTREE},
        {STRUCT, get32(blob + 8) + 1, ASH_EBADTREE},
        {STRUCT, UINT32_MAX - 3, ASH_EBADTREE},
        {STRUCT_SIZE, UINT32_MAX, ASH_EBADTREE},
        {STRUCT_SIZE, get32(blob + 36) - 4, ASH_EBADTREE},
        {STRUCT_SIZE, 0, ASH_EBADTREE},
        {STRINGS, 4, ASH_EBADTREE},
        {STRINGS, (uint32_t)size + 1, ASH_EBADTREE},
        {STRINGS_SIZE, UINT32_MAX, ASH_EBADTREE},
        {STRINGS_SIZE, 0, ASH_EBADTREE},
        {STRINGS_SIZE, get32(blob + 32) - 1, ASH_EBADTREE},
        {RESERVE, 0, ASH_EBADTREE},
        {RESERVE, 44, ASH_EBADTREE},
        {RESERVE, (uint32_t)size & ~7u, ASH_EBADTREE},
        {RESERVE, 0xfffffff8, ASH_EBADTREE},
        {VERSION, 16, ASH_EBADTREE},
        {VERSION, 18, 0},
        {LAST, 18, ASH_EBADTREE},
        {LAST, 17, 0},
        {BOOT, 77, 0},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t *copy = trees_copy(blob, size);
        struct fdt tree;

        print_message("case %u\n", i);
        put32(copy + 4 * cases[i].word, cases[i].value);
        assert_int_equal(fdt_open(&tree, copy, size), cases[i].error);
        free(copy);
    }
    free(blob);
}

/* A property after a subnode, two roots, an unknown token: refused. */
static void order_of_tokens_is_checked(void **state)
{
    static const uint32_t good[] = {1, 0, 3, 0, 0, 1, 0x61000000, 2, 2, 9};
    static const struct {
        uint32_t words[12];
        unsigned count;
        int error;
    } cases[] = {
        {{1, 0, 3, 0, 0, 1, 0x61000000, 2, 2, 9}, 10, 0},
        {{1, 0, 1, 0x61000000, 2, 3, 0, 0, 2, 9}, 10, ASH_EBADTREE}, /* property after subnode */
        {{1, 0, 2, 1, 0, 2, 9}, 7, ASH_EBADTREE},                    /* two roots */
        {{1, 0, 2, 2, 9}, 5, ASH_EBADTREE},
        {{1, 0, 9}, 3, ASH_EBADTREE},
        {{9}, 1, ASH_EBADTREE},
        {{2, 9}, 2, ASH_EBADTREE},
        {{3, 0, 0, 9}, 4, ASH_EBADTREE},
        {{1, 0, 2}, 3, ASH_EBADTREE},
        {{1, 0, 5, 2, 9}, 5, ASH_EBADTREE},
        {{1, 0, 4, 4, 2, 4, 9}, 7, 0},
        {{1, 0, 3, 0, 2, 2, 9}, 7, ASH_EBADTREE},          /* name beyond the strings */
        {{1, 0, 3, 0xfffffffd, 0, 2, 9}, 7, ASH_EBADTREE}, /* size wraps */
        {{1, 0, 3, 5, 0, 2, 9}, 7, ASH_EBADTREE},          /* eats its own end */
        {{1, 0x61616161, 0x61616161, 0x61616161}, 4, ASH_EBADTREE},
    };

    (void)state;
    assert_memory_equal(good, cases[0].words, sizeof(good));
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t structure = 40 + 16, strings = structure + 4 * cases[i].count;
        uint8_t *blob = calloc(1, strings + 2);
        const uint32_t header[10] = {0xd00dfeed, strings + 2, structure, strings,           40, 17,
                                     16,         0,           2,         4 * cases[i].count};
        struct fdt tree;

        print_message("case %u\n", i);
        for (unsigned w = 0; w < 10; w++) {
            put32(blob + 4 * w, header[w]);
        }
        for (unsigned w = 0; w < cases[i].count; w++) {
            put32(blob + structure + 4 * w, cases[i].words[w]);
        }
        blob[strings] = 'p';
        assert_int_equal(fdt_open(&tree, blob, strings + 2), cases[i].error);
        free(blob);
    }
}

static void truncated_trees_are_refused(void **state)
{
    size_t size;
    uint8_t *blob = trees_compile(small, &size);

    (void)state;
    for (size_t room = 0; room < size; room++) {
        uint8_t *copy = trees_copy(blob, room);

        assert_false(oracle_read(copy, room));
        if (room >= 8) {
            /* The header agrees with the length: something else must be noticed. */
            put32(copy + 4, (uint32_t)room);
            assert_false(oracle_read(copy, room));
        }
        free(copy);
    }
    free(blob);
}

static void every_flipped_bit_is_survived(void **state)
{
    size_t size;
    uint8_t *blob = trees_compile(small, &size), *copy;
    unsigned accepted = 0, count = 0;

    (void)state;
    copy = trees_copy(blob, size);
    for (size_t at = 0; at < size; at++) {
        for (unsigned change = 0; change < 11; change++) {
            const unsigned changed[] = {0, 0xff, blob[at] + 4u};

            copy[at] = (uint8_t)(change < 8 ? blob[at] ^ 1u << change : changed[change - 8]);
            accepted += oracle_read(copy, size);
            count++;
        }
        copy[at] = blob[at];
    }
    print_message("%u of %u changed trees are still well-formed\n", accepted, count);
    assert_true(accepted > 0 && accepted < count);
    free(copy);
    free(blob);
}

static void random_changes_are_survived(void **state)
{
    static const uint32_t words[] = {0,  1,  2,          3,          4,          9,         8,
                                     16, 40, 0x7fffffff, 0x80000000, 0xfffffffc, UINT32_MAX};
    size_t size;
    uint8_t *blob = trees_compile(small, &size), *copy;
    unsigned accepted = 0;

    (void)state;
    support_seed(1);
    copy = trees_copy(blob, size);
    for (unsigned round = 0; round < 20000; round++) {
        memcpy(copy, blob, size);
        for (uint32_t n = 1 + support_random_below(4); n > 0; n--) {
            uint32_t at = support_random_below((uint32_t)size);

            if (support_random_below(2) == 0) {
                copy[at] = (uint8_t)support_random();
            } else {
                put32(copy + (at & ~3u) % (size - 3),
                      words[support_random_below(sizeof(words) / sizeof(words[0]))]);
            }
        }
        accepted += oracle_read(copy, size);
    }
    print_message("%u of 20000 changed trees are still well-formed\n", accepted);
    free(copy);
    free(blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_libfdt),
        cmocka_unit_test(finds_every_node),
        cmocka_unit_test(paths_end_and_abbreviate),
        cmocka_unit_test(values_are_typed),
        cmocka_unit_test(reg_is_translated),
        cmocka_unit_test(reg_goes_up_several_buses),
        cmocka_unit_test(nops_are_passed_over),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(headers_are_checked),
        cmocka_unit_test(order_of_tokens_is_checked),
        cmocka_unit_test(truncated_trees_are_refused),
        cmocka_unit_test(every_flipped_bit_is_survived),
        cmocka_unit_test(random_changes_are_survived),
    };

    return cmocka_run_group_tests_name("fdt", tests, NULL, NULL);
}
