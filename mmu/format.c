/* SPDX-License-Identifier: MIT */
/*
 * The formats as constant data. Whatever differs between them stands here.
 */
#include "mmu/attributes.h"

#define DECODED(i)                                                                                 \
    (((i)&2 ? 0 : ASH_MMU_WRITE) | ((i)&1 ? ASH_MMU_USER : 0) |                                    \
     ((i) & ((i)&1 ? 8 : 4) ? 0 : ASH_MMU_EXEC))
#define DECODED4(i) DECODED(i), DECODED((i) + 1), DECODED((i) + 2), DECODED((i) + 3)
#define ACCESS_OF                                                                                  \
    {                                                                                              \
        DECODED4(0), DECODED4(4), DECODED4(8), DECODED4(12)                                        \
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
    .access_of = ACCESS_OF,
    .name = "LPAE",
    .va_bits_max = 32,
    .space_bits = 32,
    .frames = 1ul << (40 - ASH_PAGE_SHIFT),
    .guarded = 0,
    .access = ACCESS(0),
};

/* AArch64: unprivileged code may run what it cannot read, so firmware code carries UXN
 * (arm-rules 26). */
const struct ash_mmu_format ash_mmu_format_a64 = {
    .access_of = ACCESS_OF,
    .name = "AArch64",
    .va_bits_max = 48,
    .space_bits = 64,
    .frames = (uintptr_t)(1ull << (48 - ASH_PAGE_SHIFT)),
    .guarded = MMU_GUARDED,
    .access = ACCESS(MMU_XN),
};
