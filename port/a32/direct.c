/* SPDX-License-Identifier: MIT */
/*
 * Where directly mapped memory ends: what is at or above it has no pointer.
 */
#include "port/port.h"

uint32_t port_direct_frames = 1u << (32 - ASH_PAGE_SHIFT);
