/* SPDX-License-Identifier: MIT */
/*
 * Mistakes on purpose: each provokes one exception or corruption. The self-tests catch them and
 * look at what was caught; the prompt's `crash` lets them end in their report.
 */
#ifndef ASHLAR_TARGET_PROVOKE_H
#define ASHLAR_TARGET_PROVOKE_H

#include <stdint.h>

#include "ashlar/trap.h"

struct provocation {
    const char *name;
    const char *help;
    void (*run)(void *unused);
    enum ash_stack overflows; /**< the stack that it runs over; "overflow-..." only */
};

/** The n-th of them, or NULL. */
const struct provocation *provoke_nth(unsigned n);

/** The provocation of that name, or NULL. */
const struct provocation *provoke_find(const char *name);

/** A table that lies where constants lie, and the words in it. */
#define PROVOKE_TABLE_WORDS 4
extern const uint32_t provoke_table[PROVOKE_TABLE_WORDS];

/* In the processor's own folder. */

/** Those that this processor alone has; the last has name NULL. */
extern const struct provocation provoke_own[];

/** Each executes the instruction at its second name. */
void provoke_undefined(void *unused);
extern const char provoke_undefined_at[];
void provoke_call(void *unused);
extern const char provoke_call_at[];
/** Loads from provoke_table + 2. */
void provoke_alignment(void *unused);
/** Pushes on the stack that is in use until it runs over. */
void provoke_overflow_here(void *unused);
/** Runs fn(argument) on the stack that ends at `top`. */
void provoke_on_stack(void (*fn)(void *argument), void *argument, void *top);
/** The instruction "return", to be copied somewhere and called. */
extern const uint32_t provoke_return_code[];

#endif
