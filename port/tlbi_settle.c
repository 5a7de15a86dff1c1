/* SPDX-License-Identifier: MIT */
/*
 * What completes a broadcast TLB invalidation beyond the DSB, on processors with errata. The CPUs
 * of a machine may differ: one that has an erratum makes all of them do what it needs.
 */
#include "port/errata.h"
#include "port/port.h"

uint32_t port_tlbi_errata;
uint32_t port_tlbi_settled;
void (*port_tlbi_confirm)(void);

void port_tlbi_errata_add(void)
{
    port_tlbi_errata |= port_errata_of(SYS_READ(SYS_MIDR), SYS_READ(SYS_REVIDR));
}

/* The additional operation may be any that is broadcast. */
void port_tlbi_settle(void)
{
    port_tlbi_page_walk(ash_va(0), 0);
    __asm__ volatile("dsb ish" ::: "memory");
    if ((port_tlbi_errata & PORT_ERRATUM_CONFIRM_TLBI) != 0 && port_tlbi_confirm != NULL) {
        port_tlbi_confirm();
    }
    port_tlbi_settled++;
}
