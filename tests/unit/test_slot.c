/* SPDX-License-Identifier: MIT */
/*
 * Headers of slots: each thing that can be wrong with one, each way in which writing one can be cut
 * short, and which of two slots runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ashlar/slot.h"
#include "tests/unit/support.h"

#define PLACE 0x04000000u
#define ROOM  0x10000u
#define WORDS (sizeof(struct ash_slot_header) / 4)

/* CRC-32 as IEEE 802.3 has it, bit by bit. */
static uint32_t crc_by_bits(const void *start, size_t size)
{
    const uint8_t *bytes = start;
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        }
    }
    return ~crc;
}

static void seal(struct ash_slot_header *header)
{
    header->header_crc = crc_by_bits(header, sizeof(*header) - 4);
}

static struct ash_slot_header right(void)
{
    struct ash_slot_header header = {ASH_SLOT_MAGIC, ASH_SLOT_FORMAT,
                                     ASH_SLOT_A32,   PLACE + ASH_SLOT_HEADER_BYTES,
                                     0x3210,         7,
                                     0x89abcdef,     0};

    seal(&header);
    return header;
}

static enum ash_slot_fault check(const struct ash_slot_header *header)
{
    return ash_slot_check_header(header, PLACE, ROOM, ASH_SLOT_A32);
}

static void crc_is_the_standard_one(void **state)
{
    uint32_t data[64];

    (void)state;
    assert_int_equal(crc_by_bits("123456789", 9), 0xcbf43926u);
    support_seed(51);
    for (size_t i = 0; i < 64; i++) {
        data[i] = support_random();
    }
    for (size_t words = 0; words <= 64; words++) {
        assert_int_equal(ash_slot_crc(0, data, words * 4), crc_by_bits(data, words * 4));
        assert_int_equal(
            ash_slot_crc(ash_slot_crc(0, data, words * 4), data + words, sizeof(data) - words * 4),
            crc_by_bits(data, sizeof(data)));
    }
}

static void each_fault_is_told(void **state)
{
    static const struct {
        unsigned word;
        uint32_t value;
        enum ash_slot_fault fault;
    } cases[] = {
        {0, 0, ASH_SLOT_EMPTY},
        {0, UINT32_MAX, ASH_SLOT_EMPTY},
        {0, ASH_SLOT_MAGIC ^ 1, ASH_SLOT_EMPTY},
        {1, 0, ASH_SLOT_OTHER_FORMAT},
        {1, 2, ASH_SLOT_OTHER_FORMAT},
        {2, ASH_SLOT_A64, ASH_SLOT_OTHER_MACHINE},
        {3, PLACE, ASH_SLOT_OTHER_PLACE},
        {3, PLACE + ASH_SLOT_HEADER_BYTES + ROOM, ASH_SLOT_OTHER_PLACE},
        {4, 0, ASH_SLOT_BAD_LENGTH},
        {4, 0x3211, ASH_SLOT_BAD_LENGTH},
        {4, 0x3212, ASH_SLOT_BAD_LENGTH},
        {4, ROOM - ASH_SLOT_HEADER_BYTES, ASH_SLOT_VALID},
        {4, ROOM - ASH_SLOT_HEADER_BYTES + 4, ASH_SLOT_BAD_LENGTH},
        {4, UINT32_MAX - 3, ASH_SLOT_BAD_LENGTH},
        {5, 0, ASH_SLOT_VALID},
        {5, UINT32_MAX, ASH_SLOT_VALID},
    };
    struct ash_slot_header header = right();

    (void)state;
    assert_int_equal(check(&header), ASH_SLOT_VALID);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        header = right();
        ((uint32_t *)&header)[cases[i].word] = cases[i].value;
        seal(&header);
        assert_int_equal(check(&header), cases[i].fault);
    }
    header = right();
    assert_int_equal(ash_slot_check_header(&header, PLACE, ASH_SLOT_HEADER_BYTES - 4, ASH_SLOT_A32),
                     ASH_SLOT_BAD_LENGTH);
}

static void any_flipped_bit_is_seen(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < WORDS * 32; bit++) {
        struct ash_slot_header header = right();

        ((uint32_t *)&header)[bit / 32] ^= 1u << bit % 32;
        assert_int_not_equal(check(&header), ASH_SLOT_VALID);
    }
}

