/* SPDX-License-Identifier: MIT */
/*
 * The stacks of an AArch32 CPU: one for each mode, and one for emergencies.
 */
#include "startup/a32/stacks.h"

#include "ashlar/config.h"
#include "startup/stacks.h"

uint8_t boot_stacks[ASH_CPUS][STACKS_BYTES]
    __attribute__((section(".stacks"), aligned(STACKS_ALIGN)));

static const struct stacks_part parts[] = {
    {STACK_FIQ_BASE, STACK_FIQ_TOP, ASH_STACK_FIQ},
    {STACK_IRQ_BASE, STACK_IRQ_TOP, ASH_STACK_IRQ},
    {STACK_ABT_BASE, STACK_ABT_TOP, ASH_STACK_ABT},
    {STACK_SVC_BASE, STACK_SVC_TOP, ASH_STACK_SVC},
    {STACK_UND_BASE, STACK_UND_TOP, ASH_STACK_UND},
    {STACK_EMERGENCY_BASE, STACK_EMERGENCY_TOP, ASH_STACK_EMERGENCY},
};

const struct stacks_layout stacks_layout = {
    .blocks = boot_stacks[0],
    .bytes = STACKS_BYTES,
    .guard = STACKS_GUARD,
    .count = sizeof(parts) / sizeof(parts[0]),
    .part = parts,
};
