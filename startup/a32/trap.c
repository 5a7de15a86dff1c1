/* SPDX-License-Identifier: MIT */
/*
 * Exceptions in C: what the syndrome means, whether somebody catches it, and otherwise the report.
 * Runs in the mode of the exception, on that mode's stack; no C library.
 */
#include "ashlar/trap.h"

#include "ashlar/board.h"
#include "ashlar/errors.h"
#include "port/a32/percpu.h"
#include "port/port.h"
#include "startup/a32/stacks.h"
#include "startup/a32/trap_frame.h"
#include "startup/report.h"
#include "startup/stacks.h"

/* vectors.S */
_Noreturn void trap_unwind(int result);
_Noreturn void trap_on_emergency_stack(void (*fn)(void *), void *argument, uintptr_t top);

void trap_enter(struct trap_frame *frame, uint32_t kind);
void trap_interrupt(enum ash_trap_kind kind);

/* What the report is made from; not on a stack, since the stack is what may have failed. */
static struct ash_trap fatal_trap[ASH_CPUS];

/* DFSR and IFSR, long format: STATUS in [5:0], the level in its low two bits where it has one
 * (DDI 0406C B3.13.5, DDI 0487 G8.2.36). */
static void decode_status(uint32_t status, struct ash_trap *trap)
{
    uint32_t code = status & 0x3f;

    trap->level = -1;
    if ((status & (1u << 9)) == 0) { /* short format: the MMU was still off */
        code = (status & 0xf) | (status >> 6 & 0x10);
        trap->cause = code == 1                   ? ASH_CAUSE_ALIGNMENT
                      : code == 8 || code == 0x16 ? ASH_CAUSE_EXTERNAL
                                                  : ASH_CAUSE_OTHER;
        return;
    }
    switch (code >> 2) {
    case 0x0:
        trap->cause = ASH_CAUSE_ADDRESS_SIZE;
        break;
    case 0x1:
        trap->cause = ASH_CAUSE_TRANSLATION;
        break;
    case 0x2:
        trap->cause = ASH_CAUSE_ACCESS_FLAG;
        break;
    case 0x3:
        trap->cause = ASH_CAUSE_PERMISSION;
        break;
    case 0x5:
    case 0x7:
        trap->cause = ASH_CAUSE_EXTERNAL_WALK;
        break;
    default:
        trap->cause = code == 0x10 || code == 0x11 || code == 0x18 || code == 0x19
                          ? ASH_CAUSE_EXTERNAL
                      : code == 0x21 ? ASH_CAUSE_ALIGNMENT
                      : code == 0x22 ? ASH_CAUSE_DEBUG
                      : code == 0x30 ? ASH_CAUSE_TLB_CONFLICT
                                     : ASH_CAUSE_OTHER;
        return;
    }
    trap->level = (int)(code & 3);
}

static void describe(const struct trap_frame *frame, enum ash_trap_kind kind, struct ash_trap *trap)
{
    uint32_t length = frame->cpsr & (1u << 5) ? 2 : 4; /* Thumb or Arm state */
    struct stacks_place place;

    trap->kind = kind;
    trap->cause = ASH_CAUSE_NONE;
    trap->level = -1;
    trap->write = false;
    trap->address_valid = false;
    trap->address = 0;
    trap->pc = frame->pc;
    trap->sp = frame->sp;
    trap->status = frame->cpsr;
    trap->syndrome = 0;
    trap->overflowed = ASH_STACK_NONE;
    for (unsigned i = 0; i < 13; i++) {
        trap->regs[i] = frame->r[i];
    }
    trap->regs[13] = frame->sp;
    trap->regs[14] = frame->lr;
    switch (kind) {
    case ASH_TRAP_DATA:
        trap->syndrome = CP15_READ(CP15_DFSR);
        trap->address = CP15_READ(CP15_DFAR);
        trap->write = (trap->syndrome >> 11 & 1) != 0; /* WnR */
        break;
    case ASH_TRAP_PREFETCH:
        trap->syndrome = CP15_READ(CP15_IFSR);
        trap->address = CP15_READ(CP15_IFAR);
        break;
    default:
        trap->pc -= length; /* lr points past the instruction */
        return;
    }
    decode_status((uint32_t)trap->syndrome, trap);
    /* An asynchronous external abort has no address (DDI 0406C B3.12.4). */
    trap->address_valid = (trap->syndrome & 0x3f) != 0x11 && (trap->syndrome & 0x3f) != 0x19;
    if (kind == ASH_TRAP_DATA && trap->address_valid && stacks_find(trap->address, &place) &&
        place.in_guard) {
        trap->overflowed = place.stack;
    }
}

static void report_fatal(void *argument)
{
    report_trap(argument);
}

void trap_enter(struct trap_frame *frame, uint32_t kind)
{
    struct percpu *cpu = &percpu[port_cpu()];
    bool overflowed = (kind & TRAP_ABT_OVERFLOWED) != 0;
    enum ash_trap_kind trap_kind = (enum ash_trap_kind)(kind & 0xff);
    struct ash_trap *trap = &fatal_trap[cpu->number];

    if (cpu->reporting) {
        report_again(frame->pc);
    }
    if (cpu->catch_sp != 0) {
        trap = (struct ash_trap *)((const uint32_t *)cpu->catch_sp)[1];
    } else {
        cpu->reporting = 1;
    }
    describe(frame, trap_kind, trap);
    if (overflowed) {
        trap->overflowed = ASH_STACK_ABT;
        trap->sp = trap->regs[13] = cpu->scratch[0] + FRAME_BYTES;
    }
    if (cpu->catch_sp != 0) {
        trap_unwind(ASH_EFAULT);
    }
    trap_on_emergency_stack(report_fatal, trap, cpu->stacks + STACK_EMERGENCY_TOP);
}

void trap_interrupt(enum ash_trap_kind kind)
{
    struct percpu *cpu = &percpu[port_cpu()];
    struct ash_trap *trap = &fatal_trap[cpu->number];

    if (ash_board.irq != NULL) {
        ash_board.irq->dispatch();
        return;
    }
    cpu->reporting = 1;
    for (unsigned i = 0; i < 15; i++) {
        trap->regs[i] = 0;
    }
    trap->kind = kind;
    trap->cause = ASH_CAUSE_NONE;
    trap->overflowed = ASH_STACK_NONE;
    trap->address_valid = false;
    trap_on_emergency_stack(report_fatal, trap, cpu->stacks + STACK_EMERGENCY_TOP);
}
