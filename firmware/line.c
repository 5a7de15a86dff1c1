/* SPDX-License-Identifier: MIT */
/*
 * A line editor for a serial console: echo, backspace, clear and abandon.
 */
#include <stdbool.h>
#include <stdio.h>

#include "ashlar/board.h"
#include "firmware/prompt.h"

#define CTRL(letter) ((letter)&0x1f)
#define DELETE       0x7f

static void echo(const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

/* The characters of an escape sequence (arrow keys and the like) are swallowed: ESC [ ... letter */
static bool in_escape(int c, int *state)
{
    if (*state == 0) {
        *state = c == 0x1b ? 1 : 0;
        return *state != 0;
    }
    if (*state == 1) {
        *state = c == '[' || c == 'O' ? 2 : 0;
        return true;
    }
    if (c >= '@' && c <= '~') {
        *state = 0;
    }
    return true;
}

void line_read(char *line, size_t size)
{
    static int last; /* a LF right after a CR belongs to it */
    size_t length = 0;
    int escape = 0;

    for (;;) {
        int c = ash_board.console->get();

        if (c < 0 || in_escape(c, &escape)) {
            continue;
        }
        if (c == '\n' && last == '\r') {
            last = c;
            continue;
        }
        last = c;
        if (c == '\r' || c == '\n') {
            echo("\n");
            line[length] = '\0';
            return;
        }
        if (c == '\b' || c == DELETE) {
            if (length > 0) {
                length--;
                echo("\b \b");
            }
        } else if (c == CTRL('U')) {
            for (; length > 0; length--) {
                echo("\b \b");
            }
        } else if (c == CTRL('C')) {
            echo("^C\n");
            line[0] = '\0';
            return;
        } else if (c >= ' ' && c < DELETE && length + 1 < size) {
            char text[2] = {(char)c, '\0'};

            line[length++] = (char)c;
            echo(text);
        }
    }
}
