/* SPDX-License-Identifier: MIT */
/*
 * The simulated machine itself, on tables written by hand from the manual: what it translates, what
 * faults and at which level, whom it lets read, write and fetch; memory; and the trace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "port/sim/hostile.h"

#define RAM    0x40000000ull
#define TABLE0 (RAM + 0x0000)
#define TABLE1 (RAM + 0x1000)
#define TABLE2 (RAM + 0x2000)
#define TABLE3 (RAM + 0x3000)
#define PXN    (1ull << 53)
#define XN     (1ull << 54)
#define AF     0x400ull
#define RO     0x80ull
#define EL0    0x40ull

static void set(uint64_t table, unsigned index, uint64_t descriptor)
{
    ((uint64_t *)port_ptr(ash_pa(table)))[index] = descriptor;
}

/* VA 0 + 2 GiB: block; 0x40200000: block; 0x40001000: page, all in one half of either format. */
static void start(enum sim_format format, unsigned va_bits, bool upper)
{
    sim_start();
    sim_hostile = false; /* what these tables say is not what they should say */
    sim_add_ram(ash_pa(RAM), 0x100000);
    port_zero(port_ptr(ash_pa(RAM)), 0x100000);
    sim_regime.format = format;
    sim_regime.mair = 0x000444ff;
    sim_regime.half[upper] = (struct sim_half){true, ash_pa(TABLE0), va_bits};
}

static enum sim_fault fault(uint64_t va, unsigned access, unsigned level)
{
    struct sim_answer answer = sim_translate(va, access);

    assert_int_equal(answer.level, level);
    return answer.fault;
}

static void lpae_level_1(void **state)
{
    struct sim_answer answer;

    (void)state;
    start(SIM_LPAE, 32, false);
    set(TABLE0, 2, 0xc0000000ull | AF | XN | PXN | 0x300 | 1);
    set(TABLE0, 1, TABLE2 | 3);
    set(TABLE2, 1, 0x1200200000ull | AF | XN | PXN | 2 << 2 | 1);
    set(TABLE2, 0, TABLE3 | 3);
    set(TABLE3, 1, 0xff12345000ull | AF | RO | 0x800 | 1 << 2 | 3);
    answer = sim_translate(0x87654321, SIM_WRITE);
    assert_int_equal(answer.fault, SIM_OK);
    assert_int_equal(answer.pa.value, 0xc7654321);
    assert_int_equal(answer.size, 1u << 30);
    assert_int_equal(answer.level, 1);
    assert_int_equal(answer.memory, 0xff);
    assert_int_equal(answer.shareable, 3);
    assert_true(answer.global);
    answer = sim_translate(0x40212345, SIM_READ);
    assert_int_equal(answer.pa.value, 0x1200212345);
    assert_int_equal(answer.memory, 0x04);
    answer = sim_translate(0x40001fff, SIM_FETCH);
    assert_int_equal(answer.fault, SIM_OK);
    assert_int_equal(answer.pa.value, 0xff12345fff);
    assert_int_equal(answer.level, 3);
    assert_int_equal(answer.memory, 0x44);
    assert_false(answer.global);
    assert_int_equal(fault(0x00000000, SIM_READ, 1), SIM_FAULT_TRANSLATION);
    assert_int_equal(fault(0x40400000, SIM_READ, 2), SIM_FAULT_TRANSLATION);
    assert_int_equal(fault(0x40000000, SIM_READ, 3), SIM_FAULT_TRANSLATION);
    assert_int_equal(fault(0x40001000, SIM_WRITE, 3), SIM_FAULT_PERMISSION);
    assert_int_equal(fault(0x80000000, SIM_FETCH, 1), SIM_FAULT_PERMISSION);
    assert_int_equal(fault(0x100000000, SIM_READ, 1), SIM_FAULT_TRANSLATION);
}

