/* SPDX-License-Identifier: MIT */
/*
 * Between the parts of the updater: what is to be written where (update_write.c, which knows
 * neither flash nor CPUs), and the CPUs that must not run meanwhile (update_cpus.c).
 */
#ifndef BOARD_UPDATE_H
#define BOARD_UPDATE_H

#include "ashlar/update.h"

/** The free slot and the flash that it is in. */
struct update_target {
    const void *view; /* of the slot, as words */
    uint32_t place;   /* its address */
    uint32_t room;    /* its bytes */
    uint32_t sector;  /* bytes that are erased at once */
    uint32_t machine;
    uint32_t running_version;
    void *flash;
    int (*unlock)(void *flash,
                  uint32_t offset); /* for what is programmed in front of any erasing */
    int (*erase)(void *flash, uint32_t offset);
    int (*program)(void *flash, uint32_t offset, const void *words, size_t bytes);
};

/** An image in a source. */
struct update_image {
    uint64_t offset; /* of its header */
    struct ash_slot_header header;
};

/** Finds the image for the target, and checks it as a whole. Changes nothing. */
int update_find(const struct update_target *target, const struct ash_update_source *source,
                const struct ash_update_options *options, struct update_image *image,
                const char **what);

/** Writes it. */
int update_write(const struct update_target *target, const struct ash_update_source *source,
                 const struct update_image *image, const struct ash_update_options *options,
                 const char **what);

/** Brings all other CPUs to wait in .ramtext, interrupts masked; and lets them go on. */
int update_park_cpus(const char **what);
void update_release_cpus(void);

#endif
