/* SPDX-License-Identifier: MIT */
/*
 * CRC-32 (IEEE 802.3), as the host's zlib computes it.
 */
#ifndef ASHLAR_TARGET_CRC32_H
#define ASHLAR_TARGET_CRC32_H

#include <stddef.h>
#include <stdint.h>

/** The CRC of what went into `crc` (0: nothing) followed by these little-endian words. */
uint32_t crc32_update(uint32_t crc, const uint32_t *words, size_t count);

#endif
