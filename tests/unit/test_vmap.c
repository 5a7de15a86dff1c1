/* SPDX-License-Identifier: MIT */
/*
 * Mappings of scattered frames, memory with frames of its own, devices: what the machine
 * translates, what is refused, and that a failure at any place leaves everything as it was.
 */
#include "tests/unit/vmap_machine.h"

#define MANY 40u

/* Frames of every kind, none next to the one before it; the first three again at the end. */
static void scatter(ash_frame_t *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ash_frame_t skipped = machine_frame(ASH_FRAMES_HIGH);

        if (i + 3 >= count && i >= 3) {
            frames[i] = frames[i + 3 - count];
        } else {
            frames[i] = machine_frame(i % 2 ? ASH_FRAMES_HIGH : ASH_FRAMES_NORMAL);
        }
        ash_frames_free(skipped, 0);
    }
}

static void gather(const ash_frame_t *frames, size_t count)
{
    for (size_t i = 0; i + (count > 3 ? 3 : 0) < count; i++) {
        ash_frames_free(frames[i], 0);
    }
}

static void each_format(void (*test)(void))
{
    machine_format = SIM_LPAE;
    test();
    machine_format = SIM_A64;
    test();
    machine_format = SIM_LPAE;
}

static void map_and_unmap(void)
{
    struct machine_state before;
    ash_frame_t frames[MANY];

    machine_start();
    scatter(frames, MANY);
    before = machine_state();
    for (size_t count = 1; count <= MANY; count += 13) {
        for (unsigned write = 0; write <= 1; write++) {
            void *at = NULL;

            assert_int_equal(ash_vmap(frames, count, write ? ASH_MMU_WRITE : 0, &at), 0);
            assert_true(ash_vmap_contains(at));
            for (size_t i = 0; i < count; i++) {
                machine_expect_page((char *)at + i * PAGE, frames[i], write);
            }
            machine_expect_hole((char *)at - 1);
            machine_expect_hole((char *)at + count * PAGE);
            machine_at_rest();
            ash_vunmap(at);
            for (size_t i = 0; i < count; i++) {
                machine_expect_hole((char *)at + i * PAGE);
            }
            machine_expect_state(&before);
        }
    }
    gather(frames, MANY);
}

static void scattered_frames_become_one_range(void **state)
{
    (void)state;
    each_format(map_and_unmap);
}

static void neighbours_keep_guard_pages(void **state)
{
    ash_frame_t frame;
    void *at[20];

    (void)state;
    machine_start();
    frame = machine_frame(ASH_FRAMES_HIGH);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(ash_vmap(&frame, 1, 0, &at[i]), 0);
    }
    for (unsigned i = 0; i < 20; i++) {
        machine_expect_page(at[i], frame, false);
        machine_expect_hole((char *)at[i] - 1);
        machine_expect_hole((char *)at[i] + PAGE);
    }
    machine_at_rest();
}

/* All of the range but its guard pages, across tables. */
static void whole_range_can_be_mapped(void **state)
{
    static ash_frame_t frames[VMAP_IN / PAGE];
    struct machine_state before;
    size_t most = VMAP_IN / PAGE - 2;
    void *at = NULL, *none = NULL;

    (void)state;
    machine_boot();
    assert_int_equal(machine_vmap(VMAP_IN, false), 0);
    before = machine_state();
    for (size_t i = 0; i < VMAP_IN / PAGE; i++) {
        frames[i] = (ash_frame_t){(uint32_t)(HIGH_AT / PAGE + i % HIGH_FRAMES)};
    }
    assert_int_equal(ash_vmap(frames, 1, 0, &none), ASH_EINVAL); /* free */
    machine_leave(100);
    before = machine_state();
    assert_int_equal(ash_vmap(frames, most + 1, 0, &none), ASH_ENOMEM);
    assert_null(none);
    assert_int_equal(ash_vmap(frames, most, 0, &at), 0);
    assert_int_equal((uintptr_t)at, VMAP_AT + PAGE);
    machine_expect_page((char *)at + (most - 1) * PAGE, frames[most - 1], false);
    machine_expect_hole((char *)at + most * PAGE);
    assert_int_equal(ash_vmap(frames, 1, 0, &none), ASH_ENOMEM);
    machine_at_rest();
    ash_vunmap(at);
    machine_expect_state(&before);
    machine_release();
}

