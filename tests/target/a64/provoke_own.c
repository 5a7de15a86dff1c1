/* SPDX-License-Identifier: MIT */
/*
 * The mistakes that only an AArch64 CPU can make, and the stacks that it can run over.
 */
#include <stddef.h>

#include "tests/target/provoke.h"

/* provoke.S */
void provoke_branch(void *unused);
void provoke_overflow_program(void *unused);
void provoke_overflow_exception(void *unused);
void provoke_overflow_irq(void *unused);

const struct provocation provoke_own[] = {
    {"branch", "branch to what is no target of branches", provoke_branch, ASH_STACK_NONE},
    {"overflow-program", "run over the program's stack", provoke_overflow_program,
     ASH_STACK_PROGRAM},
    {"overflow-exception", "run over the exceptions' stack", provoke_overflow_exception,
     ASH_STACK_EXCEPTION},
    {"overflow-irq", "run over the IRQ stack", provoke_overflow_irq, ASH_STACK_IRQ},
    {NULL, NULL, NULL, ASH_STACK_NONE},
};
