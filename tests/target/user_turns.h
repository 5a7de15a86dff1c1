/* SPDX-License-Identifier: MIT */
/*
 * A context that has something in every register and turns all of it over in each round (the piece
 * user_turns): what is lost, or comes from elsewhere, shows in the end.
 */
#ifndef ASHLAR_TARGET_USER_TURNS_H
#define ASHLAR_TARGET_USER_TURNS_H

#include "tests/target/user_program.h"

/** Fills the context; `seed` tells those that are there at the same time apart. Two calls a round,
 *  of which the first is the one to end at. */
void user_turns_begin(struct ash_user *user, unsigned seed);

/** What must be in a general register at the calls of a round (1 and on), but for [0]. */
uintptr_t user_turns_general(unsigned seed, unsigned n, unsigned round);

/** At the first call of a round: what is not as it must be, or NULL. */
const char *user_turns_end(struct ash_user *user, unsigned seed, unsigned round);

#endif