static void what_must_not_be_mapped_is_refused(void **state)
{
    static const ash_mmu_attr_t bad[] = {
        ASH_MMU_EXEC,   ASH_MMU_WRITE | ASH_MMU_EXEC,   ASH_MMU_USER,  ASH_MMU_UNCACHED,
        ASH_MMU_DEVICE, ASH_MMU_STRICT | ASH_MMU_WRITE, ASH_MMU_PAGES, 0x80000000u};
    ash_frame_t frames[2], nowhere = {(uint32_t)(0x70000000 / PAGE)};
    struct machine_state before;
    void *at = NULL;
    uintptr_t va;

    (void)state;
    machine_start();
    frames[0] = machine_frame(ASH_FRAMES_HIGH);
    frames[1] = machine_frame(ASH_FRAMES_NORMAL);
    before = machine_state();
    assert_int_equal(ash_vmap(frames, 0, 0, &at), ASH_EINVAL);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(ash_vmap(frames, 2, bad[i], &at), ASH_EPERM);
    }
    /* Normal memory beside a mapping of another type would be a mismatched alias. */
    machine_map.frozen = false;
    va = (uintptr_t)ash_frame_pa(frames[1]).value;
    assert_int_equal(
        ash_mmu_protect(&machine_map, ash_va(va), PAGE, ASH_MMU_UNCACHED | ASH_MMU_WRITE), 0);
    before.tables = machine_map.counters.tables;
    before.free[ASH_ZONE_NORMAL] = machine_state().free[ASH_ZONE_NORMAL];
    assert_int_equal(ash_vmap(frames, 2, 0, &at), ASH_EPERM);
    assert_int_equal(
        ash_mmu_protect(&machine_map, ash_va(va), PAGE, ASH_MMU_NORMAL | ASH_MMU_WRITE), 0);
    /* Neither RAM that nobody holds, nor what is no RAM. */
    ash_frames_free(frames[1], 0);
    before.free[ASH_ZONE_NORMAL]++;
    assert_int_equal(ash_vmap(frames, 2, 0, &at), ASH_EINVAL);
    frames[1] = nowhere;
    assert_int_equal(ash_vmap(frames, 2, 0, &at), ASH_EINVAL);
    frames[1] = ASH_FRAME_NONE;
    assert_int_equal(ash_vmap(frames, 2, 0, &at), ASH_EINVAL);
    assert_null(at);
    machine_expect_state(&before);
}

static void bad_unmaps_are_told(void **state)
{
    struct machine_state before;
    ash_frame_t frames[3];
    void *at, *memory, *stack;
    char *end = (char *)(VMAP_AT + VMAP_IN);
    ash_va_t device;

    (void)state;
    machine_start();
    scatter(frames, 3);
    assert_int_equal(ash_vmap(frames, 3, 0, &at), 0);
    memory = ash_vmap_alloc(2 * PAGE);
    stack = ash_stack_create("s", PAGE);
    assert_int_equal(ash_vmap_device(ash_pa(0x9000000), 2 * PAGE, &device), 0);
    before = machine_state();
#define TOLD(call, kind, address)                                                                  \
    call(address);                                                                                 \
    machine_expect_fault(kind, address);                                                           \
    machine_expect_state(&before)
    TOLD(ash_vunmap, ASH_FAULT_MISALIGNED, (char *)at + PAGE);
    TOLD(ash_vunmap, ASH_FAULT_MISALIGNED, (char *)at + 1);
    TOLD(ash_vunmap, ASH_FAULT_MISALIGNED, (char *)at - 1);
    TOLD(ash_vunmap, ASH_FAULT_FOREIGN, memory);
    TOLD(ash_vunmap, ASH_FAULT_FOREIGN, stack);
    TOLD(ash_vunmap, ASH_FAULT_MISALIGNED, (char *)device.value - 1);
    TOLD(ash_vunmap, ASH_FAULT_FOREIGN, NULL);
    TOLD(ash_vunmap, ASH_FAULT_FOREIGN, (char *)VMAP_AT - 1);
    TOLD(ash_vunmap, ASH_FAULT_FOREIGN, end);
    TOLD(ash_vunmap, ASH_FAULT_FOREIGN, end - PAGE);
    TOLD(ash_vunmap, ASH_FAULT_DOUBLE_FREE, end - 2 * PAGE);
    TOLD(ash_vmap_free, ASH_FAULT_FOREIGN, at);
    TOLD(ash_vmap_free, ASH_FAULT_FOREIGN, stack);
    TOLD(ash_vmap_free, ASH_FAULT_FOREIGN, (void *)device.value);
    TOLD(ash_vmap_free, ASH_FAULT_MISALIGNED, (char *)memory + PAGE);
    TOLD(ash_stack_destroy, ASH_FAULT_FOREIGN, memory);
    TOLD(ash_stack_destroy, ASH_FAULT_MISALIGNED, (char *)stack + 8);
    ash_vunmap(at);
    ash_vmap_free(memory);
    ash_stack_destroy(stack);
    ash_vunmap((char *)device.value + PAGE + 8);
    before = machine_state();
    TOLD(ash_vunmap, ASH_FAULT_DOUBLE_FREE, at);
    TOLD(ash_vmap_free, ASH_FAULT_DOUBLE_FREE, memory);
    TOLD(ash_stack_destroy, ASH_FAULT_DOUBLE_FREE, stack);
    TOLD(ash_vunmap, ASH_FAULT_DOUBLE_FREE, (void *)device.value);
    ash_vmap_free(NULL);
    ash_stack_destroy(NULL);
    machine_expect_state(&before);
}

