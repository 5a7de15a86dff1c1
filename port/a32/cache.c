/* SPDX-License-Identifier: MIT */
/*
 * Cache maintenance by address, and address translation by the hardware.
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
    FOR_EACH_LINE(line, start, size, CP15_WRITE(CP15_DCCMVAC, line));
    port_dsb_sy();
}

void port_cache_invalidate(void *start, size_t size)
{
    port_dsb_sy();
    FOR_EACH_LINE(line, start, size, CP15_WRITE(CP15_DCIMVAC, line));
    port_dsb_sy();
}

void port_cache_clean_invalidate(const void *start, size_t size)
{
    port_dsb_sy();
    FOR_EACH_LINE(line, start, size, CP15_WRITE(CP15_DCCIMVAC, line));
    port_dsb_sy();
}

void port_code_sync(const void *start, size_t size)
{
    FOR_EACH_LINE(line, start, size, CP15_WRITE(CP15_DCCMVAU, line));
    port_dsb_ish();
    /* The whole instruction cache: right for VIPT caches and for code written through another
     * address as well (arm-rules 22). */
    CP15_WRITE(CP15_ICIALLUIS, 0);
    CP15_WRITE(CP15_BPIALLIS, 0);
    port_dsb_ish();
    port_isb();
}

bool port_translate(ash_va_t va, unsigned access, struct port_translation *result)
{
    /* An interrupt in between could translate for itself and overwrite PAR. */
    unsigned long saved = port_irq_save();

    switch (access & (PORT_WRITE | PORT_USER)) {
    case PORT_READ:
        CP15_WRITE(CP15_ATS1CPR, va.value);
        break;
    case PORT_WRITE:
        CP15_WRITE(CP15_ATS1CPW, va.value);
        break;
    case PORT_USER:
        CP15_WRITE(CP15_ATS1CUR, va.value);
        break;
    default:
        CP15_WRITE(CP15_ATS1CUW, va.value);
        break;
    }
    port_isb();
    result->raw = CP15_READ64(CP15_PAR);
    port_irq_restore(saved);
    /* PAR in the long format: F is bit 0, PA[39:12] in place (DDI 0406C B4.1.112). */
    result->pa = ash_pa((result->raw & 0xfffffff000ull) | (va.value & (ASH_PAGE_SIZE - 1)));
    return (result->raw & 1) == 0;
}
