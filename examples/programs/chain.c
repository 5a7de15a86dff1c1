/* SPDX-License-Identifier: MIT */
/*
 * chain N: takes its own place N times, each time with what it was given last. Ends with the length
 * of what has come together: N bytes.
 */
#include <string.h>

#include "program.h"

int main(int argc, char **argv)
{
    static char left[2] = "0", text[16];
    static char *next[] = {"chain", left, text, NULL};
    unsigned long rounds = argc > 1 ? number_of(argv[1]) : 0;
    size_t length = argc > 2 ? strlen(argv[2]) : 0;

    if (rounds == 0) {
        return (int)length;
    }
    EXPECT(rounds < 10 && length < 10 && text[0] == '\0');
    left[0] = (char)('0' + rounds - 1);
    memset(text, 'x', length + 1);
    return (int)call(ASH_CALL_EXEC, (uintptr_t)next, 0, 0);
}
