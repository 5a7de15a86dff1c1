/* SPDX-License-Identifier: MIT */
/*
 * The port to AArch32: ARMv7-A with LPAE and ARMv8-A in AArch32 state. One image runs on both,
 * so only what both have is used (no last-level TLBI, no range TLBI).
 * Register and operation encodings: Arm ARM DDI 0406C B3 and B4, DDI 0487 G8.
 */
#ifndef ASHLAR_PORT_A32_H
#define ASHLAR_PORT_A32_H

#include "port/a32/cp15.h"
#include "port/arm.h"
#include "port/percpu.h"

/* Table entries: LDRD and STRD at an 8-byte aligned address are single-copy atomic with LPAE
 * (DDI 0406C A3.5.3). */
static inline uint64_t port_entry_load(const uint64_t *entry)
{
    uint64_t value;

    __asm__ volatile("ldrd %Q0, %R0, [%1]" : "=r"(value) : "r"(entry), "m"(*entry));
    return value;
}

static inline void port_entry_store(uint64_t *entry, uint64_t value)
{
    __asm__ volatile("dmb ish\n\tstrd %Q1, %R1, [%2]"
                     : "=m"(*entry)
                     : "r"(value), "r"(entry)
                     : "memory");
}

static inline void port_entry_write(uint64_t *entry, uint64_t value)
{
    __asm__ volatile("strd %Q1, %R1, [%2]" : "=m"(*entry) : "r"(value), "r"(entry) : "memory");
}

static inline bool port_entry_exchange(uint64_t *entry, uint64_t *expected, uint64_t value)
{
    uint64_t wanted = *expected, seen;
    uint32_t failed = 1;

    __asm__ volatile("dmb ish\n"
                     "1:\tldrexd %Q0, %R0, [%2]\n"
                     "\tcmp %Q0, %Q3\n"
                     "\tcmpeq %R0, %R3\n"
                     "\tbne 2f\n"
                     "\tstrexd %1, %Q4, %R4, [%2]\n"
                     "\tcmp %1, #0\n"
                     "\tbne 1b\n"
                     "\tb 3f\n"
                     "2:\tclrex\n"
                     "3:\tdmb ish"
                     : "=&r"(seen), "+&r"(failed)
                     : "r"(entry), "r"(wanted), "r"(value)
                     : "cc", "memory");
    *expected = seen;
    return failed == 0;
}

/* TLB invalidation. TLBIMVA takes VA[31:12] and the ASID in [7:0]. */
static inline void port_tlbi_page_walk(ash_va_t va, unsigned asid)
{
    if (asid == PORT_ASID_GLOBAL) {
        CP15_WRITE(CP15_TLBIMVAAIS, va.value & ~(ASH_PAGE_SIZE - 1));
    } else {
        CP15_WRITE(CP15_TLBIMVAIS, (va.value & ~(ASH_PAGE_SIZE - 1)) | (asid & 0xff));
    }
}

static inline void port_tlbi_page(ash_va_t va, unsigned asid)
{
    port_tlbi_page_walk(va, asid);
}

static inline void port_tlbi_asid(unsigned asid)
{
    CP15_WRITE(CP15_TLBIASIDIS, asid & 0xff);
}

static inline void port_tlbi_all(void)
{
    CP15_WRITE(CP15_TLBIALLIS, 0);
}

/* AArch32 has none. */
static inline bool port_has_range_tlbi(void)
{
    return false;
}

static inline void port_tlbi_range(ash_va_t va, uintptr_t pages, unsigned asid)
{
    for (; pages != 0; pages--, va.value += ASH_PAGE_SIZE) {
        port_tlbi_page_walk(va, asid);
    }
}

/* AArch32 has no FEAT_HAFDBS. */
static inline unsigned port_updates(void)
{
    return 0;
}

static inline void port_branch_sync(void)
{
    CP15_WRITE(CP15_BPIALLIS, 0);
}

/* Spaces: TTBCR.A1 is set, so the ASID comes with TTBR1. */
static inline unsigned port_asid_bits(void)
{
    return 8;
}

static inline void port_space_switch(ash_pa_t root, unsigned asid)
{
    /* By words: in one register pair it takes three instructions more. */
    __asm__ volatile("mcrr p15, 1, %0, %1, c2" ::"r"((uint32_t)root.value),
                     "r"((uint32_t)(root.value >> 32) | asid << 16)
                     : "memory");
    port_isb();
}

static inline void port_space_install(ash_pa_t root, unsigned asid)
{
    port_space_switch(root, asid); /* no walk from the old root once walks are on */
    CP15_WRITE(CP15_TTBCR, CP15_READ(CP15_TTBCR) & ~TTBCR_EPD1);
    port_isb();
}

