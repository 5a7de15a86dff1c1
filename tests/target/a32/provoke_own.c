/* SPDX-License-Identifier: MIT */
/*
 * The stacks that an AArch32 CPU can run over: those of its modes.
 */
#include <stddef.h>

#include "tests/target/provoke.h"

/* provoke.S: each pushes on the stack of that mode until it runs over. */
void provoke_overflow_svc(void *unused);
void provoke_overflow_irq(void *unused);
void provoke_overflow_fiq(void *unused);
void provoke_overflow_abt(void *unused);
void provoke_overflow_und(void *unused);

const struct provocation provoke_own[] = {
    {"overflow-svc", "run over the SVC stack", provoke_overflow_svc, ASH_STACK_SVC},
    {"overflow-irq", "run over the IRQ stack", provoke_overflow_irq, ASH_STACK_IRQ},
    {"overflow-fiq", "run over the FIQ stack", provoke_overflow_fiq, ASH_STACK_FIQ},
    {"overflow-abt", "run over the ABT stack", provoke_overflow_abt, ASH_STACK_ABT},
    {"overflow-und", "run over the UND stack", provoke_overflow_und, ASH_STACK_UND},
    {NULL, NULL, NULL, ASH_STACK_NONE},
};
