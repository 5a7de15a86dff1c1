/* SPDX-License-Identifier: MIT */
/*
 * Processes: a program of an archive, in a space of its own, with the calls of call.h. Its memory
 * is eager: every page has its frame from the start.
 *
 * A process owns no thread: whoever calls ash_process_run() lends it one, any context on any CPU,
 * one at a time. Of all functions, unless said otherwise. Context: not in interrupts, interrupts
 * enabled, no lock held, no space current.
 *
 * The addresses of its space: from the second 64 KiB on the program and behind it its heap (brk);
 * from the middle on what it maps; 64 KiB of stack below the last page, which stays empty.
 */
#ifndef ASHLAR_PROCESS_H
#define ASHLAR_PROCESS_H

#include "call.h"
#include "program.h"
#include "space.h"
#include "user.h"

/** Strings that a program starts with, one behind the other, each with its end. */
struct ash_arguments {
    unsigned count;
    size_t size; /**< bytes in use */
    char text[ASH_ARGUMENTS_BYTES];
};

/** Adds one. Errors: ASH_ERANGE (too many, or no room). Any context. */
int ash_arguments_add(struct ash_arguments *arguments, const char *string);

enum ash_process_event {
    ASH_PROCESS_INTERRUPT, /**< an interrupt came and was served, or may have: a call took time */
    ASH_PROCESS_YIELD,     /**< it lets others go first */
    ASH_PROCESS_EXIT,      /**< it ended by itself: `code` */
    ASH_PROCESS_FAULT,     /**< it did what it must not: `trap` */
};

/** A process. Its fields are the module's own, but for those that tell how it ended. */
struct ash_process {
    struct ash_user user;
    struct ash_space space[2]; /* the one that it is in, and the one that exec makes */
    unsigned in;
    ash_va_t heap, heap_end; /* the latter of any alignment */
    const struct ash_archive *programs;
    size_t (*write)(const char *bytes, size_t size);
    int event; /* of the last run */
    char name[ASH_SPACE_NAME];
    int code;             /**< that it gave to exit */
    struct ash_trap trap; /**< what it did */
};

/**
 * A process that is about to start the program that the first argument names, in the archive
 * `programs` (kept by reference, and exec looks there too). write(bytes, size) takes what it
 * writes, and returns how much it took; up to 128 bytes at a time, any address of the firmware's.
 * Errors: ASH_EINVAL (no argument, no function), ASH_ENODEV (no spaces here), those of
 * ash_archive_find() and ash_elf_read(), ASH_ENOMEM. Cost: linear in the program's size.
 */
int ash_process_create(struct ash_process *process, const struct ash_archive *programs,
                       size_t (*write)(const char *bytes, size_t size),
                       const struct ash_arguments *arguments);

/** Runs it until there is something to tell; after an interrupt or a yield it can be run on. */
enum ash_process_event ash_process_run(struct ash_process *process);

/** How it ended, in a line or a few: "program NAME: ...". */
void ash_process_report(const struct ash_process *process, ash_print_fn print);

/** Gives everything back: frames, tables, the space. At any time between two runs. */
void ash_process_destroy(struct ash_process *process);

#endif
