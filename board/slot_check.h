/* SPDX-License-Identifier: MIT */
/*
 * How a slot is judged and chosen, once for the firmware and for the selector, which has neither
 * RAM nor a stack: all of this is inlined, and keeps what it needs in registers. Reads by aligned
 * words only, as it must with the MMU off.
 */
#ifndef BOARD_SLOT_CHECK_H
#define BOARD_SLOT_CHECK_H

#include "ashlar/slot.h"

#define SLOT_INLINE static inline __attribute__((always_inline))

/* CRC-32 (IEEE 802.3, reflected polynomial 0xedb88320), four bits at a time. */
static const uint32_t slot_crc_table[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

SLOT_INLINE uint32_t slot_crc(uint32_t crc, const uint32_t *words, size_t count)
{
    crc = ~crc;
    for (const uint32_t *end = words + count; words != end; words++) {
        crc ^= *words;
        for (unsigned i = 0; i < 8; i++) {
            crc = crc >> 4 ^ slot_crc_table[crc & 15];
        }
    }
    return ~crc;
}

SLOT_INLINE enum ash_slot_fault slot_check_header(const struct ash_slot_header *header,
                                                  uint32_t place, uint32_t room, uint32_t machine)
{
    uint32_t length = header->length;

    if (header->magic != ASH_SLOT_MAGIC) {
        return ASH_SLOT_EMPTY;
    }
    if (header->format != ASH_SLOT_FORMAT) {
        return ASH_SLOT_OTHER_FORMAT;
    }
    if (header->header_crc != slot_crc(0, (const uint32_t *)header, sizeof(*header) / 4 - 1)) {
        return ASH_SLOT_HEADER_CRC;
    }
    if (header->machine != machine) {
        return ASH_SLOT_OTHER_MACHINE;
    }
    if (header->start != place + ASH_SLOT_HEADER_BYTES) {
        return ASH_SLOT_OTHER_PLACE;
    }
    if (length == 0 || length % 4 != 0 || room < ASH_SLOT_HEADER_BYTES ||
        length > room - ASH_SLOT_HEADER_BYTES) {
        return ASH_SLOT_BAD_LENGTH;
    }
    return ASH_SLOT_VALID;
}

/* The slot that lies at `base` in memory: header and image. */
SLOT_INLINE enum ash_slot_fault slot_check(const void *base, uint32_t place, uint32_t room,
                                           uint32_t machine)
{
    const struct ash_slot_header *header = base;
    const uint32_t *image = (const uint32_t *)base + ASH_SLOT_HEADER_BYTES / 4;
    enum ash_slot_fault fault = slot_check_header(header, place, room, machine);

    if (fault == ASH_SLOT_VALID && slot_crc(0, image, header->length / 4) != header->image_crc) {
        fault = ASH_SLOT_IMAGE_CRC;
    }
    return fault;
}

SLOT_INLINE bool slot_newer(uint32_t v, uint32_t w)
{
    return v != w && v - w < 0x80000000u;
}

SLOT_INLINE int slot_choose(enum ash_slot_fault fault0, uint32_t version0,
                            enum ash_slot_fault fault1, uint32_t version1)
{
    if (fault1 == ASH_SLOT_VALID && (fault0 != ASH_SLOT_VALID || slot_newer(version1, version0))) {
        return 1;
    }
    return fault0 == ASH_SLOT_VALID ? 0 : -1;
}

#endif
