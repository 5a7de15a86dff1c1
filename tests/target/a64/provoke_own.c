/* SPDX-License-Identifier: MIT */
/*
 * The mistakes that only an AArch64 CPU can make, and the stacks that it can run over.
 */
#include <stddef.h>

#include "ashlar/vmap.h"
#include "tests/target/provoke.h"

#define HANDLER_STACK_BYTES ((size_t)4096)

/* provoke.S */
void provoke_branch(void *unused);
void provoke_overflow_program(void *unused);
void provoke_overflow_exception(void *unused);
void provoke_overflow_irq(void *unused);
void provoke_overflow_from(void *top);

/* A handler that has gone to a stack of its own. */
static void overflow_handler(void *unused)
{
    static char *stack; /* a report is the end: nobody destroys it */

    (void)unused;
    if (stack == NULL) {
        stack = ash_stack_create("handler", HANDLER_STACK_BYTES);
    }
    if (stack != NULL) {
        provoke_overflow_from(stack + HANDLER_STACK_BYTES);
    }
}

const struct provocation provoke_own[] = {
    {"branch", "branch to what is no target of branches", provoke_branch, ASH_STACK_NONE},
    {"overflow-program", "run over the program's stack", provoke_overflow_program,
     ASH_STACK_PROGRAM},
    {"overflow-exception", "run over the exceptions' stack", provoke_overflow_exception,
     ASH_STACK_EXCEPTION},
    {"overflow-irq", "run over the IRQ stack", provoke_overflow_irq, ASH_STACK_IRQ},
    {"overflow-handler", "run over a created stack in a handler", overflow_handler, ASH_STACK_NONE},
    {NULL, NULL, NULL, ASH_STACK_NONE},
};
