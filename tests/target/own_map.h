/* SPDX-License-Identifier: MIT */
/*
 * A map of a test's own in the upper half, its tables from a few pages.
 */
#ifndef ASHLAR_TARGET_OWN_MAP_H
#define ASHLAR_TARGET_OWN_MAP_H

#include "ashlar/mmu.h"
#include "tests/target/upper_half.h"

extern struct ash_mmu own_map;

/** Runs body with a fresh map of these options there, interrupts masked, and demands all its tables
 *  back. Nothing may be printed meanwhile; body returns what went wrong, or NULL. */
void own_map_with(const char *(*body)(void), struct ash_mmu_config config);

/** An address there. */
#define OWN_MAP_AT(offset) (UPPER_HALF_BASE + (uintptr_t)(offset))

#endif
