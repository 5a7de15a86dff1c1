/* SPDX-License-Identifier: MIT */
/*
 * The words of a report that are AArch32's own.
 */
#include <stddef.h>

#include "startup/a32/stacks.h"
#include "startup/report.h"

const char *report_mode(uint32_t status)
{
    switch (status & 0x1f) {
    case MODE_USR:
        return "User mode";
    case MODE_FIQ:
        return "FIQ mode";
    case MODE_IRQ:
        return "IRQ mode";
    case MODE_SVC:
        return "SVC mode";
    case MODE_MON:
        return "Monitor mode";
    case MODE_ABT:
        return "ABT mode";
    case MODE_HYP:
        return "Hyp mode";
    case MODE_UND:
        return "UND mode";
    case MODE_SYS:
        return "System mode";
    default:
        return "unknown mode";
    }
}

const char *report_syndrome(enum ash_trap_kind kind)
{
    return kind == ASH_TRAP_DATA ? "dfsr" : kind == ASH_TRAP_PREFETCH ? "ifsr" : NULL;
}
