/* SPDX-License-Identifier: MIT */
/*
 * bad KIND [ADDRESS]: does what no program may, and does not come back from it. `read`, `write` and
 * `jump` take an address in hexadecimal, by default null. Ends with 0 only if nothing stopped it.
 */
#include <string.h>

#include "program.h"

static const char constant[] = "constant";

static uintptr_t address_of(const char *text)
{
    uintptr_t address = 0;

    for (; *text != '\0'; text++) {
        address = 16 * address + (uintptr_t)(*text <= '9' ? *text - '0' : (*text | 32) - 'a' + 10);
    }
    return address;
}

static void overflow(void)
{
    volatile char *stack = __builtin_frame_address(0);

    for (size_t i = 0;; i += 1024) {
        stack[-(ptrdiff_t)i] = 1;
    }
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "";
    uintptr_t address = argc > 2 ? address_of(argv[2]) : 0;

    if (strcmp(kind, "read") == 0) {
        (void)*(const volatile char *)address;
    } else if (strcmp(kind, "write") == 0) {
        *(volatile char *)address = 1;
    } else if (strcmp(kind, "jump") == 0) {
        ((void (*)(void))address)();
    } else if (strcmp(kind, "constant") == 0) {
        *(volatile char *)(uintptr_t)constant = 'C';
    } else if (strcmp(kind, "code") == 0) {
        *(volatile char *)((uintptr_t)main & ~(uintptr_t)1) = 0;
    } else if (strcmp(kind, "data") == 0) {
        ((void (*)(void))(uintptr_t)argv)();
    } else if (strcmp(kind, "undefined") == 0) {
        undefined_instruction();
    } else if (strcmp(kind, "privileged") == 0) {
        privileged_instruction();
    } else if (strcmp(kind, "stack") == 0) {
        overflow();
    } else {
        print("bad read|write|jump [ADDRESS], bad constant|code|data|undefined|privileged|stack\n");
        return 1;
    }
    return 0;
}
