/* SPDX-License-Identifier: MIT */
/*
 * Making contexts: the first frame on a stack, as if the context had once called
 * ash_context_switch().
 */
#include "startup/context.h"

#include "ashlar/errors.h"
#include "port/port.h"

int ash_context_init(struct ash_context *context, void *stack, size_t size,
                     void (*function)(void *arg), void *arg)
{
    uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
    struct context_frame *frame = (struct context_frame *)(top - sizeof *frame);

    if (function == NULL || size < ASH_CONTEXT_STACK) {
        return ASH_EINVAL;
    }
    port_zero(frame, sizeof *frame);
    frame->function = (uintptr_t)function;
    frame->arg = (uintptr_t)arg;
    frame->resume = context_resume(top);
    context->sp = (uintptr_t)frame;
    return 0;
}
