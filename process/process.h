/* SPDX-License-Identifier: MIT */
/*
 * Inside processes: loading, arguments, calls.
 */
#ifndef ASHLAR_PROCESS_PROCESS_H
#define ASHLAR_PROCESS_PROCESS_H

#include "ashlar/process.h"
#include "vm/anonymous.h"

#define PROCESS_LOW   0x10000u /* bytes at the start of a space that are never mapped */
#define PROCESS_STACK 0x10000u

/* process/load.c */

/**
 * Puts a program with its arguments into the space that the process is not in, and makes it the
 * one that it is in; there is none left where it was. All or nothing.
 */
int process_load(struct ash_process *process, const struct ash_arguments *arguments);

/** Gives back a space with all its memory. It is current nowhere. */
void process_unload(struct ash_space *space);

/** The first address of what a process may map by itself, and the end of it. */
ash_va_t process_map_low(void);
ash_va_t process_map_high(void);

/* process/arguments.c */

/** Copies the list of strings at `list` in the current space. Errors: ASH_EFAULT, ASH_EINVAL (no
 *  string), ASH_ERANGE. */
int arguments_read(struct ash_arguments *arguments, ash_va_t list);

/** What a program finds on its stack: pointers to its arguments, a null pointer, and the
 *  strings. */
struct arguments_block {
    uintptr_t pointer[ASH_ARGUMENTS + 1];
    char text[ASH_ARGUMENTS_BYTES];
};
/** Makes it for a stack that ends at `top`, and says where it starts there: aligned as a stack
 *  pointer must be. */
ash_va_t arguments_place(const struct ash_arguments *arguments, ash_va_t top,
                         struct arguments_block *block);

/* process/calls.c */

/** What a call can end a run with, besides the events of ash_process_run(). */
#define PROCESS_EXEC (-1)

/** Serves a call of the process. True: it goes on at once; else what its `event` says. */
bool process_call(struct ash_user *user);

#endif
