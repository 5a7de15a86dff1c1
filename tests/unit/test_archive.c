/* SPDX-License-Identifier: MIT */
/*
 * Archives, and every way of cutting or damaging one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ashlar/program.h"
#include "tests/unit/program_maker.h"

static void add(const char *name, unsigned mode, const char *data)
{
    archive_add(name, mode, data, strlen(data));
}

static struct ash_archive make(void)
{
    archive_start();
    add(".", 040755, "");
    add("hello", 0100755, "first");
    add("./bin/tool", 0100755, "the second one");
    add("link", 0120777, "hello");
    add("empty", 0100644, "");
    return archive_end();
}

static void files_in_order(void **state)
{
    static const struct {
        const char *name;
        unsigned mode;
        const char *data;
    } files[] = {{".", 040755, ""},
                 {"hello", 0100755, "first"},
                 {"./bin/tool", 0100755, "the second one"},
                 {"link", 0120777, "hello"},
                 {"empty", 0100644, ""}};
    struct ash_archive archive = make();
    struct ash_archive_file file = {0};

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        assert_int_equal(ash_archive_next(&archive, &file), 0);
        assert_string_equal(file.name, files[i].name);
        assert_int_equal(file.mode, files[i].mode);
        assert_int_equal(file.size, strlen(files[i].data));
        assert_memory_equal(file.data, files[i].data, file.size);
    }
    assert_int_equal(ash_archive_next(&archive, &file), ASH_ENOENT);
}

static void by_name(void **state)
{
    struct ash_archive archive = make();
    struct ash_archive_file file;

    (void)state;
    assert_int_equal(ash_archive_find(&archive, "bin/tool", &file), 0);
    assert_int_equal(file.size, 14);
    assert_int_equal(ash_archive_find(&archive, "hello", &file), 0);
    assert_memory_equal(file.data, "first", 5);
    assert_int_equal(ash_archive_find(&archive, "empty", &file), 0);
    assert_int_equal(file.size, 0);
    assert_int_equal(ash_archive_find(&archive, "link", &file), ASH_ENOENT); /* not regular */
    assert_int_equal(ash_archive_find(&archive, ".", &file), ASH_ENOENT);
    assert_int_equal(ash_archive_find(&archive, "hell", &file), ASH_ENOENT);
    assert_int_equal(ash_archive_find(&archive, "hello2", &file), ASH_ENOENT);
    assert_int_equal(ash_archive_find(&archive, "", &file), ASH_ENOENT);
}

/* One character of the first header replaced. */
static int with(size_t offset, char character)
{
    struct ash_archive archive = make();
    struct ash_archive_file file = {0};

    archive_bytes[offset] = character;
    return ash_archive_next(&archive, &file);
}

static void headers(void **state)
{
    static const size_t fields[] = {6 + 8, 6 + 8 * 6 + 7, 6 + 8 * 11}; /* mode, size, name */

    (void)state;
    assert_int_equal(with(5, '2'), 0); /* with check sums */
    assert_int_equal(with(5, '3'), ASH_EFORMAT);
    assert_int_equal(with(5, '7'), ASH_EFORMAT); /* the old portable format */
    assert_int_equal(with(3, '1'), ASH_EFORMAT);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        static const char wrong[] = {'g', 'G', '/', ':', '@', ' ', '\0', '`', (char)0x80};

        for (size_t j = 0; j < sizeof wrong; j++) {
            assert_int_equal(with(fields[i], wrong[j]), ASH_EFORMAT);
        }
    }
    assert_int_equal(with(6 + 8 * 11 + 7, '1'), ASH_EFORMAT); /* "." without its end */
    assert_int_equal(with(6 + 8 * 11 + 7, '0'), ASH_EFORMAT); /* no name at all */
}

/* Reads all of it; what is reported lies inside. */
static int read_all(const struct ash_archive *archive)
{
    struct ash_archive_file file = {0};
    const char *start = archive->bytes, *end = start + archive->size;
    int error;

    while ((error = ash_archive_next(archive, &file)) == 0) {
        const char *data = file.data;

        assert_true(file.name > start && file.name + strlen(file.name) < end);
        assert_true(data >= start && data <= end && file.size <= (size_t)(end - data));
        assert_true(file.next <= archive->size);
    }
    return error;
}

/* At every length but the last few, where only padding is missing. */
static void cut(void **state)
{
    struct ash_archive whole = make();

    (void)state;
    for (size_t size = 0; size <= whole.size; size++) {
        char *copy = malloc(size == 0 ? 1 : size);
        struct ash_archive archive = {copy, size};
        bool complete = size + 3 >= whole.size;

        memcpy(copy, archive_bytes, size);
        if (!complete) {
            assert_int_equal(read_all(&archive), ASH_EFORMAT);
        } else {
            assert_true(read_all(&archive) == ASH_ENOENT || size < whole.size);
        }
        free(copy);
    }
}

/* Each byte replaced by each of some others: never anything outside, never an endless run. */
static void damaged(void **state)
{
    static const char replacements[] = {0, '0', '7', 'f', 'F', 'g', (char)0xff};
    struct ash_archive archive = make();

    (void)state;
    for (size_t i = 0; i < archive.size; i++) {
        char kept = archive_bytes[i];

        for (size_t j = 0; j < sizeof replacements; j++) {
            int error;

            archive_bytes[i] = replacements[j];
            error = read_all(&archive);
            assert_true(error == ASH_ENOENT || error == ASH_EFORMAT);
        }
        archive_bytes[i] = kept;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_in_order), cmocka_unit_test(by_name),
        cmocka_unit_test(headers),        cmocka_unit_test(cut),
        cmocka_unit_test(damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
