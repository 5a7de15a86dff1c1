/* SPDX-License-Identifier: MIT */
/*
 * From device tree to platform: the trees of QEMU's virt machine (expected values from its memory
 * map, hw/arm/virt.c, and its documentation), and small ones for each rule.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fdt_oracle.h"
#include "tests/unit/support.h"
#include "tests/unit/trees.h"

#define MIB        ((uint64_t)1 << 20)
#define ROOT(body) "/ { #address-cells = <2>; #size-cells = <2>; " body " };"
#define MEMORY     "memory@40000000 { device_type = \"memory\"; reg = <0 0x40000000 0 0x8000000>; };"

static struct ash_platform p;

static int read_blob(void *blob, size_t size, bool secure)
{
    int error = platform_from_tree(&p, blob, size, secure);

    if (error == 0) {
        oracle_platform_sound(&p);
        assert_int_equal(p.tree.base.value, (uintptr_t)blob);
        assert_int_equal(p.tree.size, size);
    }
    free(blob);
    return error;
}

static int read_text(const char *text, bool secure)
{
    size_t size;
    void *blob = trees_compile(text, &size);

    return read_blob(blob, size, secure);
}

static void read_virt(const char *machine, const char *options, bool secure)
{
    size_t size;
    void *blob = trees_of_virt(machine, options, &size);

    assert_int_equal(read_blob(blob, size, secure), 0);
}

static void check_range(struct ash_range range, uint64_t base, uint64_t size)
{
    assert_int_equal(range.base.value, base);
    assert_int_equal(range.size, size);
}

static const struct ash_device *device_at(uint64_t base)
{
    for (unsigned i = 0; i < p.device_count; i++) {
        if (p.device[i].range.base.value == base) {
            return &p.device[i];
        }
    }
    return NULL;
}

static void reads_virt(void **state)
{
    (void)state;
    read_virt("", "-m 512 -smp 3", false);
    assert_int_equal(p.ram_count, 1);
    check_range(p.ram[0], 0x40000000, 512 * MIB);
    assert_int_equal(p.reserved_count, 0);
    assert_int_equal(p.flash_count, 2);
    check_range(p.flash[0], 0, 64 * MIB);
    check_range(p.flash[1], 64 * MIB, 64 * MIB);
    assert_int_equal(p.cpu_count, 3);
    assert_int_equal(p.cpu_id[0], 0);
    assert_int_equal(p.cpu_id[2], 2);
    assert_int_equal(p.psci, ASH_PSCI_HVC);
    check_range(p.console, 0x09000000, 0x1000);
    assert_int_equal(p.irq.version, 2);
    check_range(p.irq.distributor, 0x08000000, 0x10000);
    check_range(p.irq.cpu, 0x08010000, 0x10000);
    assert_int_equal(p.timer_irq, 27);
    check_range(p.power_off.gpio, 0, 0);
    check_range(p.restart.gpio, 0, 0);
    for (unsigned i = 0; i < 32; i++) {
        const struct ash_device *slot = device_at(0x0a000000 + 0x200 * i);

        assert_non_null(slot);
        assert_string_equal(slot->name, "virtio,mmio");
        assert_int_equal(slot->range.size, 0x200);
        assert_int_equal(slot->irq, 48 + i);
        assert_true(slot->coherent);
    }
    assert_string_equal(device_at(0x09010000)->name, "arm,pl031");
    assert_int_equal(device_at(0x09010000)->irq, 34);
    assert_false(device_at(0x09010000)->coherent);
    assert_int_equal(p.dropped, 0);
    assert_false(p.secure);
}

static void reads_variants_of_virt(void **state)
{
    (void)state;
    read_virt(",gic-version=3", "-m 3072", false);
    check_range(p.ram[0], 0x40000000, 3072 * MIB);
    assert_int_equal(p.irq.version, 3);
    check_range(p.irq.distributor, 0x08000000, 0x10000);
    check_range(p.irq.cpu, 0x080a0000, 0xf60000);
    assert_int_equal(p.timer_irq, 27);
    read_virt(",virtualization=on", "-m 32", false);
    check_range(p.ram[0], 0x40000000, 32 * MIB);
    assert_int_equal(p.psci, ASH_PSCI_SMC);
}

static void reads_both_worlds(void **state)
{
    (void)state;
    read_virt(",secure=on", "-m 64 -smp 4", true);
    assert_true(p.secure);
    assert_int_equal(p.ram_count, 1); /* not the secure RAM: devices do not reach it */
    check_range(p.ram[0], 0x40000000, 64 * MIB);
    assert_int_equal(p.flash_count, 2);
    assert_int_equal(p.flash[0].base.value + p.flash[1].base.value, 64 * MIB);
    assert_int_equal(p.psci, ASH_PSCI_NONE);
    check_range(p.console, 0x09000000, 0x1000);
    check_range(p.power_off.gpio, 0x090b0000, 0x1000);
    assert_int_equal(p.power_off.line, 0);
    assert_false(p.power_off.active_low);
    check_range(p.restart.gpio, 0x090b0000, 0x1000);
    assert_int_equal(p.restart.line, 1);
    assert_non_null(device_at(0x09040000)); /* the secure UART */
    assert_int_equal(p.cpu_count, 4);

    read_virt(",secure=on", "-m 64", false);
    assert_int_equal(p.flash_count, 1);
    check_range(p.flash[0], 64 * MIB, 64 * MIB);
    check_range(p.power_off.gpio, 0, 0);
    check_range(p.restart.gpio, 0, 0);
    assert_null(device_at(0x09040000));
    assert_null(device_at(0x090b0000));
    check_range(p.console, 0x09000000, 0x1000);
}

