/* SPDX-License-Identifier: MIT */
/*
 * A board's table and what the loader's register may name: a tree that is believed, one that is
 * not, anything else. RAM is mapped at an address that the table may have, with nothing around it:
 * a read beyond it ends the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/mman.h>

#include "ashlar/errors.h"
#include "board/platform.h"
#include "board/table.h"
#include "tests/unit/trees.h"

#define RAM        0x20000000u
#define RAM_BYTES  0x400000u
#define PAGE       0x1000u
#define TREE_AT    (RAM + 0x200000u)
#define IMAGE      (RAM + 0x100000u)
#define ROOT(body) "/ { #address-cells = <1>; #size-cells = <1>; " body " };"
#define LESS_RAM   "memory@20000000 { device_type = \"memory\"; reg = <0x20000000 0x300000>; };"

static const struct ash_reserved reserved[] = {
    {.range = {{RAM + 0x3000}, 0x1000}, .kind = ASH_RESERVED_KEEP, .name = "table's"},
};
static const struct ash_device devices[] = {
    {.range = {{0x10000}, 0x1000}, .irq = 40, .name = "a"},
    {.range = {{0x20000}, 0x2000}, .irq = 41, .name = "b"},
};
static const struct board_table table = {
    .ram = {{RAM}, RAM_BYTES},
    .flash = {{0x8000000}, 0x100000},
    .console = {{0x30000}, 0x1000},
    .irq = {2, {{0x40000}, 0x1000}, {{0x50000}, 0x2000}},
    .timer_irq = 27,
    .timer_hz = 24000000,
    .cpus = 3,
    .cluster = 0xf00,
    .reserved_count = 1,
    .device_count = 2,
    .reserved = reserved,
    .device = devices,
};
static const struct ash_range image = {{IMAGE}, 0x40000};

static struct ash_platform p;

static int map_ram(void **state)
{
    void *ram = mmap((void *)(uintptr_t)(RAM - PAGE), RAM_BYTES + 2 * PAGE, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    (void)state;
    return ram == MAP_FAILED ||
           mprotect((void *)(uintptr_t)RAM, RAM_BYTES, PROT_READ | PROT_WRITE) != 0;
}

static void discover(uint64_t hint, bool secure)
{
    memset(&p, 0xa5, sizeof(p)); /* what the platform was before is nobody's */
    table_platform((const void *)(uintptr_t)hint, &table, image, secure, &p);
}

static size_t put_tree(uint64_t at, const char *text)
{
    size_t size;
    void *blob = trees_compile(text, &size);

    memcpy((void *)(uintptr_t)at, blob, size);
    free(blob);
    return size;
}

static void check_range(struct ash_range range, uint64_t base, uint64_t size)
{
    assert_int_equal(range.base.value, base);
    assert_int_equal(range.size, size);
}

/* What comes from the table whatever a tree says. */
static void check_table(void)
{
    check_range(p.console, 0x30000, 0x1000);
    check_range(p.irq.distributor, 0x40000, 0x1000);
    check_range(p.irq.cpu, 0x50000, 0x2000);
    assert_int_equal(p.irq.version, 2);
    assert_int_equal(p.timer_irq, 27);
    assert_int_equal(p.timer_hz, 24000000);
    assert_int_equal(p.flash_count, 1);
    check_range(p.flash[0], 0x8000000, 0x100000);
    assert_int_equal(p.device_count, 2);
    check_range(p.device[1].range, 0x20000, 0x2000);
    assert_int_equal(p.device[1].irq, 41);
    assert_string_equal(p.device[1].name, "b");
    assert_int_equal(p.cpu_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(p.cpu_id[i], 0xf00 + i);
    }
    check_range(p.reserved[p.reserved_count - 1].range, RAM + 0x3000, 0x1000);
    assert_string_equal(p.reserved[p.reserved_count - 1].name, "table's");
}

/* Nothing but the table. */
static void check_fallback(int why, bool secure)
{
    assert_int_equal(p.source, ASH_PLATFORM_FALLBACK);
    assert_int_equal(p.source_error, why);
    assert_int_equal(p.secure, secure);
    assert_int_equal(p.tree.size, 0);
    assert_int_equal(p.ram_count, 1);
    check_range(p.ram[0], RAM, RAM_BYTES);
    assert_int_equal(p.reserved_count, 1);
    assert_int_equal(p.psci, ASH_PSCI_NONE);
    assert_int_equal(p.bootargs[0], '\0');
    check_table();
}

