/* SPDX-License-Identifier: MIT */
/*
 * CRC-32 (IEEE 802.3) by tables, four bytes at a time. The tables are constants and stay in flash.
 *
 * Table k holds what 8 (k + 1) steps of the polynomial 0xedb88320 make of each byte. The steps are
 * linear over exclusive or, so an entry is put together from those of the eight powers of two.
 */
#include "tests/target/crc32.h"

#define ENTRY(n, a, b, c, d, e, f, g, h)                                                           \
    (((n)&1 ? a : 0u) ^ ((n)&2 ? b : 0u) ^ ((n)&4 ? c : 0u) ^ ((n)&8 ? d : 0u) ^                   \
     ((n)&16 ? e : 0u) ^ ((n)&32 ? f : 0u) ^ ((n)&64 ? g : 0u) ^ ((n)&128 ? h : 0u))

#define ENTRY0(n)                                                                                  \
    ENTRY(n, 0x77073096u, 0xee0e612cu, 0x076dc419u, 0x0edb8832u, 0x1db71064u, 0x3b6e20c8u,         \
          0x76dc4190u, 0xedb88320u)
#define ENTRY1(n)                                                                                  \
    ENTRY(n, 0x191b3141u, 0x32366282u, 0x646cc504u, 0xc8d98a08u, 0x4ac21251u, 0x958424a2u,         \
          0xf0794f05u, 0x3b83984bu)
#define ENTRY2(n)                                                                                  \
    ENTRY(n, 0x01c26a37u, 0x0384d46eu, 0x0709a8dcu, 0x0e1351b8u, 0x1c26a370u, 0x384d46e0u,         \
          0x709a8dc0u, 0xe1351b80u)
#define ENTRY3(n)                                                                                  \
    ENTRY(n, 0xb8bc6765u, 0xaa09c88bu, 0x8f629757u, 0xc5b428efu, 0x5019579fu, 0xa032af3eu,         \
          0x9b14583du, 0xed59b63bu)

#define ROW4(entry, n) entry(n), entry((n) + 1), entry((n) + 2), entry((n) + 3)
#define ROW16(entry, n)                                                                            \
    ROW4(entry, n), ROW4(entry, (n) + 4), ROW4(entry, (n) + 8), ROW4(entry, (n) + 12)
#define ROW64(entry, n)                                                                            \
    ROW16(entry, n), ROW16(entry, (n) + 16), ROW16(entry, (n) + 32), ROW16(entry, (n) + 48)
#define TABLE(entry)                                                                               \
    {                                                                                              \
        ROW64(entry, 0), ROW64(entry, 64), ROW64(entry, 128), ROW64(entry, 192)                    \
    }

static const uint32_t crc32_table[4][256] = {TABLE(ENTRY0), TABLE(ENTRY1), TABLE(ENTRY2),
                                             TABLE(ENTRY3)};

uint32_t crc32_update(uint32_t crc, const uint32_t *words, size_t count)
{
    crc = ~crc;
    for (size_t i = 0; i < count; i++) {
        crc ^= words[i];
        crc = crc32_table[3][crc & 0xff] ^ crc32_table[2][crc >> 8 & 0xff] ^
              crc32_table[1][crc >> 16 & 0xff] ^ crc32_table[0][crc >> 24];
    }
    return ~crc;
}
