/* SPDX-License-Identifier: MIT */
/*
 * The driver of NOR flash upon a bank of flash that stops the test when it is used wrongly.
 */
#include "tests/unit/nor_machine.h"

#include "ashlar/errors.h"

static struct cfi_flash opened(void)
{
    struct cfi_flash flash = nor_flash();

    assert_int_equal(cfi_open(&flash), 0);
    return flash;
}

static uint32_t *half(void)
{
    return nor.array + NOR_BYTES / 8;
}

static void asks_for_the_geometry(void **state)
{
    struct cfi_flash flash;

    (void)state;
    nor_start();
    flash = nor_flash();
    nor_frequency = 0;
    assert_int_equal(cfi_open(&flash), ASH_ENODEV);
    nor_frequency = 1000000;
    flash = opened();
    assert_int_equal(flash.sector, NOR_SECTOR);
    assert_int_equal(flash.buffer, NOR_BUFFER);
    /* 2^7 us and 2^10 ms, at most 2^4 times that, and twice as long to be sure; 1 MHz */
    assert_int_equal(flash.program_count, 2 * 2048 * 1001 / 1000);
    assert_int_equal(flash.erase_count, 2 * 16384000ull * 1001 / 1000);
}

static void refuses_other_flash(void **state)
{
    static const struct {
        uint32_t at, value;
        int error;
    } cases[] = {
        {0x10, 0x00510050, ASH_ENODEV}, {0x12, 0x00000059, ASH_ENODEV}, /* one device alone */
        {0x13, 0x00020002, ASH_ENODEV},                                 /* AMD's commands */
        {0x14, 0x00010001, ASH_ENODEV}, {0x2c, 0x00020002, ASH_ENODEV}, /* sectors of two sizes */
        {0x2f, 0x00030003, ASH_ENODEV}, {0x27, 0x00400040, ASH_ENODEV},
        {0x27, 0x000f000f, ASH_ENODEV}, {0x2a, 0x00050006, ASH_ENODEV},
        {0x2b, 0x00010001, ASH_ENODEV}, {0x13, 0x00030003, 0},
    };
    uint32_t query[CFI_QUERY_WORDS];
    struct cfi_flash flash = nor_flash();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (uint32_t word = 0; word < CFI_QUERY_WORDS; word++) {
            query[word] = nor_query_word(word);
        }
        query[cases[i].at] = cases[i].value;
        assert_int_equal(cfi_take_query(&flash, query, 1000000), cases[i].error);
    }
    flash = nor_flash();
    flash.bytes = NOR_BYTES * 2;
    assert_int_equal(cfi_take_query(&flash, query, 1000000), ASH_ERANGE);
    flash = nor_flash();
    flash.base.value += NOR_SECTOR / 2;
    assert_int_equal(cfi_take_query(&flash, query, 1000000), ASH_ERANGE);
}

static void without_a_buffer_word_by_word(void **state)
{
    uint32_t query[CFI_QUERY_WORDS];
    struct cfi_flash flash;
    static const uint32_t data[3] = {1, 2, 3};

    (void)state;
    nor_start();
    flash = opened();
    for (uint32_t word = 0; word < CFI_QUERY_WORDS; word++) {
        query[word] = nor_query_word(word);
    }
    query[0x2a] = 0;
    assert_int_equal(cfi_take_query(&flash, query, 1000000), 0);
    assert_int_equal(flash.buffer, 4);
    assert_int_equal(cfi_unlock(&flash, 0), 0);
    assert_int_equal(cfi_program(&flash, 8, data, sizeof(data)), 0);
    assert_int_equal(nor.operations, 3);
    assert_memory_equal(half() + 2, data, sizeof(data));
}

static void programs_and_erases(void **state)
{
    struct cfi_flash flash;
    uint32_t data[300];

    (void)state;
    nor_start();
    flash = opened();
    support_seed(61);
    for (size_t i = 0; i < 300; i++) {
        data[i] = support_random();
    }
    assert_int_equal(cfi_erase(&flash, 0), 0);
    assert_int_equal(cfi_erase(&flash, NOR_SECTOR), 0);
    /* from within a buffer, over the end of a sector */
    assert_int_equal(cfi_program(&flash, NOR_SECTOR - 40, data, sizeof(data)), 0);
    assert_int_equal(nor.operations, 2 + 1 + (1200 - 40 + 63) / 64);
    assert_memory_equal(half() + NOR_SECTOR / 4 - 10, data, sizeof(data));
    assert_int_equal(half()[NOR_SECTOR / 4 - 11], UINT32_MAX);
    assert_int_equal(half()[NOR_SECTOR / 4 + 290], UINT32_MAX);
    assert_int_equal(cfi_erase(&flash, NOR_SECTOR), 0);
    assert_memory_equal(half() + NOR_SECTOR / 4 - 10, data, 40);
    assert_int_equal(half()[NOR_SECTOR / 4], UINT32_MAX);
    assert_int_equal(nor.array[0], UINT32_MAX);
}

