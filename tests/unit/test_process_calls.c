/* SPDX-License-Identifier: MIT */
/*
 * The calls of programs, one at a time: what they do, and what each bad argument gets.
 */
#include "tests/unit/process_machine.h"

#define HALF (ash_space_size() / 2)
#define END  (ash_space_size() - PAGE) /* of what a program may map */
#define HEAP (DATA_AT + BSS + PAGE - (DATA_AT + BSS) % PAGE)

#define R  USER_READ
#define RX (USER_READ | USER_FETCH)
#define RW (USER_READ | USER_WRITE)

#define W ASH_CALL_WRITABLE
#define X ASH_CALL_EXECUTABLE

static void start(const struct kind *kind)
{
    process_machine_start(kind);
    assert_int_equal(process_machine_create("first"), 0);
}

static intptr_t call(uintptr_t number, uintptr_t a, uintptr_t b, uintptr_t c)
{
    intptr_t result = user_call(&process, number, a, b, c);

    assert_int_equal(user_event, ASH_PROCESS_INTERRUPT); /* it goes on */
    return result;
}

static intptr_t map(uint64_t offset, uint64_t size, unsigned access)
{
    return call(ASH_CALL_MAP, offset == 0 ? 0 : at(offset), size, access);
}

static intptr_t unmap(uint64_t offset, uint64_t size)
{
    return call(ASH_CALL_UNMAP, at(offset), size, 0);
}

static intptr_t protect(uint64_t offset, uint64_t size, unsigned access)
{
    return call(ASH_CALL_PROTECT, at(offset), size, access);
}

static intptr_t brk(uint64_t offset)
{
    return call(ASH_CALL_BRK, offset == 0 ? 0 : at(offset), 0, 0);
}

/* Ranges that map, unmap and protect refuse. */
static void refuse_ranges(uintptr_t base)
{
    static const uintptr_t numbers[] = {ASH_CALL_MAP, ASH_CALL_UNMAP, ASH_CALL_PROTECT};
    const uintptr_t half = base + HALF, end = base + END, low = base + PROCESS_LOW;
    const struct {
        uintptr_t address, size;
        int error;
    } bad[] = {
        {half, 0, ASH_EINVAL},
        {half + 1, PAGE, ASH_EALIGN},
        {half, PAGE + 1, ASH_EALIGN},
        {half, 1, ASH_EALIGN},
        {half, UINTPTR_MAX, ASH_EALIGN},
        {end, PAGE, ASH_ERANGE},
        {end - PAGE, 2 * PAGE, ASH_ERANGE},
        {end - PAGE, -PAGE, ASH_ERANGE},
        {half, -half, ASH_ERANGE},
        {half, -PAGE, ASH_ERANGE},
        {base, PAGE, ASH_ERANGE},
        {low - PAGE, PAGE, ASH_ERANGE},
        {low - PAGE, 2 * PAGE, ASH_ERANGE},
        {base - PAGE, 2 * PAGE, ASH_ERANGE},
        {PAGE, PAGE, ASH_ERANGE},
        {RAM_AT, PAGE, ASH_ERANGE},
        {-PAGE, PAGE, ASH_ERANGE},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
            assert_int_equal(call(numbers[n], bad[i].address, bad[i].size, W), bad[i].error);
        }
    }
}

static void bad_ranges(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct user_held before;

        start(kind);
        before = user_held();
        refuse_ranges((uintptr_t)kind->base);
        assert_int_equal(call(ASH_CALL_MAP, 0, 0, W), ASH_EINVAL);
        assert_int_equal(call(ASH_CALL_MAP, 0, 1, W), ASH_EALIGN);
        assert_int_equal(call(ASH_CALL_MAP, 0, HALF, W), ASH_ERANGE);
        assert_int_equal(call(ASH_CALL_MAP, 0, HALF - PAGE, W), ASH_ENOMEM); /* the stack */
        assert_true(user_holds(before));
        assert_int_equal(process_pages(CODE_AT, PAGE, RX), 1);
        assert_int_equal(process_pages(END - PROCESS_STACK, PROCESS_STACK, RW), STACK_PAGES);
        process_machine_end();
    }
}

