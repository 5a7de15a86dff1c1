/* SPDX-License-Identifier: MIT */
/*
 * Running contexts of user mode: what does not depend on the processor.
 */
#include "startup/user.h"

#include "port/port.h"
#include "startup/trap.h"

#define KIND_IRQ 4u
#define KIND_FIQ 5u

/* While the registers that tell are still what the exception has made them. */
static enum ash_user_event describe(const struct ash_user *user, uint32_t kind,
                                    struct ash_trap *trap)
{
    if (kind == KIND_IRQ || kind == KIND_FIQ) {
        return ASH_USER_INTERRUPT;
    }
    if (kind == USER_KIND_CALL) {
        return ASH_USER_CALL;
    }
    trap_clear(trap);
    trap_describe(user_frame(user), kind, trap);
    return ASH_USER_FAULT;
}

enum ash_user_event ash_user_run(struct ash_user *user, struct ash_trap *trap)
{
    unsigned long saved = port_irq_save();
    enum ash_user_event event = describe(user, user_enter(user), trap);

    /* An interrupt that ended it is taken here, as one of the firmware's own. */
    port_irq_restore(saved);
    return event;
}
