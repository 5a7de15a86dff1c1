/* SPDX-License-Identifier: MIT */
/*
 * The default answer to detected corruption: a readable report, then the board stops.
 */
#include "ashlar/fault.h"

#include "startup/early_print.h"
#include "startup/report.h"

static void fault_stop(const struct ash_fault *fault)
{
    report_begin((uintptr_t)fault->caller);
    early_text("\n*** ");
    early_text(fault->module);
    early_text(": ");
    early_text(ash_fault_kind_name(fault->kind));
    early_text(": ");
    early_text(fault->what);
    early_text("\n    address  ");
    early_hex(fault->address, 8);
    early_text("\n    caller   ");
    early_hex((uintptr_t)fault->caller, 8);
    early_text("\n");
    report_end();
}

ash_fault_fn ash_fault_hook = fault_stop;
