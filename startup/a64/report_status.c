/* SPDX-License-Identifier: MIT */
/*
 * The part of a report that names AArch64's own registers.
 */
#include "startup/early_print.h"
#include "startup/report.h"

static const char *mode_name(uint32_t mode)
{
    switch (mode) {
    case 0x0:
        return "EL0";
    case 0x4:
        return "EL1, stack SP_EL0";
    case 0x5:
        return "EL1, stack SP_EL1";
    default:
        return mode & 0x10 ? "AArch32" : "unknown";
    }
}

void report_status(const struct ash_trap *trap)
{
    uint32_t pstate = (uint32_t)trap->status;

    early_text("    lr       ");
    early_hex(trap->regs[30], 16);
    early_text("\n    pstate   ");
    early_hex(pstate, 8);
    early_text("  ");
    early_text(mode_name(pstate & 0x1f));
    early_text(pstate & (1u << 7) ? ", IRQ masked" : ", IRQ enabled");
    early_text(pstate & (1u << 6) ? ", FIQ masked\n" : ", FIQ enabled\n");
    if (trap->kind != ASH_TRAP_IRQ && trap->kind != ASH_TRAP_FIQ) {
        early_text("    esr      ");
        early_hex(trap->syndrome, 8);
        early_text("\n");
    }
}
