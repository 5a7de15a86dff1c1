/* SPDX-License-Identifier: MIT */
/*
 * What the programs for ThreadSanitizer share: threads as CPUs, seeded numbers, memory. Each runs
 * the library's own code over port/host on 2 to 4 threads and checks what holds in any order; a
 * race is ThreadSanitizer's to report. The exit status is the verdict.
 */
#ifndef ASHLAR_THREADS_H
#define ASHLAR_THREADS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "port/port.h"

#define THREADS_MOST 4u
#define RAM_AT       UINT64_C(0x40000000)
#define RAM_IN       ((size_t)8 << 20)

/** Ends the program unless the condition holds. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/** RAM, with the frame allocator over all of it. */
void threads_boot(void);

/** Runs body(arg) on that many threads, as CPUs 0 and up, all at once, until all are through. */
void threads_run(unsigned count, void (*body)(void *arg), void *arg);

/** A number from 0 to n - 1, of this thread's own; ASH_SEED in the environment replays. */
uint32_t threads_random_below(uint32_t n);

/** Writes a mark of this thread's into all of a block, and looks whether it is still there. */
void threads_mark(void *block, size_t bytes, uint32_t mark);
void threads_check(const void *block, size_t bytes, uint32_t mark);

#endif
