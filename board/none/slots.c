/* SPDX-License-Identifier: MIT */
/*
 * For boards whose folder has no slots.c: images do not lie in slots.
 */
#include "board/slots.h"

#include "ashlar/errors.h"

int board_find_slots(struct board_slots *slots)
{
    (void)slots;
    return ASH_ENOSYS;
}
