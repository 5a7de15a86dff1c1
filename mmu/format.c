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
    .pa_bits = 40,
    .space_bits = 32,
    .privileged_exec = 0,
};

/* AArch64: unprivileged code may run what it cannot read, so firmware code carries UXN
 * (arm-rules 26). */
const struct ash_mmu_format ash_mmu_format_a64 = {
    .name = "AArch64",
    .va_bits_max = 48,
    .pa_bits = 48,
    .space_bits = 64,
    .privileged_exec = MMU_XN,
};