static void a_tree_is_believed(void **state)
{
    size_t size =
        put_tree(TREE_AT, ROOT(LESS_RAM "psci { compatible = \"arm,psci-1.0\";"
                                        " method = \"smc\"; };"
                                        "chosen { bootargs = \"notest\"; };"
                                        "reserved-memory { #address-cells = <1>;"
                                        " #size-cells = <1>; ranges;"
                                        " kept@20010000 { reg = <0x20010000 0x1000>; }; };"));

    (void)state;
    discover(TREE_AT, false);
    assert_int_equal(p.source, ASH_PLATFORM_REGISTER);
    assert_int_equal(p.source_error, 0);
    check_range(p.tree, TREE_AT, size);
    assert_int_equal(p.ram_count, 1);
    check_range(p.ram[0], RAM, 0x300000);
    assert_int_equal(p.psci, ASH_PSCI_SMC);
    assert_string_equal(p.bootargs, "notest");
    assert_int_equal(p.reserved_count, 2);
    check_range(p.reserved[0].range, RAM + 0x10000, 0x1000);
    check_table();
}

/* Devices are those that the board's drivers know. */
static void the_table_has_the_devices(void **state)
{
    (void)state;
    put_tree(TREE_AT,
             ROOT(LESS_RAM
                  "uart@70000 { compatible = \"arm,pl011\"; reg = <0x70000 0x1000>; };"
                  "flash@9000000 { compatible = \"cfi-flash\"; reg = <0x9000000 0x1000>; };"
                  "cpus { #address-cells = <1>; #size-cells = <0>;"
                  " cpu@7 { device_type = \"cpu\"; reg = <7>; }; };"
                  "chosen { stdout-path = \"/uart@70000\"; };"));
    discover(TREE_AT, false);
    assert_int_equal(p.source, ASH_PLATFORM_REGISTER);
    check_table();
}

static void the_image_must_fit(void **state)
{
    char text[256];

    (void)state;
    /* RAM that ends with the image, and a page before; that begins with it, and a page behind. */
    put_tree(TREE_AT,
             ROOT("memory@20000000 { device_type = \"memory\"; reg = <0x20000000 0x140000>; };"));
    discover(TREE_AT, false);
    assert_int_equal(p.source, ASH_PLATFORM_REGISTER);
    put_tree(TREE_AT,
             ROOT("memory@20000000 { device_type = \"memory\"; reg = <0x20000000 0x13f000>; };"));
    discover(TREE_AT, true);
    check_fallback(ASH_ERANGE, true);
    put_tree(TREE_AT,
             ROOT("memory@20100000 { device_type = \"memory\"; reg = <0x20100000 0x100000>; };"));
    discover(TREE_AT, false);
    assert_int_equal(p.source, ASH_PLATFORM_REGISTER);
    put_tree(TREE_AT,
             ROOT("memory@20101000 { device_type = \"memory\"; reg = <0x20101000 0x100000>; };"));
    discover(TREE_AT, false);
    check_fallback(ASH_ERANGE, false);
    /* Reserved up to its start and from its end on, and one byte more. */
    for (unsigned i = 0; i < 4; i++) {
        static const uint32_t range[][2] = {{IMAGE - 0x1000, 0x1000},
                                            {IMAGE - 0x1000, 0x1001},
                                            {IMAGE + 0x40000, 0x1000},
                                            {IMAGE + 0x3ffff, 0x1000}};

        snprintf(text, sizeof(text),
                 ROOT(LESS_RAM "reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges;"
                               " taken { reg = <%#x %#x>; }; };"),
                 range[i][0], range[i][1]);
        put_tree(TREE_AT, text);
        discover(TREE_AT, false);
        if (i % 2 == 0) {
            assert_int_equal(p.source, ASH_PLATFORM_REGISTER);
        } else {
            check_fallback(ASH_EBUSY, false);
        }
    }
}

