/* SPDX-License-Identifier: MIT */
/*
 * Eager anonymous memory: what is in it, who may do what with it, that it comes and goes whole, and
 * that no frame goes back while a program could still reach it.
 */
#include "tests/unit/user_machine.h"

#include "vm/anonymous.h"

#define TABLE 0x200000ull /* that a table of the last level translates */
#define RUN   64u         /* pages, at most, with the lock held */

#define RX (USER_READ | USER_FETCH)
#define RW (USER_READ | USER_WRITE)

static struct ash_space space;

static void start(const struct kind *kind)
{
    machine_start(kind, 2, 8);
    assert_int_equal(ash_space_create(&space, "x"), 0);
    ash_space_switch(&space);
}

static void end(void)
{
    anonymous_unmap(&space, ash_space_base(), ash_space_size());
    assert_int_equal(ash_frames_owned(ASH_OWNER_USER), 0);
    assert_int_equal(ash_frames_owned(ASH_OWNER_SPACE), 1);
    ash_space_leave();
    assert_int_equal(ash_space_destroy(&space), 0);
    machine_end();
}

static void map(uint64_t offset, uint64_t size, ash_mmu_attr_t attr)
{
    assert_int_equal(anonymous_map(&space, machine_va(offset), size, attr, NULL), 0);
}

static void expect(uint64_t offset, uint64_t size, unsigned rights)
{
    user_expect(machine_va(offset), size, rights);
}

static void put(uint64_t offset, unsigned char byte)
{
    sim_user = true;
    must(sim_write(machine_va(offset).value, &byte, 1));
    sim_user = false;
}

static unsigned char get(uint64_t offset)
{
    unsigned char byte;

    sim_user = true;
    must(sim_read(machine_va(offset).value, &byte, 1));
    sim_user = false;
    return byte;
}

/* Content */

static const struct {
    uint64_t at; /* in the range */
    size_t stored;
} contents[] = {{0, 0},         {0, 1},
                {0, PAGE},      {0, PAGE + 1},
                {0xfff, 1},     {0xfff, 2},
                {0x123, 5000},  {PAGE, 3 * PAGE},
                {0, 4 * PAGE},  {4 * PAGE - 1, 1},
                {PAGE + 8, 16}, {2 * PAGE - 1, PAGE + 2}};

static void expect_content(uint64_t offset, const struct ash_elf_segment *content)
{
    unsigned char page[PAGE];

    for (uint64_t at = offset; at < offset + 4 * PAGE; at += PAGE) {
        sim_user = true;
        must(sim_read(machine_va(at).value, page, PAGE));
        sim_user = false;
        for (uint64_t i = 0; i < PAGE; i++) {
            uint64_t n = machine_va(at + i).value - content->va;

            assert_int_equal(page[i],
                             n < content->stored ? ((const unsigned char *)content->data)[n] : 0);
        }
    }
}

static void content_and_zeros(void **state)
{
    static unsigned char data[4 * PAGE];

    (void)state;
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)(i % 251 + 1);
    }
    FOR_EACH_KIND(kind)
    {
        start(kind);
        for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
            struct ash_elf_segment content = {.va = machine_va(PAGE + contents[i].at).value,
                                              .data = data,
                                              .size = contents[i].stored + PAGE,
                                              .stored = contents[i].stored};

            assert_int_equal(
                anonymous_map(&space, machine_va(PAGE), 4 * PAGE, ASH_MMU_WRITE, &content), 0);
            expect_content(PAGE, &content);
            expect(0, PAGE, 0);
            expect(5 * PAGE, PAGE, 0);
            put(PAGE, 0xff); /* the frame comes back, and is zero again */
            anonymous_unmap(&space, machine_va(PAGE), 4 * PAGE);
            assert_int_equal(ash_frames_owned(ASH_OWNER_USER), 0);
        }
        end();
    }
}

/* The machine stops where programs could execute what caches have not seen. */
static void code(void **state)
{
    static const uint32_t words[3] = {0x11111111, 0x22222222, 0x33333333};

    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct ash_elf_segment content = {.data = words, .size = 12, .stored = 12};
        uint32_t word;

        start(kind);
        content.va = machine_va(PAGE - 4).value;
        assert_int_equal(anonymous_map(&space, machine_va(0), 2 * PAGE, ASH_MMU_EXEC, &content), 0);
        expect(0, 2 * PAGE, RX);
        sim_user = true;
        for (unsigned i = 0; i < 3; i++) {
            must(sim_fetch(content.va + 4 * i, &word) && word == words[i]);
        }
        must(anonymous_protect(&space, machine_va(0), 2 * PAGE, ASH_MMU_WRITE) == 0);
        must(sim_write(content.va, &words[2], 4) && !sim_fetch(content.va, &word));
        must(anonymous_protect(&space, machine_va(0), 2 * PAGE, ASH_MMU_EXEC) == 0);
        must(sim_fetch(content.va, &word) && word == words[2]);
        must(!sim_write(content.va, &words[1], 4));
        sim_user = false;
        end();
    }
}

