/* SPDX-License-Identifier: MIT */
/*
 * Temporary windows: which address a frame gets, on which CPU, what it costs, and what is refused.
 */
#include "tests/unit/vmap_machine.h"

static ash_frame_t high_frame(void)
{
    ash_frame_t frame = machine_frame(ASH_FRAMES_HIGH);

    assert_true(ash_frame_pa(frame).value >= HIGH_AT);
    return frame;
}

static void mapped_frames_are_their_own_window(void **state)
{
    struct machine_state before;
    ash_frame_t frame;
    void *window;

    (void)state;
    machine_start();
    frame = machine_frame(ASH_FRAMES_NORMAL);
    before = machine_state();
    sim_forget();
    window = ash_window_open(frame);
    assert_ptr_equal(window, port_ptr(ash_frame_pa(frame)));
    ash_window_close(window);
    assert_int_equal(sim_traced, 0);
    machine_expect_state(&before);
}

static void open_close(void)
{
    struct machine_state before;
    void *first = NULL;

    machine_start();
    /* Nothing is left: opening and closing takes no memory. */
    machine_leave(0);
    machine_takes_left = 0;
    before = machine_state();
    for (unsigned i = 0; i < 50; i++) {
        ash_frame_t frame = {(uint32_t)(HIGH_AT / PAGE + i)};
        void *window;

        sim_forget();
        window = ash_window_open(frame);
        assert_non_null(window);
        assert_true(ash_vmap_contains(window));
        assert_true(first == NULL || first == window);
        first = window;
        machine_expect_page(window, frame, true);
        /* An entry that faults is in no TLB: a barrier is enough (arm-rules 1). */
        assert_int_equal(sim_tlbi_count(), 0);
        assert_int_equal(sim_count[SIM_DSB_ISHST], 1);
        assert_int_equal(sim_count[SIM_ISB], 1);
        sim_forget();
        ash_window_close(window);
        machine_expect_hole(window);
        /* The frame may go now: no TLB of any CPU knows it (arm-rules 3, 4). */
        assert_int_equal(sim_count[SIM_TLBI_PAGE] + sim_count[SIM_TLBI_PAGE_WALK], 1);
        assert_int_equal(sim_count[SIM_DSB_ISH], 1);
        assert_true(sim_find(SIM_DSB_ISH, 0) > sim_find(SIM_TLBI_PAGE, 0));
        machine_expect_state(&before);
    }
    machine_release();
}

static void high_frames_get_a_slot(void **state)
{
    (void)state;
    machine_format = SIM_LPAE;
    open_close();
    machine_format = SIM_A64;
    open_close();
    machine_format = SIM_LPAE;
}

static void windows_nest(void **state)
{
    struct machine_state before;
    ash_frame_t frame[ASH_WINDOWS + 1];
    void *window[ASH_WINDOWS];

    (void)state;
    machine_start();
    for (unsigned i = 0; i <= ASH_WINDOWS; i++) {
        frame[i] = i == 1 ? machine_frame(ASH_FRAMES_NORMAL) : high_frame();
    }
    before = machine_state();
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < ASH_WINDOWS; i++) {
            window[i] = ash_window_open(frame[i]);
            assert_non_null(window[i]);
        }
        assert_null(ash_window_open(frame[ASH_WINDOWS]));
        for (unsigned i = 0; i < ASH_WINDOWS; i++) {
            if (i != 1) {
                machine_expect_page(window[i], frame[i], true);
                machine_expect_hole((char *)window[i] - 1);
                machine_expect_hole((char *)window[i] + PAGE);
            }
        }
        assert_int_equal(ash_vmap_verify(), 0);
        /* The last one is closed and opened again before the others. */
        ash_window_close(window[ASH_WINDOWS - 1]);
        machine_expect_hole(window[ASH_WINDOWS - 1]);
        machine_expect_page(window[ASH_WINDOWS - 2], frame[ASH_WINDOWS - 2], true);
        window[ASH_WINDOWS - 1] = ash_window_open(frame[ASH_WINDOWS]);
        machine_expect_page(window[ASH_WINDOWS - 1], frame[ASH_WINDOWS], true);
        for (unsigned i = ASH_WINDOWS; i-- > 0;) {
            ash_window_close(window[i]);
        }
        machine_expect_state(&before);
    }
}

static void cpus_have_their_own(void **state)
{
    void *window[ASH_CPUS][ASH_WINDOWS];
    ash_frame_t frame;

    (void)state;
    machine_start();
    frame = high_frame();
    for (unsigned i = 0; i < ASH_CPUS * ASH_WINDOWS; i++) {
        sim_cpu = i % ASH_CPUS;
        window[sim_cpu][i / ASH_CPUS] = ash_window_open(frame);
        machine_expect_page(window[sim_cpu][i / ASH_CPUS], frame, true);
    }
    for (unsigned i = 0; i < ASH_CPUS * ASH_WINDOWS; i++) {
        for (unsigned j = 0; j < i; j++) {
            assert_ptr_not_equal(window[i / ASH_WINDOWS][i % ASH_WINDOWS],
                                 window[j / ASH_WINDOWS][j % ASH_WINDOWS]);
        }
    }
    for (sim_cpu = 0; sim_cpu < ASH_CPUS; sim_cpu++) {
        assert_null(ash_window_open(frame));
        /* What another CPU has open is not this one's to close. */
        if (ASH_CPUS > 1) {
            void *other = window[(sim_cpu + 1) % ASH_CPUS][ASH_WINDOWS - 1];

            ash_window_close(other);
            machine_expect_fault(ASH_FAULT_FOREIGN, other);
        }
    }
    for (sim_cpu = 0; sim_cpu < ASH_CPUS; sim_cpu++) {
        for (unsigned i = ASH_WINDOWS; i-- > 0;) {
            ash_window_close(window[sim_cpu][i]);
            machine_expect_hole(window[sim_cpu][i]);
        }
    }
    sim_cpu = 0;
    machine_at_rest();
}

