/* SPDX-License-Identifier: MIT */
/*
 * Between the updater and the board: where the slots are, and which part of them this program may
 * write.
 */
#ifndef BOARD_SLOTS_H
#define BOARD_SLOTS_H

#include "ashlar/slot.h"
#include "ashlar/types.h"

struct board_slots {
    struct ash_range slot[ASH_SLOTS];
    ash_pa_t bank; /* of flash, that they are in */
    /* The slot that this image was linked for and runs in; -1: none. Else its header and all of the
     * other slot are mapped as devices since boot, and one of them has the start of the bank. */
    int running;
    struct ash_range memory; /* what of the bank is mapped as memory: the running image */
};

/** The board's. ASH_ENOSYS: it has none. */
int board_find_slots(struct board_slots *slots);

#endif
