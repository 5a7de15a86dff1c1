/* SPDX-License-Identifier: MIT */
/*
 * The formats as constant data: whatever differs between them stands here. And attributes that
 * take a second look.
 */
#include "mmu/attributes.h"

/* What the index i of access_of says: bits 1 and 0 are AP[2:1], bit 2 is GP, 5 and 6 PXN and XN;
 * `writable` is the bit of the format. */
#define DECODED(i, writable)                                                                       \
    (((i)&2 ? ((i) & (writable) ? ASH_MMU_WRITE | ASH_MMU_CLEAN : 0) : ASH_MMU_WRITE) |            \
     ((i)&1 ? ASH_MMU_USER : 0) | ((i) & ((i)&1 ? 0x40 : 0x20) ? 0 : ASH_MMU_EXEC) |               \
     ((i)&4 ? ASH_MMU_GUARDED : 0))
#define DECODED4(i, w) DECODED(i, w), DECODED((i) + 1, w), DECODED((i) + 2, w), DECODED((i) + 3, w)
#define DECODED16(i, w)                                                                            \
    DECODED4(i, w), DECODED4((i) + 4, w), DECODED4((i) + 8, w), DECODED4((i) + 12, w)
#define DECODED64(i, w)                                                                            \
    DECODED16(i, w), DECODED16((i) + 16, w), DECODED16((i) + 32, w), DECODED16((i) + 48, w)
#define ACCESS_OF(w)                                                                               \
    {                                                                                              \
        DECODED64(0, w), DECODED64(64, w), DECODED64(128, w), DECODED64(192, w)                    \
    }

#define DATA  (MMU_ACCESSED | MMU_INNER)
#define CONST (DATA | MMU_READ_ONLY)

/* By WRITE, EXEC and USER. What could be written is never executed, and what one privilege level
 * may execute the other may not (arm-rules 26, 27). */
#define ACCESS(privileged_exec)                                                                    \
    {                                                                                              \
        [0] = CONST | MMU_NO_EXEC, [ASH_MMU_WRITE] = DATA | MMU_NO_EXEC,                           \
        [ASH_MMU_EXEC] = CONST | (privileged_exec),                                                \
        [ASH_MMU_USER] = CONST | MMU_USER | MMU_NO_EXEC,                                           \
        [ASH_MMU_USER | ASH_MMU_WRITE] = DATA | MMU_USER | MMU_NO_EXEC,                            \
        [ASH_MMU_USER | ASH_MMU_EXEC] = CONST | MMU_USER | MMU_PXN,                                \
    }

/* AArch32: XN stops both privilege levels, so code has neither bit; that unprivileged code may not
 * run it follows from its having no read access (DDI 0406C B3.7.2). */
const struct ash_mmu_format ash_mmu_format_lpae = {
    .access_of = ACCESS_OF(0x80),
    .name = "LPAE",
    .va_bits_max = 32,
    .space_bits = 32,
    .frames = 1ul << (40 - ASH_PAGE_SHIFT),
    .guarded = 0,
    .writable = 1ull << 55, /* of those that the hardware ignores */
    .access = ACCESS(0),
};

/* AArch64: unprivileged code may run what it cannot read, so firmware code carries UXN
 * (arm-rules 26). */
const struct ash_mmu_format ash_mmu_format_a64 = {
    .access_of = ACCESS_OF(0x08),
    .name = "AArch64",
    .va_bits_max = 48,
    .space_bits = 64,
    .frames = (uintptr_t)(1ull << (48 - ASH_PAGE_SHIFT)),
    .guarded = MMU_GUARDED,
    .writable = MMU_DIRTY_BIT,
    .access = ACCESS(MMU_XN),
};

int mmu_leaf_special(const struct ash_mmu *map, ash_mmu_attr_t attr, uint64_t *bits)
{
    uint64_t leaf = mmu_leaf_plain(map, attr);

    if (attr & ~(MMU_ATTR_PLAIN | ASH_MMU_EXEC | ASH_MMU_GUARDED | MMU_ATTR_STATE)) {
        return ASH_EINVAL;
    }
    if (attr & MMU_ATTR_STATE) {
        if (!map->track || (attr & (ASH_MMU_CLEAN | ASH_MMU_WRITE)) == ASH_MMU_CLEAN) {
            return ASH_EINVAL;
        }
        if (attr & ASH_MMU_OLD) {
            leaf &= ~MMU_ACCESSED;
        }
        if (attr & ASH_MMU_CLEAN) {
            leaf |= MMU_READ_ONLY | map->format->writable;
        }
    }
    if (attr & (ASH_MMU_EXEC | ASH_MMU_GUARDED)) {
        if (map->format->access[attr & MMU_ATTR_ACCESS] == 0 || (attr & ASH_MMU_EXEC) == 0 ||
            (attr & ASH_MMU_TYPE_MASK) >= ASH_MMU_DEVICE) {
            return ASH_EPERM;
        }
        if (attr & ASH_MMU_GUARDED) {
            leaf |= map->format->guarded;
        }
    }
    *bits = leaf;
    return 0;
}
