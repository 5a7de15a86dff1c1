/* SPDX-License-Identifier: MIT */
/*
 * An SD memory card as tests want it: the states and responses of the Physical Layer Simplified
 * Specification, section 4, written apart from the driver.
 */
#ifndef TESTS_UNIT_SD_MODEL_H
#define TESTS_UNIT_SD_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum sd_model_state {
    MODEL_IDLE,
    MODEL_READY,
    MODEL_IDENT,
    MODEL_STBY,
    MODEL_TRAN,
    MODEL_SEND,
    MODEL_RECEIVE,
    MODEL_PROGRAM
};

#define MODEL_RCA 0x4567u

struct sd_model {
    bool absent;        /* nothing answers */
    bool multimedia;    /* an MMC: no answer to CMD55 */
    bool old;           /* before 2.00: no answer to CMD8 */
    bool high;          /* counts sectors */
    bool garbles;       /* CMD8's pattern */
    bool low_voltage;   /* nothing in its OCR is for 3.3 V */
    unsigned powers_up; /* answers to ACMD41 until it is ready */
    unsigned programs;  /* answers to CMD13 until it is, after a write */
    uint32_t told;      /* bits that the next R1 has, once, */
    unsigned told_by;   /* of this command */
    uint32_t cid[4];    /* bits 127 to 96 first, */
    uint32_t csd[4];    /* here too */

    enum sd_model_state state;
    bool application;
    unsigned left;
    uint32_t argument; /* of the last data command */
    unsigned width, block_length, resets, stops, statuses;
};

static uint32_t model_status(struct sd_model *card, unsigned index)
{
    uint32_t ready = card->state == MODEL_TRAN ? 1u << 8 : 0;
    uint32_t status = ready | (uint32_t)card->state << 9;

    if (card->told_by == index) {
        status |= card->told;
        card->told = 0;
    }
    return status | (card->application ? 1u << 5 : 0);
}

static unsigned model_application(struct sd_model *card, unsigned index, uint32_t argument,
                                  uint32_t answer[4])
{
    if (index == 41 && card->state == MODEL_IDLE) {
        bool high = card->high && (argument >> 30 & 1) != 0;

        answer[0] = card->low_voltage ? 0x80u : 0x00ff8000u;
        if (card->left > 0) {
            card->left--;
        } else if (!card->high || high) { /* a large card does not serve a host that is not */
            answer[0] |= 1u << 31 | (high ? 1u << 30 : 0);
            card->state = MODEL_READY;
        }
        return 1;
    }
    if (index == 6 && card->state == MODEL_TRAN && (argument == 0 || argument == 2)) {
        card->width = argument == 2 ? 4 : 1;
        answer[0] = model_status(card, index);
        return 1;
    }
    return 0;
}

/* The words of the card's answer; 0: none. */
static unsigned model_command(struct sd_model *card, unsigned index, uint32_t argument,
                              uint32_t answer[4])
{
    bool application = card->application;
    bool addressed = argument >> 16 == MODEL_RCA;

    card->application = false;
    if (card->absent) {
        return 0;
    }
    if (index == 0) {
        card->state = MODEL_IDLE;
        card->left = card->powers_up;
        card->width = 1;
        card->block_length = 0;
        card->resets++;
        return 0;
    }
    if (application) {
        return model_application(card, index, argument, answer);
    }
    switch (index) {
    case 2:
        if (card->state != MODEL_READY) {
            return 0;
        }
        card->state = MODEL_IDENT;
        memcpy(answer, card->cid, sizeof(card->cid));
        return 4;
    case 3:
        if (card->state != MODEL_IDENT) {
            return 0;
        }
        card->state = MODEL_STBY;
        answer[0] = MODEL_RCA << 16 | 0x500;
        return 1;
    case 7:
        if (card->state != MODEL_STBY || !addressed) {
            return 0;
        }
        answer[0] = model_status(card, index);
        card->state = MODEL_TRAN;
        return 1;
    case 8:
        if (card->old || card->state != MODEL_IDLE) {
            return 0;
        }
        answer[0] = card->garbles ? argument ^ 1 : argument;
        return 1;
    case 9:
        if (card->state != MODEL_STBY || !addressed) {
            return 0;
        }
        memcpy(answer, card->csd, sizeof(card->csd));
        return 4;
    case 12:
        if (card->state != MODEL_SEND && card->state != MODEL_RECEIVE) {
            return 0;
        }
        card->stops++;
        answer[0] = model_status(card, index);
        card->left = card->programs;
        card->state = card->state == MODEL_SEND || card->left == 0 ? MODEL_TRAN : MODEL_PROGRAM;
        return 1;
    case 13:
        if (card->state < MODEL_STBY || !addressed) {
            return 0;
        }
        card->statuses++;
        answer[0] = model_status(card, index);
        if (card->state == MODEL_PROGRAM && --card->left == 0) {
            card->state = MODEL_TRAN;
        }
        return 1;
    case 16:
        if (card->state != MODEL_TRAN) {
            return 0;
        }
        card->block_length = argument;
        answer[0] = model_status(card, index);
        return 1;
    case 17:
    case 18:
    case 24:
    case 25:
        if (card->state != MODEL_TRAN) {
            return 0;
        }
        card->argument = argument;
        answer[0] = model_status(card, index);
        card->state = index < 20 ? MODEL_SEND : MODEL_RECEIVE;
        return 1;
    case 55:
        if (card->multimedia || (card->state != MODEL_IDLE && !addressed)) {
            return 0;
        }
        card->application = true;
        answer[0] = model_status(card, index);
        return 1;
    default:
        return 0;
    }
}

/* A single sector went by. */
static inline void model_data_done(struct sd_model *card)
{
    card->left = card->programs;
    card->state = card->state == MODEL_SEND || card->left == 0 ? MODEL_TRAN : MODEL_PROGRAM;
}

#endif
