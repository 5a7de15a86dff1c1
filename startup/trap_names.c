/* SPDX-License-Identifier: MIT */
/*
 * The words for exceptions, causes and stacks.
 */
#include "ashlar/trap.h"

#include "startup/report.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const char *ash_trap_kind_name(enum ash_trap_kind kind)
{
    static const char *const names[] = {
        [ASH_TRAP_UNDEFINED] = "undefined instruction",
        [ASH_TRAP_CALL] = "supervisor call",
        [ASH_TRAP_PREFETCH] = REPORT_FETCH_ABORT,
        [ASH_TRAP_DATA] = "data abort",
        [ASH_TRAP_IRQ] = "unexpected IRQ",
        [ASH_TRAP_FIQ] = "unexpected FIQ",
        [ASH_TRAP_BRANCH] = "branch target exception",
        [ASH_TRAP_SERROR] = "asynchronous external abort",
        [ASH_TRAP_OTHER] = "exception of another class",
    };

    return (unsigned)kind < COUNT(names) ? names[kind] : "unknown exception";
}

const char *ash_trap_cause_name(enum ash_trap_cause cause)
{
    static const char *const names[] = {
        [ASH_CAUSE_NONE] = "no fault",
        [ASH_CAUSE_TRANSLATION] = "translation fault",
        [ASH_CAUSE_ACCESS_FLAG] = "access flag fault",
        [ASH_CAUSE_PERMISSION] = "permission fault",
        [ASH_CAUSE_ADDRESS_SIZE] = "address size fault",
        [ASH_CAUSE_ALIGNMENT] = "alignment fault",
        [ASH_CAUSE_EXTERNAL] = "external abort",
        [ASH_CAUSE_EXTERNAL_WALK] = "external abort on a table walk",
        [ASH_CAUSE_DEBUG] = "debug event",
        [ASH_CAUSE_TLB_CONFLICT] = "TLB conflict",
        [ASH_CAUSE_OTHER] = "other fault",
    };

    return (unsigned)cause < COUNT(names) ? names[cause] : "unknown fault";
}

const char *ash_stack_name(enum ash_stack stack)
{
    static const char *const names[] = {
        [ASH_STACK_SVC] = "SVC",         [ASH_STACK_IRQ] = "IRQ",
        [ASH_STACK_FIQ] = "FIQ",         [ASH_STACK_ABT] = "ABT",
        [ASH_STACK_UND] = "UND",         [ASH_STACK_EMERGENCY] = "emergency",
        [ASH_STACK_PROGRAM] = "program", [ASH_STACK_EXCEPTION] = "exception",
    };

    return (unsigned)stack < COUNT(names) ? names[stack] : "no";
}
