/* SPDX-License-Identifier: MIT */
/*
 * The protocol of SD memory cards. Owns nothing; touches no register.
 */
#include "board/dev/sd.h"

#include "ashlar/errors.h"

#define ALL_SEND_CID     2u
#define SEND_ADDRESS     3u
#define SELECT           7u
#define SEND_IF_COND     8u
#define SEND_CSD         9u
#define SET_BLOCK_LENGTH 16u
#define APP_COMMAND      55u
#define APP_SET_WIDTH    6u
#define APP_SEND_OP_COND 41u

#define IF_COND_3V3    0x1aau /* 2.7 to 3.6 V, and a pattern that comes back (4.3.13) */
#define IF_COND_MASK   0xfffu
#define OCR_3V3        0x00ff8000u /* 2.7 to 3.6 V */
#define OCR_HIGH       (1u << 30)  /* HCS of the host, CCS of the card */
#define OCR_READY      (1u << 31)
#define WIDTH_4        2u
#define SD_SECTOR      512u
#define POWER_UP_NS    4000000000u /* 1 s (4.2.3), and more for machines that are late */
#define POWER_UP_LOOKS 100000u     /* where no clock runs */

/* Bits high to low of the 128, of which csd[0] has the highest. */
static uint32_t csd_bits(const uint32_t csd[4], unsigned high, unsigned low)
{
    uint32_t value = 0;

    for (unsigned bit = high + 1; bit-- > low;) {
        value = value << 1 | (csd[3 - bit / 32] >> bit % 32 & 1);
    }
    return value;
}

int sd_read_csd(const uint32_t csd[4], struct sd_card *card)
{
    uint32_t structure = csd_bits(csd, 127, 126);

    if (structure == 0) {
        unsigned shift = csd_bits(csd, 49, 47) + 2 + csd_bits(csd, 83, 80); /* C_SIZE_MULT */

        if (shift < 9) {
            return ASH_ENODEV;
        }
        card->sectors = (uint64_t)(csd_bits(csd, 73, 62) + 1) << (shift - 9);
    } else if (structure == 1) {
        card->sectors = (uint64_t)(csd_bits(csd, 69, 48) + 1) << 10; /* 512 KiB each */
    } else {
        return ASH_ENODEV;
    }
    card->read_only = csd_bits(csd, 13, 12) != 0;
    return 0;
}

/* A command whose R1 is looked at. */
static int checked(struct sd_host *host, unsigned index, uint32_t argument,
                   enum sd_response response)
{
    uint32_t status = 0;
    int error = host->command(host, index, argument, response, &status);

    return error == 0 && (status & SD_STATUS_ERRORS) != 0 ? ASH_EIO : error;
}

/* One of the commands that CMD55 announces. */
static int application(struct sd_host *host, uint32_t address, unsigned index, uint32_t argument,
                       enum sd_response response, uint32_t *answer)
{
    int error = host->command(host, APP_COMMAND, address, SD_SHORT, answer);

    return error == 0 ? host->command(host, index, argument, response, answer) : error;
}

/* ACMD41 until the card is ready (4.2.3). */
static int power_up(struct sd_host *host, uint32_t wanted, uint32_t *ocr)
{
    uint64_t start = host->now_ns(), now = start;
    uint32_t looks = 0;

    do {
        if (application(host, 0, APP_SEND_OP_COND, wanted, SD_SHORT_RAW, ocr) != 0) {
            return ASH_ENODEV;
        }
        if ((*ocr & OCR_READY) != 0) {
            return (*ocr & OCR_3V3) != 0 ? 0 : ASH_ENODEV;
        }
        now = host->now_ns();
    } while (now != start ? now - start < POWER_UP_NS : ++looks < POWER_UP_LOOKS);
    return ASH_ETIMEDOUT;
}

/* From idle to ready. Cards before version 2.00 do not answer CMD8; they are small ones. */
static int wake(struct sd_host *host, struct sd_card *card)
{
    uint32_t answer = 0;
    int error = host->command(host, SEND_IF_COND, IF_COND_3V3, SD_SHORT, &answer);
    bool modern = error == 0;

    if (modern && (answer & IF_COND_MASK) != IF_COND_3V3) {
        return ASH_ENODEV;
    }
    error = power_up(host, OCR_3V3 | (modern ? OCR_HIGH : 0), &answer);
    card->counts_sectors = error == 0 && (answer & OCR_HIGH) != 0;
    return error;
}

int sd_identify(struct sd_host *host, struct sd_card *card)
{
    uint32_t answer[4] = {0, 0, 0, 0};
    int error = host->set_speed(host, SD_IDENTIFY);

    if (error == 0) {
        error = host->command(host, SD_GO_IDLE, 0, SD_NONE, NULL);
    }
    if (error == 0) {
        error = wake(host, card);
    }
    if (error == 0) {
        error = host->command(host, ALL_SEND_CID, 0, SD_LONG, card->id);
    }
    if (error == 0) {
        error = host->command(host, SEND_ADDRESS, 0, SD_SHORT, answer);
        card->address = answer[0] & 0xffff0000u;
    }
    if (error == 0) {
        error = host->command(host, SEND_CSD, card->address, SD_LONG, answer);
    }
    if (error == 0) {
        error = sd_read_csd(answer, card);
    }
    if (error == 0) {
        error = checked(host, SELECT, card->address, SD_BUSY);
    }
    if (error == 0) {
        error = application(host, card->address, APP_SET_WIDTH, WIDTH_4, SD_SHORT, answer);
    }
    if (error == 0) {
        error = (answer[0] & SD_STATUS_ERRORS) != 0 ? ASH_EIO : host->set_speed(host, SD_DEFAULT);
    }
    return error == 0 ? checked(host, SET_BLOCK_LENGTH, SD_SECTOR, SD_SHORT) : error;
}

int sd_get_status(struct sd_host *host, const struct sd_card *card, uint32_t *status)
{
    return host->command(host, SD_SEND_STATUS, card->address, SD_SHORT, status);
}