/* At most 1 GiB: the walk starts at level 2 (TTBR1 with T1SZ = 2). */
static void lpae_level_2(void **state)
{
    (void)state;
    start(SIM_LPAE, 30, true);
    set(TABLE0, 511, 0x40000000ull | AF | XN | PXN | 1);
    assert_int_equal(sim_translate(0xffffffff, SIM_READ).pa.value, 0x401fffff);
    assert_int_equal(fault(0xffdfffff, SIM_READ, 2), SIM_FAULT_TRANSLATION);
    assert_int_equal(sim_translate(0xbfffffff, SIM_READ).fault, SIM_FAULT_TRANSLATION);
    port_space_none();
    assert_int_equal(sim_translate(0xffffffff, SIM_READ).fault, SIM_FAULT_TRANSLATION);
    port_space_install(ash_pa(TABLE0), 5);
    assert_int_equal(sim_translate(0xffffffff, SIM_READ).fault, SIM_OK);
    assert_int_equal(sim_regime.asid, 5);
}

static void a64(void **state)
{
    (void)state;
    start(SIM_A64, 48, true);
    set(TABLE0, 511, TABLE1 | 3);
    set(TABLE1, 511, 0x800000000000ull | AF | XN | PXN | 1);
    set(TABLE1, 0, TABLE2 | 3);
    assert_int_equal(sim_translate(0xffffffffffffffff, SIM_READ).pa.value, 0x80003fffffff);
    assert_int_equal(fault(0xffff000000000000, SIM_READ, 0), SIM_FAULT_TRANSLATION);
    assert_int_equal(fault(0xffffff8000000000, SIM_READ, 2), SIM_FAULT_TRANSLATION);
    assert_int_equal(sim_translate(0x0000ffffffffffff, SIM_READ).fault, SIM_FAULT_TRANSLATION);
    assert_int_equal(sim_translate(0xfffe000000000000, SIM_READ).fault, SIM_FAULT_TRANSLATION);
    start(SIM_A64, 39, false);
    set(TABLE0, 1, 0x80000000ull | AF | XN | PXN | 1);
    assert_int_equal(sim_translate(0x40000005, SIM_READ).pa.value, 0x80000005);
    assert_int_equal(sim_translate(0x8000000000, SIM_READ).fault, SIM_FAULT_TRANSLATION);
}

static void damaged_tables(void **state)
{
    (void)state;
    start(SIM_LPAE, 32, false);
    set(TABLE0, 0, 0x40000000ull | XN | PXN | 1);
    assert_int_equal(fault(0, SIM_READ, 1), SIM_FAULT_ACCESS_FLAG);
    set(TABLE0, 0, 1ull << 40 | AF | XN | PXN | 1);
    assert_int_equal(fault(0, SIM_READ, 1), SIM_FAULT_ADDRESS_SIZE);
    set(TABLE0, 0, 1ull << 45 | 3);
    assert_int_equal(fault(0, SIM_READ, 1), SIM_FAULT_ADDRESS_SIZE);
    set(TABLE0, 0, 0x90000000ull | 3);
    assert_int_equal(fault(0, SIM_READ, 2), SIM_FAULT_EXTERNAL_WALK);
    set(TABLE0, 0, TABLE2 | 3);
    set(TABLE2, 0, TABLE3 | 3);
    set(TABLE3, 0, 0x40000000ull | AF | XN | PXN | 1); /* 0b01 is reserved at level 3 */
    assert_int_equal(fault(0, SIM_READ, 3), SIM_FAULT_TRANSLATION);
    start(SIM_A64, 48, false);
    set(TABLE0, 0, 0x40000000ull | AF | XN | PXN | 1); /* no blocks at level 0 */
    assert_int_equal(fault(0, SIM_READ, 0), SIM_FAULT_TRANSLATION);
}

