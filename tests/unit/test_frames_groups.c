/* SPDX-License-Identifier: MIT */
/*
 * What stays and what is movable lie apart, and large blocks survive: the load of the benchmark,
 * and a mixture of both kinds.
 */
#include "tests/unit/frames_machine.h"

#define BASE    0x40000000ull
#define FRAMES  16384u /* 64 MiB */
#define MOVABLE ASH_FRAMES_MOVABLE

static struct {
    ash_frame_t frame;
    unsigned order;
} live[FRAMES];
static unsigned live_count;
static uint32_t live_frames;

static bool take(unsigned order, unsigned flags)
{
    if (ash_frames_alloc(order, flags, &live[live_count].frame) != 0) {
        return false;
    }
    live[live_count++].order = order;
    live_frames += 1u << order;
    return true;
}

static void give(unsigned n)
{
    live_frames -= 1u << live[n].order;
    ash_frames_free(live[n].frame, live[n].order);
    live[n] = live[--live_count];
}

static void start(void)
{
    machine_start(BASE, FRAMES * 4096ull);
    live_count = 0;
    live_frames = 0;
}

static uint32_t area(ash_frame_t frame)
{
    return frame.number >> ASH_MAX_ORDER;
}

static void groups_lie_apart(void **state)
{
    ash_frame_t stays, again, moves, large;
    struct ash_frame_info info;

    (void)state;
    start();
    assert_int_equal(ash_frames_alloc(0, 0, &stays), 0);
    assert_int_equal(ash_frames_alloc(0, MOVABLE, &moves), 0);
    assert_int_not_equal(area(stays), area(moves));
    ash_frames_query(stays, &info);
    assert_false(info.movable);
    ash_frames_query(moves, &info);
    assert_true(info.movable);
    assert_int_equal(ash_frames_alloc(3, 0, &again), 0);
    assert_int_equal(area(again), area(stays));
    ash_frames_free(again, 3);
    assert_int_equal(ash_frames_alloc(3, MOVABLE, &again), 0);
    assert_int_equal(area(again), area(moves));
    ash_frames_free(again, 3);
    ash_frames_free(moves, 0);
    ash_frames_free(stays, 0);
    /* All of it is one again, for both. */
    for (unsigned flags = 0; flags <= MOVABLE; flags += MOVABLE) {
        for (unsigned i = 0; i < FRAMES >> ASH_MAX_ORDER; i++) {
            assert_true(take(ASH_MAX_ORDER, flags));
        }
        assert_int_equal(ash_frames_alloc(0, flags, &large), ASH_ENOMEM);
        while (live_count > 0) {
            give(0);
        }
    }
    assert_int_equal(ash_frames_verify(), 0);
    assert_int_equal(support_faults.count, 0);
}

/* With nothing whole left, a request of the other group gets the smallest block that will do, and
 * what is left of it stays where it was. */
static void borrows_little(void **state)
{
    ash_frame_t frame, small, middle;
    struct ash_frame_info info;

    (void)state;
    start();
    while (take(ASH_MAX_ORDER, MOVABLE)) {
    }
    give(live_count - 1);
    assert_int_equal(ash_frames_alloc(ASH_MAX_ORDER - 1, MOVABLE, &frame), 0);
    assert_int_equal(ash_frames_alloc(3, MOVABLE, &small), 0);
    assert_int_equal(ash_frames_alloc(5, MOVABLE, &middle), 0);
    /* Free are now blocks of orders 3, 4 and 6 to 8, all movable. */
    assert_int_equal(ash_frames_alloc(2, 0, &frame), 0);
    assert_int_equal(frame.number, small.number + 8);
    ash_frames_query(frame, &info);
    assert_true(info.movable);
    ash_frames_query((ash_frame_t){frame.number + 4}, &info);
    assert_int_equal(info.state, ASH_FRAME_FREE);
    assert_int_equal(info.order, 2);
    assert_true(info.movable);
    ash_frames_free(frame, 2);
    ash_frames_query(frame, &info);
    assert_int_equal(info.order, 3);
    assert_int_equal(ash_frames_verify(), 0);
}

#if ASH_CHECK < 2 /* which checks all of the metadata at each step */
/* Half of the memory is taken in small pieces of both kinds, turn by turn; then what is movable
 * goes. A buddy that mixes them would have a piece that stays in every large block. */
static void large_blocks_come_back(void **state)
{
    unsigned large = 0;
    ash_frame_t frame;

    (void)state;
    start();
    for (unsigned i = 0; i < FRAMES / 2; i++) {
        assert_true(take(0, i % 8 == 0 ? 0 : MOVABLE));
    }
    for (unsigned n = live_count; n-- > 0;) { /* from the end, so that n % 8 still tells */
        if (n % 8 != 0) {
            ash_frames_free(live[n].frame, 0);
        }
    }
    while (ash_frames_alloc(9, 0, &frame) == 0) {
        large++;
    }
    assert_int_equal(large, FRAMES / 512 - 2); /* 1,024 frames stay */
}

/** Random steps while live frames move between `low` and `high` percent. */
static void churn(unsigned low, unsigned high, unsigned steps)
{
    bool rising = true;

    for (unsigned i = 0; i < steps; i++) {
        if (live_frames >= FRAMES * high / 100) {
            rising = false;
        } else if (live_frames <= FRAMES * low / 100) {
            rising = true;
        }
        if (live_count == 0 || support_random_below(256) < (rising ? 180u : 76u)) {
            (void)take(support_random_below(6), 0);
        } else {
            give(support_random_below(live_count));
        }
    }
}

/** Allocates or frees at random until exactly `goal` frames are live. */
static void steer(uint32_t goal)
{
    while (live_frames != goal) {
        if (live_frames < goal) {
            unsigned order = support_random_below(6);

            while (1u << order > goal - live_frames) {
                order--;
            }
            assert_true(take(order, 0));
        } else {
            give(support_random_below(live_count));
        }
    }
}

static void churn_leaves_large_blocks(void **state)
{
    static const struct {
        unsigned percent, at_least;
    } cases[] = {{25, 60}, {50, 60}, {75, 32}};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        unsigned large = 0;

        for (unsigned k = 0; k < 4; k++) {
            ash_frame_t frame;

            support_seed(5150 + 7919 * k);
            start();
            churn(20, 50, 120000);
            steer(FRAMES * cases[i].percent / 100);
            assert_int_equal(ash_frames_verify(), 0);
            while (ash_frames_alloc(9, 0, &frame) == 0) {
                large++;
            }
        }
        print_message("# %u %%: %u blocks of 2 MiB\n", cases[i].percent, large);
        assert_true(large >= cases[i].at_least);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_lie_apart),
        cmocka_unit_test(borrows_little),
#if ASH_CHECK < 2
        cmocka_unit_test(large_blocks_come_back),
        cmocka_unit_test(churn_leaves_large_blocks),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
