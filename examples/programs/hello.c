/* SPDX-License-Identifier: MIT */
/*
 * hello [WORD...]: says so, and what it was given. Ends with the number of words.
 */
#include "program.h"

int main(int argc, char **argv)
{
    print("Hello from user mode.");
    for (int i = 1; i < argc; i++) {
        print(" ");
        print(argv[i]);
    }
    print("\n");
    EXPECT(argv[argc] == NULL);
    return argc - 1;
}
