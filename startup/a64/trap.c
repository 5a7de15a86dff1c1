/* SPDX-License-Identifier: MIT */
/*
 * What an AArch64 CPU tells about an exception: the frame of its entry, ESR_EL1 and FAR_EL1.
 */
#include "startup/trap.h"

#include "port/percpu.h"
#include "port/port.h"
#include "startup/a64/stacks.h"
#include "startup/a64/trap_frame.h"
#include "startup/stacks.h"

/* ESR_EL1.EC (DDI 0487 D17.2.37) */
#define EC_UNKNOWN         0x00u
#define EC_BRANCH_TARGET   0x0du
#define EC_ILLEGAL_STATE   0x0eu
#define EC_SVC_A32         0x11u
#define EC_SVC_A64         0x15u
#define EC_SYSTEM          0x18u /* MSR, MRS or a system instruction that may not be */
#define EC_FETCH_LOWER     0x20u
#define EC_FETCH           0x21u
#define EC_PC_ALIGNMENT    0x22u
#define EC_DATA_LOWER      0x24u
#define EC_DATA            0x25u
#define EC_SP_ALIGNMENT    0x26u
#define EC_BREAKPOINT_CODE 0x3cu

#define ESR_WNR    (1u << 6)  /* of data aborts */
#define ESR_FNV    (1u << 10) /* of aborts: FAR is not valid */
#define CALL_BYTES 4u         /* ELR of an SVC is behind it */

static void describe_abort(uint32_t esr, enum ash_trap_kind kind, struct ash_trap *trap)
{
    trap->kind = kind;
    trap->write = kind == ASH_TRAP_DATA && (esr & ESR_WNR) != 0;
    trap->address = SYS_READ64("far_el1");
    trap->address_valid = (esr & ESR_FNV) == 0;
    trap_decode(esr & 0x3f, trap);
}

static void describe_synchronous(uint32_t esr, struct ash_trap *trap)
{
    switch (esr >> 26) {
    case EC_UNKNOWN:
    case EC_ILLEGAL_STATE:
    case EC_SYSTEM:
        trap->kind = ASH_TRAP_UNDEFINED;
        break;
    case EC_BRANCH_TARGET:
        trap->kind = ASH_TRAP_BRANCH;
        break;
    case EC_SVC_A32:
    case EC_SVC_A64:
        trap->kind = ASH_TRAP_CALL;
        trap->pc -= CALL_BYTES;
        break;
    case EC_FETCH_LOWER:
    case EC_FETCH:
        describe_abort(esr, ASH_TRAP_PREFETCH, trap);
        break;
    case EC_DATA_LOWER:
    case EC_DATA:
        describe_abort(esr, ASH_TRAP_DATA, trap);
        break;
    case EC_PC_ALIGNMENT:
        trap->kind = ASH_TRAP_PREFETCH;
        trap->cause = ASH_CAUSE_ALIGNMENT;
        trap->address = SYS_READ64("far_el1");
        trap->address_valid = true;
        break;
    case EC_SP_ALIGNMENT:
        trap->kind = ASH_TRAP_DATA;
        trap->cause = ASH_CAUSE_ALIGNMENT;
        trap->address = trap->sp;
        trap->address_valid = true;
        break;
    case EC_BREAKPOINT_CODE:
        trap->kind = ASH_TRAP_PREFETCH;
        trap->cause = ASH_CAUSE_DEBUG;
        break;
    default:
        trap->kind = ASH_TRAP_OTHER;
        break;
    }
}

uintptr_t trap_frame_pc(const struct trap_frame *frame)
{
    return frame->pc;
}

void trap_describe(const struct trap_frame *frame, uint32_t kind, struct ash_trap *trap)
{
    struct stacks_place place;

    trap->pc = frame->pc;
    trap->sp = frame->sp;
    trap->status = frame->status;
    trap->syndrome = SYS_READ64("esr_el1");
    for (unsigned i = 0; i < 31; i++) {
        trap->regs[i] = frame->x[i];
    }
    if ((kind & TRAP_OVERFLOWED) != 0) {
        trap->sp = percpu[port_cpu()].scratch[3];
        if (stacks_find(trap->sp - 1, &place)) {
            trap->overflowed = place.stack;
        }
    }
    if ((kind & 0xff) == VECTOR_SERROR) {
        trap->kind = ASH_TRAP_SERROR;
    } else {
        describe_synchronous((uint32_t)trap->syndrome, trap);
    }
}
