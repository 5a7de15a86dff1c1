/* SPDX-License-Identifier: MIT */
/*
 * The firmware's own map, from the platform and the image.
 */
#ifndef ASHLAR_STARTUP_BOOT_MAP_H
#define ASHLAR_STARTUP_BOOT_MAP_H

#include "ashlar/lock.h"
#include "ashlar/mmu.h"
#include "ashlar/platform.h"
#include "ashlar/regions.h"

extern struct ash_spinlock ash_boot_map_lock;

/** log2 of the addresses that belong to spaces; 0: the board or the firmware has none. */
unsigned boot_space_bits(void);

/** Physical addresses that the identity map reaches: [0, limit). */
uint64_t boot_map_limit(void);

/**
 * Builds the map with the MMU off, its tables taken from `regions`. Where the remap zone lies is
 * returned in *zone. 0, or an error with *what naming the part that failed.
 */
int boot_map_build(struct ash_regions *regions, const struct ash_platform *platform,
                   struct ash_range *zone, const char **what);

/** Tables from what `regions` has left, before there is a frame allocator. */
void boot_tables_early(struct ash_regions *regions, struct ash_mmu_tables *tables);

/** After the frame allocator runs: tables come from it, and those taken before are its own now. */
int boot_tables_adopt(void);

/** Tells spaces, if the firmware has them, what the board gives them. */
void boot_spaces_init(void);

/** Maps a device at VA = PA while the map is built; one that lies elsewhere is left to its driver.
 *  Errors as ash_map_device(). */
int boot_map_device(ash_pa_t pa, uint64_t size);

#endif
