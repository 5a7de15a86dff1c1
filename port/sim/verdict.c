/* SPDX-License-Identifier: MIT */
/*
 * How a run ends: with the rule that was broken, in words, and the last operations before it.
 */
#include "port/sim/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct sim_verdict *sim_watched;

static const char *const rule_names[] = {
    [1] = "a new entry is visible (DSB) and in force (ISB) before it is relied on",
    [2] = "a table is complete before it is linked",
    [3] = "a changed entry: store, DSB, TLBI, DSB, ISB",
    [4] = "nothing is reused before the DSB that completes its TLBI",
    [6] = "what the hardware writes into an entry is not lost",
    [7] = "break-before-make",
    [8] = "a hole covers nothing that is in use",
    [9] = "descriptor types by level",
    [10] = "contiguous sets are alike",
    [11] = "the operand of a TLBI",
    [12] = "unlinked tables need TLBIs of all levels",
    [13] = "TLBIs reach all CPUs and all ASIDs that they must",
    [16] = "root and ASID change together, and an ASID has one owner",
    [19] = "tables written with the MMU off have no lines in the cache",
    [21] = "lines of a device's buffer",
    [22] = "code is synchronised before it runs",
    [24] = "no mismatched aliases",
    [25] = "device memory is not executable",
    [26] = "each privilege level executes its own pages only",
    [27] = "what is writable is not executable",
    [28] = "attributes of cacheable memory",
    [29] = "a block fits",
    [33] = "branch predictors are told of new code",
    [36] = "a page of code is written and synchronised before programs may execute it",
    [39] = "a CPU is coherent (SMP bit) before its caches and MMU go on; then exclusives",
    [40] = "exclusives",
    [41] = "entries of a space are not global",
    [42] = "without coherent walks entries are cleaned",
    [SIM_MISUSE] = "the machine is used as it cannot be",
};

void sim_broken(unsigned rule, const char *format, ...)
{
    struct sim_verdict own;
    struct sim_verdict *verdict = sim_watched != NULL ? sim_watched : &own;
    va_list arguments;

    verdict->rule = rule;
    va_start(arguments, format);
    vsnprintf(verdict->what, sizeof verdict->what, format, arguments);
    va_end(arguments);
    if (sim_watched != NULL) {
        sim_leave();
    }
    fflush(stdout);
    fprintf(stderr, "sim: rule %u (%s): %s\n", rule, rule_names[rule], verdict->what);
    fprintf(stderr, "sim: CPU %u of %u, seed %u; the last operations:\n", sim_cpu, sim_cpu_count,
            (unsigned)sim_seed_of_run());
    sim_print_recent();
    abort();
}
