/* SPDX-License-Identifier: MIT */
/*
 * Slots: places in NOR flash that hold a firmware image each, so that one can be written while the
 * other runs. A slot begins with a page that holds the header; the image follows, linked for that
 * place. The header is written last: a slot whose header is right has been written as a whole.
 *
 * Which one runs: the valid one with the newer version. Versions are compared as serial numbers: v
 * is newer than w if it is 1 to 2^31 - 1 steps ahead of it, counted modulo 2^32; so numbers may
 * wrap, and what is valid in a board's two slots at any time must lie less than 2^31 apart. Of two
 * equal versions (or ones exactly 2^31 apart) the first slot runs.
 */
#ifndef ASHLAR_SLOT_H
#define ASHLAR_SLOT_H

#include "types.h"

#define ASH_SLOTS             2u
#define ASH_SLOT_HEADER_BYTES 4096u /**< from a slot's start to its image */
#define ASH_SLOT_MAGIC        0x544c5341u
#define ASH_SLOT_FORMAT       1u
#define ASH_SLOT_A32          40u /**< `machine`: that of the ELF file */
#define ASH_SLOT_A64          183u

/** The header: little-endian words. CRCs are CRC-32 of IEEE 802.3. */
struct ash_slot_header {
    uint32_t magic;      /**< written last of all; 0: the slot was given up */
    uint32_t format;     /**< ASH_SLOT_FORMAT; another format may mean anything behind this word */
    uint32_t machine;    /**< execution state that the image enters */
    uint32_t start;      /**< address that the image is linked for and entered at */
    uint32_t length;     /**< bytes of the image, a multiple of 4 */
    uint32_t version;    /**< chosen by whoever made the image */
    uint32_t image_crc;  /**< of these bytes */
    uint32_t header_crc; /**< of all words before this one */
};

/** What is wrong with a slot; the first that is, in this order. */
enum ash_slot_fault {
    ASH_SLOT_VALID,
    ASH_SLOT_EMPTY,         /**< no magic: erased, given up, or torn while it was written */
    ASH_SLOT_OTHER_FORMAT,  /**< of a later kind */
    ASH_SLOT_HEADER_CRC,    /**< the header is damaged */
    ASH_SLOT_OTHER_MACHINE, /**< for another execution state */
    ASH_SLOT_OTHER_PLACE,   /**< linked for another address */
    ASH_SLOT_BAD_LENGTH,    /**< of no bytes, of odd ones, or longer than the slot */
    ASH_SLOT_IMAGE_CRC,     /**< the image is damaged */
};

/** The execution state that this was built for. */
uint32_t ash_slot_machine(void);

/**
 * Judges a header alone: all but the image's CRC. `place` is the address of the slot that it is in
 * or meant for, `room` that slot's bytes. Any context; constant time.
 */
enum ash_slot_fault ash_slot_check_header(const struct ash_slot_header *header, uint32_t place,
                                          uint32_t room, uint32_t machine);

/** True if v is newer than w: see above. */
bool ash_slot_newer(uint32_t v, uint32_t w);

/** Of two slots: which one runs, 0 or 1; -1: none. */
int ash_slot_choose(const enum ash_slot_fault fault[ASH_SLOTS], const uint32_t version[ASH_SLOTS]);

/** CRC-32 of `bytes` (a multiple of 4) from a word-aligned address on; `crc` is 0, or the CRC of
 *  what comes before. Any context. Cost: linear; about 10 instructions a byte. */
uint32_t ash_slot_crc(uint32_t crc, const void *start, size_t bytes);

/** "image damaged" and so on. */
const char *ash_slot_fault_name(enum ash_slot_fault fault);

#endif
