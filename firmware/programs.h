/* SPDX-License-Identifier: MIT */
/*
 * The archive of programs in flash.
 */
#ifndef ASHLAR_FIRMWARE_PROGRAMS_H
#define ASHLAR_FIRMWARE_PROGRAMS_H

#include "ashlar/process.h"

struct ash_archive programs(void);

#endif
