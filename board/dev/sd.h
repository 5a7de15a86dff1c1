/* SPDX-License-Identifier: MIT */
/*
 * SD memory cards (SD Specifications, Part 1, Physical Layer Simplified Specification, version
 * 6.00): from reset to the transfer state, and what their registers say. Knows no controller.
 */
#ifndef BOARD_DEV_SD_H
#define BOARD_DEV_SD_H

#include "ashlar/types.h"

/** Commands (4.7.4) that move data, or that drivers send by themselves. */
enum sd_command {
    SD_GO_IDLE = 0,
    SD_STOP = 12,
    SD_SEND_STATUS = 13,
    SD_READ_SINGLE = 17,
    SD_READ_MULTIPLE = 18,
    SD_WRITE_SINGLE = 24,
    SD_WRITE_MULTIPLE = 25,
};

/** Forms of responses (4.9). */
enum sd_response {
    SD_NONE,
    SD_SHORT,     /**< R1, R6, R7: 32 bits, with CRC */
    SD_SHORT_RAW, /**< R3: 32 bits, without */
    SD_BUSY,      /**< R1b: R1, and busy afterwards */
    SD_LONG,      /**< R2: 128 bits, with CRC */
};

/** How fast, and on how many lines. */
enum sd_speed {
    SD_IDENTIFY, /**< at most 400 kHz, one line */
    SD_DEFAULT,  /**< at most 25 MHz, four lines */
};

/** A controller, as this protocol needs it. */
struct sd_host {
    /** Sends a command, waits for the response and for the end of busy. 0; ASH_ETIMEDOUT (no
     *  response), ASH_EIO (a damaged one). A long response fills four words, bits 127 to 96 first;
     *  others one. */
    int (*command)(struct sd_host *host, unsigned index, uint32_t argument,
                   enum sd_response response, uint32_t *answer);
    /** Errors: ASH_EIO. */
    int (*set_speed)(struct sd_host *host, enum sd_speed speed);
    uint64_t (*now_ns)(void);
};

struct sd_card {
    uint32_t id[4];      /**< CID: no two cards have the same */
    uint64_t sectors;    /**< of 512 bytes */
    uint32_t address;    /**< RCA << 16, as arguments have it */
    bool counts_sectors; /**< in arguments; else bytes */
    bool read_only;      /**< says its CSD */
};

/** Bits of an R1 (4.10.1) that say that something went wrong with a command. */
#define SD_STATUS_ERRORS       0xfdf98008u
#define SD_STATUS_OUT_OF_RANGE (1u << 31)

/** True if a card with this R1 takes the next command for data: READY_FOR_DATA, state tran. */
static inline bool sd_is_ready(uint32_t status)
{
    return (status & (1u << 8)) != 0 && (status >> 9 & 0xf) == 4;
}

/** The argument that names a sector. */
static inline uint32_t sd_argument(const struct sd_card *card, uint64_t sector)
{
    return (uint32_t)(card->counts_sectors ? sector : sector * 512);
}

/** Fills capacity and protection from a CSD (5.3). ASH_ENODEV: a structure that is not known. */
int sd_read_csd(const uint32_t csd[4], struct sd_card *card);

/**
 * Resets whatever card there is and brings it to the transfer state, on four lines, with sectors of
 * 512 bytes. Errors: ASH_ENODEV (no card, or no SD memory card, or not for 3.3 V), ASH_ETIMEDOUT
 * (it does not get ready), ASH_EIO. Takes at most as long as a card may for its power-up.
 */
int sd_identify(struct sd_host *host, struct sd_card *card);

/** The card's R1 (CMD13). Errors: those of sd_host.command. */
int sd_get_status(struct sd_host *host, const struct sd_card *card, uint32_t *status);

#endif
