/* SPDX-License-Identifier: MIT */
/*
 * The words for error codes and kinds of corruption; the lowest floor that has code.
 */
#include "ashlar/errors.h"
#include "ashlar/fault.h"

const char *ash_strerror(int error)
{
#define ERROR_CASE(name, value, text)                                                              \
    case name:                                                                                     \
        return text;

    switch (error) {
    case ASH_OK:
        return "success";
        ASH_ERRORS(ERROR_CASE)
    default:
        return "unknown error";
    }
#undef ERROR_CASE
}

const char *ash_fault_kind_name(enum ash_fault_kind kind)
{
    switch (kind) {
    case ASH_FAULT_DOUBLE_FREE:
        return "double free";
    case ASH_FAULT_FOREIGN:
        return "foreign pointer";
    case ASH_FAULT_MISALIGNED:
        return "misaligned pointer";
    case ASH_FAULT_CORRUPT:
        return "corrupt metadata";
    case ASH_FAULT_OVERRUN:
        return "overrun";
    case ASH_FAULT_DMA:
        return "DMA misuse";
    case ASH_FAULT_LOCK:
        return "lock misuse";
    case ASH_FAULT_CONTEXT:
        return "call from the wrong context";
    }
    return "unknown fault";
}