/* While its pages are being unmapped, a mapping is nobody's. */
static void changing_areas_are_nobodys(void **state)
{
    struct vmap_area *area;

    (void)state;
    machine_start();
    assert_int_equal(vmap_open(1, 1, 0, &area), 0);
    ash_vunmap((void *)vmap_area_va(area).value);
    machine_expect_fault(ASH_FAULT_DOUBLE_FREE, (void *)vmap_area_va(area).value);
    vmap_close(area);
    machine_at_rest();
}

static void memory_is_zeroed_and_comes_back(void)
{
    struct machine_state before;
    const size_t sizes[] = {1, PAGE, PAGE + 1, 33 * PAGE, HIGH_IN + 5 * PAGE};

    machine_start();
    before = machine_state();
    for (unsigned n = 0; n < sizeof sizes / sizeof sizes[0]; n++) {
        size_t pages = (sizes[n] + PAGE - 1) / PAGE, in_high = 0;
        char *memory = ash_vmap_alloc(sizes[n]);

        assert_non_null(memory);
        for (size_t i = 0; i < pages; i++) {
            struct sim_answer answer = sim_translate((uintptr_t)memory + i * PAGE, SIM_READ);
            const unsigned char *bytes = machine_byte(answer.pa);

            machine_expect_page(memory + i * PAGE, ash_pa_frame(answer.pa), true);
            assert_true(bytes[0] == 0 && memcmp(bytes, bytes + 1, PAGE - 1) == 0);
            memset(machine_byte(answer.pa), 0x5a, PAGE);
            in_high += answer.pa.value >= HIGH_AT;
        }
        /* HIGH first: the others are left to those who need them. */
        assert_int_equal(in_high, pages < HIGH_FRAMES ? pages : HIGH_FRAMES);
        machine_expect_hole(memory - 1);
        machine_expect_hole(memory + pages * PAGE);
        assert_int_equal(ash_frames_owned(ASH_OWNER_VMAP), pages + before.nodes);
        machine_at_rest();
        ash_vmap_free(memory);
        machine_expect_hole(memory);
        machine_expect_state(&before);
    }
    assert_null(ash_vmap_alloc(0));
    assert_null(ash_vmap_alloc(VMAP_IN));
    assert_null(ash_vmap_alloc(SIZE_MAX));
    machine_expect_state(&before);
}

static void memory_in_both_formats(void **state)
{
    (void)state;
    each_format(memory_is_zeroed_and_comes_back);
}

/* Frames go back after the invalidation that ends their translation is complete. */
static void invalidation_comes_before_the_frames(void **state)
{
    void *memory;
    int last;

    (void)state;
    machine_start();
    memory = ash_vmap_alloc(3 * PAGE);
    sim_forget();
    assert_int_equal(sim_tlbi_count(), 0);
    ash_vmap_free(memory);
    assert_true(sim_tlbi_count() > 0);
    last = -1;
    for (unsigned i = 0; i < sim_traced; i++) {
        if (sim_trace[i].op == SIM_TLBI_PAGE || sim_trace[i].op == SIM_TLBI_PAGE_WALK ||
            sim_trace[i].op == SIM_TLBI_ALL) {
            last = (int)i;
        }
    }
    assert_true(sim_find(SIM_DSB_ISH, (unsigned)last) > last);
}