static void bad_memory_is_an_error(void **state)
{
    static const struct {
        const char *text;
        int error;
    } cases[] = {
        {ROOT(""), ASH_ENOENT},
        {ROOT("memory@0 { device_type = \"cpu\"; reg = <0 0 0 0x1000>; };"), ASH_ENOENT},
        {ROOT("memory@0 { device_type = \"memory\"; };"), ASH_EBADTREE},
        {ROOT("memory@0 { device_type = \"memory\"; reg = <0 0 0>; };"), ASH_EBADTREE},
        {ROOT("memory@0 { device_type = \"memory\"; reg = <0 0x40000000 0 0>; };"), ASH_ERANGE},
        {ROOT("memory@0 { device_type = \"memory\"; reg = <0xffffffff 0xfffff000 0 0x2000>; };"),
         ASH_ERANGE},
        {ROOT("memory@0 { device_type = \"memory\"; reg = <0 0x1000 0xffffffff 0xfffff000>; };"),
         ASH_ERANGE},
        {ROOT("memory@0 { device_type = \"memory\"; reg = <0x100 0 0 0x1000>; };"), ASH_ERANGE},
        {ROOT("memory@0 { device_type = \"memory\"; reg = <0xff 0xfffff000 0 0x1000>; };"), 0},
        {ROOT("memory@0 { device_type = \"memory\"; reg = <0xff 0xfffff000 0 0x1001>; };"),
         ASH_ERANGE},
        {ROOT("memory@0 { device_type = \"memory\"; reg = <0 0x1000 0 0x1001 0 0x2000 0 0x1000>; "
              "};"),
         ASH_EINVAL},
        {ROOT("memory@0 { device_type = \"memory\"; reg = <0 0x1000 0 0x1000 0 0x2000 0 0x1000>; "
              "};"),
         0},
        {ROOT("memory@0 { device_type = \"memory\"; reg = <0 0x1000 0 0x1000 0 0x1000 0 0x1000>; "
              "};"),
         ASH_EINVAL},
        {ROOT("memory@0 { device_type = \"memory\"; status = \"disabled\"; reg = <0 0 0 0>; };"),
         ASH_ENOENT},
        {"/ { #address-cells = <3>; #size-cells = <2>; memory { device_type = \"memory\";"
         " reg = <0 0 0x40000000 0 0x1000>; }; };",
         ASH_ERANGE},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("case %u\n", i);
        assert_int_equal(read_text(cases[i].text, false), cases[i].error);
    }
}

