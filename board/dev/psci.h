/* SPDX-License-Identifier: MIT */
/*
 * Power State Coordination Interface (Arm DEN 0022, version 0.2 and later).
 */
#ifndef BOARD_DEV_PSCI_H
#define BOARD_DEV_PSCI_H

#include "ashlar/platform.h"

/** Starts the CPU with this affinity at `entry`. ASH_ENODEV (no firmware, no such CPU), ASH_EIO.
 *  A CPU that runs already is none of an error. */
int psci_cpu_on(enum ash_psci_conduit conduit, uint32_t affinity, ash_pa_t entry);
/** Both return only where there is no firmware to do it. */
void psci_system_off(enum ash_psci_conduit conduit);
void psci_system_reset(enum ash_psci_conduit conduit);

#endif
