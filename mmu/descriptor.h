/* SPDX-License-Identifier: MIT */
/*
 * Long descriptors: the bits, and what a format adds to them. AArch32 LPAE (DDI 0406C B3.6) and
 * AArch64 with 4 KiB pages (DDI 0487 D8.3) share all of them but the meaning of bit 54.
 * Levels are the architecture's: 3 holds pages.
 */
#ifndef ASHLAR_MMU_DESCRIPTOR_H
#define ASHLAR_MMU_DESCRIPTOR_H

#include "ashlar/mmu.h"

#define MMU_ENTRIES 512u
#define MMU_RUN     16u /* entries that the contiguous hint joins */

#define MMU_VALID  0x1ull
#define MMU_TYPE   0x3ull /* bits [1:0] */
#define MMU_BLOCK  0x1ull /* levels 1 and 2 */
#define MMU_TABLE  0x3ull /* levels 0 to 2 */
#define MMU_PAGE   0x3ull /* level 3 */
#define MMU_OUTPUT 0x0000fffffffff000ull

/* Blocks and pages */
#define MMU_INDEX_SHIFT      2
#define MMU_INDEX            (0x7ull << MMU_INDEX_SHIFT) /* which byte of MAIR */
#define MMU_USER             (1ull << 6)                 /* AP[1]: unprivileged access */
#define MMU_READ_ONLY        (1ull << 7)                 /* AP[2] */
#define MMU_SHAREABLE        (3ull << 8)
#define MMU_INNER            (3ull << 8)
#define MMU_ACCESSED         (1ull << 10) /* AF */
#define MMU_NOT_GLOBAL       (1ull << 11)
#define MMU_GUARDED          (1ull << 50) /* AArch64, GP: branch targets are checked */
#define MMU_DIRTY_BIT        (1ull << 51) /* AArch64, DBM: the first write clears AP[2] */
#define MMU_CONTIGUOUS_SHIFT 52
#define MMU_CONTIGUOUS       (1ull << MMU_CONTIGUOUS_SHIFT)
#define MMU_PXN              (1ull << 53)
#define MMU_XN               (1ull << 54) /* AArch64: UXN, unprivileged only */
#define MMU_NO_EXEC          (MMU_PXN | MMU_XN)
#define MMU_SOFTWARE         (0xfull << 55) /* ignored by the hardware in every valid descriptor */
#define MMU_WRITTEN          (1ull << 56)   /* software: written, then made read-only or clean */

/*
 * Tables. Bits [11:2] and [58:52] are ignored by the hardware, so the descriptor that links a table
 * keeps the number of its valid entries, 0 to 512, and whether it stays when that is 0.
 * [63:59] would restrict what is below; they stay zero (arm-rules 27).
 */
#define MMU_COUNT_SHIFT   2
#define MMU_COUNT         (0x3ffull << MMU_COUNT_SHIFT)
#define MMU_PINNED        (1ull << 55)
#define MMU_TABLE_IGNORED (0xffcull | (0x7full << 52))

struct ash_mmu_format {
    uint8_t
        access_of[256]; /* WRITE, EXEC, USER, GUARDED, CLEAN by bits [7:6], above them [55:50] */
    const char *name;
    unsigned va_bits_max;
    unsigned space_bits; /* width of a virtual address */
    uintptr_t frames;    /* that output addresses reach */
    uint64_t guarded;    /* the bit of code whose branch targets are checked; 0: none */
    uint64_t writable;   /* the bit of what becomes writable by the first write */
    uint64_t access[8];  /* bits for WRITE, EXEC, USER; 0: no mapping may have them */
};

/** log2 of the pages that one entry of the level covers. */
static inline unsigned mmu_shift(unsigned level)
{
    return 9 * (3 - level);
}

static inline bool mmu_is_valid(uint64_t descriptor)
{
    return (descriptor & MMU_VALID) != 0;
}

static inline bool mmu_is_table(uint64_t descriptor, unsigned level)
{
    return level < 3 && (descriptor & MMU_TYPE) == MMU_TABLE;
}

static inline unsigned mmu_count(uint64_t link)
{
    return (unsigned)((link & MMU_COUNT) >> MMU_COUNT_SHIFT);
}

/** A link with its count changed. Its low half holds all of it. */
static inline uint64_t mmu_recount(uint64_t link, int change)
{
    return (link & ~(uint64_t)UINT32_MAX) |
           ((uint32_t)link + ((uint32_t)change << MMU_COUNT_SHIFT));
}

/** Whether a valid page or block may be executed by anyone. */
static inline bool mmu_is_code(uint64_t leaf)
{
    return (leaf & MMU_NO_EXEC) != MMU_NO_EXEC;
}

static inline ash_pa_t mmu_output(uint64_t descriptor)
{
    return ash_pa(descriptor & MMU_OUTPUT);
}

/** Bits [1:0] of a page or block at this level. */
static inline uint64_t mmu_leaf_type(unsigned level)
{
    return level == 3 ? MMU_PAGE : MMU_BLOCK;
}

/** Distance of the output addresses of neighbours in a run of pages or blocks. */
static inline uint64_t mmu_leaf_step(unsigned level)
{
    return (uint64_t)ASH_PAGE_SIZE << mmu_shift(level);
}

#endif
