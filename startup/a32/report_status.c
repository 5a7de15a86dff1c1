/* SPDX-License-Identifier: MIT */
/*
 * The part of a report that names AArch32's own registers.
 */
#include "startup/a32/stacks.h"
#include "startup/early_print.h"
#include "startup/report.h"

static const char *mode_name(uint32_t mode)
{
    switch (mode) {
    case MODE_USR:
        return "User";
    case MODE_FIQ:
        return "FIQ";
    case MODE_IRQ:
        return "IRQ";
    case MODE_SVC:
        return "SVC";
    case MODE_MON:
        return "Monitor";
    case MODE_ABT:
        return "ABT";
    case MODE_HYP:
        return "Hyp";
    case MODE_UND:
        return "UND";
    case MODE_SYS:
        return "System";
    default:
        return "unknown";
    }
}

void report_status(const struct ash_trap *trap)
{
    uint32_t cpsr = (uint32_t)trap->status;

    early_text("    lr       ");
    early_hex(trap->regs[14], 8);
    early_text("\n    cpsr     ");
    early_hex(cpsr, 8);
    early_text("  ");
    early_text(mode_name(cpsr & 0x1f));
    early_text(cpsr & (1u << 5) ? " mode, Thumb state" : " mode, Arm state");
    early_text(cpsr & (1u << 7) ? ", IRQ masked" : ", IRQ enabled");
    early_text(cpsr & (1u << 6) ? ", FIQ masked\n" : ", FIQ enabled\n");
    if (trap->kind == ASH_TRAP_DATA || trap->kind == ASH_TRAP_PREFETCH) {
        early_text(trap->kind == ASH_TRAP_DATA ? "    dfsr     " : "    ifsr     ");
        early_hex(trap->syndrome, 8);
        early_text("\n");
    }
}
