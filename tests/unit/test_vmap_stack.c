/* SPDX-License-Identifier: MIT */
/*
 * Guarded stacks, and what an exception report can learn of them.
 */
#include "tests/unit/vmap_machine.h"

static void expect_place(const char *address, const char *name, const char *base, size_t size,
                         bool in_guard)
{
    struct ash_stack_place place;

    assert_true(ash_stack_find_hook((uintptr_t)address, &place));
    assert_string_equal(place.name, name);
    assert_int_equal(place.base, (uintptr_t)base);
    assert_int_equal(place.top, (uintptr_t)base + size);
    assert_int_equal(place.in_guard, in_guard);
}

static void expect_nowhere(const char *address)
{
    struct ash_stack_place place;

    assert_false(ash_stack_find_hook((uintptr_t)address, &place));
}

static void stacks_are_guarded_and_found(void **state)
{
    struct machine_state before;
    char *a, *b, *memory;

    (void)state;
    machine_start();
    before = machine_state();
    assert_null(ash_stack_find_hook); /* a report asks nobody while there are none */
    a = ash_stack_create("alpha", 3 * PAGE - 8);
    memory = ash_vmap_alloc(PAGE);
    b = ash_stack_create("beta", PAGE);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(ash_stack_find_hook);
    for (unsigned i = 0; i < 3; i++) {
        struct sim_answer answer = sim_translate((uintptr_t)a + i * PAGE, SIM_WRITE);

        machine_expect_page(a + i * PAGE, ash_pa_frame(answer.pa), true);
        assert_int_equal(machine_byte(answer.pa)[PAGE - 1], 0);
    }
    machine_expect_hole(a - 1);
    machine_expect_hole(a + 3 * PAGE);
    machine_expect_hole(b - 1);
    assert_int_equal(ash_frames_owned(ASH_OWNER_STACK), 4);
    expect_place(a, "alpha", a, 3 * PAGE, false);
    expect_place(a + 3 * PAGE - 1, "alpha", a, 3 * PAGE, false);
    expect_place(a - 1, "alpha", a, 3 * PAGE, true);
    expect_place(a - PAGE, "alpha", a, 3 * PAGE, true);
    expect_place(b, "beta", b, PAGE, false);
    expect_place(b - 1, "beta", b, PAGE, true);
    expect_nowhere(a - PAGE - 1);
    expect_nowhere(a + 3 * PAGE);
    expect_nowhere(memory);
    expect_nowhere(NULL);
    machine_at_rest();
    ash_stack_destroy(a);
    machine_expect_hole(a);
    expect_nowhere(a);
    expect_nowhere(a - 1);
    expect_place(b - 1, "beta", b, PAGE, true);
    ash_stack_destroy(b);
    expect_nowhere(b - 1);
    ash_vmap_free(memory);
    machine_expect_state(&before);
}

static void any_order_of_destruction(void **state)
{
    static const unsigned order[3][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
    static const char *const names[3] = {"0", "1", "2"};

    (void)state;
    machine_start();
    for (unsigned n = 0; n < 3; n++) {
        struct machine_state before = machine_state();
        char *stack[3];

        for (unsigned i = 0; i < 3; i++) {
            stack[i] = ash_stack_create(names[i], PAGE);
        }
        for (unsigned i = 0; i < 3; i++) {
            ash_stack_destroy(stack[order[n][i]]);
            for (unsigned j = 0; j < 3; j++) {
                if (j > i) {
                    expect_place(stack[order[n][j]] - 4, names[order[n][j]], stack[order[n][j]],
                                 PAGE, true);
                } else {
                    expect_nowhere(stack[order[n][j]] - 4);
                }
            }
        }
        machine_expect_state(&before);
    }
}

static void bad_stacks_are_refused(void **state)
{
    struct machine_state before;

    (void)state;
    machine_start();
    before = machine_state();
    assert_null(ash_stack_create(NULL, PAGE));
    assert_null(ash_stack_create("none", 0));
    assert_null(ash_stack_create("huge", VMAP_IN));
    machine_expect_state(&before);
    for (unsigned left = 0; left < 8; left++) {
        machine_leave(left);
        before = machine_state();
        assert_null(ash_stack_create("poor", 8 * PAGE));
        machine_expect_state(&before);
        machine_release();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stacks_are_guarded_and_found),
        cmocka_unit_test(any_order_of_destruction),
        cmocka_unit_test(bad_stacks_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
