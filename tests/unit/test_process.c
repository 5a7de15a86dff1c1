/* SPDX-License-Identifier: MIT */
/*
 * Processes: how programs start, take each other's place and end; their arguments; files that are
 * no programs.
 */
#include "tests/unit/process_machine.h"

#define RX   (USER_READ | USER_FETCH)
#define RW   (USER_READ | USER_WRITE)
#define HEAP (DATA_AT + BSS + PAGE - (DATA_AT + BSS) % PAGE) /* of the first program */

static uintptr_t general(unsigned n)
{
    return ASH_USER_GENERAL(&process.user)[n];
}

/* Start */

static void load(void *to, uintptr_t from, size_t size)
{
    must(user_load(&process, to, ash_va(from), size) == size);
}

static void expect_arguments(unsigned count, const char *const *strings)
{
    uintptr_t pointer[ASH_ARGUMENTS + 1];

    assert_int_equal(general(0), count);
    assert_int_equal(general(1), process.user.registers.sp);
    assert_int_equal(general(1) % 16, 0);
    load(pointer, general(1), (count + 1) * sizeof pointer[0]);
    assert_int_equal(pointer[count], 0);
    for (unsigned i = 0; i < count; i++) {
        char text[ASH_ARGUMENTS_BYTES];

        load(text, pointer[i], strlen(strings[i]) + 1);
        assert_string_equal(text, strings[i]);
    }
}

static void expect_pages(void)
{
    uint64_t size = ash_space_size();
    unsigned char bytes[BSS];

    assert_int_equal(process_rights(CODE_AT - PAGE), 0);
    assert_int_equal(process_rights(CODE_AT), RX);
    assert_int_equal(process_rights(CODE_AT + PAGE), 0);
    assert_int_equal(process_pages(DATA_AT & ~0xfffull, 3 * PAGE, RW), 3);
    assert_int_equal(process_rights(HEAP), 0);
    assert_int_equal(process_rights(size - PAGE), 0);
    assert_int_equal(process_pages(size - PAGE - PROCESS_STACK, PROCESS_STACK, RW), STACK_PAGES);
    assert_int_equal(process_rights(size - 2 * PAGE - PROCESS_STACK), 0);
    assert_int_equal(ash_frames_owned(ASH_OWNER_USER), FIRST_PAGES);
    assert_int_equal(process.heap_end.value, at(HEAP));
    load(bytes, at(CODE_AT), sizeof first);
    assert_memory_equal(bytes, &first, sizeof first);
    load(bytes, at(DATA_AT), BSS);
    for (unsigned i = 0; i < BSS; i++) {
        assert_int_equal(bytes[i], i < 16 ? '1' : 0);
    }
}

static void starts(void **state)
{
    static const char *const strings[] = {"first", "", "a longer one, with spaces"};

    (void)state;
    FOR_EACH_KIND(kind)
    {
        struct ash_arguments arguments = {0};

        process_machine_start(kind);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(ash_arguments_add(&arguments, strings[i]), 0);
        }
        assert_int_equal(ash_process_create(&process, &programs, console_write, &arguments), 0);
        assert_int_equal(process.user.registers.pc, at(CODE_AT + 8));
        assert_string_equal(process.user.name, "first");
        expect_arguments(3, strings);
        expect_pages();
        process_machine_end();
    }
}

static void is_not_made(void **state)
{
    const struct ash_spaces_config none = {.bits = 0};
    struct ash_arguments arguments = {0};

    (void)state;
    process_machine_start(&kinds[0]);
    assert_int_equal(ash_process_create(&process, &programs, console_write, &arguments),
                     ASH_EINVAL);
    assert_int_equal(ash_arguments_add(&arguments, "first"), 0);
    assert_int_equal(ash_process_create(&process, &programs, NULL, &arguments), ASH_EINVAL);
    assert_int_equal(process_machine_create("firs"), ASH_ENOENT);
    assert_int_equal(process_machine_create(""), ASH_ENOENT);
    assert_int_equal(process_machine_create("note"), ASH_EFORMAT);
    machine_end();
    ash_spaces_init(&none);
    assert_int_equal(process_machine_create("first"), ASH_ENODEV);
}

