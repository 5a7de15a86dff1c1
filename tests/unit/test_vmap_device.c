/* SPDX-License-Identifier: MIT */
/*
 * Devices in the vmap range: shared, counted, by blocks where they are large.
 */
#include "tests/unit/vmap_machine.h"

static void devices_are_shared(void **state)
{
    struct machine_state before;
    ash_va_t a, b, part;

    (void)state;
    machine_start();
    before = machine_state();
    assert_int_equal(ash_vmap_device(ash_pa(0x8000001000), 4 * PAGE, &a), 0);
    assert_int_equal(ash_vmap_device(ash_pa(0x8000003000), 2 * PAGE, &part), 0);
    assert_int_equal(part.value, a.value + 2 * PAGE);
    /* What is only partly there gets a mapping of its own. */
    assert_int_equal(ash_vmap_device(ash_pa(0x8000004000), 2 * PAGE, &b), 0);
    assert_true(b.value - a.value >= 5 * PAGE);
    for (unsigned i = 0; i < 4; i++) {
        struct sim_answer answer = sim_translate(a.value + i * PAGE, SIM_WRITE);

        assert_int_equal(answer.fault, SIM_OK);
        assert_int_equal(answer.pa.value, 0x8000001000 + i * PAGE);
        assert_int_equal(answer.memory, 0x04);
        assert_int_equal(sim_translate(a.value, SIM_FETCH).fault, SIM_FAULT_PERMISSION);
    }
    machine_expect_hole((char *)a.value - 1);
    machine_expect_hole((char *)a.value + 4 * PAGE);
    machine_at_rest();
    ash_vunmap((void *)a.value);
    assert_int_equal(sim_translate(a.value, SIM_READ).fault, SIM_OK);
    ash_vunmap((void *)part.value);
    machine_expect_hole((void *)a.value);
    /* It is forgotten: no third caller gets its address. */
    assert_int_equal(ash_vmap_device(ash_pa(0x8000004000), PAGE, &part), 0);
    assert_int_equal(part.value, b.value);
    ash_vunmap((void *)part.value);
    ash_vunmap((void *)b.value);
    machine_expect_state(&before);
}

static void large_devices_are_blocks(void **state)
{
    static const uint64_t bases[] = {0x8000000000, 0x8000200000, 0x8000001000, 0x80001ff000};
    struct machine_state before;
    ash_va_t va, other;

    (void)state;
    machine_start();
    before = machine_state();
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(ash_vmap_device(ash_pa(bases[i]), 0x600000, &va), 0);
        assert_int_equal(va.value % 0x200000, bases[i] % 0x200000);
        assert_int_equal(sim_translate(va.value + 0x200000, SIM_READ).size, 0x200000);
        assert_int_equal(sim_translate(va.value + 0x5ff000, SIM_READ).pa.value,
                         bases[i] + 0x5ff000);
        machine_at_rest();
        ash_vunmap((void *)va.value);
        machine_expect_state(&before);
    }
    /* Without room for that alignment, pages have to do. */
    assert_int_equal(ash_vmap_device(ash_pa(0x8000000000), 0xb00000, &va), 0);
    assert_int_equal(ash_vmap_device(ash_pa(0x9000100000), 0x200000, &other), 0);
    assert_int_equal(sim_translate(other.value + 0x1ff000, SIM_READ).pa.value, 0x90002ff000);
    ash_vunmap((void *)va.value);
    ash_vunmap((void *)other.value);
    machine_expect_state(&before);
}

static void bad_devices_are_refused(void **state)
{
    struct machine_state before;
    ash_va_t va = ash_va(1);

    (void)state;
    machine_start();
    before = machine_state();
    assert_int_equal(ash_vmap_device(ash_pa(0x8000000000), 0, &va), ASH_EINVAL);
    assert_int_equal(ash_vmap_device(ash_pa(0x8000000008), PAGE, &va), ASH_EALIGN);
    assert_int_equal(ash_vmap_device(ash_pa(0x8000000000), PAGE + 4, &va), ASH_EALIGN);
    assert_int_equal(ash_vmap_device(ash_pa(-PAGE), 2 * PAGE, &va), ASH_ERANGE);
    assert_int_equal(ash_vmap_device(ash_pa(1ull << 41), PAGE, &va), ASH_ERANGE);
    assert_int_equal(ash_vmap_device(ash_pa(0x8000000000), VMAP_IN - PAGE, &va), ASH_ENOMEM);
    assert_int_equal(ash_vmap_device(ash_pa(0x8000000000), 1ull << 60, &va), ASH_ENOMEM);
    assert_int_equal(va.value, 1);
    machine_expect_state(&before);
}

/* For each table that cannot be had: nothing has changed. */
static void mapping_without_tables(void **state)
{
    struct machine_state before;
    unsigned left = 0;
    ash_va_t device;
    int error;

    (void)state;
    machine_start();
    before = machine_state();
    do {
        machine_takes_left = left++;
        error = ash_vmap_device(ash_pa(0x1000), 0x600000, &device);
        if (error != 0) {
            assert_int_equal(error, ASH_ENOMEM);
            machine_expect_state(&before);
        }
    } while (error != 0);
    assert_true(left >= 3);
    ash_vunmap((void *)device.value);
    machine_expect_state(&before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_are_shared),
        cmocka_unit_test(large_devices_are_blocks),
        cmocka_unit_test(bad_devices_are_refused),
        cmocka_unit_test(mapping_without_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
