/* SPDX-License-Identifier: MIT */
/*
 * Driver of the PL061 GPIO: outputs only. Owns nothing between calls.
 */
#include "board/dev/pl061.h"

#include "board/dev/mmio.h"

/* DDI 0190B, section 3.2. Bits [9:2] of a data address are the mask of the lines that it touches.
 */
#define PL061_DATA(line) (4u << (line))
#define PL061_DIR        0x400u

void pl061_activate(ash_va_t base, uint32_t line, bool active_low)
{
    uint8_t bit = (uint8_t)(1u << line);

    mmio_write8(base, PL061_DATA(line), active_low ? bit : 0);
    mmio_write8(base, PL061_DIR, (uint8_t)(mmio_read8(base, PL061_DIR) | bit));
    mmio_write8(base, PL061_DATA(line), active_low ? 0 : bit);
}
