/* SPDX-License-Identifier: MIT */
/*
 * What picolibc asks of the system: a console as its three streams, an end of the program, and
 * nothing else. Memory never comes through sbrk: the malloc family is Ashlar's (alloc/malloc.c).
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "startup/report.h"

static int console_put(char c, FILE *file)
{
    (void)file;
    if (c == '\n') {
        ash_board.console->put('\r');
    }
    ash_board.console->put(c);
    return (unsigned char)c;
}

/* Waits for a character. */
static int console_get(FILE *file)
{
    int c;

    (void)file;
    do {
        c = ash_board.console->get();
    } while (c < 0);
    return c;
}

static FILE console = FDEV_SETUP_STREAM(console_put, console_get, NULL, _FDEV_SETUP_RW);

FILE *const stdin = &console;
FILE *const stdout = &console;
FILE *const stderr = &console;

/* abort() and raise() end here. */
int kill(pid_t process, int signal)
{
    (void)process;
    report_signal(signal);
}

pid_t getpid(void)
{
    return 1;
}

void _exit(int status)
{
    (void)status;
    ash_power_off();
}