static int create_first(void *arg)
{
    (void)arg;
    return process_machine_create("first");
}

static void nothing(void *arg)
{
    (void)arg;
    machine_end();
}

static void without_memory(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        process_machine_start(kind);
        /* The root, and tables for the program and the stack. */
        assert_int_equal(user_fail_each(create_first, nothing, NULL),
                         FIRST_PAGES + (kind->bits > 30 ? 5 : 3));
        process_machine_end();
    }
}

/* Two at a time: each has its own memory. */
static void apart(void **state)
{
    static struct ash_process other;
    struct ash_arguments arguments = {0};
    char byte;

    (void)state;
    process_machine_start(&kinds[0]);
    assert_int_equal(process_machine_create("first"), 0);
    assert_int_equal(ash_arguments_add(&arguments, "first"), 0);
    assert_int_equal(ash_process_create(&other, &programs, console_write, &arguments), 0);
    assert_int_equal(user_store(&other, ash_va(at(DATA_AT)), "x", 1), 1);
    load(&byte, at(DATA_AT), 1);
    assert_int_equal(byte, '1');
    assert_int_equal(user_call(&process, ASH_CALL_BRK, at(HEAP + PAGE), 0, 0), at(HEAP + PAGE));
    assert_int_equal(user_load(&other, &byte, ash_va(at(HEAP)), 1), 0);
    ash_process_destroy(&other);
    load(&byte, at(DATA_AT), 1);
    assert_int_equal(byte, '1');
    process_machine_end();
}

/* Arguments */

static void added(void **state)
{
    struct ash_arguments arguments = {0}, before;
    char text[ASH_ARGUMENTS_BYTES + 2];

    (void)state;
    memset(text, 'x', sizeof text);
    text[ASH_ARGUMENTS_BYTES + 1] = '\0';
    before = arguments;
    assert_int_equal(ash_arguments_add(&arguments, text + 1), ASH_ERANGE);
    assert_memory_equal(&arguments, &before, sizeof before);
    assert_int_equal(ash_arguments_add(&arguments, text + 2), 0);
    assert_int_equal(arguments.size, ASH_ARGUMENTS_BYTES);
    before = arguments;
    assert_int_equal(ash_arguments_add(&arguments, ""), ASH_ERANGE);
    assert_memory_equal(&arguments, &before, sizeof before);
    arguments = (struct ash_arguments){0};
    for (unsigned i = 0; i < ASH_ARGUMENTS; i++) {
        assert_int_equal(ash_arguments_add(&arguments, ""), 0);
    }
    before = arguments;
    assert_int_equal(ash_arguments_add(&arguments, ""), ASH_ERANGE);
    assert_memory_equal(&arguments, &before, sizeof before);
}

/* A list for exec at the start of the heap, where there are `pages` pages, and its strings one
 * behind the other up to the end of the heap, of these lengths without their ends. */
static void put_list(unsigned pages, unsigned count, const size_t *lengths)
{
    uintptr_t end = at(HEAP) + pages * PAGE, text = end, list[ASH_ARGUMENTS + 2];

    assert_int_equal(user_call(&process, ASH_CALL_BRK, end, 0, 0), end);
    for (unsigned i = count; i-- > 0;) {
        char string[ASH_ARGUMENTS_BYTES + 1];

        memset(string, i == 0 ? 's' : 'x', lengths[i]);
        string[lengths[i]] = '\0';
        text -= lengths[i] + 1;
        if (i == 0) {
            memcpy(string, "second", 6);
        }
        list[i] = text;
        must(user_store(&process, ash_va(text), string, lengths[i] + 1) == lengths[i] + 1);
    }
    list[count] = 0;
    must(user_store(&process, ash_va(at(HEAP)), list, (count + 1) * sizeof list[0]) ==
         (count + 1) * sizeof list[0]);
}

