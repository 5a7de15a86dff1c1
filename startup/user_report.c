/* SPDX-License-Identifier: MIT */
/*
 * The line that tells what a program did wrong.
 */
#include "ashlar/user.h"

#define DIGITS (2 * (int)sizeof(uintptr_t))

static const char *access_name(const struct ash_trap *trap)
{
    return trap->kind == ASH_TRAP_PREFETCH ? "fetch from" : trap->write ? "write to" : "read from";
}

void ash_user_report(const struct ash_user *user, const struct ash_trap *trap, ash_print_fn print)
{
    char level[] = ", level 0";
    unsigned long pc = (unsigned long)trap->pc;

    level[sizeof level - 2] = (char)('0' + trap->level);
    if (trap->level < 0) {
        level[0] = '\0';
    }
    if (trap->cause == ASH_CAUSE_NONE) {
        print("program %s: %s at pc 0x%0*lx\n", user->name, ash_trap_kind_name(trap->kind), DIGITS,
              pc);
    } else if (!trap->address_valid) {
        print("program %s: %s (%s%s) at pc 0x%0*lx\n", user->name, ash_trap_kind_name(trap->kind),
              ash_trap_cause_name(trap->cause), level, DIGITS, pc);
    } else {
        print("program %s: %s 0x%0*lx (%s%s) at pc 0x%0*lx\n", user->name, access_name(trap),
              DIGITS, (unsigned long)trap->address, ash_trap_cause_name(trap->cause), level, DIGITS,
              pc);
    }
}
