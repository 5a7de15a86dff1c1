/* SPDX-License-Identifier: MIT */
/*
 * What the programs share.
 */
#include "program.h"

#include <string.h>

_Noreturn void exit(int code)
{
    for (;;) {
        (void)call(ASH_CALL_EXIT, (uintptr_t)code, 0, 0);
    }
}

void print(const char *text)
{
    size_t length = strlen(text), done = 0;
    intptr_t part;

    do {
        part = call(ASH_CALL_WRITE, 1, (uintptr_t)text + done, length - done);
        done += part > 0 ? (size_t)part : 0;
    } while (part > 0 && done < length);
}

void print_number(unsigned long number)
{
    char digits[24];
    char *first = &digits[sizeof digits - 1];

    *first = '\0';
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    print(first);
}

unsigned long number_of(const char *text)
{
    unsigned long number = 0;

    for (; *text >= '0' && *text <= '9'; text++) {
        number = 10 * number + (unsigned long)(*text - '0');
    }
    return *text == '\0' ? number : 0;
}

void expect(int holds, const char *what, int line)
{
    if (!holds) {
        print("not so: ");
        print(what);
        print("\n");
        exit(line);
    }
}
