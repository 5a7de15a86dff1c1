/* SPDX-License-Identifier: MIT */
/*
 * For assembler: the floating-point registers that the processors of this build have, d0 to d31, or
 * d0 to d15 without Advanced SIMD (VFPv4-D16).
 */
#ifndef ASHLAR_STARTUP_A32_FPU_H
#define ASHLAR_STARTUP_A32_FPU_H

/* What a called function may spoil. */
    .macro FPU_PUSH_SCRATCH
#ifdef __ARM_NEON
    vpush   {d16-d31}
#endif
    vpush   {d0-d7}
    .endm

    .macro FPU_POP_SCRATCH
    vpop    {d0-d7}
#ifdef __ARM_NEON
    vpop    {d16-d31}
#endif
    .endm

/* All of them at \base, which ends behind the room for 32. */
    .macro FPU_ALL operation, base
    \operation \base!, {d0-d15}
#ifdef __ARM_NEON
    \operation \base!, {d16-d31}
#else
    add     \base, \base, #128
#endif
    .endm

#endif
