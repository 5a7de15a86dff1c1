/* SPDX-License-Identifier: MIT */
/*
 * The protocol of SD cards: each kind of card, each way in which one can be of no use, and each
 * command that goes wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ashlar/errors.h"
#include "board/dev/sd.h"
#include "tests/unit/sd_model.h"

/* What a card's CSD says (5.3.2, 5.3.3), and so how many sectors it has. */
static const struct {
    uint32_t structure, c_size, c_size_mult, read_bl_len;
    uint64_t sectors;
} cards[] = {
    {0, 3751, 7, 10, 3842048},      /* (3751 + 1) * 2^9 blocks of 1 KiB: 2 GB */
    {1, 7579, 0, 9, 7761920},       /* (7579 + 1) * 512 KiB: 4 GB */
    {0, 255, 7, 9, 131072},         /* 64 MiB */
    {0, 0, 0, 9, 4},                /* the least */
    {0, 4095, 7, 11, 8388608},      /* the most of the first form: 4 GiB */
    {1, 0x3fffff, 0, 9, 1ull << 32} /* and of the second: 2 TiB */
};

static void put(uint32_t csd[4], unsigned low, unsigned bits, uint32_t value)
{
    for (unsigned i = 0; i < bits; i++) {
        csd[3 - (low + i) / 32] |= (value >> i & 1) << (low + i) % 32;
    }
}

static void make_csd(uint32_t csd[4], unsigned kind)
{
    memset(csd, 0, 4 * sizeof(*csd));
    put(csd, 126, 2, cards[kind].structure);
    put(csd, 80, 4, cards[kind].read_bl_len);
    put(csd, 14, 1, 1); /* COPY, beside the bits of protection */
    put(csd, 0, 8, 0xff);
    if (cards[kind].structure == 0) {
        put(csd, 62, 12, cards[kind].c_size);
        put(csd, 47, 3, cards[kind].c_size_mult);
        put(csd, 50, 12, 0xfff); /* currents */
    } else {
        put(csd, 48, 22, cards[kind].c_size);
    }
}

static bool is_high(unsigned kind)
{
    return cards[kind].structure == 1;
}

static struct sd_model model;
static struct sd_card card;
static uint64_t now, step;
static unsigned commands, fails_at;
static int failure;
static enum sd_speed speed;

static int command(struct sd_host *host, unsigned index, uint32_t argument,
                   enum sd_response response, uint32_t *answer)
{
    uint32_t words[4] = {0};
    unsigned count;

    (void)host;
    if (++commands == fails_at) {
        return failure;
    }
    assert_true(model.state >= MODEL_STBY || speed == SD_IDENTIFY);
    count = model_command(&model, index, argument, words);
    if (response == SD_NONE) {
        return 0;
    }
    if (count == 0) {
        return ASH_ETIMEDOUT;
    }
    assert_int_equal(count, response == SD_LONG ? 4 : 1);
    memcpy(answer, words, count * sizeof(*words));
    return 0;
}

static int set_speed(struct sd_host *host, enum sd_speed wanted)
{
    (void)host;
    speed = wanted;
    return 0;
}

static uint64_t now_ns(void)
{
    return now += step;
}

static const uint32_t id[4] = {0x03534453, 0x55303847, 0x80012345, 0x6701421f};

static struct sd_host host = {command, set_speed, now_ns};

static int identify(unsigned kind)
{
    model.high = is_high(kind);
    make_csd(model.csd, kind);
    memcpy(model.cid, id, sizeof(id));
    commands = 0;
    speed = SD_DEFAULT;
    return sd_identify(&host, &card);
}

static int fresh(void **state)
{
    (void)state;
    model = (struct sd_model){.powers_up = 3};
    card = (struct sd_card){0};
    now = 0;
    step = 1000000;
    fails_at = 0;
    return 0;
}

