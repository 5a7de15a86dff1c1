/* SPDX-License-Identifier: MIT */
/*
 * An update upon a bank of flash that fails, hangs or loses its power at any operation, in the
 * middle of it: what is left is the old image, the new one, or none, and the next update succeeds.
 */
#include "tests/unit/nor_machine.h"

#include "ashlar/errors.h"
#include "board/update_write.c"

#define PLACE_A 0x04000000u
#define PLACE_B 0x04010000u
#define ROOM    (NOR_BYTES / 2)
#define LENGTH  9000u
#define STORED  (ASH_SLOT_HEADER_BYTES + 9216u) /* in a source, which has whole sectors */

enum { OLD = 4, RUNNING = 5, NEW = 6 };

static uint8_t bundle[2 * STORED];
static uint8_t old[ASH_SLOT_HEADER_BYTES + LENGTH];
static struct cfi_flash flash;
static unsigned reads_failing_at, reads;
static uint32_t told[ASH_UPDATE_STEPS];

static void make_image(uint8_t *to, uint32_t place, uint32_t version)
{
    struct ash_slot_header header = {ASH_SLOT_MAGIC,
                                     ASH_SLOT_FORMAT,
                                     ASH_SLOT_A32,
                                     place + ASH_SLOT_HEADER_BYTES,
                                     LENGTH,
                                     version,
                                     0,
                                     0};
    uint32_t *words = (uint32_t *)(void *)(to + ASH_SLOT_HEADER_BYTES);

    memset(to, 0xff, ASH_SLOT_HEADER_BYTES);
    for (uint32_t i = 0; i < LENGTH / 4; i++) {
        words[i] = support_random();
    }
    header.image_crc = slot_crc(0, words, LENGTH / 4);
    header.header_crc = slot_crc(0, (const uint32_t *)&header, sizeof(header) / 4 - 1);
    memcpy(to, &header, sizeof(header));
}

static uint32_t *slot_b(void)
{
    return nor.array + ROOM / 4;
}

static int read_bundle(void *arg, uint64_t offset, void *memory, size_t bytes)
{
    (void)arg;
    assert_true(offset % 512 == 0 && bytes % 512 == 0 && bytes <= 4096);
    assert_true((uintptr_t)memory % 64 == 0);
    assert_true(offset + bytes <= sizeof(bundle));
    memcpy(memory, bundle + offset, bytes);
    reads++;
    return reads == reads_failing_at ? ASH_EIO : 0;
}

static void tell(void *arg, enum ash_update_step step, uint32_t done, uint32_t total)
{
    (void)arg;
    assert_true(done <= total && step < ASH_UPDATE_STEPS);
    told[step]++;
}

static struct ash_update_source source = {read_bundle, NULL, sizeof(bundle)};
static const struct ash_update_options options = {tell, NULL};

static int unlock(void *arg, uint32_t offset)
{
    return cfi_unlock(arg, offset);
}

static int erase(void *arg, uint32_t offset)
{
    return cfi_erase(arg, offset);
}

/* What is constant in the image lies in the bank, where it cannot be read now. */
static int program(void *arg, uint32_t offset, const void *words, size_t bytes)
{
    extern char __executable_start[], data_start[];

    assert_false((uintptr_t)words >= (uintptr_t)__executable_start &&
                 (uintptr_t)words < (uintptr_t)data_start);
    return cfi_program(arg, offset, words, bytes);
}

static const struct update_target target = {.view = nor.array + ROOM / 4,
                                            .place = PLACE_B,
                                            .room = ROOM,
                                            .sector = NOR_SECTOR,
                                            .machine = ASH_SLOT_A32,
                                            .running_version = RUNNING,
                                            .flash = &flash,
                                            .unlock = unlock,
                                            .erase = erase,
                                            .program = program};

