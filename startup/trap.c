/* SPDX-License-Identifier: MIT */
/*
 * Exceptions in C: what a fault status means, whether somebody catches the exception, and otherwise
 * the report. Runs on the stack of the exception; no C library.
 */
#include "startup/trap.h"

#include "ashlar/board.h"
#include "ashlar/errors.h"
#include "port/percpu.h"
#include "port/port.h"
#include "startup/report.h"
#include "startup/stacks.h"

#define UNSERVED_END 1000

/* What the report is made from; not on a stack, since the stack is what may have failed. Whole
 * cache lines each: a CPU from the pen writes its own with caches off. */
static struct {
    struct ash_trap trap __attribute__((aligned(64)));
} fatal[ASH_CPUS];

/* The level is in the low two bits where there is one. DFSR.STATUS and ESR.ISS.DFSC agree
 * (DDI 0406C B3.13.5, DDI 0487 D17.2.37 and G8.2.36). */
void trap_decode(uint32_t status, struct ash_trap *trap)
{
    trap->level = -1;
    switch (status >> 2) {
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
        trap->cause = status == 0x10 || status == 0x11 || status == 0x18 || status == 0x19
                          ? ASH_CAUSE_EXTERNAL
                      : status == 0x21 ? ASH_CAUSE_ALIGNMENT
                      : status == 0x22 ? ASH_CAUSE_DEBUG
                      : status == 0x30 ? ASH_CAUSE_TLB_CONFLICT
                                       : ASH_CAUSE_OTHER;
        return;
    }
    trap->level = (int)(status & 3);
}

void trap_clear(struct ash_trap *trap)
{
    for (unsigned i = 0; i < sizeof(trap->regs) / sizeof(trap->regs[0]); i++) {
        trap->regs[i] = 0;
    }
    trap->cause = ASH_CAUSE_NONE;
    trap->level = -1;
    trap->write = false;
    trap->address_valid = false;
    trap->address = 0;
    trap->syndrome = 0;
    trap->overflowed = ASH_STACK_NONE;
}

static void report_fatal(void *argument)
{
    report_trap(argument);
}

static _Noreturn void stop_with_report(struct percpu *cpu, struct ash_trap *trap)
{
    trap_on_emergency_stack(report_fatal, trap,
                            stacks_top((unsigned)cpu->number, ASH_STACK_EMERGENCY));
}

void trap_enter(const struct trap_frame *frame, uint32_t kind)
{
    struct percpu *cpu = &percpu[port_cpu()];
    struct ash_trap *trap = &fatal[cpu->number].trap;
    struct stacks_place place;

    if (cpu->reporting) {
        report_again(trap_frame_pc(frame));
    }
    if (cpu->catch_sp != 0) {
        trap = ((struct ash_trap *const *)cpu->catch_sp)[1];
    } else {
        cpu->reporting = 1;
    }
    trap_clear(trap);
    trap_describe(frame, kind, trap);
    if (trap->overflowed == ASH_STACK_NONE && trap->kind == ASH_TRAP_DATA && trap->address_valid &&
        stacks_find(trap->address, &place) && place.in_guard) {
        trap->overflowed = place.stack;
    }
    if (cpu->catch_sp != 0) {
        trap_unwind(ASH_EFAULT);
    }
    stop_with_report(cpu, trap);
}

/* False if nobody wanted the interrupt. A fault of a handler is not a fault of the program that was
 * interrupted. */
static bool serve(struct percpu *cpu)
{
    uintptr_t catch_sp = cpu->catch_sp;
    bool served;

    cpu->catch_sp = 0;
    cpu->inside++;
    served = ash_board.irq != NULL && ash_board.irq->dispatch();
    cpu->inside--;
    cpu->catch_sp = catch_sp;
    return served;
}

void trap_interrupt(enum ash_trap_kind kind)
{
    static uint32_t unserved[ASH_CPUS]; /* in a row */
    struct percpu *cpu = &percpu[port_cpu()];
    struct ash_trap *trap = &fatal[cpu->number].trap;

    if (serve(cpu)) {
        unserved[cpu->number] = 0;
        return;
    }
    /* An IRQ may be withdrawn before it is taken; a line that nobody lowers comes again at once.
     * Nobody asks for FIQs at all. */
    if (kind == ASH_TRAP_IRQ && ++unserved[cpu->number] < UNSERVED_END) {
        return;
    }
    cpu->reporting = 1;
    trap_clear(trap);
    trap->kind = kind;
    stop_with_report(cpu, trap);
}