static void banks_are_sorted_and_counted(void **state)
{
    (void)state;
    assert_int_equal(read_text(ROOT("memory@80000000 { device_type = \"memory\";"
                                    "  reg = <0 0x80000000 0 0x1000 1 0 0 0x2000>; };"
                                    "memory@40000000 { device_type = \"memory\";"
                                    "  reg = <0 0x40000000 0 0x3000>; };"),
                               false),
                     0);
    assert_int_equal(p.ram_count, 3);
    check_range(p.ram[0], 0x40000000, 0x3000);
    check_range(p.ram[1], 0x80000000, 0x1000);
    check_range(p.ram[2], 0x100000000, 0x2000);
    assert_int_equal(platform_ram_from(&p, ash_pa(0x40000000)), 0x3000);
    assert_int_equal(platform_ram_from(&p, ash_pa(0x40002fff)), 1);
    assert_int_equal(platform_ram_from(&p, ash_pa(0x40003000)), 0);
    assert_int_equal(platform_ram_from(&p, ash_pa(0x3fffffff)), 0);
    assert_int_equal(platform_ram_from(&p, ash_pa(0x100000000)), 0x2000);

    assert_int_equal(
        read_text(ROOT("memory@0 { device_type = \"memory\"; reg ="
                       " <0 0x9000 0 0x1000>, <0 0x8000 0 0x1000>, <0 0x7000 0 0x1000>,"
                       " <0 0x6000 0 0x1000>, <0 0x5000 0 0x1000>, <0 0x4000 0 0x1000>,"
                       " <0 0x3000 0 0x1000>, <0 0x2000 0 0x1000>, <0 0x1000 0 0x1000>,"
                       " <0 0x0000 0 0x1000>; };"),
                  false),
        0);
    assert_int_equal(p.ram_count, ASH_PLATFORM_RAM);
    assert_int_equal(p.dropped, 2);
    check_range(p.ram[0], 0x2000, 0x1000);
    check_range(p.ram[7], 0x9000, 0x1000);
}

static void reserved_memory_is_sorted_by_kind(void **state)
{
    static const struct {
        const char *name;
        uint64_t base, size;
        enum ash_reserved_kind kind;
    } expected[] = {
        {"memreserve", 0x47ff0000, 0x1000, ASH_RESERVED_KEEP},
        {"keep", 0x41000000, 0x10000, ASH_RESERVED_KEEP},
        {"secret", 0x42000000, 0x20000, ASH_RESERVED_NOMAP},
        {"pool", 0x43000000, 0x100000, ASH_RESERVED_PMEM},
        {"camera-and-a-name-that-", 0x44000000, 0x100000, ASH_RESERVED_PMEM},
        {"twice", 0x45000000, 0x1000, ASH_RESERVED_KEEP},
        {"twice", 0x46000000, 0x2000, ASH_RESERVED_KEEP},
        {"hidden-pool", 0x40800000, 0x1000, ASH_RESERVED_NOMAP},
    };

    (void)state;
    assert_int_equal(
        read_text(
            "/memreserve/ 0x47ff0000 0x1000;" ROOT(
                MEMORY
                "reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;"
                " keep@41000000 { reg = <0 0x41000000 0 0x10000>; };"
                " secret@42000000 { reg = <0 0x42000000 0 0x20000>; no-map; };"
                " pool@43000000 { reg = <0 0x43000000 0 0x100000>; compatible = \"ashlar,pmem\";"
                "   child { reg = <0 0x40000000 0 0x8000000>; }; };"
                " camera-and-a-name-that-is-too-long@44000000 { reg = <0 0x44000000 0 0x100000>;"
                "   compatible = \"shared-dma-pool\"; };"
                " dynamic { size = <0 0x100000>; compatible = \"shared-dma-pool\"; };"
                " twice@45000000 { reg = <0 0x45000000 0 0x1000>, <0 0x46000000 0 0x2000>; };"
                " hidden-pool@40800000 { no-map; compatible = \"ashlar,pmem\";"
                "   reg = <0 0x40800000 0 0x1000>; };"
                " off@40900000 { status = \"disabled\"; reg = <0 0x40900000 0 0x1000>; };"
                "};"),
            false),
        0);
    assert_int_equal(p.reserved_count, sizeof(expected) / sizeof(expected[0]));
    for (unsigned i = 0; i < p.reserved_count; i++) {
        print_message("case %u\n", i);
        assert_string_equal(p.reserved[i].name, expected[i].name);
        check_range(p.reserved[i].range, expected[i].base, expected[i].size);
        assert_int_equal(p.reserved[i].kind, expected[i].kind);
    }
    assert_int_equal(p.dropped, 1); /* the one without an address */
    assert_int_equal(p.device_count, 0);
}