/* A runs, B has an older image, the bundle a newer one. */
static void start(uint32_t seed)
{
    support_seed(seed);
    nor_start();
    make_image((uint8_t *)nor.array, PLACE_A, RUNNING);
    make_image(old, PLACE_B, OLD);
    memcpy(slot_b(), old, sizeof(old));
    memset(bundle, 0xff, sizeof(bundle));
    make_image(bundle, PLACE_A, NEW);
    make_image(bundle + STORED, PLACE_B, NEW);
    source.bytes = sizeof(bundle);
    reads = reads_failing_at = 0;
    memset(told, 0, sizeof(told));
    flash = nor_flash();
    assert_int_equal(cfi_open(&flash), 0);
}

static int update(const char **what)
{
    struct update_image image;
    int error = update_find(&target, &source, &options, &image, what);

    return error != 0 ? error : update_write(&target, &source, &image, &options, what);
}

static enum ash_slot_fault check_b(void)
{
    return slot_check(slot_b(), PLACE_B, ROOM, ASH_SLOT_A32);
}

static bool holds(const uint8_t *image)
{
    return memcmp(slot_b(), image, ASH_SLOT_HEADER_BYTES + LENGTH) == 0;
}

/* Whatever happened: an image that is valid is there as a whole, and the running one always is. */
static void check_left(void)
{
    assert_int_equal(slot_check(nor.array, PLACE_A, ROOM, ASH_SLOT_A32), ASH_SLOT_VALID);
    assert_int_equal(((struct ash_slot_header *)nor.array)->version, RUNNING);
    if (check_b() == ASH_SLOT_VALID) {
        assert_true(holds(old) || holds(bundle + STORED));
    }
}

static unsigned operations(void)
{
    const char *what;

    start(71);
    assert_int_equal(update(&what), 0);
    assert_string_equal(what, "");
    assert_true(holds(bundle + STORED));
    assert_int_equal(check_b(), ASH_SLOT_VALID);
    return nor.operations;
}

static void writes_the_image(void **state)
{
    (void)state;
    /* gives up, erases 4 sectors, programs 9000 bytes by buffers of 64, and 8 words of the header
     */
    assert_int_equal(operations(), 1 + 4 + (LENGTH + 63) / 64 + 8);
    for (unsigned step = 0; step < ASH_UPDATE_STEPS; step++) {
        assert_int_not_equal(told[step], 0);
    }
    assert_int_equal(slot_b()[ROOM / 4 - 1], UINT32_MAX);
}

/* An update whose power fails in the middle of an operation; 0: it does not fail. Then it is back.
 */
static __attribute__((noinline)) void update_with_cut(unsigned at)
{
    const char *what;

    nor.trouble = NOR_POWER;
    nor.trouble_at = at;
    if (setjmp(nor_power) == 0) {
        assert_int_equal(update(&what), 0);
        assert_int_equal(at, 0);
    }
    nor_power_on();
}

static void power_may_fail_anywhere(void **state)
{
    unsigned most = operations(), valid_old = 0, valid_new = 0;

    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned at = 1; at <= most; at++) {
            start(1000 * (round + 1) + at);
            update_with_cut(at);
            check_left();
            valid_old += check_b() == ASH_SLOT_VALID && holds(old);
            valid_new += check_b() == ASH_SLOT_VALID && holds(bundle + STORED);
            update_with_cut(0);
            assert_true(holds(bundle + STORED));
        }
    }
    /* Only the first and the last operation may leave a valid image, by chance. */
    assert_true(valid_old <= 4 && valid_new <= 4);
}

/* And in the updates that follow. */
static void power_may_fail_again(void **state)
{
    unsigned most = operations();

    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        start(9000 + round);
        for (unsigned cut = 0; cut < 5; cut++) {
            update_with_cut(1 + support_random_below(most));
            check_left();
        }
        update_with_cut(0);
        assert_true(holds(bundle + STORED));
    }
}