static int exec(uintptr_t list)
{
    uintptr_t pc = process.user.registers.pc;
    intptr_t result = user_call(&process, ASH_CALL_EXEC, list, 0, 0);

    assert_int_equal(user_event, ASH_PROCESS_YIELD);
    if (process.user.registers.pc == pc) { /* the old program goes on */
        assert_true(ASH_CALL_FAILED(result));
        return (int)result;
    }
    assert_int_equal(process.user.registers.pc, at(CODE_AT + 16));
    return 0;
}

static int exec_of(unsigned count, const size_t *lengths)
{
    int error;

    process_machine_start(&kinds[0]);
    assert_int_equal(process_machine_create("first"), 0);
    put_list(1, count, lengths);
    error = exec(at(HEAP));
    assert_int_equal(general(0), error != 0 ? (uintptr_t)(intptr_t)error : count);
    process_machine_end();
    return error;
}

/* The last string ends where nothing is mapped any more. */
static void up_to_the_limits(void **state)
{
    const size_t room = ASH_ARGUMENTS_BYTES - sizeof "second";
    size_t lengths[ASH_ARGUMENTS + 1] = {6};

    (void)state;
    assert_int_equal(exec_of(ASH_ARGUMENTS, lengths), 0);
    assert_int_equal(exec_of(ASH_ARGUMENTS + 1, lengths), ASH_ERANGE);
    lengths[1] = room - 1;
    assert_int_equal(exec_of(2, lengths), 0);
    assert_int_equal(exec_of(3, lengths), ASH_ERANGE);
    lengths[1] = room;
    assert_int_equal(exec_of(2, lengths), ASH_ERANGE);
    assert_int_equal(exec_of(1, lengths), 0);
    assert_int_equal(exec_of(0, lengths), ASH_EINVAL);
}

static void store(uintptr_t to, const void *from, size_t size)
{
    must(user_store(&process, ash_va(to), from, size) == size);
}

static void lists_that_cannot_be_read(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        const size_t lengths[] = {6, 0, 0};
        uintptr_t list[3], end;

        process_machine_start(kind);
        assert_int_equal(process_machine_create("first"), 0);
        put_list(1, 3, lengths);
        end = at(HEAP) + PAGE;
        load(list, at(HEAP), sizeof list);
        assert_int_equal(exec(0), ASH_EFAULT);
        assert_int_equal(exec(RAM_AT), ASH_EFAULT);
        assert_int_equal(exec(end), ASH_EFAULT);
        assert_int_equal(exec(at(ash_space_size() - PAGE - 8)), ASH_EINVAL); /* the stack's end */
        assert_int_equal(exec(end - 4), ASH_EFAULT);
        assert_int_equal(exec(UINTPTR_MAX - 3), ASH_EFAULT);
        store(end - sizeof list, list, sizeof list); /* over the strings: it runs out */
        assert_int_equal(exec(end - sizeof list), ASH_EFAULT);
        store(end - 3, "abc", 3); /* the same with a string */
        list[1] = end - 3;
        store(at(HEAP), list, sizeof list);
        assert_int_equal(exec(at(HEAP)), ASH_EFAULT);
        list[0] = RAM_AT; /* the firmware's */
        store(at(HEAP), list, sizeof list);
        assert_int_equal(exec(at(HEAP)), ASH_EFAULT);
        assert_int_equal(ash_frames_owned(ASH_OWNER_USER), FIRST_PAGES + 1);
        process_machine_end();
    }
}

/* Exec */