/* No tree, at each edge of RAM and beyond; with the magic number of one. */
static void hints_may_be_anything(void **state)
{
    static const uint8_t magic[] = {0xd0, 0x0d, 0xfe, 0xed};
    static const uint64_t beside[] = {0,
                                      8,
                                      PAGE,
                                      RAM - 8,
                                      RAM - 1,
                                      RAM + RAM_BYTES,
                                      RAM + RAM_BYTES + 8,
                                      UINT32_MAX,
                                      UINT64_MAX,
                                      UINT64_MAX - 7};
    static const uint64_t inside[] = {
        RAM, RAM + 8, TREE_AT, RAM + RAM_BYTES - 8, RAM + RAM_BYTES - 40, RAM + RAM_BYTES - 48};

    (void)state;
    for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
        discover(beside[i], i % 2 != 0);
        check_fallback(ASH_ENOENT, i % 2 != 0);
    }
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        uint8_t *at = (void *)(uintptr_t)inside[i];

        memset(at, 0, 8);
        discover(inside[i], false);
        check_fallback(ASH_EBADTREE, false);
        memset(at, 0xff, 8);
        memcpy(at, magic, sizeof(magic));
        discover(inside[i], false);
        check_fallback(ASH_EBADTREE, false);
    }
}

static void a_tree_is_aligned(void **state)
{
    (void)state;
    put_tree(TREE_AT + 4, ROOT(LESS_RAM));
    discover(TREE_AT + 4, false);
    check_fallback(ASH_ENOENT, false);
}

/* The last bytes of RAM hold a tree, or all of it but the last byte. */
static void a_tree_ends_in_ram(void **state)
{
    size_t size = put_tree(TREE_AT, ROOT(LESS_RAM));
    uint64_t at = (RAM + RAM_BYTES - size) & ~(uint64_t)7;

    (void)state;
    memcpy((void *)(uintptr_t)at, (void *)(uintptr_t)TREE_AT, size);
    discover(at, false);
    assert_int_equal(p.source, ASH_PLATFORM_REGISTER);
    at += 8;
    memcpy((void *)(uintptr_t)at, (void *)(uintptr_t)TREE_AT, RAM + RAM_BYTES - at);
    discover(at, false);
    check_fallback(ASH_EBADTREE, false);
}

/* The platform's tables are smaller than what a tree may hold: the table's part comes on top. */
static void reserved_ranges_beyond_the_table_cost_ram(void **state)
{
    char text[4096] = LESS_RAM "reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges;";
    char tree[5000];

    (void)state;
    for (unsigned i = 0; i < ASH_PLATFORM_RESERVED; i++) {
        size_t length = strlen(text);

        snprintf(text + length, sizeof(text) - length, " r%u { reg = <%#x 0x1000>; };", i,
                 IMAGE + 0x80000 + i * 0x2000);
    }
    snprintf(tree, sizeof(tree), "/ { #address-cells = <1>; #size-cells = <1>; %s }; };", text);
    put_tree(TREE_AT, tree);
    discover(TREE_AT, false);
    assert_int_equal(p.source, ASH_PLATFORM_REGISTER);
    assert_int_equal(p.reserved_count, ASH_PLATFORM_RESERVED);
    assert_int_equal(p.dropped, 1);
    assert_int_equal(p.ram_count, 1); /* the table's range has no entry: RAM ends before it */
    check_range(p.ram[0], RAM, 0x3000);
}

/* Who left the non-secure state to us is called as the table says; the secure state has nobody. */
static void firmware_below_is_called(void **state)
{
    struct board_table called = table;

    (void)state;
    called.psci = ASH_PSCI_SMC;
    table_platform(NULL, &called, image, false, &p);
    assert_int_equal(p.psci, ASH_PSCI_SMC);
    table_platform(NULL, &called, image, true, &p);
    assert_int_equal(p.psci, ASH_PSCI_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firmware_below_is_called),
        cmocka_unit_test(a_tree_is_believed),
        cmocka_unit_test(the_table_has_the_devices),
        cmocka_unit_test(the_image_must_fit),
        cmocka_unit_test(hints_may_be_anything),
        cmocka_unit_test(a_tree_is_aligned),
        cmocka_unit_test(a_tree_ends_in_ram),
        cmocka_unit_test(reserved_ranges_beyond_the_table_cost_ram),
    };

    return cmocka_run_group_tests(tests, map_ram, NULL);
}
