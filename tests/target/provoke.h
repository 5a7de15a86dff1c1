/* SPDX-License-Identifier: MIT */
/*
 * Mistakes on purpose: each provokes one exception or corruption. The self-tests catch them and
 * look at what was caught; the prompt's `crash` lets them end in their report.
 */
#ifndef ASHLAR_TARGET_PROVOKE_H
#define ASHLAR_TARGET_PROVOKE_H

#include <stdint.h>

struct provocation {
    const char *name;
    const char *help;
    void (*run)(void *unused);
};

/** All of them; the last has name NULL. */
extern const struct provocation provocations[];

/** The provocation of that name, or NULL. */
const struct provocation *provoke_find(const char *name);

/** A table that lies where constants lie, and the words in it. */
#define PROVOKE_TABLE_WORDS 4
extern const uint32_t provoke_table[PROVOKE_TABLE_WORDS];

/* In the processor's own folder. */
void provoke_undefined(void *unused);
void provoke_call(void *unused);
void provoke_alignment(void *unused);
/** Pushes on the stack of that name until it runs over. */
void provoke_overflow_svc(void *unused);
void provoke_overflow_irq(void *unused);
void provoke_overflow_fiq(void *unused);
void provoke_overflow_abt(void *unused);
void provoke_overflow_und(void *unused);
/** Pushes on the stack that is in use until it runs over. */
void provoke_overflow_here(void *unused);
/** Runs fn(argument) on the stack that ends at `top`. */
void provoke_on_stack(void (*fn)(void *argument), void *argument, void *top);
/** The instruction "return", to be copied somewhere and called. */
extern const uint32_t provoke_return_code[];

#endif
