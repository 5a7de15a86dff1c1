/* SPDX-License-Identifier: MIT */
/*
 * Spaces one call at a time: errors, the list, what each sees, ASIDs from generation to generation.
 */
#include "tests/unit/space_machine.h"

#define MANY 40u

static struct ash_space space[MANY];

static void create(unsigned n)
{
    char name[ASH_SPACE_NAME];

    snprintf(name, sizeof name, "space %u", n);
    assert_int_equal(ash_space_create(&space[n], name), 0);
    machine_map(&space[n], 0, FAR + n * PAGE);
}

static void create_all(unsigned count)
{
    for (unsigned n = 0; n < count; n++) {
        create(n);
    }
}

static void destroy_all(unsigned count)
{
    ash_space_leave();
    for (unsigned n = 0; n < count; n++) {
        assert_int_equal(ash_space_destroy(&space[n]), 0);
    }
    machine_end();
}

static void on_cpu(unsigned cpu, struct ash_space *to)
{
    unsigned self = sim_cpu;

    sim_on_cpu(cpu);
    if (to != NULL) {
        ash_space_switch(to);
    } else {
        ash_space_leave();
    }
    sim_on_cpu(self);
}

static void none_on_this_board(void **state)
{
    const struct ash_spaces_config config = {.bits = 0};

    (void)state;
    ash_spaces_init(&config);
    assert_int_equal(ash_space_create(&space[0], "x"), ASH_ENODEV);
    assert_int_equal(ash_space_size(), 0);
    assert_null(ash_space_current());
}

static void each_sees_its_own(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct ash_mmu_mapping mapping;

        machine_start(kind, 1, 8);
        assert_int_equal(ash_space_base().value, kind->base);
        assert_int_equal(ash_space_size(), UINT64_C(1) << kind->bits);
        assert_int_equal(machine_sees(0), 0);
        create_all(3);
        assert_null(ash_space_current());
        for (unsigned n = 0; n < 9; n++) {
            ash_space_switch(&space[n % 3]);
            assert_ptr_equal(ash_space_current(), &space[n % 3]);
            assert_int_equal(machine_sees(0), FAR + n % 3 * PAGE);
        }
        machine_map(&space[2], PAGE, FAR);
        assert_int_equal(machine_sees(PAGE), FAR);
        assert_int_equal(ash_space_protect(&space[2], machine_va(PAGE), PAGE, 0), 0);
        assert_int_equal(sim_access(machine_va(PAGE).value, SIM_WRITE).fault, SIM_FAULT_PERMISSION);
        assert_int_equal(ash_space_query(&space[2], machine_va(PAGE), &mapping), 0);
        assert_int_equal(mapping.attr, 0);
        assert_int_equal(ash_space_query(&space[1], machine_va(PAGE), &mapping), ASH_ENOENT);
        assert_int_equal(ash_space_unmap(&space[2], machine_va(PAGE), PAGE), 0);
        assert_int_equal(machine_sees(PAGE), 0);
        ash_space_leave();
        assert_null(ash_space_current());
        assert_int_equal(machine_sees(0), 0);
        assert_int_equal(
            ash_space_map(&space[0], ash_va((uintptr_t)kind->base - PAGE), ash_pa(FAR), PAGE, 0),
            ASH_ERANGE);
        destroy_all(3);
    }
}

static void entries_are_not_global(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        machine_start(kind, 1, 8);
        create_all(1);
        ash_space_switch(&space[0]);
        assert_false(sim_access(machine_va(0).value, SIM_READ).global);
        destroy_all(1);
    }
}

static void current_one_stays(void **state)
{
    (void)state;
    machine_start(&kinds[0], 2, 8);
    create_all(2);
    ash_space_switch(&space[0]);
    on_cpu(1, &space[1]);
    for (unsigned n = 0; n < 2; n++) {
        assert_int_equal(ash_space_destroy(&space[n]), ASH_EBUSY);
    }
    assert_int_equal(spaces_state.count, 2);
    assert_int_equal(machine_sees(0), FAR);
    ash_space_switch(&space[1]);
    assert_int_equal(ash_space_destroy(&space[0]), 0);
    on_cpu(1, NULL);
    assert_int_equal(ash_space_destroy(&space[1]), ASH_EBUSY);
    ash_space_leave();
    assert_int_equal(ash_space_destroy(&space[1]), 0);
    machine_end();
}