static inline void port_space_none(void)
{
    CP15_WRITE(CP15_TTBCR, CP15_READ(CP15_TTBCR) | TTBCR_EPD1);
    port_isb();
    CP15_WRITE64(CP15_TTBR1, CP15_READ64(CP15_TTBR0)); /* not walked, but never garbage */
    port_isb();
}

/* Caches */
static inline size_t port_cache_line(void)
{
    return (size_t)4 << ((CP15_READ(CP15_CTR) >> 16) & 0xf); /* CTR.DminLine, log2 of words */
}

/* One line (cache.c makes ranges of them): to PoC, and to PoU. */
static inline void port_line_clean(uintptr_t line)
{
    CP15_WRITE(CP15_DCCMVAC, line);
}

static inline void port_line_invalidate(uintptr_t line)
{
    CP15_WRITE(CP15_DCIMVAC, line);
}

static inline void port_line_clean_invalidate(uintptr_t line)
{
    CP15_WRITE(CP15_DCCIMVAC, line);
}

static inline void port_line_clean_unified(uintptr_t line)
{
    CP15_WRITE(CP15_DCCMVAU, line);
}

/* The whole instruction cache, and branch predictors. */
static inline void port_code_invalidate(void)
{
    CP15_WRITE(CP15_ICIALLUIS, 0);
    CP15_WRITE(CP15_BPIALLIS, 0);
}

/* Interrupts and CPUs */
static inline unsigned long port_irq_save(void)
{
    unsigned long saved;

    __asm__ volatile("mrs %0, cpsr\n\tcpsid if" : "=r"(saved)::"memory");
    return saved;
}

static inline void port_irq_restore(unsigned long saved)
{
    __asm__ volatile("msr cpsr_c, %0" ::"r"(saved) : "memory");
}

static inline unsigned long port_all_save(void)
{
    unsigned long saved;

    __asm__ volatile("mrs %0, cpsr\n\tcpsid aif" : "=r"(saved)::"memory");
    return saved;
}

static inline void port_all_restore(unsigned long saved)
{
    __asm__ volatile("msr cpsr_xc, %0" ::"r"(saved) : "memory");
}

static inline void port_irq_unmask(void)
{
    __asm__ volatile("cpsie if" ::: "memory");
}

/* TPIDRPRW points to this CPU's struct percpu, whose first word is the number (percpu.h). */
static inline unsigned port_cpu(void)
{
    return *(const volatile unsigned *)CP15_READ(CP15_TPIDRPRW);
}

static inline unsigned port_inside(void)
{
    return *(const volatile unsigned *)(CP15_READ(CP15_TPIDRPRW) + PERCPU_INSIDE);
}

/* Aff2.Aff1.Aff0 of this CPU. */
static inline uint32_t port_affinity(void)
{
    return CP15_READ(CP15_MPIDR) & 0xffffffu;
}

/* Atomics. No explicit access between the exclusive load and its store (arm-rules 40). */
static inline uint32_t port_fetch_add_relaxed(uint32_t *word, uint32_t n)
{
    uint32_t old, sum, failed;

    __asm__ volatile("1:\tldrex %0, [%3]\n"
                     "\tadd %1, %0, %4\n"
                     "\tstrex %2, %1, [%3]\n"
                     "\tcmp %2, #0\n"
                     "\tbne 1b"
                     : "=&r"(old), "=&r"(sum), "=&r"(failed)
                     : "r"(word), "Ir"(n)
                     : "cc", "memory");
    return old;
}

static inline uint32_t port_fetch_add(uint32_t *word, uint32_t n)
{
    uint32_t old;

    port_dmb_ish();
    old = port_fetch_add_relaxed(word, n);
    port_dmb_ish();
    return old;
}

static inline bool port_exchange32(uint32_t *word, uint32_t expected, uint32_t value)
{
    uint32_t seen, failed = 1;

    __asm__ volatile("dmb ish\n"
                     "1:\tldrex %0, [%2]\n"
                     "\tcmp %0, %3\n"
                     "\tbne 2f\n"
                     "\tstrex %1, %4, [%2]\n"
                     "\tcmp %1, #0\n"
                     "\tbne 1b\n"
                     "\tb 3f\n"
                     "2:\tclrex\n"
                     "3:\tdmb ish"
                     : "=&r"(seen), "+&r"(failed)
                     : "r"(word), "r"(expected), "r"(value)
                     : "cc", "memory");
    return failed == 0;
}