static void reserved_memory_needs_no_ranges(void **state)
{
    (void)state;
    assert_int_equal(read_text(ROOT(MEMORY "reserved-memory { #address-cells = <1>;"
                                           " #size-cells = <1>;"
                                           " a@41000000 { reg = <0x41000000 0x1000>; }; };"),
                               false),
                     0);
    assert_int_equal(p.reserved_count, 1);
    check_range(p.reserved[0].range, 0x41000000, 0x1000);
}

static void absurd_reservations_are_cut(void **state)
{
    (void)state;
    assert_int_equal(read_text("/memreserve/ 0x47000000 0xffffffffffffffff;"
                               "/memreserve/ 0x10000000000 0x1000;"
                               "/memreserve/ 0x41000000 0;" ROOT(MEMORY),
                               false),
                     0);
    assert_int_equal(p.reserved_count, 1);
    check_range(p.reserved[0].range, 0x47000000, PLATFORM_PA_END - 0x47000000);
}

/* What the table has no room for is not handed out either. */
static void reservations_too_many_cost_ram(void **state)
{
    struct ash_range banks[2] = {{ash_pa(0x40000000), 0x1000000}, {ash_pa(0x80000000), 0x1000000}};
    struct ash_range range = {ash_pa(0x90000000), 0x1000};

    (void)state;
    platform_clear(&p);
    assert_int_equal(platform_add_ram(&p, banks[1]), 0);
    assert_int_equal(platform_add_ram(&p, banks[0]), 0);
    for (unsigned i = 0; i < ASH_PLATFORM_RESERVED; i++) {
        platform_add_reserved(&p, range, ASH_RESERVED_KEEP, "fill");
    }
    assert_int_equal(p.dropped, 0);
    range.base = ash_pa(0x40800000);
    platform_add_reserved(&p, range, ASH_RESERVED_KEEP, "cut");
    assert_int_equal(p.reserved_count, ASH_PLATFORM_RESERVED);
    assert_int_equal(p.dropped, 1);
    assert_int_equal(p.ram_count, 2);
    check_range(p.ram[0], 0x40000000, 0x800000);
    check_range(p.ram[1], 0x80000000, 0x1000000);
    range.base = ash_pa(0x40800000);
    platform_add_reserved(&p, range, ASH_RESERVED_KEEP, "just behind");
    check_range(p.ram[0], 0x40000000, 0x800000);
    range.base = ash_pa(0x80000000);
    platform_add_reserved(&p, range, ASH_RESERVED_KEEP, "all of it");
    assert_int_equal(p.ram_count, 1);
    check_range(p.ram[0], 0x40000000, 0x800000);
}

#define UART_A "a@9000000 { compatible = \"arm,pl011\"; reg = <0 0x9000000 0 0x1000>; };"
#define UART_B "b@9001000 { compatible = \"arm,pl011\"; reg = <0 0x9001000 0 0x1000>; };"
#define UART_OFF                                                                                   \
    "b@9001000 { compatible = \"arm,pl011\"; reg = <0 0x9001000 0 0x1000>; status = \"fail\"; };"
#define OTHER        "b@9001000 { compatible = \"ns16550\"; reg = <0 0x9001000 0 0x1000>; };"
#define STDOUT(path) "chosen { stdout-path = \"" path "\"; };"

