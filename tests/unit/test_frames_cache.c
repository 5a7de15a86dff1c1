/* SPDX-License-Identifier: MIT */
/*
 * Single frames that CPUs keep: what is kept is free to all who ask, comes back when memory is
 * short or caches are switched off, never exceeds its bound, and spares most operations the lock.
 */
#include "alloc/frames_cache.h"
#include "tests/unit/frames_machine.h"

#if ASH_FRAMES_CACHED > 0

#define BASE                0x40000000ull
#define FRAMES              2048u
#define ON_EACH_CPU_AT_MOST 64u

static ash_frame_t live[FRAMES];

static void start(void)
{
    machine_start(BASE, FRAMES * 4096ull);
    ash_frames_cache(true);
}

static void take(unsigned count, unsigned flags)
{
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(ash_frames_alloc(0, flags, &live[i]), 0);
    }
}

static void give(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        ash_frames_free(live[i], 0);
    }
}

static void what_is_kept_is_free(void **state)
{
    struct ash_frame_info info;
    struct ash_frames_stats stats;
    ash_frame_t frame, again;

    (void)state;
    start();
    assert_int_equal(ash_frames_alloc(0, ASH_FRAMES_OWNER(ASH_OWNER_TEST), &frame), 0);
    assert_true(frames_cache_count() > 0);
    assert_int_equal(machine_free(), FRAMES - 1);
    ash_frames_query(frame, &info);
    assert_int_equal(info.state, ASH_FRAME_USED);
    assert_int_equal(info.owner, ASH_OWNER_TEST);
    assert_int_equal(info.count, 1);
    assert_int_equal(ash_frames_owned(ASH_OWNER_TEST), 1);
    assert_int_equal(ash_frames_verify(), 0);
    ash_frames_free(frame, 0);
    ash_frames_query(frame, &info);
    assert_int_equal(info.state, ASH_FRAME_FREE);
    assert_int_equal(info.order, 0);
    assert_int_equal(info.head.number, frame.number);
    assert_int_equal(ash_frames_owned(ASH_OWNERS), 0);
    assert_int_equal(machine_free(), FRAMES);
    assert_int_equal(ash_frames_stats(ASH_ZONE_NORMAL, &stats), 0);
    assert_int_equal(stats.total, FRAMES);
    assert_int_equal(stats.free, FRAMES);
    assert_true(stats.blocks[0] >= frames_cache_count());
    assert_int_equal(ash_frames_alloc(0, 0, &again), 0); /* the one that was used last */
    assert_int_equal(again.number, frame.number);
    ash_frames_free(again, 0);
    assert_int_equal(ash_frames_verify(), 0);
    ash_frames_cache(false);
    assert_int_equal(frames_cache_count(), 0);
    assert_int_equal(ash_frames_stats(ASH_ZONE_NORMAL, &stats), 0);
    assert_int_equal(stats.blocks[ASH_MAX_ORDER], FRAMES >> ASH_MAX_ORDER);
    assert_int_equal(support_faults.count, 0);
}

#if ASH_CHECK >= 1
static void double_frees_of_kept_frames_are_told(void **state)
{
    ash_frame_t frame;

    (void)state;
    start();
    assert_int_equal(ash_frames_alloc(0, 0, &frame), 0);
    ash_frames_free(frame, 0);
    ash_frames_free(frame, 0);
    assert_int_equal(support_faults.last.address, ash_frame_pa(frame).value);
    machine_expect_fault(ASH_FAULT_DOUBLE_FREE, "frames");
    ash_frames_put(frame);
    machine_expect_fault(ASH_FAULT_DOUBLE_FREE, "frames");
    ash_frames_get(frame);
    machine_expect_fault(ASH_FAULT_DOUBLE_FREE, "frames");
    ash_frames_free(frame, 1);
    machine_expect_fault(ASH_FAULT_DOUBLE_FREE, "frames");
    ash_frames_free((ash_frame_t){frame.number + FRAMES}, 0);
    machine_expect_fault(ASH_FAULT_FOREIGN, "frames");
    assert_int_equal(machine_free(), FRAMES);
    assert_int_equal(ash_frames_verify(), 0);
    assert_false(sim_irq_masked);
}
#endif

