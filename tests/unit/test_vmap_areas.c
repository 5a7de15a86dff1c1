/* SPDX-License-Identifier: MIT */
/*
 * The row of areas of the vmap range, against a plain array of pages as model.
 */
#include "alloc/vmap_areas.h"
#include "tests/unit/frames_machine.h"

#define FIRST   0x20000u
#define PAGES   600u
#define FREE    0u
#define RAM     0x40000000ull
#define RAM_FOR 0x40000ull /* bytes of frames */

static struct vmap_areas areas;

static uint32_t free_frames(void)
{
    struct ash_frames_stats stats;

    assert_int_equal(ash_frames_stats(ASH_ZONE_NORMAL, &stats), 0);
    return stats.free;
}

static void start(void)
{
    machine_start(RAM, RAM_FOR);
    assert_int_equal(vmap_areas_init(&areas, FIRST, PAGES), 0);
}

/* One free area, as at the start, in the same frame of nodes. */
static void expect_all_free(void)
{
    assert_true(vmap_areas_sound(&areas));
    assert_int_equal(areas.count, 1);
    assert_int_equal(areas.free, PAGES);
    assert_int_equal(vmap_areas_largest(&areas), PAGES);
    assert_int_equal(areas.node_frames, 1);
    assert_int_equal(free_frames(), RAM_FOR / ASH_PAGE_SIZE - 1);
}

static struct vmap_area *take(uintptr_t pages)
{
    struct vmap_area *area;

    assert_int_equal(vmap_areas_take(&areas, pages, 1, 0, &area), 0);
    assert_int_equal(area->pages, pages);
    assert_int_equal(area->kind, VMAP_CHANGING);
    return area;
}

static void starts_as_one_free_area(void **state)
{
    (void)state;
    start();
    expect_all_free();
    assert_ptr_equal(vmap_areas_find(&areas, FIRST), vmap_areas_first(&areas));
    assert_ptr_equal(vmap_areas_find(&areas, FIRST + PAGES - 1), vmap_areas_first(&areas));
    assert_null(vmap_areas_find(&areas, FIRST - 1));
    assert_null(vmap_areas_find(&areas, FIRST + PAGES));
    assert_null(vmap_areas_next(vmap_areas_first(&areas)));
}

static void start_without_a_frame_fails(void **state)
{
    ash_frame_t frame;

    (void)state;
    machine_start(RAM, RAM_FOR);
    while (ash_frames_alloc(0, 0, &frame) == 0) {
    }
    assert_int_equal(vmap_areas_init(&areas, FIRST, PAGES), ASH_ENOMEM);
}

static void smallest_and_lowest_fits(void **state)
{
    struct vmap_area *area[6], *again;

    (void)state;
    start();
    for (unsigned i = 0; i < 6; i++) {
        area[i] = take(i == 1 ? 20 : i == 3 ? 8 : i == 5 ? 8 : 1);
    }
    vmap_areas_give(&areas, area[1]); /* 20 pages, lower ... */
    vmap_areas_give(&areas, area[5]); /* (joins the free rest) */
    vmap_areas_give(&areas, area[3]); /* ... than these 8 */
    again = take(8);
    assert_int_equal(again->page, FIRST + 22);
    vmap_areas_give(&areas, again);
    again = take(9);
    assert_int_equal(again->page, FIRST + 1);
    vmap_areas_give(&areas, again);
    /* Of two that fit as well, the lower: 8 pages are left of the 20. */
    area[1] = take(12);
    again = take(8);
    assert_int_equal(again->page, FIRST + 13);
    vmap_areas_give(&areas, again);
    vmap_areas_give(&areas, area[1]);
    vmap_areas_give(&areas, area[0]);
    vmap_areas_give(&areas, area[2]);
    vmap_areas_give(&areas, area[4]);
    expect_all_free();
}