static void console_is_the_one_chosen(void **state)
{
    static const struct {
        const char *text;
        uint64_t base;
    } cases[] = {
        {ROOT(MEMORY UART_A UART_B), 0x9000000},
        {ROOT(MEMORY UART_A UART_B STDOUT("/b@9001000")), 0x9001000},
        {ROOT(MEMORY UART_A UART_B STDOUT("/b@9001000:115200n8")), 0x9001000},
        {ROOT(MEMORY UART_A UART_B STDOUT("con:9600") "aliases { con = \"/b\"; };"), 0x9001000},
        {ROOT(MEMORY UART_A UART_B STDOUT("/nowhere")), 0x9000000},
        {ROOT(MEMORY UART_A UART_OFF STDOUT("/b@9001000")), 0x9000000},
        {ROOT(MEMORY UART_A OTHER STDOUT("/b@9001000")), 0x9000000},
        {ROOT(MEMORY OTHER STDOUT("/b@9001000")), 0},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("case %u\n", i);
        assert_int_equal(read_text(cases[i].text, false), 0);
        assert_int_equal(p.console.base.value, cases[i].base);
    }
}

#define GIC                                                                                        \
    "gic: gic@8000000 { compatible = \"arm,gic-400\"; interrupt-controller;"                       \
    " #interrupt-cells = <3>; reg = <0 0x8000000 0 0x1000 0 0x8010000 0 0x1000>; };"
#define DEVICE(interrupts)                                                                         \
    "d@1000 { compatible = \"x,y\"; reg = <0 0x1000 0 0x100>; " interrupts " };"
#define TREE(interrupts) ROOT("interrupt-parent = <&gic>; " MEMORY DEVICE(interrupts) GIC)

static void interrupts_are_numbered_as_the_gic_does(void **state)
{
    static const struct {
        const char *text;
        uint32_t irq;
    } cases[] = {
        {TREE("interrupts = <0 0 4>;"), 32},
        {TREE("interrupts = <0 987 4>;"), 1019},
        {TREE("interrupts = <0 988 4>;"), 0},
        {TREE("interrupts = <1 0 4>;"), 16},
        {TREE("interrupts = <1 15 4>;"), 31},
        {TREE("interrupts = <1 16 4>;"), 0},
        {TREE("interrupts = <2 5 4>;"), 0},
        {TREE("interrupts = <0>;"), 0},
        {TREE(""), 0},
        {TREE("interrupt-parent = <0x99>; interrupts = <0 5 4>;"), 0},
        {TREE("interrupts-extended = <&gic 0 7 4>;"), 39},
        {TREE("interrupts-extended = <0x99 0 7 4>;"), 0},
        {ROOT(MEMORY DEVICE("interrupts = <0 5 4>;") GIC), 0},
        {ROOT(MEMORY DEVICE("interrupt-parent = <&gic>; interrupts = <0 5 4>;") GIC), 37},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("case %u\n", i);
        assert_int_equal(read_text(cases[i].text, false), 0);
        assert_int_equal(p.irq.version, 2);
        assert_int_equal(device_at(0x1000)->irq, cases[i].irq);
    }
    assert_int_equal(read_text(ROOT(MEMORY DEVICE("interrupts = <0 5 4>;")), false), 0);
    assert_int_equal(p.irq.version, 0);
    assert_int_equal(device_at(0x1000)->irq, 0);
}

/* Nothing below a node that does not count is there. */
static void status_counts_for_whole_branches(void **state)
{
    static const char text[] = ROOT(
        MEMORY
        "bus { #address-cells = <1>; #size-cells = <1>; ranges; status = \"disabled\";"
        " compatible = \"simple-bus\";"
        " x@1000 { compatible = \"x,y\"; reg = <0x1000 0x100>; status = \"okay\"; }; };"
        "n@2000 { compatible = \"x,y\"; reg = <0 0x2000 0 0x100>; };"
        "s@3000 { compatible = \"x,y\"; reg = <0 0x3000 0 0x100>; status = \"disabled\";"
        " secure-status = \"okay\"; };"
        "o@4000 { compatible = \"x,y\"; reg = <0 0x4000 0 0x100>; secure-status = \"disabled\"; };"
        "k@5000 { compatible = \"x,y\"; reg = <0 0x5000 0 0x100>; status = \"ok\"; };");

    (void)state;
    assert_int_equal(read_text(text, false), 0);
    assert_null(device_at(0x1000));
    assert_non_null(device_at(0x2000));
    assert_null(device_at(0x3000));
    assert_non_null(device_at(0x4000));
    assert_non_null(device_at(0x5000));
    assert_int_equal(read_text(text, true), 0);
    assert_null(device_at(0x1000));
    assert_non_null(device_at(0x2000));
    assert_non_null(device_at(0x3000));
    assert_null(device_at(0x4000));
    assert_non_null(device_at(0x5000));
}

