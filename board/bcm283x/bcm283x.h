/* SPDX-License-Identifier: MIT */
/*
 * What boards with Broadcom's BCM2836 and BCM2837 have in common: devices, memory, power. The
 * addresses are those of the ARM cores; "BCM2835 ARM Peripherals" names them 0x7e...... as the
 * GPU's bus has them, and "QA7" ("BCM2836 ARM-local peripherals", rev 3.4) describes those at
 * 0x40000000.
 */
#ifndef BOARD_BCM283X_H
#define BOARD_BCM283X_H

#include "ashlar/board.h"

#define BCM283X_CPUS        4u
#define BCM283X_PERIPHERALS 0x3f000000u
#define BCM283X_LOCAL       0x40000000u

/** Where devices see memory: the alias that goes past the GPU's second-level cache (BCM2835 ARM
 *  Peripherals, 1.2.3 and 1.2.4). */
#define BCM283X_BUS_OFFSET 0xc0000000u

/** Where no device is, and the bus says so. */
#define BCM283X_HOLE 0x40100000u

/** Addresses for mappings: behind the local peripherals, and below the largest part of spaces. */
#define BCM283X_VMAP_BASE 0x50000000u
#define BCM283X_VMAP_SIZE 0x2fff0000u

/** What a board of the family has of its own. */
struct bcm283x_config {
    uint32_t cluster; /**< MPIDR of the first CPU; the linker script has it as well */
    uint32_t stub;    /**< bytes from address 0 that are left to the firmware's stub */
};

/** For struct ash_board. */
void bcm283x_discover(const void *hint, const struct bcm283x_config *config,
                      struct ash_platform *platform);
void bcm283x_console_init(const struct ash_platform *platform);
int bcm283x_init(const struct ash_platform *platform);
int bcm283x_cpu_init(void);
void bcm283x_power_off(void);
void bcm283x_reset(void);
extern const struct ash_console_ops bcm283x_console;

/** Names an entry to a CPU that waits in the firmware's stub for AArch32; MMU on. 0, ASH_ENODEV. */
int bcm283x_cpu_start_by_mailbox(unsigned cpu, ash_pa_t entry);

#endif
