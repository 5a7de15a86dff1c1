/* SPDX-License-Identifier: MIT */
/*
 * What AArch32 and AArch64 have in common of port.h: barriers and hints, which both spell alike,
 * and the functions of cache.c and of each one's copy.S.
 */
#ifndef ASHLAR_PORT_ARM_H
#define ASHLAR_PORT_ARM_H

static inline void port_dsb_ishst(void)
{
    __asm__ volatile("dsb ishst" ::: "memory");
}

/** PORT_ERRATUM_* (errata.h) of all CPUs that have turned their MMU on; 0 until the first has. */
extern uint32_t port_tlbi_errata;
/** How often port_tlbi_settle() was called, roughly if CPUs race: for tests. */
extern uint32_t port_tlbi_settled;
/** Makes every other CPU whose MMU is on execute a DMB, and waits for it. Whoever turns on the MMU
 * of a second CPU sets it first if PORT_ERRATUM_CONFIRM_TLBI is there; NULL: no other uses the TLB.
 */
extern void (*port_tlbi_confirm)(void);
/** Adds this CPU's errata. Before its MMU goes on. */
void port_tlbi_errata_add(void);
/** What these errata need behind the DSB that completes an invalidation. */
void port_tlbi_settle(void);

static inline void port_dsb_ish(void)
{
    __asm__ volatile("dsb ish" ::: "memory");
    if (port_tlbi_errata != 0) {
        port_tlbi_settle();
    }
}

static inline void port_dsb_sy(void)
{
    __asm__ volatile("dsb sy" ::: "memory");
}

static inline void port_dmb_ish(void)
{
    __asm__ volatile("dmb ish" ::: "memory");
}

static inline void port_dmb_sy(void)
{
    __asm__ volatile("dmb sy" ::: "memory");
}

static inline void port_isb(void)
{
    __asm__ volatile("isb" ::: "memory");
}

static inline void port_wait_event(void)
{
    __asm__ volatile("wfe" ::: "memory");
}

static inline void port_send_event(void)
{
    __asm__ volatile("dsb ishst\n\tsev" ::: "memory");
}

static inline void port_relax(void)
{
    __asm__ volatile("yield" ::: "memory");
}

static inline void port_wait_interrupt(void)
{
    __asm__ volatile("dsb sy\n\twfi" ::: "memory");
}

void port_cache_clean(const void *start, size_t size);
void port_cache_invalidate(void *start, size_t size);
void port_cache_clean_invalidate(const void *start, size_t size);
void port_code_sync(const void *start, size_t size);

bool port_translate(ash_va_t va, unsigned access, struct port_translation *result);

void port_page_zero(void *page);
void port_page_copy(void *to, const void *from);
void port_zero(void *to, size_t size);
void port_copy(void *to, const void *from, size_t size);

#endif