/* For each number of frames that may be had: all, or nothing has changed. */
static void memory_without_frames(void **state)
{
    unsigned left = 0;
    void *memory = NULL;

    (void)state;
    for (; memory == NULL; left++) {
        struct machine_state before;

        machine_start();
        machine_leave(left);
        before = machine_state();
        memory = ash_vmap_alloc(70 * PAGE);
        if (memory == NULL) {
            machine_expect_state(&before);
        }
        assert_true(left <= 71);
    }
    assert_true(left > 70); /* the table that the windows have serves the pages too, or does not */
    machine_release();
    machine_at_rest();
}

/* Memory whose frames are there, but not the tables to map them. */
static void memory_without_tables(void **state)
{
    struct machine_state before;
    unsigned left = 0;
    void *memory = NULL;

    (void)state;
    machine_start();
    before = machine_state();
    for (; memory == NULL; left++) {
        assert_true(left < 8);
        machine_expect_state(&before);
        machine_takes_left = left;
        memory = ash_vmap_alloc(1200 * PAGE);
    }
    assert_int_equal(left, 3); /* the first table is that of the windows */
    ash_vmap_free(memory);
    machine_expect_state(&before);
}

/* For each table that cannot be had: nothing has changed. The range spans three tables. */
static void mapping_without_tables(void **state)
{
    static ash_frame_t frames[1200];
    struct machine_state before;
    unsigned left = 0;
    void *at = NULL;
    int error;

    (void)state;
    machine_start();
    for (unsigned i = 0; i < 1200; i++) {
        frames[i] = (ash_frame_t){(uint32_t)(HIGH_AT / PAGE + (i * 7) % HIGH_FRAMES)};
    }
    machine_leave(50);
    before = machine_state();
    do {
        machine_takes_left = left++;
        error = ash_vmap(frames, 1200, ASH_MMU_WRITE, &at);
        if (error != 0) {
            assert_int_equal(error, ASH_ENOMEM);
            assert_null(at);
            machine_expect_state(&before);
        }
    } while (error != 0);
    assert_true(left >= 3);
    ash_vunmap(at);
    machine_expect_state(&before);
    machine_release();
}

/* For each frame of nodes that cannot be had. */
static void mapping_without_nodes(void **state)
{
    static void *at[400];
    unsigned count = 0, failures = 0;
    ash_frame_t frame;

    (void)state;
    machine_start();
    frame = machine_frame(ASH_FRAMES_HIGH);
    while (count < 400) {
        struct machine_state before;
        int error;

        machine_leave(0);
        before = machine_state();
        error = ash_vmap(&frame, 1, 0, &at[count]);
        if (error != 0) {
            assert_int_equal(error, ASH_ENOMEM);
            machine_expect_state(&before);
            failures++;
            machine_release();
            assert_int_equal(ash_vmap(&frame, 1, 0, &at[count]), 0);
        } else {
            machine_release();
        }
        count++;
    }
    assert_true(failures >= 3);
    while (count > 0) {
        ash_vunmap(at[--count]);
    }
    machine_at_rest();
}

static void start_is_checked(void **state)
{
    struct ash_vmap_stats stats;
    ash_frame_t frame;
    void *at = NULL;
    ash_va_t va;

    (void)state;
    machine_boot();
    assert_int_equal(machine_vmap(VMAP_IN + 8, false), ASH_EALIGN);
    assert_int_equal(machine_vmap(3 * PAGE, false), ASH_ENOMEM);
    assert_int_equal(machine_vmap(8 * PAGE, true), ASH_ENOMEM);
    machine_leave(0);
    assert_int_equal(machine_vmap(VMAP_IN, false), ASH_ENOMEM);
    machine_release();
    /* A board without such a range. */
    assert_int_equal(machine_vmap(0, false), 0);
    frame = machine_frame(ASH_FRAMES_NORMAL);
    assert_int_equal(ash_vmap(&frame, 1, 0, &at), ASH_ENOSYS);
    assert_int_equal(ash_vmap_device(ash_pa(0x8000000000), PAGE, &va), ASH_ENOSYS);
    assert_null(ash_vmap_alloc(1));
    assert_null(ash_stack_create("s", 1));
    assert_false(ash_vmap_contains((void *)VMAP_AT));
    ash_vunmap((void *)VMAP_AT);
    machine_expect_fault(ASH_FAULT_FOREIGN, (void *)VMAP_AT);
    assert_int_equal(ash_vmap_verify(), 0);
    ash_vmap_stats(&stats);
    assert_int_equal(stats.range.size, 0);
    /* The smallest one: a guard, a page, and a guard at the end, and one more. */
    assert_int_equal(machine_vmap(4 * PAGE, false), 0);
    assert_int_equal(ash_vmap(&frame, 1, 0, &at), 0);
    assert_int_equal((uintptr_t)at, VMAP_AT + PAGE);
    assert_true(ash_vmap_contains((void *)VMAP_AT));
    assert_true(ash_vmap_contains((char *)VMAP_AT + 4 * PAGE - 1));
    assert_false(ash_vmap_contains((char *)VMAP_AT + 4 * PAGE));
    machine_at_rest();
}