static void failures_are_told(void **state)
{
    static const enum nor_trouble troubles[] = {NOR_FAILS, NOR_HANGS, NOR_UNSURE};
    unsigned most = operations();

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned at = 1; at <= most; at++) {
            const char *what;
            int error;

            start(5000 + at);
            nor.trouble = troubles[i];
            nor.trouble_at = at;
            error = update(&what);
            if (troubles[i] == NOR_UNSURE && error == 0) {
                /* what was not erased had to become zero anyway */
                assert_true(holds(bundle + STORED));
            } else {
                assert_int_equal(error, troubles[i] == NOR_FAILS   ? ASH_EIO
                                        : troubles[i] == NOR_HANGS ? ASH_ETIMEDOUT
                                                                   : ASH_ECORRUPT);
                assert_string_not_equal(what, "");
                if (troubles[i] == NOR_UNSURE) {
                    assert_string_equal(what, "the flash holds something else than was programmed");
                }
                assert_true(at == 1 || at == most || check_b() != ASH_SLOT_VALID);
            }
            check_left();
        }
    }
}

static void source_may_fail_anywhere(void **state)
{
    const char *what;
    unsigned most;

    (void)state;
    (void)operations();
    most = reads;
    for (unsigned at = 1; at <= most; at++) {
        start(6000 + at);
        reads_failing_at = at;
        assert_int_equal(update(&what), ASH_EIO);
        assert_string_equal(what, "the source cannot be read");
        check_left();
        if (at <= most / 2) {
            assert_true(holds(old));
        }
        assert_true(holds(old) || check_b() == ASH_SLOT_EMPTY);
    }
}

static void reseal(uint8_t *image)
{
    struct ash_slot_header header;

    memcpy(&header, image, sizeof(header));
    header.header_crc = slot_crc(0, (const uint32_t *)&header, sizeof(header) / 4 - 1);
    memcpy(image, &header, sizeof(header));
}

static void set_word(uint8_t *image, unsigned word, uint32_t value)
{
    memcpy(image + 4 * word, &value, 4);
    reseal(image);
}

static void refused(int error, const char *reason)
{
    const char *what;

    assert_int_equal(update(&what), error);
    assert_string_equal(what, reason);
    assert_int_equal(nor.operations, 0);
    assert_true(holds(old));
}

static void refuses_before_anything_changes(void **state)
{
    (void)state;
    start(81);
    set_word(bundle + STORED, 5, RUNNING);
    refused(ASH_EEXIST, "the image is not newer than the one that runs");
    start(81);
    set_word(bundle + STORED, 5, OLD);
    refused(ASH_EEXIST, "the image is not newer than the one that runs");
    start(81);
    bundle[2 * STORED - 300] ^= 1; /* the last word of the image, behind which it is filled up */
    refused(ASH_EFORMAT, "the image in the source is damaged");
    start(81);
    bundle[STORED + 20] ^= 1;
    refused(ASH_EFORMAT, "header damaged");
    start(81);
    bundle[20] ^= 1;
    refused(ASH_EFORMAT, "header damaged");
    start(81);
    set_word(bundle + STORED, 2, ASH_SLOT_A64);
    refused(ASH_EFORMAT, "image for another execution state");
    start(81);
    set_word(bundle + STORED, 4, ROOM);
    refused(ASH_EFORMAT, "no such length");
    start(81);
    set_word(bundle, 4, UINT32_MAX);
    refused(ASH_EFORMAT, "the source ends within an image");
    start(81);
    memset(bundle + STORED, 0xff, 4);
    refused(ASH_ENOENT, "the source has no image for the free slot");
    start(81);
    memset(bundle, 0, 4);
    refused(ASH_ENOENT, "the source begins with no image");
    start(81);
    source.bytes = 0;
    refused(ASH_ENOENT, "the source begins with no image");
    start(81);
    source.bytes = STORED;
    refused(ASH_ENOENT, "the source has no image for the free slot");
    start(81);
    source.bytes = 2 * STORED - 512;
    refused(ASH_EFORMAT, "the source ends within an image");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_image),
        cmocka_unit_test(power_may_fail_anywhere),
        cmocka_unit_test(power_may_fail_again),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(source_may_fail_anywhere),
        cmocka_unit_test(refuses_before_anything_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