/* All or nothing */

static int map_over_tables(void *arg)
{
    (void)arg;
    return anonymous_map(&space, machine_va(2 * TABLE - 35 * PAGE), 70 * PAGE, ASH_MMU_WRITE, NULL);
}

/* Of the pages before and behind, arg tells whether they are there. */
static void nothing_came(void *arg)
{
    const bool *neighbours = arg;

    expect(2 * TABLE - 36 * PAGE, PAGE, *neighbours ? RW : 0);
    expect(2 * TABLE - 35 * PAGE, 70 * PAGE, 0);
    expect(2 * TABLE + 35 * PAGE, PAGE, *neighbours ? RX : 0);
}

static void map_without_memory(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        bool neighbours = false;

        start(kind); /* tables are taken too, of one level or two */
        assert_int_equal(user_fail_each(map_over_tables, nothing_came, &neighbours),
                         70 + (kind->bits > 30 ? 3 : 2));
        end();
        neighbours = true;
        start(kind);
        map(2 * TABLE - 36 * PAGE, PAGE, ASH_MMU_WRITE);
        map(2 * TABLE + 35 * PAGE, PAGE, ASH_MMU_EXEC);
        assert_int_equal(user_fail_each(map_over_tables, nothing_came, &neighbours), 70);
        end();
    }
}

static void map_over_something(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct user_held before;

        start(kind);
        map(40 * PAGE, PAGE, ASH_MMU_WRITE);
        put(40 * PAGE, 7);
        before = user_held();
        assert_int_equal(anonymous_map(&space, machine_va(0), 100 * PAGE, 0, NULL), ASH_EEXIST);
        assert_true(user_holds(before));
        expect(0, 40 * PAGE, 0);
        expect(40 * PAGE, PAGE, RW);
        expect(41 * PAGE, 59 * PAGE, 0);
        assert_int_equal(get(40 * PAGE), 7);
        end();
    }
}

static void never_writable_code(void **state)
{
    struct user_held before;

    (void)state;
    start(&kinds[0]);
    map(0, PAGE, ASH_MMU_WRITE);
    before = user_held();
    assert_int_equal(
        anonymous_map(&space, machine_va(PAGE), PAGE, ASH_MMU_WRITE | ASH_MMU_EXEC, NULL),
        ASH_EPERM);
    assert_int_equal(anonymous_protect(&space, machine_va(0), PAGE, ASH_MMU_WRITE | ASH_MMU_EXEC),
                     ASH_EPERM);
    assert_true(user_holds(before));
    expect(0, PAGE, RW);
    expect(PAGE, PAGE, 0);
    end();
}

/* Unmap */

static void unmap_with_holes(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        start(kind);
        anonymous_unmap(&space, machine_va(0), ash_space_size()); /* nothing there */
        map(0, 3 * PAGE, ASH_MMU_WRITE);
        map(5 * PAGE, 200 * PAGE, ASH_MMU_EXEC);
        map(206 * PAGE, 2 * PAGE, ASH_MMU_WRITE);
        map(TABLE - PAGE, 2 * PAGE, 0);
        put(0, 1);
        put(207 * PAGE, 2);
        anonymous_unmap(&space, machine_va(2 * PAGE), 205 * PAGE);
        expect(0, 2 * PAGE, RW);
        expect(2 * PAGE, 205 * PAGE, 0);
        expect(207 * PAGE, PAGE, RW);
        expect(TABLE - PAGE, 2 * PAGE, USER_READ);
        assert_int_equal(get(0), 1);
        assert_int_equal(get(207 * PAGE), 2);
        assert_int_equal(ash_frames_owned(ASH_OWNER_USER), 5);
        end();
    }
}

/* The end of the space may be the end of all addresses. */
static void up_to_the_end(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        uint64_t last;

        start(kind);
        last = ash_space_size() - PAGE;
        map(last - PAGE, 2 * PAGE, ASH_MMU_WRITE);
        assert_int_equal(anonymous_protect(&space, machine_va(last), PAGE, 0), 0);
        expect(last - PAGE, PAGE, RW);
        expect(last, PAGE, USER_READ);
        anonymous_unmap(&space, machine_va(last), PAGE);
        expect(last - PAGE, PAGE, RW);
        expect(last, PAGE, 0);
        map(last, PAGE, 0);
        end();
    }
}