/* NOR flash programs ones to zeros, bit by bit in any order: what is there when the power fails in
 * the middle of word `word`, the words in front of it being complete in the order of `order`. */
static void tear(const unsigned order[WORDS], unsigned word, struct ash_slot_header *torn)
{
    const struct ash_slot_header whole = right();
    const uint32_t *from = (const uint32_t *)&whole;
    uint32_t *to = (uint32_t *)torn;

    memset(torn, 0xff, sizeof(*torn));
    for (unsigned i = 0; i < word; i++) {
        to[order[i]] = from[order[i]];
    }
    to[order[word]] = from[order[word]] | support_random();
}

/* The updater's order: the magic last. No other order may be needed for it to be safe, either. */
static void torn_headers_are_not_valid(void **state)
{
    const struct ash_slot_header whole = right();

    (void)state;
    support_seed(52);
    for (unsigned round = 0; round < 2000; round++) {
        unsigned order[WORDS] = {1, 2, 3, 4, 5, 6, 7, 0};

        for (unsigned i = 0; round >= 1000 && i < WORDS; i++) {
            unsigned other = support_random_below(WORDS), kept = order[i];

            order[i] = order[other];
            order[other] = kept;
        }
        for (unsigned word = 0; word < WORDS; word++) {
            struct ash_slot_header torn;
            enum ash_slot_fault fault;

            tear(order, word, &torn);
            fault = check(&torn);
            if (memcmp(&torn, &whole, sizeof(torn)) == 0) {
                assert_int_equal(fault, ASH_SLOT_VALID);
            } else {
                assert_int_not_equal(fault, ASH_SLOT_VALID);
            }
            if (round < 1000 && torn.magic != ASH_SLOT_MAGIC) {
                assert_int_equal(fault, ASH_SLOT_EMPTY);
            }
        }
    }
}

static void versions_wrap(void **state)
{
    (void)state;
    assert_true(ash_slot_newer(2, 1));
    assert_false(ash_slot_newer(1, 2));
    assert_false(ash_slot_newer(7, 7));
    assert_true(ash_slot_newer(0, UINT32_MAX));
    assert_false(ash_slot_newer(UINT32_MAX, 0));
    assert_true(ash_slot_newer(0x7fffffff, 0));
    assert_false(ash_slot_newer(0x80000000, 0));
    assert_false(ash_slot_newer(0, 0x80000000));
    support_seed(53);
    for (unsigned i = 0; i < 10000; i++) {
        uint32_t v = support_random(), steps = support_random();

        assert_int_equal(ash_slot_newer(v + steps, v), steps != 0 && steps <= INT32_MAX);
    }
}

static void the_newer_valid_one_runs(void **state)
{
    (void)state;
    for (unsigned a = ASH_SLOT_VALID; a <= ASH_SLOT_IMAGE_CRC; a++) {
        for (unsigned b = ASH_SLOT_VALID; b <= ASH_SLOT_IMAGE_CRC; b++) {
            const enum ash_slot_fault fault[ASH_SLOTS] = {a, b};
            int none_or_one = b == ASH_SLOT_VALID ? 1 : a == ASH_SLOT_VALID ? 0 : -1;
            int both = a == ASH_SLOT_VALID && b == ASH_SLOT_VALID;

            assert_int_equal(ash_slot_choose(fault, (uint32_t[]){4, 5}), none_or_one);
            assert_int_equal(ash_slot_choose(fault, (uint32_t[]){5, 4}), both ? 0 : none_or_one);
            assert_int_equal(ash_slot_choose(fault, (uint32_t[]){5, 5}), both ? 0 : none_or_one);
        }
    }
}

static void faults_have_names(void **state)
{
    (void)state;
    for (unsigned fault = ASH_SLOT_VALID; fault <= ASH_SLOT_IMAGE_CRC; fault++) {
        assert_string_not_equal(ash_slot_fault_name(fault), "unknown");
    }
    assert_string_equal(ash_slot_fault_name(ASH_SLOT_IMAGE_CRC + 1), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_is_the_standard_one), cmocka_unit_test(each_fault_is_told),
        cmocka_unit_test(any_flipped_bit_is_seen), cmocka_unit_test(torn_headers_are_not_valid),
        cmocka_unit_test(versions_wrap),           cmocka_unit_test(the_newer_valid_one_runs),
        cmocka_unit_test(faults_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
