/* SPDX-License-Identifier: MIT */
/*
 * Cache maintenance of ranges by address, and address translation by the hardware, from the single
 * operations of AArch32 or AArch64.
 */
#include "port/port.h"

/* First line of the range; the loops below cover every line that the range touches. */
#define FOR_EACH_LINE(line, start, size, operation)                                                \
    do {                                                                                           \
        uintptr_t step_ = port_cache_line();                                                       \
        uintptr_t line = (uintptr_t)(start) & ~(step_ - 1);                                        \
        uintptr_t past_ = (uintptr_t)(start) + (size);                                             \
        uintptr_t lines_ = (size) == 0 ? 0 : (past_ - line + step_ - 1) / step_;                   \
        for (; lines_ != 0; lines_--, line += step_) {                                             \
            operation;                                                                             \
        }                                                                                          \
    } while (0)

void port_cache_clean(const void *start, size_t size)
{
    port_dsb_sy();
    FOR_EACH_LINE(line, start, size, port_line_clean(line));
    port_dsb_sy();
}

void port_cache_invalidate(void *start, size_t size)
{
    port_dsb_sy();
    FOR_EACH_LINE(line, start, size, port_line_invalidate(line));
    port_dsb_sy();
}

void port_cache_clean_invalidate(const void *start, size_t size)
{
    port_dsb_sy();
    FOR_EACH_LINE(line, start, size, port_line_clean_invalidate(line));
    port_dsb_sy();
}

void port_code_sync(const void *start, size_t size)
{
    FOR_EACH_LINE(line, start, size, port_line_clean_unified(line));
    port_dsb_ish();
    /* The whole instruction cache: right for VIPT caches and for code written through another
     * address as well (arm-rules 22). */
    port_code_invalidate();
    port_dsb_ish();
    port_isb();
}

bool port_translate(ash_va_t va, unsigned access, struct port_translation *result)
{
    /* An interrupt in between could translate for itself and overwrite PAR. */
    unsigned long saved = port_irq_save();

    port_translate_start(va, access);
    port_isb();
    result->raw = port_translate_result();
    port_irq_restore(saved);
    result->pa = ash_pa((result->raw & PORT_PAR_ADDRESS) | (va.value & (ASH_PAGE_SIZE - 1)));
    return (result->raw & 1) == 0;
}