/* Nothing is left behind, whichever allocation of create fails. */
static void create_without_memory(void **state)
{
    (void)state;
    machine_start(&kinds[0], 1, 8);
    for (unsigned n = 1;; n++) {
        int error;

        support_fail_at = n;
        error = ash_space_create(&space[0], "x");
        if (support_fail_at != 0) { /* it takes fewer */
            support_fail_at = 0;
            assert_int_equal(error, 0);
            assert_int_equal(n, 2);
            break;
        }
        assert_int_equal(error, ASH_ENOMEM);
        machine_end();
    }
    destroy_all(1);
}

/* Numbers are given out once in a generation; then all but the live ones anew. */
static void generations(void **state)
{
    bool seen[ASIDS + 1] = {false};

    (void)state;
    machine_start(&kinds[0], 2, 4);
    create_all(MANY);
    on_cpu(1, &space[2]);
    for (unsigned n = 0; n < ASIDS; n++) {
        ash_space_switch(&space[n]);
        assert_in_range(machine_asid(&space[n]), 1, ASIDS);
        assert_false(seen[machine_asid(&space[n])]);
        seen[machine_asid(&space[n])] = true;
    }
    assert_int_equal(sim_count[SIM_TLBI_ALL], 0);
    assert_int_equal(spaces_state.asids.rolls, 0);
    ash_space_switch(&space[ASIDS]);
    assert_int_equal(sim_count[SIM_TLBI_ALL], 1);
    assert_int_equal(spaces_state.asids.rolls, 1);
    /* Kept: that of the other CPU, and that which was current here. */
    assert_int_not_equal(machine_asid(&space[ASIDS]), machine_asid(&space[2]));
    assert_int_not_equal(machine_asid(&space[ASIDS]), machine_asid(&space[ASIDS - 1]));
    for (unsigned n = ASIDS + 1; n < 2 * ASIDS - 2; n++) {
        ash_space_switch(&space[n]);
        assert_int_not_equal(machine_asid(&space[n]), machine_asid(&space[2]));
        assert_int_not_equal(machine_asid(&space[n]), machine_asid(&space[ASIDS - 1]));
    }
    assert_int_equal(sim_count[SIM_TLBI_ALL], 1);
    /* A kept number is found again, and then costs no lock. */
    for (unsigned i = 0; i < 2; i++) {
        unsigned asid = machine_asid(&space[2]);

        ash_space_switch(&space[2]);
        assert_int_equal(machine_asid(&space[2]), asid);
        assert_int_equal(machine_sees(0), FAR + 2 * PAGE);
        ash_space_switch(&space[ASIDS]);
    }
    on_cpu(1, NULL);
    destroy_all(MANY);
}

/* Far more spaces than numbers, one after the other. */
static void in_turn(void **state)
{
    struct ash_spaces_stats stats;

    (void)state;
    machine_start(&kinds[2], 1, 8);
    for (unsigned n = 0; n < 1000; n++) {
        create(0);
        ash_space_switch(&space[0]);
        assert_int_equal(machine_sees(0), FAR);
        ash_space_leave();
        assert_int_equal(ash_space_destroy(&space[0]), 0);
    }
    ash_spaces_stats(&stats);
    assert_int_equal(stats.generations, 3);
    assert_int_equal(stats.asid_bits, 8);
    assert_int_equal(stats.renewals, 1000);
    machine_end();
}

static void report(void **state)
{
    (void)state;
    machine_start(&kinds[0], 2, 8);
    create_all(34);
    ash_space_switch(&space[33]);
    on_cpu(1, &space[33]);
    support_printed[0] = '\0';
    ash_spaces_report(support_print);
    assert_non_null(
        strstr(support_printed, "30 bits of addresses from 0xc0000000, ASIDs of 8 bits\n"));
    assert_non_null(strstr(support_printed, "34 spaces; 2 switches took the lock, 0 generations"));
    assert_non_null(strstr(support_printed, "space 33         ASID     1  CPU 0  CPU 1\n"));
    assert_non_null(strstr(support_printed, "space 32         no ASID"));
    assert_non_null(strstr(support_printed, "and 2 made before them\n"));
    assert_null(strstr(support_printed, "space 1 "));
    on_cpu(1, NULL);
    destroy_all(34);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_on_this_board),
        cmocka_unit_test(each_sees_its_own),
        cmocka_unit_test(entries_are_not_global),
        cmocka_unit_test(current_one_stays),
        cmocka_unit_test(create_without_memory),
        cmocka_unit_test(generations),
        cmocka_unit_test(in_turn),
        cmocka_unit_test(report),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
