/* SPDX-License-Identifier: MIT */
/*
 * What the loader left in RAM and says in /chosen is reserved: an initial RAM disk, a framebuffer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fdt_oracle.h"
#include "tests/unit/support.h"
#include "tests/unit/trees.h"

#define TREE(chosen)                                                                               \
    "/ { #address-cells = <2>; #size-cells = <2>;"                                                 \
    " memory@40000000 { device_type = \"memory\"; reg = <0 0x40000000 0 0x8000000>; };"            \
    " chosen { #address-cells = <2>; #size-cells = <2>; " chosen " }; };"

static struct ash_platform p;

static void read_tree(const char *text)
{
    size_t size;
    void *blob = trees_compile(text, &size);

    assert_int_equal(platform_from_tree(&p, blob, size, false), 0);
    oracle_platform_sound(&p);
    free(blob);
}

static void expect(unsigned n, const char *name, uint64_t base, uint64_t size)
{
    assert_true(n < p.reserved_count);
    assert_string_equal(p.reserved[n].name, name);
    assert_int_equal(p.reserved[n].kind, ASH_RESERVED_KEEP);
    assert_int_equal(p.reserved[n].range.base.value, base);
    assert_int_equal(p.reserved[n].range.size, size);
}

static void initrd_is_reserved(void **state)
{
    (void)state;
    read_tree(TREE("linux,initrd-start = <0x44000000>; linux,initrd-end = <0x44012345>;"));
    assert_int_equal(p.reserved_count, 1);
    expect(0, "initrd", 0x44000000, 0x12345);
    read_tree(TREE("linux,initrd-start = <1 0x44000000>; linux,initrd-end = <1 0x44000001>;"));
    assert_int_equal(p.reserved_count, 1);
    expect(0, "initrd", 0x144000000, 1);
}

static void half_an_initrd_is_none(void **state)
{
    (void)state;
    read_tree(TREE("linux,initrd-start = <0x44000000>;"));
    assert_int_equal(p.reserved_count, 0);
    read_tree(TREE("linux,initrd-end = <0x44000000>;"));
    assert_int_equal(p.reserved_count, 0);
    read_tree(TREE("linux,initrd-start = <0x44000000>; linux,initrd-end = <0x44000000>;"));
    assert_int_equal(p.reserved_count, 0);
    read_tree(TREE("linux,initrd-start = <0x44000001>; linux,initrd-end = <0x44000000>;"));
    assert_int_equal(p.reserved_count, 0);
    read_tree(TREE("linux,initrd-start; linux,initrd-end = <0x44000000>;"));
    assert_int_equal(p.reserved_count, 0);
}

static void framebuffers_are_reserved(void **state)
{
    (void)state;
    read_tree(TREE("ranges; framebuffer@45000000 { compatible = \"simple-framebuffer\";"
                   " reg = <0 0x45000000 0 0x300000>; };"
                   " off@46000000 { compatible = \"simple-framebuffer\"; status = \"disabled\";"
                   " reg = <0 0x46000000 0 0x1000>; };"
                   " other@47000000 { reg = <0 0x47000000 0 0x1000>; };"));
    assert_int_equal(p.reserved_count, 1);
    expect(0, "framebuffer", 0x45000000, 0x300000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initrd_is_reserved),
        cmocka_unit_test(half_an_initrd_is_none),
        cmocka_unit_test(framebuffers_are_reserved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