static void whole_range_can_be_taken(void **state)
{
    struct vmap_area *area, *none = NULL;

    (void)state;
    start();
    assert_int_equal(vmap_areas_take(&areas, PAGES + 1, 1, 0, &none), ASH_ENOMEM);
    area = take(PAGES);
    assert_int_equal(areas.free, 0);
    assert_int_equal(vmap_areas_largest(&areas), 0);
    assert_true(vmap_areas_sound(&areas));
    assert_int_equal(vmap_areas_take(&areas, 1, 1, 0, &none), ASH_ENOMEM);
    assert_int_equal(vmap_areas_take(&areas, UINTPTR_MAX, 512, 0, &none), ASH_ENOMEM);
    assert_null(none);
    vmap_areas_give(&areas, area);
    expect_all_free();
}

static void page_behind_the_guard_is_aligned(void **state)
{
    struct vmap_area *low, *area;

    (void)state;
    start();
    low = take(5);
    for (uintptr_t align = 1; align <= 128; align *= 2) {
        for (uintptr_t phase = 0; phase < align; phase += align / 4 + 1) {
            assert_int_equal(vmap_areas_take(&areas, 64, align, phase, &area), 0);
            assert_int_equal((area->page + 1 - phase) % align, 0);
            assert_int_equal(area->pages, 64);
            assert_true(area->page < FIRST + 5 + align);
            assert_true(vmap_areas_sound(&areas));
            vmap_areas_give(&areas, area);
            assert_int_equal(areas.count, 2);
        }
    }
    /* Only the phase's own bits count, and room for the worst case is demanded. */
    assert_int_equal(vmap_areas_take(&areas, 64, 16, 0x12345, &area), 0);
    assert_int_equal((area->page + 1) % 16, 5);
    vmap_areas_give(&areas, area);
    assert_int_equal(vmap_areas_take(&areas, PAGES - 5, 2, 0, &area), ASH_ENOMEM);
    vmap_areas_give(&areas, low);
    expect_all_free();
}

static void failed_take_leaves_everything(void **state)
{
    struct vmap_area *area[PAGES], *one;
    ash_frame_t frame;
    unsigned count = 0, frames, left;
    uintptr_t page;

    (void)state;
    start();
    while (ash_frames_alloc(0, 0, &frame) == 0) {
    }
    while (vmap_areas_take(&areas, 2, 1, 0, &area[count]) == 0) {
        count++;
    }
    assert_true(count > 10); /* a frame holds many nodes */
    assert_true(areas.free > 2);
    frames = areas.node_frames;
    left = areas.count;
    assert_true(vmap_areas_sound(&areas));
    /* One node is there, two are needed: before and behind. */
    page = area[--count]->page;
    vmap_areas_give(&areas, area[count]);
    assert_int_equal(vmap_areas_take(&areas, 2, 8, page + 2, &one), ASH_ENOMEM);
    assert_true(vmap_areas_sound(&areas));
    assert_int_equal(areas.node_frames, frames);
    assert_int_equal(areas.count, left - 1);
    area[count++] = take(2);
    ash_frames_free(frame, 0);
    assert_int_equal(vmap_areas_take(&areas, 2, 1, 0, &one), 0);
    vmap_areas_give(&areas, one);
    assert_int_equal(areas.node_frames, frames);
    while (count > 0) {
        vmap_areas_give(&areas, area[--count]);
    }
    assert_true(vmap_areas_sound(&areas));
    assert_int_equal(areas.count, 1);
}

