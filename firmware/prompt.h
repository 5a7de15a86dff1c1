/* SPDX-License-Identifier: MIT */
/*
 * The interactive prompt on the console.
 */
#ifndef ASHLAR_FIRMWARE_PROMPT_H
#define ASHLAR_FIRMWARE_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

/** Reads and runs commands, for ever. */
_Noreturn void prompt_run(void);

/** Reads one line into `line` (size bytes, zero-terminated) with echo and editing: backspace,
 *  ^U clears, ^C abandons. Ends at CR or LF. */
void line_read(char *line, size_t size);

/** Prints what the firmware found and configured. */
void banner_print(void);

/** Prints what lies where in memory, and the firmware's tables. */
void mem_print(void);

/** The prompt's commands of these names; they take no argument. */
void usage_print(const char *argument);
void buddyinfo_print(const char *argument);
void slabinfo_print(const char *argument);

/** Prints what the slots of images hold; and writes a new image from a disk into the free one. */
void slots_print(const char *argument);
void update_run(const char *argument);

/** Runs programs of the archive, several at once if they stand between `&`; without any, lists
 *  them. */
void programs_run(const char *line);

/** For so many seconds, and everything once at least, on all CPUs: makes processes, runs them, lets
 * them fault and destroys them; then says whether all is as it was. False: it is not. */
bool soak_run(unsigned seconds);

/** Prints each CPU and what it does. */
void cpus_print(void);

/** Provokes the named exception or overflow, whose report ends the program; -1 for an unknown
 *  name. crash_list() prints the names. */
int crash(const char *name);
void crash_list(void);

#endif