static void exec_takes_the_place(void **state)
{
    static const char *const strings[] = {"second"};

    (void)state;
    FOR_EACH_KIND(kind)
    {
        const size_t lengths[] = {6};
        char bytes[17];

        process_machine_start(kind);
        assert_int_equal(process_machine_create("first"), 0);
        for (unsigned i = 0; i < 3; i++) {
            put_list(2, 1, lengths);
            assert_int_equal(exec(at(HEAP)), 0);
            assert_string_equal(process.user.name, "second");
            expect_arguments(1, strings);
            assert_int_equal(ash_frames_owned(ASH_OWNER_USER), SECOND_PAGES);
            assert_int_equal(spaces_state.count, 1);
            load(bytes, at(DATA_AT), 17);
            assert_memory_equal(bytes, "2222222222222222", 17);
            assert_int_equal(process.heap.value, at((DATA_AT & ~0xfffull) + PAGE));
            assert_int_equal(process.heap_end.value, process.heap.value);
            ash_process_destroy(&process);
            assert_int_equal(process_machine_create("first"), 0);
        }
        process_machine_end();
    }
}

static int exec_second(void *arg)
{
    (void)arg;
    return exec(at(HEAP));
}

static void still_the_first(void *arg)
{
    const struct ash_process *before = arg;
    char byte;

    assert_string_equal(process.user.name, "first");
    assert_int_equal(process.in, before->in);
    assert_int_equal(process.heap.value, before->heap.value);
    assert_int_equal(process.heap_end.value, before->heap_end.value);
    assert_int_equal(process.user.registers.sp, before->user.registers.sp);
    assert_int_equal(spaces_state.count, 1);
    assert_int_equal(process_rights(CODE_AT), RX);
    load(&byte, at(HEAP + 100), 1);
    assert_int_equal(byte, 'm');
    assert_int_equal(user_call(&process, ASH_CALL_YIELD, 0, 0, 0), 0); /* it can go on */
}

static void exec_without_memory(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        const size_t lengths[] = {6};
        struct ash_process before;

        process_machine_start(kind);
        assert_int_equal(process_machine_create("first"), 0);
        put_list(1, 1, lengths);
        store(at(HEAP + 100), "m", 1);
        before = process;
        assert_int_equal(user_fail_each(exec_second, still_the_first, &before),
                         SECOND_PAGES + (kind->bits > 30 ? 5 : 3));
        assert_int_equal(ash_frames_owned(ASH_OWNER_USER), SECOND_PAGES);
        process_machine_end();
    }
}

static void exec_of_no_program(void **state)
{
    static const char *const names[] = {"third", "note", ""};
    static const int errors[] = {ASH_ENOENT, ASH_EFORMAT, ASH_ENOENT};
    struct ash_process before;

    (void)state;
    process_machine_start(&kinds[0]);
    assert_int_equal(process_machine_create("first"), 0);
    put_list(1, 1, (const size_t[]){6});
    store(at(HEAP + 100), "m", 1);
    before = process;
    for (unsigned i = 0; i < 3; i++) {
        store(at(HEAP) + PAGE - 7, names[i], strlen(names[i]) + 1);
        assert_int_equal(exec(at(HEAP)), errors[i]);
        still_the_first(&before);
    }
    process_machine_end();
}

/* Ends */

static void expect_report(const char *text)
{
    support_printed[0] = '\0';
    ash_process_report(&process, support_print);
    assert_string_equal(support_printed, text);
}

/* What came from a hole in another CPU's break-before-make: the program goes on, if by now it may
 * do what it did. */
static void faults_that_are_over(void)
{
    static const struct {
        enum ash_trap_kind kind;
        enum ash_trap_cause cause;
        bool write;
        enum ash_process_event event;
    } rows[] = {
        {ASH_TRAP_DATA, ASH_CAUSE_TRANSLATION, false, ASH_PROCESS_INTERRUPT},
        {ASH_TRAP_DATA, ASH_CAUSE_TRANSLATION, true, ASH_PROCESS_INTERRUPT},
        {ASH_TRAP_PREFETCH, ASH_CAUSE_TRANSLATION, false, ASH_PROCESS_FAULT},
        {ASH_TRAP_DATA, ASH_CAUSE_PERMISSION, false, ASH_PROCESS_FAULT},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        user_step = (struct user_step){
            .event = ASH_USER_FAULT,
            .trap = {.kind = rows[i].kind,
                     .cause = rows[i].cause,
                     .write = rows[i].write,
                     .address_valid = true,
                     .address = process.user.registers.sp - 16}, /* its stack */
        };
        assert_int_equal(ash_process_run(&process), rows[i].event);
    }
}

