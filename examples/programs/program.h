/* SPDX-License-Identifier: MIT */
/*
 * What the programs here share: calls of the firmware, and a little printing. main() returns the
 * code with which a program ends.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "ashlar/call.h"

/** A call by its number (start.S). */
intptr_t call(uintptr_t number, uintptr_t a, uintptr_t b, uintptr_t c);

_Noreturn void exit(int code);
void print(const char *text);
void print_number(unsigned long number);

/** A decimal number; 0 for anything else. */
unsigned long number_of(const char *text);

/** Ends the program with the number of the line, and says where, unless `what` holds. */
#define EXPECT(what) expect((what), #what, __LINE__)
void expect(int holds, const char *what, int line);

/** Instructions that user mode has not (start.S). */
void undefined_instruction(void);
void privileged_instruction(void);

#endif