static void shared_frames_are_not_kept_before_the_last_reference(void **state)
{
    ash_frame_t frame;
    struct ash_frame_info info;

    (void)state;
    start();
    assert_int_equal(ash_frames_alloc(0, 0, &frame), 0);
    ash_frames_get(frame);
    ash_frames_free(frame, 0);
    ash_frames_query(frame, &info);
    assert_int_equal(info.state, ASH_FRAME_USED);
    assert_int_equal(info.count, 1);
    ash_frames_free(frame, 0);
    ash_frames_query(frame, &info);
    assert_int_equal(info.state, ASH_FRAME_FREE);
    assert_int_equal(support_faults.count, 0);
}

static void groups_are_kept_apart(void **state)
{
    struct ash_frame_info info;

    (void)state;
    start();
    for (unsigned round = 0; round < 4; round++) {
        unsigned flags = round % 2 == 0 ? 0 : ASH_FRAMES_MOVABLE;

        take(40, flags);
        for (unsigned i = 0; i < 40; i++) {
            ash_frames_query(live[i], &info);
            assert_int_equal(info.movable, flags != 0);
        }
        give(40);
        for (unsigned i = 0; i < 40; i++) {
            ash_frames_query(live[i], &info);
            assert_int_equal(info.state, ASH_FRAME_FREE);
        }
    }
    assert_int_equal(ash_frames_verify(), 0);
}

/* The bound, and how often the lock that all share is taken: at most once in 16 operations. */
static void caches_are_bounded_and_spare_the_lock(void **state)
{
    uint32_t operations = 0;
#if ASH_CPUS > 1
    uint32_t before;
#endif
    unsigned count = 0;

    (void)state;
    start();
    support_seed(77);
#if ASH_CPUS > 1
    before = frames_state.lock.next;
#endif
    for (unsigned step = 0; step < 20000; step++) {
        if (count == 0 || (count < 1000 && support_random_below(2) == 0)) {
            assert_int_equal(ash_frames_alloc(0, 0, &live[count++]), 0);
        } else {
            ash_frames_free(live[--count], 0);
        }
        operations++;
        assert_true(frames_cache_count() <= ON_EACH_CPU_AT_MOST);
    }
    while (count < 1500) {
        assert_int_equal(ash_frames_alloc(0, 0, &live[count++]), 0);
        operations++;
    }
    while (count > 0) {
        ash_frames_free(live[--count], 0);
        operations++;
    }
#if ASH_CPUS > 1
    print_message("# %u operations, %u locks\n", operations, frames_state.lock.next - before);
    assert_true((frames_state.lock.next - before) * 16 <= operations);
#endif
    assert_true(operations > 0);
    assert_int_equal(ash_frames_verify(), 0);
}

static void kept_frames_serve_when_nothing_else_is_left(void **state)
{
    ash_frame_t block;
    unsigned count = 0;

    (void)state;
    start();
    /* All of it, though some was kept by either group. */
    take(100, ASH_FRAMES_MOVABLE);
    give(100);
    while (ash_frames_alloc(0, 0, &live[count]) == 0) {
        count++;
    }
    assert_int_equal(count, FRAMES);
    assert_int_equal(machine_free(), 0);
    give(count);
    assert_true(frames_cache_count() > 0);
    for (unsigned i = 0; i < FRAMES >> ASH_MAX_ORDER; i++) { /* which needs all of them merged */
        assert_int_equal(ash_frames_alloc(ASH_MAX_ORDER, 0, &block), 0);
    }
    assert_int_equal(frames_cache_count(), 0);
    assert_int_equal(ash_frames_alloc(0, 0, &block), ASH_ENOMEM);
    assert_int_equal(support_faults.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_free),
#if ASH_CHECK >= 1
        cmocka_unit_test(double_frees_of_kept_frames_are_told),
#endif
        cmocka_unit_test(shared_frames_are_not_kept_before_the_last_reference),
        cmocka_unit_test(groups_are_kept_apart),
        cmocka_unit_test(caches_are_bounded_and_spare_the_lock),
        cmocka_unit_test(kept_frames_serve_when_nothing_else_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void there_are_no_caches(void **state)
{
    (void)state;
    machine_start(0x40000000, MIB);
    ash_frames_cache(true);
    assert_int_equal(machine_free(), 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_no_caches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