/* Random use: no two areas share a page, free pages are found, all comes back, nodes included. */
static void random_use(void **state)
{
    static uint8_t owner[PAGES]; /* FREE, or the number of an area plus 1 */
    static struct vmap_area *area[200];
    unsigned taken = 0, full = 0;

    (void)state;
    start();
    support_seed(20407);
    memset(owner, FREE, sizeof owner);
    memset(area, 0, sizeof area);
    for (unsigned step = 0; step < 6000; step++) {
        unsigned n = support_random_below(200);

        if (area[n] == NULL) {
            uintptr_t pages = 1 + support_random_below(12), run = 0, best = 0;
            uintptr_t align = 1u << support_random_below(4), phase = support_random();

            for (unsigned page = 0; page < PAGES; page++) {
                run = owner[page] == FREE ? run + 1 : 0;
                best = run > best ? run : best;
            }
            if (vmap_areas_take(&areas, pages, align, phase, &area[n]) != 0) {
                assert_true(best < pages + align - 1);
                area[n] = NULL;
                full++;
                continue;
            }
            taken++;
            assert_int_equal((area[n]->page + 1 - phase) & (align - 1), 0);
            for (uintptr_t page = 0; page < pages; page++) {
                uintptr_t at = area[n]->page - FIRST + page;

                assert_int_equal(owner[at], FREE);
                owner[at] = (uint8_t)(n + 1);
            }
        } else {
            memset(owner + (area[n]->page - FIRST), FREE, area[n]->pages);
            vmap_areas_give(&areas, area[n]);
            area[n] = NULL;
        }
        if (step % 64 == 0) {
            assert_true(vmap_areas_sound(&areas));
            for (unsigned page = 0; page < PAGES; page++) {
                const struct vmap_area *found = vmap_areas_find(&areas, FIRST + page);

                assert_int_equal(found->kind == VMAP_FREE, owner[page] == FREE);
                assert_true(owner[page] == FREE || found == area[owner[page] - 1]);
            }
        }
    }
    assert_true(taken > 2000 && full > 20);
    for (unsigned n = 0; n < 200; n++) {
        if (area[n] != NULL) {
            vmap_areas_give(&areas, area[n]);
        }
    }
    expect_all_free();
}

/* Nodes of areas that live long keep their frames, the others go back. */
static void frames_of_nodes_come_back(void **state)
{
    static const int orders[3][2] = {{0, 1}, {PAGES - 1, -1}, {PAGES / 2, 7}};
    struct vmap_area *area[PAGES];

    (void)state;
    for (unsigned n = 0; n < 3; n++) {
        int at = orders[n][0];

        start();
        for (unsigned i = 0; i < PAGES; i++) {
            area[i] = take(1);
        }
        assert_true(areas.node_frames >= 5);
        for (unsigned i = 0; i < PAGES; i++) {
            vmap_areas_give(&areas, area[at]);
            at = (at + orders[n][1] + (int)PAGES) % (int)PAGES;
        }
        expect_all_free();
    }
}

static void contradictions_are_found(void **state)
{
    struct vmap_area *a, *b;

    (void)state;
    start();
    a = take(3);
    b = take(4);
    assert_true(vmap_areas_sound(&areas));
#define BROKEN(change, restore)                                                                    \
    change;                                                                                        \
    assert_false(vmap_areas_sound(&areas));                                                        \
    restore;                                                                                       \
    assert_true(vmap_areas_sound(&areas))
    BROKEN(a->pages++, a->pages--);
    BROKEN(b->page++, b->page--);
    BROKEN(b->kind = VMAP_FREE, b->kind = VMAP_CHANGING);
    BROKEN(b->kind = (enum vmap_kind)99, b->kind = VMAP_CHANGING);
    BROKEN(areas.free--, areas.free++);
    BROKEN(areas.count--, areas.count++);
    BROKEN(areas.free_count++, areas.free_count--);
    BROKEN(areas.pages++, areas.pages--);
    BROKEN(a->pages = 0, a->pages = 3);
    vmap_areas_give(&areas, a);
    vmap_areas_give(&areas, b);
    expect_all_free();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_as_one_free_area),
        cmocka_unit_test(start_without_a_frame_fails),
        cmocka_unit_test(smallest_and_lowest_fits),
        cmocka_unit_test(whole_range_can_be_taken),
        cmocka_unit_test(page_behind_the_guard_is_aligned),
        cmocka_unit_test(failed_take_leaves_everything),
        cmocka_unit_test(random_use),
        cmocka_unit_test(frames_of_nodes_come_back),
        cmocka_unit_test(contradictions_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