#define POWER(gpios) "off { compatible = \"gpio-poweroff\"; gpios = <" gpios ">; };"
#define PL061(more)                                                                                \
    "g: g@1000 { compatible = \"arm,pl061\", \"arm,primecell\"; reg = <0 0x1000 0 0x1000>; " more  \
    " };"

static void power_hangs_on_a_line(void **state)
{
    static const struct {
        const char *text;
        uint64_t size;
        uint32_t line;
        bool low;
    } cases[] = {
        {ROOT(MEMORY POWER("&g 3 0") PL061("")), 0x1000, 3, false},
        {ROOT(MEMORY POWER("&g 7 1") PL061("")), 0x1000, 7, true},
        {ROOT(MEMORY POWER("&g 8 0") PL061("")), 0, 0, false},
        {ROOT(MEMORY POWER("&g") PL061("")), 0, 0, false},
        {ROOT(MEMORY POWER("0x99 1 0") PL061("")), 0, 0, false},
        {ROOT(MEMORY POWER("&g 3 0") PL061("status = \"disabled\";")), 0, 0, false},
        {ROOT(MEMORY POWER("&g 3 0") "g: g@1000 { compatible = \"other\"; };"), 0, 0, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("case %u\n", i);
        assert_int_equal(read_text(cases[i].text, false), 0);
        assert_int_equal(p.power_off.gpio.size, cases[i].size);
        assert_int_equal(p.power_off.line, cases[i].line);
        assert_int_equal(p.power_off.active_low, cases[i].low);
    }
}

static void cpus_and_firmware(void **state)
{
    (void)state;
    assert_int_equal(
        read_text(ROOT(MEMORY
                       "psci { compatible = \"arm,psci-0.2\"; method = \"smc\"; };"
                       "cpus { #address-cells = <1>; #size-cells = <0>;"
                       " cpu@100 { device_type = \"cpu\"; reg = <0x100>; };"
                       " cpu@101 { device_type = \"cpu\"; reg = <0x101>; status = \"disabled\"; };"
                       " cpu-map { }; l2 { compatible = \"cache\"; }; };"),
                  false),
        0);
    assert_int_equal(p.cpu_count, 2);
    assert_int_equal(p.cpu_id[0], 0x100);
    assert_int_equal(p.cpu_id[1], 0x101);
    assert_int_equal(p.psci, ASH_PSCI_SMC);
    assert_int_equal(
        read_text(ROOT(MEMORY "psci { compatible = \"arm,psci-1.0\"; method = \"x\"; };"), false),
        0);
    assert_int_equal(p.psci, ASH_PSCI_NONE);
    assert_int_equal(p.cpu_count, 1);
    assert_int_equal(read_text(ROOT(MEMORY "chosen { bootargs = \"a=1 b\"; };"), false), 0);
    assert_string_equal(p.bootargs, "a=1 b");
}

static void tables_overflow_into_a_count(void **state)
{
    static char text[16384], bootargs[300];
    size_t length;

    (void)state;
    memset(bootargs, 'a', sizeof(bootargs) - 1);
    length = (size_t)snprintf(text, sizeof(text),
                              "/ { #address-cells = <2>; #size-cells = <2>; " MEMORY
                              "chosen { bootargs = \"%s\"; };",
                              bootargs);
    for (unsigned i = 0; i < ASH_PLATFORM_DEVICES + 3; i++) {
        length += (size_t)snprintf(text + length, sizeof(text) - length,
                                   "d@%x { compatible = \"a-name-of-more-than-24-characters\";"
                                   " reg = <0 0x%x 0 4>; };",
                                   i * 16, i * 16);
    }
    for (unsigned i = 0; i < ASH_PLATFORM_FLASH + 2; i++) {
        length +=
            (size_t)snprintf(text + length, sizeof(text) - length,
                             "f@%x { compatible = \"cfi-flash\"; reg = <1 0x%x 0 4>; };", i, i * 4);
    }
    snprintf(text + length, sizeof(text) - length, "};");
    assert_int_equal(read_text(text, false), 0);
    assert_int_equal(p.device_count, ASH_PLATFORM_DEVICES);
    assert_int_equal(p.flash_count, ASH_PLATFORM_FLASH);
    assert_int_equal(p.dropped, 5);
    assert_int_equal(strlen(p.device[0].name), ASH_PLATFORM_NAME - 1);
    assert_int_equal(strlen(p.bootargs), sizeof(p.bootargs) - 1);
}

static void devices_are_found_by_name(void **state)
{
    (void)state;
    assert_int_equal(read_text(ROOT(MEMORY UART_A OTHER), false), 0);
    ash_platform = p;
    assert_ptr_equal(ash_platform_device("arm,pl011", 0), &ash_platform.device[0]);
    assert_null(ash_platform_device("arm,pl011", 1));
    assert_ptr_equal(ash_platform_device("ns16550", 0), &ash_platform.device[1]);
    assert_null(ash_platform_device("ns1655", 0));
    assert_null(ash_platform_device("ns16550a", 0));
    assert_null(ash_platform_device("", 0));
}

static void malformed_trees_change_nothing(void **state)
{
    static const char garbage[64] = "no tree at all";
    static struct ash_platform before;

    (void)state;
    memset(&p, 0x5a, sizeof(p));
    memcpy(&before, &p, sizeof(p));
    assert_int_equal(platform_from_tree(&p, garbage, sizeof(garbage), false), ASH_EBADTREE);
    assert_memory_equal(&p, &before, sizeof(p));
}

/* Whatever is in the cells of a real tree, what comes out is sound. */
static void random_cells_give_sound_platforms(void **state)
{
    static const uint32_t words[] = {0, 1, 2, 3, 4, 0x1000, 0x40000000, 0x7fffffff, UINT32_MAX};
    size_t size;
    uint8_t *blob = trees_of_virt(",secure=on", "-smp 2", &size), *copy;
    uint32_t structure = fdt_off_dt_struct(blob), cells = fdt_size_dt_struct(blob) / 4;
    unsigned good = 0;

    (void)state;
    support_seed(2);
    copy = trees_copy(blob, size);
    for (unsigned round = 0; round < 3000; round++) {
        memcpy(copy, blob, size);
        for (unsigned n = 0; n < 8; n++) {
            uint32_t at = structure + 4 * support_random_below(cells);
            uint32_t word = cpu_to_fdt32(words[support_random_below(9)]);

            /* Mostly values: tokens broken at random are refused, and that is tested elsewhere. */
            if (copy[at] != 0 || copy[at + 1] != 0 || copy[at + 2] != 0) {
                memcpy(copy + at, &word, 4);
            }
        }
        for (unsigned secure = 0; secure < 2; secure++) {
            if (platform_from_tree(&p, copy, size, secure != 0) == 0) {
                oracle_platform_sound(&p);
                good++;
            }
        }
    }
    print_message("%u of 6000 readings gave a platform\n", good);
    assert_true(good > 100);
    free(copy);
    free(blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_virt),
        cmocka_unit_test(reads_variants_of_virt),
        cmocka_unit_test(reads_both_worlds),
        cmocka_unit_test(bad_memory_is_an_error),
        cmocka_unit_test(banks_are_sorted_and_counted),
        cmocka_unit_test(reserved_memory_is_sorted_by_kind),
        cmocka_unit_test(reserved_memory_needs_no_ranges),
        cmocka_unit_test(absurd_reservations_are_cut),
        cmocka_unit_test(reservations_too_many_cost_ram),
        cmocka_unit_test(console_is_the_one_chosen),
        cmocka_unit_test(interrupts_are_numbered_as_the_gic_does),
        cmocka_unit_test(status_counts_for_whole_branches),
        cmocka_unit_test(power_hangs_on_a_line),
        cmocka_unit_test(cpus_and_firmware),
        cmocka_unit_test(tables_overflow_into_a_count),
        cmocka_unit_test(devices_are_found_by_name),
        cmocka_unit_test(malformed_trees_change_nothing),
        cmocka_unit_test(random_cells_give_sound_platforms),
    };

    return cmocka_run_group_tests_name("platform", tests, NULL, NULL);
}
