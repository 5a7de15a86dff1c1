/* SPDX-License-Identifier: MIT */
/*
 * The words for calls from the wrong context. Owns nothing.
 */
#include "port/outside.h"

#include "ashlar/fault.h"

bool outside_tell(const char *function, const void *caller)
{
    unsigned inside = port_inside();
    struct ash_fault fault;

    fault.kind = ASH_FAULT_CONTEXT;
    fault.module = function;
    fault.what = inside >= PORT_INSIDE_START ? "called before the MMU is on"
                 : inside != 0               ? "called in an interrupt"
                                             : "called with a lock held";
    fault.address = inside == 0 ? (uintptr_t)spinlock_held() : 0;
    fault.caller = caller;
    ash_fault_hook(&fault);
    return false;
}