static void bad_access(void **state)
{
    static const uintptr_t bad[] = {4,     8,         0x10,        0x100,
                                    W | 4, W | X | 4, UINTPTR_MAX, UINT64_C(0x100000000)};

    (void)state;
    start(&kinds[2]);
    assert_int_equal(map(HALF, PAGE, 0), at(HALF));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(call(ASH_CALL_MAP, at(HALF + PAGE), PAGE, bad[i]), ASH_EINVAL);
        assert_int_equal(call(ASH_CALL_MAP, 0, PAGE, bad[i]), ASH_EINVAL);
        assert_int_equal(call(ASH_CALL_PROTECT, at(HALF), PAGE, bad[i]), ASH_EINVAL);
    }
    assert_int_equal(map(HALF + PAGE, PAGE, W | X), ASH_EPERM);
    assert_int_equal(map(0, PAGE, W | X), ASH_EPERM);
    assert_int_equal(protect(HALF, PAGE, W | X), ASH_EPERM);
    assert_int_equal(process_pages(HALF, PAGE, R), 1);
    assert_int_equal(ash_frames_owned(ASH_OWNER_USER), FIRST_PAGES + 1);
    process_machine_end();
}

/* Map, unmap and protect */

static void map_anywhere(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        start(kind);
        assert_int_equal(map(0, 3 * PAGE, W), at(HALF));
        assert_int_equal(map(0, PAGE, X), at(HALF + 3 * PAGE));
        assert_int_equal(unmap(HALF + PAGE, PAGE), 0);
        assert_int_equal(map(0, 2 * PAGE, 0), at(HALF + 4 * PAGE));
        assert_int_equal(map(0, PAGE, 0), at(HALF + PAGE));
        assert_int_equal(process_rights(HALF), RW);
        assert_int_equal(process_rights(HALF + PAGE), R);
        assert_int_equal(process_rights(HALF + 2 * PAGE), RW);
        assert_int_equal(process_rights(HALF + 3 * PAGE), RX);
        assert_int_equal(process_rights(HALF + 5 * PAGE), R);
        assert_int_equal(process_rights(HALF + 6 * PAGE), 0);
        process_machine_end();
    }
}

static void map_at_addresses(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        const uint64_t low = PROCESS_LOW;
        uint64_t top;

        start(kind);
        top = END - PROCESS_STACK;
        assert_int_equal(map(low, PAGE, W), at(low));
        assert_int_equal(map(top - 100 * PAGE, 100 * PAGE, 0), at(top - 100 * PAGE));
        assert_int_equal(map(top - PAGE, PAGE, W), ASH_EEXIST);
        assert_int_equal(map(low, 32 * PAGE, W), ASH_EEXIST); /* runs into the program */
        assert_int_equal(process_pages(low, 16 * PAGE, 0), 15);
        assert_int_equal(map(END - PAGE, PAGE, W), ASH_EEXIST);
        assert_int_equal(unmap(END - PAGE, PAGE), 0); /* the last one that there may be */
        assert_int_equal(map(END - PAGE, PAGE, X), at(END - PAGE));
        assert_int_equal(process_rights(END - PAGE), RX);
        assert_int_equal(process_rights(END), 0);
        process_machine_end();
    }
}

static int map_many(void *arg)
{
    intptr_t result = map(HALF + 0x1f0000, 100 * PAGE, W);

    (void)arg;
    return ASH_CALL_FAILED(result) ? (int)result : 0;
}

static void nothing_mapped(void *arg)
{
    (void)arg;
    assert_int_equal(process_pages(HALF + 0x1f0000, 100 * PAGE, 0), 100);
}