/* Who may do what, for each value of AP[2:1], XN and PXN (DDI 0487 D8.4 and G5.7). */
static void permissions(void **state)
{
    struct row {
        uint64_t bits;
        const char *aarch32, *aarch64; /* rwx privileged, rwx unprivileged */
    };
    static const struct row rows[] = {
        {XN | PXN, "rw----", "rw----"},
        {XN | PXN | EL0, "rw-rw-", "rw-rw-"},
        {XN | PXN | RO, "r-----", "r-----"},
        {XN | PXN | RO | EL0, "r--r--", "r--r--"},
        {RO, "r-x---", "r-x--x"},
        {RO | PXN, "r-----", "r----x"},
        {RO | XN, "r-----", "r-x---"},
        {RO | EL0, "r-xr-x", "r-xr-x"},
        {RO | EL0 | PXN, "r--r-x", "r--r-x"},
        {RO | EL0 | XN, "r--r--", "r-xr--"},
        {EL0, "rwxrwx", "rw-rwx"}, /* SCTLR.WXN off */
        {0, "rwx---", "rwx--x"},
    };

    (void)state;
    for (int format = SIM_LPAE; format <= SIM_A64; format++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            const char *allowed = format == SIM_LPAE ? rows[i].aarch32 : rows[i].aarch64;

            start((enum sim_format)format, format == SIM_LPAE ? 32 : 39, false);
            sim_regime.wxn = false;
            set(TABLE0, 1, 0x40000000ull | AF | rows[i].bits | 1);
            for (unsigned n = 0; n < 6; n++) {
                unsigned access = n % 3 == 0 ? SIM_READ : n % 3 == 1 ? SIM_WRITE : SIM_FETCH;

                access |= n >= 3 ? SIM_UNPRIVILEGED : 0;
                if ((sim_translate(0x40000000, access).fault == SIM_OK) != (allowed[n] != '-')) {
                    fail_msg("format %d, row %zu, access %u", format, i, n);
                }
            }
            if ((rows[i].bits & RO) == 0) {
                sim_regime.wxn = true;
                assert_int_equal(fault(0x40000000, SIM_FETCH, 1), SIM_FAULT_PERMISSION);
            }
        }
    }
}

/* Tables hand restrictions down (APTable [62:61], XNTable [60], PXNTable [59]). */
static void hierarchy(void **state)
{
    (void)state;
    for (int format = SIM_LPAE; format <= SIM_A64; format++) {
        start((enum sim_format)format, format == SIM_LPAE ? 32 : 39, false);
        set(TABLE2, 0, 0x40000000ull | AF | EL0 | XN | PXN | 1);
        set(TABLE2, 1, 0x40200000ull | AF | EL0 | RO | 1);
        set(TABLE0, 0, TABLE2 | 3);
        assert_int_equal(sim_translate(0, SIM_WRITE | SIM_UNPRIVILEGED).fault, SIM_OK);
        assert_int_equal(sim_translate(0x200000, SIM_FETCH | SIM_UNPRIVILEGED).fault, SIM_OK);
        assert_int_equal(sim_translate(0x200000, SIM_FETCH).fault, SIM_OK);
        set(TABLE0, 0, TABLE2 | 3 | 1ull << 61);
        assert_int_equal(fault(0, SIM_READ | SIM_UNPRIVILEGED, 2), SIM_FAULT_PERMISSION);
        assert_int_equal(sim_translate(0, SIM_WRITE).fault, SIM_OK);
        set(TABLE0, 0, TABLE2 | 3 | 1ull << 62);
        assert_int_equal(fault(0, SIM_WRITE, 2), SIM_FAULT_PERMISSION);
        assert_int_equal(sim_translate(0, SIM_READ | SIM_UNPRIVILEGED).fault, SIM_OK);
        set(TABLE0, 0, TABLE2 | 3 | 1ull << 60);
        assert_int_equal(fault(0x200000, SIM_FETCH | SIM_UNPRIVILEGED, 2), SIM_FAULT_PERMISSION);
        assert_int_equal(sim_translate(0x200000, SIM_FETCH).fault,
                         format == SIM_LPAE ? SIM_FAULT_PERMISSION : SIM_OK);
        set(TABLE0, 0, TABLE2 | 3 | 1ull << 59);
        assert_int_equal(fault(0x200000, SIM_FETCH, 2), SIM_FAULT_PERMISSION);
        assert_int_equal(sim_translate(0x200000, SIM_FETCH | SIM_UNPRIVILEGED).fault, SIM_OK);
    }
}