static void contradictions_are_found(void **state)
{
    ash_frame_t frame;
    void *at;

    (void)state;
    machine_start();
    frame = machine_frame(ASH_FRAMES_HIGH);
    assert_int_equal(ash_vmap(&frame, 1, 0, &at), 0);
#define FOUND()                                                                                    \
    assert_int_equal(ash_vmap_verify(), ASH_ECORRUPT);                                             \
    assert_int_equal(support_faults.last.kind, ASH_FAULT_CORRUPT);                                 \
    machine_forget_faults()
#define FOUND_MAPPED(va)                                                                           \
    assert_int_equal(ash_mmu_map(&machine_map, ash_va(va), ash_frame_pa(frame), PAGE, 0), 0);      \
    FOUND();                                                                                       \
    assert_int_equal(ash_mmu_unmap(&machine_map, ash_va(va), PAGE), 0);                            \
    machine_at_rest()
    FOUND_MAPPED((uintptr_t)at - PAGE);
    FOUND_MAPPED((uintptr_t)at + PAGE);
    FOUND_MAPPED((uintptr_t)at + 5 * PAGE);
    FOUND_MAPPED(VMAP_AT + VMAP_IN - PAGE);
    vmap_state.areas.free++;
    FOUND();
    vmap_state.areas.free--;
    /* Somebody else has unmapped it: both the check and the unmap say so. */
    assert_int_equal(ash_mmu_unmap(&machine_map, ash_va((uintptr_t)at), PAGE), 0);
    FOUND();
    ash_vunmap(at);
    machine_expect_fault(ASH_FAULT_CORRUPT, at);
    machine_at_rest();
}

static void report_shows_every_area(void **state)
{
    ash_frame_t frame;
    ash_va_t device;
    void *at;

    (void)state;
    machine_start();
    frame = machine_frame(ASH_FRAMES_HIGH);
    assert_int_equal(ash_vmap(&frame, 1, 0, &at), 0);
    assert_non_null(ash_vmap_alloc(3 * PAGE));
    assert_non_null(ash_stack_create("worker", 4 * PAGE));
    assert_int_equal(ash_vmap_device(ash_pa(0x8000000000), 2 * PAGE, &device), 0);
    support_printed[0] = '\0';
    ash_vmap_report(support_print);
    assert_non_null(strstr(support_printed, "4 KiB  frames\n"));
    assert_non_null(strstr(support_printed, "12 KiB  memory\n"));
    assert_non_null(strstr(support_printed, "16 KiB  stack worker\n"));
    assert_non_null(strstr(support_printed, "8 KiB  device\n"));
    assert_non_null(strstr(support_printed, "windows\n"));
    assert_non_null(strstr(support_printed, "KiB  free\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scattered_frames_become_one_range),
        cmocka_unit_test(neighbours_keep_guard_pages),
        cmocka_unit_test(whole_range_can_be_mapped),
        cmocka_unit_test(what_must_not_be_mapped_is_refused),
        cmocka_unit_test(bad_unmaps_are_told),
        cmocka_unit_test(changing_areas_are_nobodys),
        cmocka_unit_test(memory_in_both_formats),
        cmocka_unit_test(invalidation_comes_before_the_frames),
        cmocka_unit_test(memory_without_frames),
        cmocka_unit_test(memory_without_tables),
        cmocka_unit_test(mapping_without_tables),
        cmocka_unit_test(mapping_without_nodes),
        cmocka_unit_test(start_is_checked),
        cmocka_unit_test(contradictions_are_found),
        cmocka_unit_test(report_shows_every_area),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
