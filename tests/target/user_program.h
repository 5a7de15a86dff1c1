/* SPDX-License-Identifier: MIT */
/*
 * A program of user mode for tests: the pieces of user_code.h in a page of code, pages of data, and
 * a context that begins at one of them. In a map of the test's own.
 */
#ifndef ASHLAR_TARGET_USER_PROGRAM_H
#define ASHLAR_TARGET_USER_PROGRAM_H

#include "ashlar/user.h"
#include "tests/target/own_map.h"
#include "tests/target/probe.h"
#include "tests/target/user_code.h"

#define USER_WORDS (ASH_PAGE_SIZE / sizeof(uintptr_t))
#define USER_CODE  OWN_MAP_AT(0x10000)
#define USER_DATA  OWN_MAP_AT(0x20000) /* readable and writable, then one page only readable */
#define USER_HOLE  OWN_MAP_AT(0x22000)
#define USER_STACK OWN_MAP_AT(0x40000) /* where sp is; there is nothing */

/** The firmware's view of code, data and read-only data. */
struct user_page {
    volatile uintptr_t word[USER_WORDS];
};
extern struct user_page user_page[3];

/** Runs body with these pages mapped, as own_map_with(). */
void user_program_with(const char *(*body)(void));

/** Puts the pieces into the page of code. */
void user_code_load(void);

/** Where the program has a piece. */
uintptr_t user_code(const char *piece);

/** A context that begins there, with these in [0] and [1]. */
void user_start(struct ash_user *user, const char *piece, uintptr_t first, uintptr_t second);

/** Its general register n. */
uintptr_t *user_register(struct ash_user *user, unsigned n);

#endif
