/* SPDX-License-Identifier: MIT */
/*
 * The C library's allocation family as ISO C17 and POSIX describe it, on the host: the source
 * itself is included, its functions renamed so that they do not become the host's own. Newlib's
 * forms with a reentrancy structure are tested on the target.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "ashlar/heap.h"
#include "tests/unit/frames_machine.h"

#define malloc             face_malloc
#define calloc             face_calloc
#define realloc            face_realloc
#define reallocf           face_reallocf
#define reallocarray       face_reallocarray
#define free               face_free
#define memalign           face_memalign
#define aligned_alloc      face_aligned_alloc
#define posix_memalign     face_posix_memalign
#define valloc             face_valloc
#define pvalloc            face_pvalloc
#define malloc_usable_size face_malloc_usable_size
#define malloc_trim        face_malloc_trim
#include "alloc/malloc.c"

#define BASE 0x40000000ull

static int start(void **state)
{
    (void)state;
    machine_start(BASE, 8 * MIB);
    errno = 0;
    return 0;
}

static int finish(void **state)
{
    struct ash_heap_stats stats;

    (void)state;
    ash_heap_stats(&ash_heap_default, &stats);
    assert_int_equal(stats.total_bytes, 0);
    assert_int_equal(support_faults.count, 0);
    return 0;
}

static void expect_error(const void *block, int error)
{
    assert_null(block);
    assert_int_equal(errno, error);
    errno = 0;
}

static void zero_bytes_are_a_block(void **state)
{
    char *a = malloc(0);
    char *b = calloc(0, 8);
    char *c = calloc(8, 0);
    char *d = realloc(NULL, 0);
    char *e = aligned_alloc(64, 0);

    (void)state;
    assert_true(a && b && c && d && e);
    assert_true(a != b && b != c && c != d && d != e);
    d = realloc(d, 0); /* does not free */
    assert_non_null(d);
    free(a);
    free(b);
    free(c);
    free(d);
    free(e);
    free(NULL);
    assert_int_equal(errno, 0);
}

static void calloc_zeroes(void **state)
{
    unsigned char *block = malloc(3000);

    (void)state;
    memset(block, 0xff, 3000);
    free(block);
    block = calloc(100, 30);
    for (unsigned i = 0; i < 3000; i++) {
        assert_int_equal(block[i], 0);
    }
    free(block);
}

static void products_do_not_wrap(void **state)
{
    static const struct {
        size_t count, size;
    } cases[] = {
        {SIZE_MAX, 2},
        {2, SIZE_MAX},
        {SIZE_MAX / 2 + 1, 2},
        {SIZE_MAX / 4 + 2, 4},
        {((size_t)1 << (4 * sizeof(size_t))) + 1, (size_t)1 << (4 * sizeof(size_t))},
        {SIZE_MAX, SIZE_MAX},
        {SIZE_MAX, 1},
        {1, PTRDIFF_MAX},
        {1, (size_t)PTRDIFF_MAX + 1},
    };
    void *kept = malloc(10);

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_error(calloc(cases[i].count, cases[i].size), ENOMEM);
        expect_error(reallocarray(NULL, cases[i].count, cases[i].size), ENOMEM);
        expect_error(reallocarray(kept, cases[i].count, cases[i].size), ENOMEM);
    }
    kept = reallocarray(kept, 10, 20);
    assert_true(malloc_usable_size(kept) >= 200);
    free(kept);
}

static void sizes_near_the_end_fail(void **state)
{
    void *memory = &memory;

    (void)state;
    for (unsigned part = 0; part < 2; part++) {
        for (size_t k = 0; k < 9000; k += k < 70 ? 1 : 509) {
            size_t size = (part == 0 ? SIZE_MAX : (size_t)PTRDIFF_MAX + 1) - k;
            void *kept = malloc(10);

            expect_error(malloc(size), ENOMEM);
            expect_error(calloc(1, size), ENOMEM);
            expect_error(realloc(NULL, size), ENOMEM);
            expect_error(realloc(kept, size), ENOMEM);
            expect_error(valloc(size), ENOMEM);
            expect_error(pvalloc(size), ENOMEM);
            expect_error(reallocf(kept, size), ENOMEM); /* frees it */
            for (size_t align = 1; align != 0; align <<= 1) {
                expect_error(memalign(align, size), ENOMEM);
                expect_error(aligned_alloc(align, size), ENOMEM);
                if (align >= sizeof(void *)) {
                    assert_int_equal(posix_memalign(&memory, align, size), ENOMEM);
                }
            }
        }
    }
    assert_ptr_equal(memory, &memory); /* untouched */
    assert_int_equal(errno, 0);        /* posix_memalign does not set it */
}

static void alignments(void **state)
{
    void *memory = &memory;

    (void)state;
    for (size_t align = 1; align <= 65536; align *= 2) {
        void *a = memalign(align, 100);
        void *b = aligned_alloc(align, 100);

        assert_int_equal((uintptr_t)a % align, 0);
        assert_int_equal((uintptr_t)b % align, 0);
        if (align >= sizeof(void *)) {
            assert_int_equal(posix_memalign(&memory, align, 100), 0);
            assert_int_equal((uintptr_t)memory % align, 0);
            free(memory);
        } else {
            assert_int_equal(posix_memalign(&memory, align, 100), EINVAL);
        }
        free(a);
        free(b);
    }
    static const size_t wrong[] = {0, 3, 24, 4097, SIZE_MAX};
    memory = &memory;
    for (unsigned i = 0; i < 5; i++) {
        expect_error(memalign(wrong[i], 100), EINVAL);
        expect_error(aligned_alloc(wrong[i], 100), EINVAL);
        assert_int_equal(posix_memalign(&memory, wrong[i], 100), EINVAL);
    }
    assert_ptr_equal(memory, &memory);
    assert_int_equal(errno, 0);
}

static void whole_pages(void **state)
{
    (void)state;
    for (size_t size = 1; size < 20000; size += 1357) {
        char *a = valloc(size);
        char *b = pvalloc(size);

        assert_int_equal((uintptr_t)a % 4096, 0);
        assert_int_equal((uintptr_t)b % 4096, 0);
        assert_true(malloc_usable_size(a) >= size);
        assert_true(malloc_usable_size(b) >= (size + 4095) / 4096 * 4096);
        free(a);
        free(b);
    }
}

static void realloc_failure_keeps_the_block(void **state)
{
    char *block = malloc(100);
    void *rest[4];
    unsigned held = 0;
    ash_frame_t frame;

    (void)state;
    strcpy(block, "kept");
    while (held < 4 && (rest[held] = malloc(2 * MIB)) != NULL) {
        held++;
    }
    while (ash_frames_alloc(0, 0, &frame) == 0) {
    }
    errno = 0;
    expect_error(realloc(block, 3 * MIB), ENOMEM);
    assert_string_equal(block, "kept");
    expect_error(reallocf(block, 3 * MIB), ENOMEM);
    while (held > 0) {
        free(rest[--held]);
    }
    assert_int_equal(malloc_trim(0), 0);
    assert_int_equal(malloc_usable_size(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(zero_bytes_are_a_block, start, finish),
        cmocka_unit_test_setup_teardown(calloc_zeroes, start, finish),
        cmocka_unit_test_setup_teardown(products_do_not_wrap, start, finish),
        cmocka_unit_test_setup_teardown(sizes_near_the_end_fail, start, finish),
        cmocka_unit_test_setup_teardown(alignments, start, finish),
        cmocka_unit_test_setup_teardown(whole_pages, start, finish),
        cmocka_unit_test_setup_teardown(realloc_failure_keeps_the_block, start, finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