static void ends(void **state)
{
    (void)state;
    process_machine_start(&kinds[2]);
    assert_int_equal(process_machine_create("first"), 0);
    user_step = (struct user_step){.event = ASH_USER_INTERRUPT};
    assert_int_equal(ash_process_run(&process), ASH_PROCESS_INTERRUPT);
    assert_int_equal(user_call(&process, ASH_CALL_YIELD, 0, 0, 0), 0);
    assert_int_equal(user_event, ASH_PROCESS_YIELD);
    expect_report("program first: has not ended\n");
    user_call(&process, ASH_CALL_EXIT, (uintptr_t)-3, 0, 0);
    assert_int_equal(user_event, ASH_PROCESS_EXIT);
    assert_int_equal(process.code, -3);
    expect_report("program first: ended with -3\n");
    user_step = (struct user_step){
        .event = ASH_USER_FAULT,
        .trap = {.kind = ASH_TRAP_DATA,
                 .cause = ASH_CAUSE_TRANSLATION,
                 .level = 2,
                 .write = true,
                 .address_valid = true,
                 .address = 0x10,
                 .pc = 0x20000},
    };
    assert_int_equal(ash_process_run(&process), ASH_PROCESS_FAULT);
    assert_null(ash_space_current());
    support_printed[0] = '\0';
    ash_process_report(&process, support_print);
    assert_non_null(strstr(support_printed, "program first: write to 0x0000000000000010"));
    faults_that_are_over();
    process_machine_end();
}

/* Files */

/* Whatever the archive is: it runs, or there is an error and nothing else. */
static bool is_made(void)
{
    int error = process_machine_create("second");

    if (error == 0) {
        ash_process_destroy(&process);
    } else {
        assert_in_range(-error, 1, 4095);
    }
    machine_end();
    assert_int_equal(ash_frames_owned(ASH_OWNER_USER), 0);
    return error == 0;
}

static void cut(void **state)
{
    size_t whole, end;

    (void)state;
    process_machine_start(&kinds[0]);
    whole = programs.size;
    end = whole - 124 - 3; /* the trailer and padding are not looked at */
    for (programs.size = 0; programs.size < whole; programs.size += programs.size < end ? 3 : 1) {
        bool made = is_made();

        assert_true(made || programs.size < end + 3);
        assert_true(!made || programs.size >= end);
    }
}

/* Each byte of the second program's headers replaced by each of some others. */
static void damaged(void **state)
{
    static const unsigned char replacements[] = {0, 1, 0x7f, 0x80, 0xff};
    unsigned made = 0, refused = 0;
    char *file;

    (void)state;
    process_machine_start(&kinds[0]);
    file = archive_bytes;
    while (memcmp(file, &second, sizeof second.header) != 0) {
        file += 4;
    }
    for (size_t i = 0; i < sizeof second.header + 2 * sizeof second.program[0]; i++) {
        char kept = file[i];

        for (size_t j = 0; j < sizeof replacements; j++) {
            file[i] = (char)replacements[j];
            if (is_made()) {
                made++;
            } else {
                refused++;
            }
        }
        file[i] = kept;
    }
    assert_true(made > 100 && refused > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts),
        cmocka_unit_test(is_not_made),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(apart),
        cmocka_unit_test(added),
        cmocka_unit_test(up_to_the_limits),
        cmocka_unit_test(lists_that_cannot_be_read),
        cmocka_unit_test(exec_takes_the_place),
        cmocka_unit_test(exec_without_memory),
        cmocka_unit_test(exec_of_no_program),
        cmocka_unit_test(ends),
        cmocka_unit_test(cut),
        cmocka_unit_test(damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
