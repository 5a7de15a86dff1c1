/* SPDX-License-Identifier: MIT */
/*
 * The formats as constant data. Whatever differs between them stands here.
 */
#include "mmu/descriptor.h"

/* AArch32: XN stops both privilege levels, so code has neither bit; that unprivileged code may not
 * run it follows from its having no read access (DDI 0406C B3.7.2). */
const struct ash_mmu_format ash_mmu_format_lpae = {
    .name = "LPAE",
    .va_bits_max = 32,
    .space_bits = 32,
    .frames = 1ul << (40 - ASH_PAGE_SHIFT),
    .privileged_exec = 0,
    .guarded = 0,
};

/* AArch64: unprivileged code may run what it cannot read, so firmware code carries UXN
 * (arm-rules 26). */
const struct ash_mmu_format ash_mmu_format_a64 = {
    .name = "AArch64",
    .va_bits_max = 48,
    .space_bits = 64,
    .frames = (uintptr_t)(1ull << (48 - ASH_PAGE_SHIFT)),
    .privileged_exec = MMU_XN,
    .guarded = MMU_GUARDED,
};
