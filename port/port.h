/* SPDX-License-Identifier: MIT */
/*
 * What differs between processors, behind one interface, and nothing else: no policy here.
 *
 * Each folder port/<name>/ implements it in port_arch.h (static inline where it is one or two
 * instructions) and C or assembler files. The build puts one such folder on the include path.
 * `mmu`, `alloc` and `vm` contain no register access of their own.
 *
 * The contract, function by function:
 *
 * Barriers (Arm names: what completes, for whom)
 *   void port_dsb_ishst(void)   stores before it are visible, table walks included
 *   void port_dsb_ish(void)     everything before it, TLB maintenance included, is complete; ends
 *                every invalidation, so what errata need beyond a DSB is in it (errata.h)
 *   void port_dsb_sy(void)      the same for all observers, devices included
 *   void port_dmb_ish(void)     orders memory accesses between CPUs
 *   void port_dmb_sy(void)      orders memory accesses for devices as well
 *   void port_isb(void)         context changes before it hold for instructions after it
 *
 * Table entries: 64 bits, one single-copy atomic access at an 8-byte aligned address
 *   uint64_t port_entry_load(const uint64_t *entry)
 *   void     port_entry_store(uint64_t *entry, uint64_t value)          release order
 *   void     port_entry_write(uint64_t *entry, uint64_t value)          no order: what must be seen
 *                before it needs a barrier of its own
 *   bool     port_entry_exchange(uint64_t *entry, uint64_t *expected, uint64_t value)
 *                compare-exchange; on failure *expected is what was there
 *
 * TLB invalidation, inner shareable; the caller issues the barriers around it. asid is
 * PORT_ASID_GLOBAL for entries that are global (all ASIDs are then invalidated)
 *   void port_tlbi_page(ash_va_t va, unsigned asid)        last-level entries of one page
 *                (all levels where the processor has no last-level form)
 *   void port_tlbi_page_walk(ash_va_t va, unsigned asid)   and walk-cache entries for it
 *   void port_tlbi_asid(unsigned asid)                     all non-global entries of the ASID
 *   void port_tlbi_all(void)
 *   bool port_has_range_tlbi(void)   the next is a few operations, whatever the number of pages
 *   void port_tlbi_range(ash_va_t va, uintptr_t pages, unsigned asid)   as port_tlbi_page_walk for
 *                each of that many pages; without range operations it is a loop
 *   unsigned port_updates(void)      what the processor notes in entries by itself: 0 nothing,
 *                PORT_UPDATES_ACCESS the access flag, PORT_UPDATES_DIRTY that and the dirty state
 *   void port_branch_sync(void)      BPIALLIS where mappings of code need it (ARMv7), else nothing
 *
 * Spaces (TTBR1)
 *   unsigned port_asid_bits(void)                          width of an ASID: 8 or 16
 *   void port_space_switch(ash_pa_t root, unsigned asid)   one register write, then ISB; walks are
 *                on already
 *   void port_space_install(ash_pa_t root, unsigned asid)  the same, and then walks on, ISB
 *   void port_space_none(void)                             walks through TTBR1 off, ISB; then ASID
 *                0, ISB: an EPD bit does not keep an access from what the TLB has under the ASID
 *
 * Caches, by address; ranges of any alignment, whole lines are affected; DSB SY included
 *   size_t port_cache_line(void)                           smallest data cache line, bytes
 *   void port_cache_clean(const void *start, size_t size)              to PoC
 *   void port_cache_invalidate(void *start, size_t size)               to PoC: destroys dirty lines
 *   void port_cache_clean_invalidate(const void *start, size_t size)   to PoC
 *   void port_code_sync(const void *start, size_t size)    after writing code: D to PoU, I, BP, ISB
 *
 * Interrupts and CPUs
 *   unsigned long port_irq_save(void)              mask IRQ and FIQ; returns what was masked before
 *   void port_irq_restore(unsigned long saved)
 *   unsigned long port_all_save(void), void port_all_restore(unsigned long saved)
 *                the same for IRQ, FIQ and asynchronous aborts (targets)
 *   unsigned port_cpu(void)                        number of this CPU, 0 ... ASH_CPUS - 1
 *   unsigned port_inside(void)                     how many interrupts this CPU is in, one in the
 *                middle of another; plus PORT_INSIDE_START until its MMU is on
 *   void port_wait_event(void), port_send_event(void)                  WFE; DSB ISHST + SEV
 *   void port_relax(void)        YIELD, in a loop that looks for what no event announces (targets)
 *
 * Atomics (MMU on; acquire and release)
 *   uint32_t port_fetch_add(uint32_t *word, uint32_t n)    returns the old value
 *   uint32_t port_fetch_add_relaxed(uint32_t *word, uint32_t n)   the same, in no order
 *   bool     port_exchange32(uint32_t *word, uint32_t expected, uint32_t value)
 *   uint32_t port_load_acquire(const uint32_t *word)
 *   void     port_store_release(uint32_t *word, uint32_t value)
 *   bool     port_exchange64_acquire(uint64_t *word, uint64_t expected, uint64_t value)
 *   bool     port_exchange64_release(uint64_t *word, uint64_t expected, uint64_t value)
 *   bool     port_exchange32_relaxed(uint32_t *word, uint32_t expected, uint32_t value)
 *                one attempt: false as well, now and then, for no reason
 *   uint64_t port_load64_relaxed(const uint64_t *word)     in one access, and the next three too
 *   void     port_store64_relaxed(uint64_t *word, uint64_t value)
 *   uint32_t port_load_relaxed(const uint32_t *word)
 *   void     port_store_relaxed(uint32_t *word, uint32_t value)
 *
 * The hardware's own answers
 *   bool port_translate(ash_va_t va, unsigned access, struct port_translation *result)
 *                AT / ATS1C; access is PORT_READ or PORT_WRITE, plus PORT_USER; true if the
 *                address translates
 *   uint32_t port_cycles(void)        cycle counter (counts instructions under -icount)
 *
 * Page contents: the only place that turns a physical address into a pointer. General registers
 * only, usable in any exception
 *   void *port_ptr(ash_pa_t pa)                    NULL for frames that are not directly mapped
 *   void *port_ptr_direct(ash_pa_t pa)             the same where the frame is known to be
 *   void port_direct_end(ash_pa_t end)    frames below are; told once, MMU off (targets)
 *   void port_page_zero(void *page)                4 KiB, page-aligned
 *   void port_page_copy(void *to, const void *from)
 *   void port_zero(void *to, size_t size)          any alignment
 *   uint8_t port_user_load8(ash_va_t va), void port_user_store8(ash_va_t va, uint8_t value),
 *   uintptr_t port_user_load(ash_va_t va), void port_user_store(ash_va_t va, uintptr_t value)
 *                one access with the rights of user mode (LDTR, STTR): faults where that may not
 *   void port_copy(void *to, const void *from, size_t size)   any alignment, no overlap
 */
#ifndef ASHLAR_PORT_H
#define ASHLAR_PORT_H

#include "ashlar/config.h"
#include "ashlar/types.h"

#define PORT_ASID_GLOBAL UINT32_MAX

#define PORT_INSIDE_START 0x100u

#define PORT_UPDATES_ACCESS 1u
#define PORT_UPDATES_DIRTY  2u

#define PORT_READ  0u
#define PORT_WRITE 1u
#define PORT_USER  2u

struct port_translation {
    ash_pa_t pa;  /**< when it translates */
    uint64_t raw; /**< PAR as read */
};

#include <port_arch.h>

#endif