static void kinds_of_cards(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < sizeof(cards) / sizeof(cards[0]); kind++) {
        for (unsigned old = 0; old < (is_high(kind) ? 1 : 2); old++) {
            model.old = old;
            assert_int_equal(identify(kind), 0);
            assert_int_equal(card.sectors, cards[kind].sectors);
            assert_int_equal(card.counts_sectors, is_high(kind));
            assert_int_equal(card.address, MODEL_RCA << 16);
            assert_false(card.read_only);
            assert_memory_equal(card.id, id, sizeof(id));
            assert_int_equal(sd_argument(&card, 5), is_high(kind) ? 5 : 2560);
            assert_int_equal(model.state, MODEL_TRAN);
            assert_int_equal(model.width, 4);
            assert_int_equal(model.block_length, 512);
            assert_int_equal(speed, SD_DEFAULT);
        }
    }
}

static void status_is_read(void **state)
{
    uint32_t status;

    (void)state;
    assert_int_equal(identify(1), 0);
    assert_int_equal(sd_get_status(&host, &card, &status), 0);
    assert_true(sd_is_ready(status));
    model.state = MODEL_PROGRAM;
    model.left = 2;
    assert_int_equal(sd_get_status(&host, &card, &status), 0);
    assert_false(sd_is_ready(status));
    assert_false(sd_is_ready(4u << 9)); /* in tran, but not ready for data */
    assert_false(sd_is_ready(1u << 8 | 5u << 9));
}

static void what_is_of_no_use(void **state)
{
    static const struct sd_model useless[] = {
        {.absent = true}, {.multimedia = true}, {.garbles = true}, {.low_voltage = true}};

    (void)state;
    for (unsigned i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
        model = useless[i];
        assert_int_equal(identify(0), ASH_ENODEV);
        assert_int_equal(speed, SD_IDENTIFY);
    }
}

static void never_ready(void **state)
{
    (void)state;
    model.powers_up = UINT32_MAX;
    assert_int_equal(identify(0), ASH_ETIMEDOUT);
    assert_true(now >= 1000000000); /* a second is the card's right (4.2.3) */
    step = 0;
    assert_int_equal(identify(0), ASH_ETIMEDOUT); /* where no clock runs, too */
}

static void protection_is_told(void **state)
{
    struct sd_card other;
    uint32_t csd[4];

    (void)state;
    for (unsigned bit = 12; bit <= 13; bit++) {
        make_csd(csd, 0);
        csd[3] |= 1u << bit;
        assert_int_equal(sd_read_csd(csd, &other), 0);
        assert_true(other.read_only);
    }
    csd[0] = 2u << 30;
    assert_int_equal(sd_read_csd(csd, &other), ASH_ENODEV);
    memset(csd, 0, sizeof(csd)); /* sectors of one byte */
    assert_int_equal(sd_read_csd(csd, &other), ASH_ENODEV);
}

static void any_command_may_fail(void **state)
{
    unsigned all;

    (void)state;
    model.powers_up = 0;
    assert_int_equal(identify(1), 0);
    all = commands;
    assert_int_equal(all, 11);
    for (fails_at = 1; fails_at <= all; fails_at++) {
        /* No answer to CMD8 means an old card; to CMD55 or ACMD41, no SD card at all. */
        int wanted = fails_at == 2                    ? ASH_ETIMEDOUT
                     : fails_at == 3 || fails_at == 4 ? ASH_ENODEV
                                                      : ASH_EIO;

        failure = ASH_EIO;
        assert_int_equal(identify(1), wanted);
    }
}

static void errors_in_a_status_count(void **state)
{
    static const unsigned by[] = {7, 6, 16};

    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        bool error = (bit >= 26 || (bit >= 19 && bit <= 24) || bit == 16 || bit == 15 || bit == 3);

        for (unsigned i = 0; i < 3 && (bit < 8 || bit > 12); i++) {
            model.told = 1u << bit;
            model.told_by = by[i];
            assert_int_equal(identify(0), error ? ASH_EIO : 0);
            assert_int_equal(model.told, 0);
        }
    }
    /* What CMD55 tells is of the command before: CMD8, that an old card does not know. */
    model.told = 1u << 22;
    model.told_by = 55;
    assert_int_equal(identify(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(kinds_of_cards, fresh),
        cmocka_unit_test_setup(status_is_read, fresh),
        cmocka_unit_test_setup(what_is_of_no_use, fresh),
        cmocka_unit_test_setup(never_ready, fresh),
        cmocka_unit_test_setup(protection_is_told, fresh),
        cmocka_unit_test_setup(any_command_may_fail, fresh),
        cmocka_unit_test_setup(errors_in_a_status_count, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
