/* SPDX-License-Identifier: MIT */
/*
 * The platform of a board whose devices are known: a table, completed by the device tree that a
 * loader may have left. Early code; knows no board by name.
 */
#ifndef BOARD_TABLE_H
#define BOARD_TABLE_H

#include "ashlar/platform.h"

/** What a board always has. */
struct board_table {
    struct ash_range ram;   /**< all that is there for certain, in one bank */
    struct ash_range flash; /**< size 0: none that is mapped */
    struct ash_range console;
    struct ash_irq_controller irq;
    uint32_t timer_irq; /**< of the virtual timer */
    uint32_t timer_hz;  /**< what its counter counts, for firmware that nobody told; see timer.h */
    enum ash_psci_conduit
        psci; /**< to firmware that left the non-secure state to us; NONE: as a tree says */
    unsigned cpus;
    uint32_t cluster; /**< affinity of the first CPU; the others follow */
    unsigned reserved_count, device_count;
    const struct ash_reserved *reserved;
    const struct ash_device *device;
};

/**
 * Fills *platform from the device tree at `tree`, of which `room` bytes may be read. It is of no
 * use if the image, which occupies `image`, would have no RAM to run in. Errors: those of
 * platform_from_tree, ASH_ERANGE (not RAM), ASH_EBUSY (reserved for another).
 */
int table_read_tree(struct ash_platform *platform, const void *tree, uint64_t room,
                    struct ash_range image, bool secure);

/**
 * Fills *platform. RAM, what of it is reserved, boot arguments and the way to call firmware come
 * from the device tree at `hint`, if one lies there in the table's RAM and is well-formed; all else
 * comes from the table, as its drivers know these devices and no others. Never fails: what cannot
 * be read is replaced by the table. Context: MMU off, one CPU.
 */
void table_platform(const void *hint, const struct board_table *table, struct ash_range image,
                    bool secure, struct ash_platform *platform);

#endif
