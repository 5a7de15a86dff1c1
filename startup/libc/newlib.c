/* SPDX-License-Identifier: MIT */
/*
 * What the C library asks of the system: a console as files 0, 1 and 2, an end of the program, and
 * nothing else. Memory never comes through sbrk: the malloc family is Ashlar's (alloc/malloc.c).
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "startup/report.h"

int _write(int file, const char *text, int length);
int _read(int file, char *text, int length);
int _close(int file);
int _fstat(int file, struct stat *status);
int _isatty(int file);
int _lseek(int file, int offset, int whence);
int _kill(int process, int signal);
int _getpid(void);
void *_sbrk(ptrdiff_t increment);
_Noreturn void _exit(int status);
void _fini(void);
void __libc_fini(void);

int _write(int file, const char *text, int length)
{
    if (file != STDOUT_FILENO && file != STDERR_FILENO) {
        errno = EBADF;
        return -1;
    }
    for (int i = 0; i < length; i++) {
        if (text[i] == '\n') {
            ash_board.console->put('\r');
        }
        ash_board.console->put(text[i]);
    }
    return length;
}

/* Waits for one character at least; hands out what there is. */
int _read(int file, char *text, int length)
{
    int count = 0;

    if (file != STDIN_FILENO) {
        errno = EBADF;
        return -1;
    }
    while (count < length) {
        int c = ash_board.console->get();

        if (c >= 0) {
            text[count++] = (char)c;
        } else if (count > 0) {
            break;
        }
    }
    return count;
}

int _close(int file)
{
    (void)file;
    errno = EBADF;
    return -1;
}

int _fstat(int file, struct stat *status)
{
    (void)file;
    status->st_mode = S_IFCHR;
    status->st_blksize = 0;
    return 0;
}

int _isatty(int file)
{
    return file >= STDIN_FILENO && file <= STDERR_FILENO;
}

int _lseek(int file, int offset, int whence)
{
    (void)file;
    (void)offset;
    (void)whence;
    errno = ESPIPE;
    return -1;
}

/* abort() and raise() end here. */
int _kill(int process, int signal)
{
    (void)process;
    report_signal(signal);
}

int _getpid(void)
{
    return 1;
}

void *_sbrk(ptrdiff_t increment)
{
    (void)increment;
    errno = ENOMEM;
    return (void *)-1;
}

void _exit(int status)
{
    (void)status;
    ash_power_off();
}

/* exit() calls it after the functions of .fini_array; crti.o is not linked. */
void _fini(void)
{
}

/* newlib runs .fini_array at exit() only where this symbol exists (its register_fini()). */
void __libc_fini(void)
{
}