static void bad_closes_are_told(void **state)
{
    void *a, *b, *own;

    (void)state;
    machine_start();
    a = ash_window_open(high_frame());
    b = ash_window_open(high_frame());
    ash_window_close(a);
    machine_expect_fault(ASH_FAULT_CORRUPT, a);
    ash_window_close((char *)b + 4);
    machine_expect_fault(ASH_FAULT_FOREIGN, (char *)b + 4);
    ash_window_close(b);
    ash_window_close(b);
    machine_expect_fault(ASH_FAULT_FOREIGN, b);
    ash_window_close(a);
    ash_window_close(a);
    machine_expect_fault(ASH_FAULT_FOREIGN, a);
    own = ash_window_open(machine_frame(ASH_FRAMES_NORMAL));
    ash_window_close(own);
    ash_window_close(own);
    machine_expect_fault(ASH_FAULT_FOREIGN, own);
    ash_window_close(NULL);
    machine_expect_fault(ASH_FAULT_FOREIGN, NULL);
    /* A window is no mapping of vmap's to unmap. */
    a = ash_window_open(high_frame());
    ash_vunmap(a);
    machine_expect_fault(ASH_FAULT_FOREIGN, a);
    ash_window_close(a);
    machine_at_rest();
}

static void interrupts_are_as_before(void **state)
{
    void *window;

    (void)state;
    machine_start();
    for (unsigned masked = 0; masked <= 1; masked++) {
        sim_irq_masked = masked;
        window = ash_window_open(high_frame());
        assert_int_equal(sim_irq_masked, masked);
        ash_window_close(window);
        assert_int_equal(sim_irq_masked, masked);
    }
    sim_irq_masked = false;
    machine_at_rest();
}

static void what_is_no_ram_has_no_window(void **state)
{
    (void)state;
    if (ASH_CHECK < 1) {
        skip();
    }
    machine_start();
    assert_null(ash_window_open((ash_frame_t){(uint32_t)(0x9000000 / PAGE)}));
    assert_null(ash_window_open((ash_frame_t){(uint32_t)((HIGH_AT + HIGH_IN) / PAGE)}));
    assert_null(ash_window_open(ASH_FRAME_NONE));
    machine_at_rest();
}

static void boards_without_high_memory_need_no_slots(void **state)
{
    struct machine_state before;
    ash_frame_t frame;
    void *window;

    (void)state;
    machine_boot();
    before = machine_state();
    assert_int_equal(machine_vmap(VMAP_IN, false), 0);
    assert_int_equal(machine_state().tables, before.tables);
    assert_int_equal(machine_map.zone_count, 1);
    frame = machine_frame(ASH_FRAMES_NORMAL);
    window = ash_window_open(frame);
    assert_ptr_equal(window, port_ptr(ash_frame_pa(frame)));
    ash_window_close(window);
    assert_null(ash_window_open(high_frame()));
    machine_at_rest();
}

static void zones_may_be_out(void **state)
{
    (void)state;
    machine_boot();
    while (machine_map.zone_count < ASH_MMU_ZONES) {
        assert_int_equal(ash_mmu_open_zone(&machine_map, ash_va(0x10000000), PAGE), 0);
    }
    assert_int_equal(machine_vmap(VMAP_IN, true), ASH_ENOMEM);
    assert_int_equal(vmap_state.areas.count, 1);
}

/* The machine of these tests has a function of its own to zero frames; this is the library's. */
#define ash_window_zero library_window_zero
#include "alloc/vmap_zero.c"
#undef ash_window_zero

static void zeroing_goes_through_a_window(void **state)
{
    ash_frame_t frame;
    const unsigned char *bytes;
    void *window[ASH_WINDOWS];

    (void)state;
    machine_start();
    frame = machine_frame(ASH_FRAMES_NORMAL);
    bytes = memset(port_ptr(ash_frame_pa(frame)), 0x5a, PAGE);
    assert_int_equal(library_window_zero(frame), 0);
    assert_true(bytes[0] == 0 && memcmp(bytes, bytes + 1, PAGE - 1) == 0);
    for (unsigned i = 0; i < ASH_WINDOWS; i++) {
        window[i] = ash_window_open(frame);
    }
    assert_int_equal(library_window_zero(frame), ASH_EBUSY);
    assert_null(ash_vmap_alloc(PAGE)); /* which has to zero a HIGH frame */
    for (unsigned i = ASH_WINDOWS; i-- > 0;) {
        ash_window_close(window[i]);
    }
    assert_int_equal(library_window_zero(frame), 0);
    machine_at_rest();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mapped_frames_are_their_own_window),
        cmocka_unit_test(high_frames_get_a_slot),
        cmocka_unit_test(windows_nest),
        cmocka_unit_test(cpus_have_their_own),
        cmocka_unit_test(bad_closes_are_told),
        cmocka_unit_test(interrupts_are_as_before),
        cmocka_unit_test(what_is_no_ram_has_no_window),
        cmocka_unit_test(boards_without_high_memory_need_no_slots),
        cmocka_unit_test(zones_may_be_out),
        cmocka_unit_test(zeroing_goes_through_a_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
