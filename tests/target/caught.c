/* SPDX-License-Identifier: MIT */
/*
 * Catching what a provocation provokes.
 */
#include "tests/target/caught.h"

#include "ashlar/errors.h"
#include "tests/target/provoke.h"
#include "tests/target/suite.h"

bool caught(const char *name, const struct expectation *expected, struct ash_trap *trap)
{
    const struct provocation *provocation = provoke_find(name);

    if (provocation == NULL) {
        target_fail(__FILE__, __LINE__, "no provocation %s", name);
    } else if (ash_trap_catch(provocation->run, NULL, trap) != ASH_EFAULT) {
        target_fail(__FILE__, __LINE__, "%s: nothing happened", name);
    } else if (trap->kind != expected->kind || trap->cause != expected->cause ||
               trap->write != expected->write) {
        target_fail(__FILE__, __LINE__, "%s: %s, %s, %s at %#lx", name,
                    ash_trap_kind_name(trap->kind), ash_trap_cause_name(trap->cause),
                    trap->write ? "write" : "read", (unsigned long)trap->address);
    } else {
        return true;
    }
    return false;
}
