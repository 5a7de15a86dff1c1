/* SPDX-License-Identifier: MIT */
/*
 * What an AArch32 CPU tells about an exception: the frame of its entry and the fault registers.
 */
#include "startup/trap.h"

#include "port/percpu.h"
#include "port/port.h"
#include "startup/a32/trap_frame.h"

#define EXTERNAL_ASYNCHRONOUS 0x11u
#define PARITY_ASYNCHRONOUS   0x19u

/* DFSR and IFSR (DDI 0406C B4.1.52, DDI 0487 G8.2.36). */
static void decode_status(uint32_t register_value, struct ash_trap *trap)
{
    uint32_t status = register_value & 0x3f;

    trap->address_valid = status != EXTERNAL_ASYNCHRONOUS && status != PARITY_ASYNCHRONOUS;
    if ((register_value & (1u << 9)) == 0) { /* short format: the MMU was still off */
        status = (register_value & 0xf) | (register_value >> 6 & 0x10);
        trap->level = -1;
        trap->cause = status == 1                     ? ASH_CAUSE_ALIGNMENT
                      : status == 8 || status == 0x16 ? ASH_CAUSE_EXTERNAL
                                                      : ASH_CAUSE_OTHER;
        return;
    }
    trap_decode(status, trap);
    if (!trap->address_valid) {
        trap->cause = ASH_CAUSE_EXTERNAL;
    }
}

uintptr_t trap_frame_pc(const struct trap_frame *frame)
{
    return frame->pc;
}

void trap_describe(const struct trap_frame *frame, uint32_t kind, struct ash_trap *trap)
{
    uint32_t length = frame->cpsr & (1u << 5) ? 2 : 4; /* Thumb or Arm state */

    trap->kind = (enum ash_trap_kind)(kind & 0xff);
    trap->pc = frame->pc;
    trap->sp = frame->sp;
    trap->status = frame->cpsr;
    for (unsigned i = 0; i < 13; i++) {
        trap->regs[i] = frame->r[i];
    }
    trap->regs[14] = frame->lr;
    switch (trap->kind) {
    case ASH_TRAP_DATA:
        trap->syndrome = CP15_READ(CP15_DFSR);
        trap->address = CP15_READ(CP15_DFAR);
        trap->write = (trap->syndrome >> 11 & 1) != 0; /* WnR */
        decode_status((uint32_t)trap->syndrome, trap);
        break;
    case ASH_TRAP_PREFETCH:
        trap->syndrome = CP15_READ(CP15_IFSR);
        trap->address = CP15_READ(CP15_IFAR);
        decode_status((uint32_t)trap->syndrome, trap);
        break;
    default:
        trap->pc -= length; /* lr points past the instruction */
        break;
    }
    if (kind & TRAP_OVERFLOWED) {
        trap->overflowed = ASH_STACK_ABT;
        trap->sp = percpu[port_cpu()].scratch[0] + FRAME_BYTES;
    }
    trap->regs[13] = trap->sp;
}
