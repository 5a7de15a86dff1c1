/* SPDX-License-Identifier: MIT */
/*
 * From a device tree to struct ash_platform. Pure: reads the blob, touches no hardware, knows no
 * board by name. Early code.
 */
#ifndef BOARD_PLATFORM_H
#define BOARD_PLATFORM_H

#include "ashlar/platform.h"

/** Physical addresses have 40 bits (LPAE). */
#define PLATFORM_PA_END ((uint64_t)1 << 40)

/** Makes *platform an empty one with one CPU. */
void platform_clear(struct ash_platform *platform);

/**
 * Fills *platform from the device tree at `blob`, of which `room` bytes may be read, as the secure
 * or the non-secure state sees it. The blob's physical address is its address.
 * Errors: ASH_EBADTREE (malformed), ASH_ENOENT (no RAM in it), ASH_ERANGE (RAM that is empty, wraps
 * or lies beyond 40 bits), ASH_EINVAL (banks of RAM overlap). *platform is then of no use, but
 * untouched if `blob` is no well-formed tree.
 */
int platform_from_tree(struct ash_platform *platform, const void *blob, uint64_t room, bool secure);

/**
 * Adds a bank of RAM, kept in ascending order. ASH_ERANGE, ASH_EINVAL (overlap); a bank too many
 * is counted as dropped.
 */
int platform_add_ram(struct ash_platform *platform, struct ash_range range);

/**
 * Adds a reserved range, cut to the physical address space. When the table is full, RAM from there
 * on is given up instead (and counted as dropped): what is reserved is never handed out.
 */
void platform_add_reserved(struct ash_platform *platform, struct ash_range range,
                           enum ash_reserved_kind kind, const char *name);

/** Bytes of the bank of RAM that holds `pa`, from there on; 0 if none does. */
uint64_t platform_ram_from(const struct ash_platform *platform, ash_pa_t pa);

#endif
