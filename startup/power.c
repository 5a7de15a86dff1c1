/* SPDX-License-Identifier: MIT */
/*
 * Power-off and reset: the board's, or a stop that says why.
 */
#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "startup/early_print.h"
#include "startup/mailbox.h"

void ash_power_off(void)
{
    ash_board.power_off();
    early_text("ashlar: this board cannot power off; stopped\n");
    early_stop();
}

void ash_reset(void)
{
    mailbox_cancel_all();
    ash_board.reset();
    early_text("ashlar: this board cannot reset; stopped\n");
    early_stop();
}