static void refuses_what_is_outside(void **state)
{
    static const uint32_t data[2] = {0};
    struct cfi_flash flash;

    (void)state;
    nor_start();
    flash = opened();
    assert_int_equal(cfi_erase(&flash, NOR_BYTES / 2), ASH_ERANGE);
    assert_int_equal(cfi_erase(&flash, 4), ASH_EALIGN);
    assert_int_equal(cfi_program(&flash, NOR_BYTES / 2 - 4, data, 8), ASH_ERANGE);
    assert_int_equal(cfi_program(&flash, UINT32_MAX - 3, data, 8), ASH_ERANGE);
    assert_int_equal(cfi_program(&flash, 2, data, 4), ASH_EALIGN);
    assert_int_equal(cfi_program(&flash, 0, data, 6), ASH_EALIGN);
    assert_int_equal(cfi_program(&flash, 0, (const char *)data + 2, 4), ASH_EALIGN);
    assert_int_equal(cfi_program(&flash, NOR_BYTES / 2, data, 0), 0);
    /* what cannot be read while it is programmed */
    assert_int_equal(cfi_program(&flash, 0, nor.array + 100 / 4, 4), ASH_EINVAL);
    assert_int_equal(cfi_program(&flash, 0, nor.array + 5096 / 4, 8), ASH_EINVAL);
    assert_int_equal(cfi_program(&flash, 0, half() + NOR_SECTOR / 4, 8), ASH_EINVAL);
    assert_int_equal(cfi_program(&flash, 0, half() + NOR_BYTES / 8 - 1, 4), ASH_EINVAL);
    assert_int_equal(nor.operations, 0);
}

/* The answer, and that the array is there again, is looked at by the machine. */
static void tells_what_failed(void **state)
{
    static const struct {
        uint32_t status;
        int error;
    } cases[] = {{0x00200020, ASH_EIO},   {0x00200000, ASH_EIO},   {0x00000010, ASH_EIO},
                 {0x00080008, ASH_EPERM}, {0x00020000, ASH_EPERM}, {0x00220000, ASH_EPERM}};
    static const uint32_t data[16] = {0};
    struct cfi_flash flash;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        nor_start();
        flash = opened();
        assert_int_equal(cfi_unlock(&flash, 0), 0);
        nor.trouble = NOR_FAILS;
        nor.trouble_status = cases[i].status;
        nor.trouble_at = 1;
        assert_int_equal(cfi_program(&flash, 0, data, 4), cases[i].error);
        assert_int_equal(flash.status, 0x00800080 | cases[i].status);
        nor.trouble_at = 2;
        assert_int_equal(cfi_program(&flash, 0, data, sizeof(data)), cases[i].error);
        nor.trouble_at = 3;
        assert_int_equal(cfi_erase(&flash, 0), cases[i].error);
        assert_int_equal(cfi_erase(&flash, 0), 0);
    }
}

static void locked_sectors_are_not_written(void **state)
{
    static const uint32_t data[16] = {0};
    struct cfi_flash flash;

    (void)state;
    nor_start();
    flash = opened();
    assert_int_equal(cfi_program(&flash, 0, data, sizeof(data)), ASH_EPERM);
    assert_int_equal(cfi_unlock(&flash, 0), 0);
    assert_int_equal(cfi_program(&flash, 0, data, sizeof(data)), 0);
    assert_int_equal(cfi_program(&flash, NOR_SECTOR, data, sizeof(data)), ASH_EPERM);
}

static void gives_up_what_takes_too_long(void **state)
{
    static const uint32_t data[16] = {0};
    struct cfi_flash flash;
    uint64_t before;

    (void)state;
    nor_start();
    flash = opened();
    assert_int_equal(cfi_unlock(&flash, 0), 0);
    nor.trouble = NOR_HANGS;
    nor.trouble_at = 1;
    before = nor.time;
    assert_int_equal(cfi_program(&flash, 0, data, sizeof(data)), ASH_ETIMEDOUT);
    assert_in_range(nor.time - before, flash.program_count, flash.program_count + 10000);
    nor.trouble_at = 2;
    before = nor.time;
    assert_int_equal(cfi_erase(&flash, 0), ASH_ETIMEDOUT);
    assert_in_range(nor.time - before, flash.erase_count, flash.erase_count + 10000);
    assert_int_equal(cfi_erase(&flash, 0), 0);
    /* As long as it may take, and not longer. */
    nor.delay = (uint32_t)(flash.program_count / 1000 - 1);
    assert_int_equal(cfi_program(&flash, 0, data, sizeof(data)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_for_the_geometry),
        cmocka_unit_test(refuses_other_flash),
        cmocka_unit_test(without_a_buffer_word_by_word),
        cmocka_unit_test(programs_and_erases),
        cmocka_unit_test(refuses_what_is_outside),
        cmocka_unit_test(tells_what_failed),
        cmocka_unit_test(locked_sectors_are_not_written),
        cmocka_unit_test(gives_up_what_takes_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
