/* SPDX-License-Identifier: MIT */
/*
 * Writing a new firmware image into the slot that does not run (slot.h; docs/update.md).
 *
 *     error = ash_update_run(&source, &options, &result);
 *     if (error != 0) printf("%s: %s\n", result.what, ash_strerror(error));
 *
 * At any time at least one slot is valid: the running one is never touched, and the other one gives
 * up its header first and gets a new one last. Whatever ends an update, the selector starts an
 * image that has been written as a whole.
 */
#ifndef ASHLAR_UPDATE_H
#define ASHLAR_UPDATE_H

#include "errors.h"
#include "slot.h"
#include "types.h"

#define ASH_UPDATE_SECTOR 512u

struct ash_slot_info {
    struct ash_range range;
    struct ash_slot_header header; /**< means something if fault is ASH_SLOT_VALID or IMAGE_CRC */
    enum ash_slot_fault fault;
    bool running; /**< this program runs from it */
};

/**
 * Looks at both slots, CRCs of the images included. Errors: ASH_ENOSYS (the board has no slots),
 * ASH_ENODEV (their flash is not mapped). Context: not during ash_update_run(). Cost: linear in the
 * images.
 */
int ash_update_slots(struct ash_slot_info slot[ASH_SLOTS]);

/** Where the new image comes from: images with their headers, one after the other, each filled up
 * to whole sectors of 512 bytes. That for the free slot is picked. */
struct ash_update_source {
    /** Moves `bytes` from `offset` on to `memory`; all are multiples of 512, `memory` is on a line
     *  of the cache, and of 4096 bytes at most. 0 or an error. Called with interrupts enabled. */
    int (*read)(void *arg, uint64_t offset, void *memory, size_t bytes);
    void *arg;
    uint64_t bytes; /**< that there are */
};

enum ash_update_step {
    ASH_UPDATE_CHECK, /**< the new image is read, nothing is changed */
    ASH_UPDATE_ERASE,
    ASH_UPDATE_PROGRAM,
    ASH_UPDATE_VERIFY,
    ASH_UPDATE_COMMIT, /**< the header is written */
    ASH_UPDATE_STEPS,
};

/** "erasing" and so on. */
const char *ash_update_step_name(enum ash_update_step step);

struct ash_update_options {
    /** Called now and then: `done` of `total` bytes of this step. NULL: nobody is told. */
    void (*progress)(void *arg, enum ash_update_step step, uint32_t done, uint32_t total);
    void *arg;
};

struct ash_update_result {
    unsigned slot;    /**< that was written */
    uint32_t version; /**< of the new image, once it was found */
    const char *what; /**< what went wrong; "" if nothing did */
    uint32_t status;  /**< the flash's status register, if it said that it failed; else 0 */
};

/**
 * Finds the image for the free slot, checks it, and writes it. It runs from the next reset on. The
 * other CPUs are started and wait in RAM until it is done. Errors, none of which touches the
 * running slot: before anything is changed ASH_ENOSYS (the board has no slots), ASH_EPERM (this
 * program does not run from a slot), ASH_ECORRUPT (the running slot would not start again: there
 * would be nothing to fall back to), ASH_ENOENT (no image for the free slot), ASH_EFORMAT (a
 * damaged one), ASH_EEXIST (not newer than what runs), ASH_EBUSY (a CPU is at work, or waits where
 * it cannot be reached), ASH_ENODEV (no flash that we know), those of read; then ASH_EIO, ASH_EPERM
 * (locked), ASH_ETIMEDOUT (the flash failed), ASH_ECORRUPT (it holds something else than was
 * written). Context: CPU 0, interrupts enabled, no lock held; once at a time. Interrupts are masked
 * for one operation of the flash at a time. Nothing of the free slot may be in use.
 */
int ash_update_run(const struct ash_update_source *source, const struct ash_update_options *options,
                   struct ash_update_result *result);

#endif
