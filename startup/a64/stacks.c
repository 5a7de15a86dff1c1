/* SPDX-License-Identifier: MIT */
/*
 * The stacks of an AArch64 CPU.
 */
#include "startup/a64/stacks.h"

#include "ashlar/config.h"
#include "startup/stacks.h"

uint8_t boot_stacks[ASH_CPUS][STACKS_BYTES]
    __attribute__((section(".stacks"), aligned(STACKS_ALIGN)));

static const struct stacks_part parts[] = {
    {STACK_EXCEPTION_BASE, STACK_EXCEPTION_TOP, ASH_STACK_EXCEPTION},
    {STACK_PROGRAM_BASE, STACK_PROGRAM_TOP, ASH_STACK_PROGRAM},
    {STACK_IRQ_BASE, STACK_IRQ_TOP, ASH_STACK_IRQ},
    {STACK_EMERGENCY_BASE, STACK_EMERGENCY_TOP, ASH_STACK_EMERGENCY},
};

const struct stacks_layout stacks_layout = {
    .blocks = boot_stacks[0],
    .bytes = STACKS_BYTES,
    .guard = STACKS_GUARD,
    .count = sizeof(parts) / sizeof(parts[0]),
    .part = parts,
};
