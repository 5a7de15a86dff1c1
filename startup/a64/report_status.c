/* SPDX-License-Identifier: MIT */
/*
 * The words of a report that are AArch64's own.
 */
#include <stddef.h>

#include "startup/report.h"

const char *report_mode(uint32_t status)
{
    switch (status & 0x1f) {
    case 0x0:
        return "EL0";
    case 0x4:
        return "EL1, stack SP_EL0";
    case 0x5:
        return "EL1, stack SP_EL1";
    default:
        return status & 0x10 ? "AArch32" : "unknown";
    }
}

const char *report_syndrome(enum ash_trap_kind kind)
{
    return kind == ASH_TRAP_IRQ || kind == ASH_TRAP_FIQ ? NULL : "esr ";
}
