/* SPDX-License-Identifier: MIT */
/*
 * Slots of firmware images: the judgements of slot_check.h as functions. Reads what it is given and
 * changes nothing.
 */
#include "ashlar/slot.h"

#include "board/slot_check.h"

uint32_t ash_slot_machine(void)
{
    return sizeof(void *) == 8 ? ASH_SLOT_A64 : ASH_SLOT_A32;
}

enum ash_slot_fault ash_slot_check_header(const struct ash_slot_header *header, uint32_t place,
                                          uint32_t room, uint32_t machine)
{
    return slot_check_header(header, place, room, machine);
}

bool ash_slot_newer(uint32_t v, uint32_t w)
{
    return slot_newer(v, w);
}

int ash_slot_choose(const enum ash_slot_fault fault[ASH_SLOTS], const uint32_t version[ASH_SLOTS])
{
    return slot_choose(fault[0], version[0], fault[1], version[1]);
}

uint32_t ash_slot_crc(uint32_t crc, const void *start, size_t bytes)
{
    return slot_crc(crc, start, bytes / 4);
}

const char *ash_slot_fault_name(enum ash_slot_fault fault)
{
    static const char *const names[] = {
        [ASH_SLOT_VALID] = "valid",
        [ASH_SLOT_EMPTY] = "no image",
        [ASH_SLOT_OTHER_FORMAT] = "header of another format",
        [ASH_SLOT_HEADER_CRC] = "header damaged",
        [ASH_SLOT_OTHER_MACHINE] = "image for another execution state",
        [ASH_SLOT_OTHER_PLACE] = "image linked for another address",
        [ASH_SLOT_BAD_LENGTH] = "no such length",
        [ASH_SLOT_IMAGE_CRC] = "image damaged",
    };

    return (unsigned)fault < sizeof(names) / sizeof(names[0]) ? names[fault] : "unknown";
}