static void translate_instruction(void **state)
{
    struct port_translation result;

    (void)state;
    start(SIM_LPAE, 32, false);
    set(TABLE0, 1, 0x80000000ull | AF | XN | PXN | RO | 0x300 | 1 << 2 | 1);
    assert_true(port_translate(ash_va(0x40001234), PORT_READ, &result));
    assert_int_equal(result.pa.value, 0x80001234);
    assert_int_equal(result.raw >> 56, 0x44);
    assert_int_equal(result.raw >> 7 & 3, 3);
    assert_int_equal(result.raw & 0xfffffff000, 0x80001000);
    assert_false(port_translate(ash_va(0x40001234), PORT_WRITE, &result));
    assert_int_equal(result.raw & 0x7f, 1 | 0x0d << 1); /* permission fault, level 1 */
    assert_false(port_translate(ash_va(0x40001234), PORT_READ | PORT_USER, &result));
    assert_false(port_translate(ash_va(0), PORT_READ, &result));
    assert_int_equal(result.raw & 0x7f, 1 | 0x05 << 1); /* translation fault, level 1 */
}

static void memory(void **state)
{
    unsigned char *bytes;

    (void)state;
    sim_start();
    sim_add_ram(ash_pa(0x1000), 0x2000);
    sim_add_ram(ash_pa(0x8000000000), 0x1000);
    assert_null(port_ptr(ash_pa(0xfff)));
    assert_null(port_ptr(ash_pa(0x3000)));
    assert_null(port_ptr(ash_pa(UINT64_MAX)));
    bytes = port_ptr(ash_pa(0x8000000fff));
    assert_int_equal(*bytes, SIM_POISON);
    assert_int_equal(sim_pa(bytes).value, 0x8000000fff);
    assert_ptr_equal(port_ptr(ash_pa(0x2001)), (char *)port_ptr(ash_pa(0x1000)) + 0x1001);
    port_page_zero(port_ptr(ash_pa(0x1000)));
    port_page_copy(port_ptr(ash_pa(0x2000)), port_ptr(ash_pa(0x1000)));
    assert_int_equal(*(unsigned char *)port_ptr(ash_pa(0x2fff)), 0);
}

static void trace(void **state)
{
    uint64_t *entry;

    (void)state;
    sim_start();
    sim_add_ram(ash_pa(RAM), 0x1000);
    entry = port_ptr(ash_pa(RAM + 8));
    port_entry_write(entry, 5);
    port_entry_store(entry, 6);
    port_dsb_ishst();
    port_tlbi_page(ash_va(0x5000), 3);
    port_dsb_ish();
    assert_int_equal(*entry, 6);
    assert_int_equal(sim_traced, 5);
    assert_int_equal(sim_trace[1].address, RAM + 8);
    assert_int_equal(sim_trace[1].value, 6);
    assert_int_equal(sim_find(SIM_TLBI_PAGE, 0), 3);
    assert_int_equal(sim_find(SIM_TLBI_PAGE, 4), -1);
    assert_int_equal(sim_count[SIM_ENTRY_STORE], 2);
    assert_int_equal(sim_tlbi_count(), 1);
    uint64_t expected = 5;

    assert_false(port_entry_exchange(entry, &expected, 7));
    assert_int_equal(expected, 6);
    assert_true(port_entry_exchange(entry, &expected, 7));
    sim_forget();
    assert_int_equal(sim_traced, 0);
    unsigned long saved = port_irq_save();

    assert_true(sim_irq_masked);
    port_irq_restore(saved);
    assert_false(sim_irq_masked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lpae_level_1),
        cmocka_unit_test(lpae_level_2),
        cmocka_unit_test(a64),
        cmocka_unit_test(damaged_tables),
        cmocka_unit_test(permissions),
        cmocka_unit_test(hierarchy),
        cmocka_unit_test(translate_instruction),
        cmocka_unit_test(memory),
        cmocka_unit_test(trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