static void map_without_memory(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        start(kind);
        assert_int_equal(user_fail_each(map_many, nothing_mapped, NULL),
                         100 + (kind->bits > 31 ? 3 : 2));
        process_machine_end();
    }
}

static void unmap_and_protect(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct user_held before;

        start(kind);
        before = user_held();
        assert_int_equal(unmap(HALF, 1000 * PAGE), 0); /* nothing is there */
        assert_int_equal(map(HALF, 100 * PAGE, W), at(HALF));
        assert_int_equal(protect(HALF, 101 * PAGE, X), ASH_ENOENT);
        assert_int_equal(protect(HALF, 50 * PAGE, X), 0);
        assert_int_equal(protect(HALF + 50 * PAGE, 50 * PAGE, 0), 0);
        assert_int_equal(process_pages(HALF, 50 * PAGE, RX), 50);
        assert_int_equal(process_pages(HALF + 50 * PAGE, 50 * PAGE, R), 50);
        assert_int_equal(unmap(HALF + PAGE, END - PROCESS_STACK - HALF - PAGE), 0);
        assert_int_equal(process_pages(HALF, 100 * PAGE, 0), 99);
        assert_int_equal(unmap(HALF, PAGE), 0);
        assert_true(user_holds(before));
        process_machine_end();
    }
}

/* A program may take away its own code and stack: that is a fault of its own, later. */
static void unmap_everything(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        start(kind);
        assert_int_equal(unmap(PROCESS_LOW, END - PROCESS_LOW), 0);
        assert_int_equal(ash_frames_owned(ASH_OWNER_USER), 0);
        assert_int_equal(ash_frames_owned(ASH_OWNER_SPACE), 1);
        process_machine_end();
    }
}

/* Brk */

static void heap_to_page_edges(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        static const struct {
            uint64_t to;
            unsigned pages;
        } steps[] = {{1, 1},        {PAGE - 1, 1}, {PAGE, 1},     {PAGE + 1, 2},
                     {PAGE, 1},     {PAGE - 1, 1}, {3 * PAGE, 3}, {2 * PAGE + 1, 3},
                     {2 * PAGE, 2}, {1, 1},        {0, 0},        {200 * PAGE, 200},
                     {0, 0}};

        start(kind);
        assert_int_equal(brk(0), at(HEAP));
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            assert_int_equal(brk(HEAP + steps[i].to), at(HEAP + steps[i].to));
            assert_int_equal(brk(0), at(HEAP + steps[i].to));
            assert_int_equal(ash_frames_owned(ASH_OWNER_USER), FIRST_PAGES + steps[i].pages);
            assert_int_equal(process_pages(HEAP, 4 * PAGE, RW),
                             steps[i].pages < 4 ? steps[i].pages : 4);
        }
        process_machine_end();
    }
}

static void heap_that_is_refused(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        char byte;

        start(kind);
        assert_int_equal(brk(HEAP + 5), at(HEAP + 5));
        assert_int_equal(brk(HEAP - 1), ASH_ERANGE);
        assert_int_equal(brk(HALF + 1), ASH_ERANGE);
        assert_int_equal(call(ASH_CALL_BRK, 1, 0, 0), ASH_ERANGE);
        assert_int_equal(call(ASH_CALL_BRK, UINTPTR_MAX, 0, 0), ASH_ERANGE);
        assert_int_equal(brk(HALF), ASH_ENOMEM); /* more than there is */
        assert_int_equal(map(HEAP + 2 * PAGE, PAGE, 0), at(HEAP + 2 * PAGE));
        assert_int_equal(brk(HEAP + 2 * PAGE + 1), ASH_EEXIST);
        assert_int_equal(brk(0), at(HEAP + 5));
        assert_int_equal(process_pages(HEAP, 4 * PAGE, 0), 2);
        assert_int_equal(brk(HEAP + 2 * PAGE), at(HEAP + 2 * PAGE));
        assert_int_equal(user_store(&process, ash_va(at(HEAP + PAGE)), "x", 1), 1);
        assert_int_equal(brk(HEAP), at(HEAP));
        assert_int_equal(brk(HEAP + 2 * PAGE), at(HEAP + 2 * PAGE));
        assert_int_equal(user_load(&process, &byte, ash_va(at(HEAP + PAGE)), 1), 1);
        assert_int_equal(byte, 0); /* memory that comes anew is zero */
        process_machine_end();
    }
}

