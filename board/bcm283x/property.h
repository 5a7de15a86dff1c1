/* SPDX-License-Identifier: MIT */
/*
 * Questions to the firmware of the GPU ("mailbox property interface", wiki of
 * raspberrypi/firmware). Early code: MMU off, one CPU.
 */
#ifndef BOARD_BCM283X_PROPERTY_H
#define BOARD_BCM283X_PROPERTY_H

#include "ashlar/types.h"

#define PROPERTY_ARM_MEMORY 0x00010005u /**< gives base and size in bytes */
#define PROPERTY_CLOCK_RATE 0x00030002u /**< of a clock; gives the clock and its hertz */
#define PROPERTY_CLOCK_UART 2u

/**
 * Asks for `tag` with two words, which are replaced by the answer. Errors: ASH_EIO (no answer, or
 * none to this tag): the words are then what they were.
 */
int property_ask(uint32_t tag, uint32_t words[2]);

#endif