/* Others come in between: never more than 64 pages with the lock held, which each change of the map
 * ends with a pair of barriers. */
static void lets_go_of_the_lock(void **state)
{
    const unsigned pages = 5 * RUN / 2;

    (void)state;
    start(&kinds[0]);
    map(0, pages * PAGE, ASH_MMU_WRITE);
    sim_forget();
    assert_int_equal(anonymous_protect(&space, machine_va(0), pages * PAGE, 0), 0);
    assert_int_equal(sim_count[SIM_DSB_ISHST], 3);
    anonymous_unmap(&space, machine_va(0), pages * PAGE);
    assert_int_equal(sim_count[SIM_DSB_ISHST], 3 + 3);
    end();
}

/* Protect */

static void protect(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        start(kind);
        map(PAGE, 150 * PAGE, ASH_MMU_WRITE);
        put(100 * PAGE, 9);
        assert_int_equal(anonymous_protect(&space, machine_va(2 * PAGE), 148 * PAGE, 0), 0);
        expect(PAGE, PAGE, RW);
        expect(2 * PAGE, 148 * PAGE, USER_READ);
        expect(150 * PAGE, PAGE, RW);
        assert_int_equal(anonymous_protect(&space, machine_va(100 * PAGE), PAGE, ASH_MMU_WRITE), 0);
        expect(99 * PAGE, PAGE, USER_READ);
        expect(100 * PAGE, PAGE, RW);
        expect(101 * PAGE, PAGE, USER_READ);
        assert_int_equal(get(100 * PAGE), 9);
        end();
    }
}

static void protect_over_a_hole(void **state)
{
    static const unsigned holes[] = {0, 1, RUN - 1, RUN, 2 * RUN, 149};

    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (size_t i = 0; i < sizeof holes / sizeof holes[0]; i++) {
            start(kind);
            map(PAGE, 150 * PAGE, ASH_MMU_WRITE);
            anonymous_unmap(&space, machine_va((1 + holes[i]) * PAGE), PAGE);
            sim_forget();
            assert_int_equal(anonymous_protect(&space, machine_va(PAGE), 150 * PAGE, ASH_MMU_EXEC),
                             ASH_ENOENT);
            assert_int_equal(sim_count[SIM_ENTRY_STORE], 0);
            end();
        }
    }
}

/* Find */

static void expect_found(uint64_t low, uint64_t high, uint64_t pages, uint64_t at)
{
    ash_va_t va;

    assert_int_equal(
        anonymous_find(&space, machine_va(low * PAGE), machine_va(high * PAGE), pages * PAGE, &va),
        0);
    assert_int_equal(va.value, machine_va(at * PAGE).value);
}

static void expect_none(uint64_t low, uint64_t high, uint64_t size)
{
    ash_va_t va;

    assert_int_equal(
        anonymous_find(&space, machine_va(low * PAGE), machine_va(high * PAGE), size, &va),
        ASH_ENOMEM);
}

static void find(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        start(kind);
        expect_found(16, 300, 284, 16);
        expect_none(16, 300, 285 * PAGE);
        expect_none(16, 300, UINT64_MAX - PAGE + 1);
        map(17 * PAGE, PAGE, 0);
        map(20 * PAGE, 200 * PAGE, ASH_MMU_WRITE);
        map(299 * PAGE, 2 * PAGE, 0); /* over the end */
        expect_found(16, 300, 1, 16);
        expect_found(16, 300, 2, 18);
        expect_found(17, 300, 1, 18);
        expect_found(16, 300, 3, 220);
        expect_found(16, 300, 79, 220);
        expect_found(100, 300, 1, 220);
        expect_none(16, 300, 80 * PAGE);
        expect_none(17, 18, PAGE);
        expect_none(20, 20, PAGE);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_and_zeros),
        cmocka_unit_test(code),
        cmocka_unit_test(map_without_memory),
        cmocka_unit_test(map_over_something),
        cmocka_unit_test(never_writable_code),
        cmocka_unit_test(unmap_with_holes),
        cmocka_unit_test(up_to_the_end),
        cmocka_unit_test(lets_go_of_the_lock),
        cmocka_unit_test(protect),
        cmocka_unit_test(protect_over_a_hole),
        cmocka_unit_test(find),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