/* Write */

static intptr_t write(uintptr_t handle, uintptr_t from, uintptr_t size)
{
    return call(ASH_CALL_WRITE, handle, from, size);
}

static void written(void **state)
{
    static const size_t sizes[] = {0, 1, 127, 128, 129, 256, 1000};
    char text[1000];

    (void)state;
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)('a' + i % 26);
    }
    FOR_EACH_KIND(kind)
    {
        start(kind);
        assert_int_equal(brk(HEAP + PAGE), at(HEAP + PAGE));
        assert_int_equal(user_store(&process, ash_va(at(HEAP)), text, sizeof text), sizeof text);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            console_length = 0;
            assert_int_equal(write(1 + i % 2, at(HEAP), sizes[i]), sizes[i]);
            assert_int_equal(console_length, sizes[i]);
            assert_memory_equal(console, text, sizes[i]);
        }
        process_machine_end();
    }
}

static void not_all_is_written(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        uintptr_t end;

        start(kind);
        end = at(HEAP + PAGE);
        assert_int_equal(brk(HEAP + PAGE), end);
        assert_int_equal(write(0, at(HEAP), 1), ASH_EINVAL);
        assert_int_equal(write(3, at(HEAP), 1), ASH_EINVAL);
        assert_int_equal(write(UINTPTR_MAX, at(HEAP), 0), ASH_EINVAL);
        assert_int_equal(write(1, end, 1), ASH_EFAULT);
        assert_int_equal(write(1, RAM_AT, 10), ASH_EFAULT);
        assert_int_equal(write(1, 0, UINTPTR_MAX), ASH_EFAULT);
        assert_int_equal(write(1, UINTPTR_MAX, 10), ASH_EFAULT);
        assert_int_equal(write(1, end, 0), 0);
        assert_int_equal(console_length, 0);
        assert_int_equal(write(1, end - 5, 10), 5);
        assert_int_equal(write(1, end - 128, UINTPTR_MAX), 128);
        assert_int_equal(write(1, end - 300, 301), 300);
        assert_int_equal(console_length, 433);
        console_room = console_length + 130;
        assert_int_equal(write(1, end - 300, 300), 130); /* the console takes no more */
        assert_int_equal(write(1, end - 300, 300), 0);
        process_machine_end();
    }
}

/* Numbers */

static void numbers_without_a_call(void **state)
{
    static const uintptr_t numbers[] = {
        0,    ASH_CALL_FORK, ASH_CALL_ADVISE, ASH_CALL_SYNC,         ASH_CALL_SYNC + 1,
        1000, UINTPTR_MAX,   1ul << 31,       UINT64_C(0x100000001),
    };
    struct user_held before;

    (void)state;
    start(&kinds[0]);
    before = user_held();
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_int_equal(call(numbers[i], at(HALF), PAGE, 0), ASH_ENOSYS);
    }
    assert_true(user_holds(before));
    process_machine_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_ranges),           cmocka_unit_test(bad_access),
        cmocka_unit_test(map_anywhere),         cmocka_unit_test(map_at_addresses),
        cmocka_unit_test(map_without_memory),   cmocka_unit_test(unmap_and_protect),
        cmocka_unit_test(unmap_everything),     cmocka_unit_test(heap_to_page_edges),
        cmocka_unit_test(heap_that_is_refused), cmocka_unit_test(written),
        cmocka_unit_test(not_all_is_written),   cmocka_unit_test(numbers_without_a_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
