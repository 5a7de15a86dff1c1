/* SPDX-License-Identifier: MIT */
/*
 * Text on the console without the C library. Every newline goes out as CR LF.
 */
#include "startup/early_print.h"

#include "ashlar/board.h"
#include "port/port.h"

void early_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            ash_board.console->put('\r');
        }
        ash_board.console->put(*text);
    }
}

void early_hex(uint64_t value, unsigned digits)
{
    unsigned shift = 60;

    while (shift != 0 && shift / 4 >= digits && (value >> shift) == 0) {
        shift -= 4;
    }
    early_text("0x");
    for (;; shift -= 4) {
        ash_board.console->put("0123456789abcdef"[(value >> shift) & 0xf]);
        if (shift == 0) {
            break;
        }
    }
}

void early_decimal(uint32_t value)
{
    char digits[11];
    unsigned i = sizeof(digits) - 1;

    digits[i] = '\0';
    do {
        digits[--i] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    early_text(&digits[i]);
}

void early_stop(void)
{
    (void)port_irq_save();
    for (;;) {
        port_wait_interrupt();
    }
}
