/* SPDX-License-Identifier: MIT */
/*
 * Programs of the archive, for suites: started, run to their end, looked at.
 */
#ifndef ASHLAR_TARGET_PROGRAMS_H
#define ASHLAR_TARGET_PROGRAMS_H

#include "ashlar/process.h"

/** What programs wrote since programs_forget(), as far as there is room; ends with a zero byte. */
extern char programs_output[256];
void programs_forget(void);

/** Makes a process of a line of words. Errors: as ash_process_create(). */
int programs_create(struct ash_process *process, const char *line);

/** Makes it, runs it to its end without a scheduler, destroys it. What it ended with, or the error
 *  that kept it from starting; *process tells the rest. */
int programs_run_alone(struct ash_process *process, const char *line);

/** Frames that are in use on account of programs. */
uint32_t programs_frames(void);

#define PROGRAMS_OR_SKIP()                                                                         \
    do {                                                                                           \
        if (ash_space_size() == 0) {                                                               \
            target_skip("this build has no spaces");                                               \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#endif