/* One attempt, without a loop: who fails has to look again anyway. */
static inline bool port_exchange64(uint64_t *word, uint64_t expected, uint64_t value)
{
    uint64_t seen;
    uint32_t failed;

    __asm__ goto volatile("ldrexd %Q0, %R0, [%2]\n"
                          "\tcmp %Q0, %Q3\n"
                          "\tcmpeq %R0, %R3\n"
                          "\tbne %l5\n"
                          "\tstrexd %1, %Q4, %R4, [%2]"
                          : "=&r"(seen), "=&r"(failed)
                          : "r"(word), "r"(expected), "r"(value)
                          : "cc", "memory"
                          : changed);
    return failed == 0;
changed:
    __asm__ volatile("clrex" ::: "memory");
    return false;
}

static inline bool port_exchange64_acquire(uint64_t *word, uint64_t expected, uint64_t value)
{
    bool done = port_exchange64(word, expected, value);

    port_dmb_ish();
    return done;
}

static inline bool port_exchange64_release(uint64_t *word, uint64_t expected, uint64_t value)
{
    port_dmb_ish();
    return port_exchange64(word, expected, value);
}

static inline bool port_exchange32_relaxed(uint32_t *word, uint32_t expected, uint32_t value)
{
    uint32_t seen, failed;

    __asm__ goto volatile("ldrex %0, [%2]\n"
                          "\tcmp %0, %3\n"
                          "\tbne %l5\n"
                          "\tstrex %1, %4, [%2]"
                          : "=&r"(seen), "=&r"(failed)
                          : "r"(word), "Ir"(expected), "r"(value)
                          : "cc", "memory"
                          : changed);
    return failed == 0;
changed:
    __asm__ volatile("clrex" ::: "memory");
    return false;
}

static inline uint64_t port_load64_relaxed(const uint64_t *word)
{
    return port_entry_load(word);
}

static inline void port_store64_relaxed(uint64_t *word, uint64_t value)
{
    port_entry_write(word, value);
}

static inline uint32_t port_load_relaxed(const uint32_t *word)
{
    return *(const volatile uint32_t *)word;
}

static inline void port_store_relaxed(uint32_t *word, uint32_t value)
{
    *(volatile uint32_t *)word = value;
}

static inline uint32_t port_load_acquire(const uint32_t *word)
{
    uint32_t value = *(const volatile uint32_t *)word;

    port_dmb_ish();
    return value;
}

static inline void port_store_release(uint32_t *word, uint32_t value)
{
    port_dmb_ish();
    *(volatile uint32_t *)word = value;
}

/* The hardware's own answers */
static inline void port_translate_start(ash_va_t va, unsigned access)
{
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
}

/* PAR in the long format: F is bit 0, PA[39:12] in place (DDI 0406C B4.1.112). */
#define PORT_PAR_ADDRESS 0xfffffff000ull

static inline uint64_t port_translate_result(void)
{
    return CP15_READ64(CP15_PAR);
}

static inline uint32_t port_cycles(void)
{
    return CP15_READ(CP15_PMCCNTR);
}

/* Accesses with the rights of User mode. */
static inline uint8_t port_user_load8(ash_va_t va)
{
    uint32_t value;

    __asm__ volatile("ldrbt %0, [%1], #0" : "=&r"(value) : "r"(va.value) : "memory");
    return (uint8_t)value;
}

static inline void port_user_store8(ash_va_t va, uint8_t value)
{
    __asm__ volatile("strbt %0, [%1], #0" ::"r"(value), "r"(va.value) : "memory");
}

static inline uintptr_t port_user_load(ash_va_t va)
{
    uintptr_t value;

    __asm__ volatile("ldrt %0, [%1], #0" : "=&r"(value) : "r"(va.value) : "memory");
    return value;
}

static inline void port_user_store(ash_va_t va, uintptr_t value)
{
    __asm__ volatile("strt %0, [%1], #0" ::"r"(value), "r"(va.value) : "memory");
}

/* Page contents: the firmware's map is the identity, so a frame that it reaches is its own pointer;
 * the addresses above may be those of spaces. */
extern uint32_t port_direct_frames;

static inline void port_direct_end(ash_pa_t end)
{
    port_direct_frames = (uint32_t)(end.value >> ASH_PAGE_SHIFT);
}

static inline void *port_ptr_direct(ash_pa_t pa)
{
    return (void *)(uintptr_t)pa.value;
}

static inline void *port_ptr(ash_pa_t pa)
{
    return pa.value >> ASH_PAGE_SHIFT < port_direct_frames ? (void *)(uintptr_t)pa.value : NULL;
}

#endif
