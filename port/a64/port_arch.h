/* SPDX-License-Identifier: MIT */
/*
 * The port to AArch64 (ARMv8-A and later, EL1). One image runs on all of them: what only some have
 * (range TLBI) is used where the ID registers show it.
 * Register and operation encodings: Arm ARM DDI 0487 C5 and D17.
 */
#ifndef ASHLAR_PORT_A64_H
#define ASHLAR_PORT_A64_H

#include "port/a64/sysreg.h"
#include "port/arm.h"
#include "port/percpu.h"

/* Table entries: an aligned 64-bit access is single-copy atomic (B2.2.1). */
static inline uint64_t port_entry_load(const uint64_t *entry)
{
    return *(const volatile uint64_t *)entry;
}

static inline void port_entry_store(uint64_t *entry, uint64_t value)
{
    __asm__ volatile("stlr %x1, %0" : "=Q"(*entry) : "rZ"(value) : "memory");
}

static inline void port_entry_write(uint64_t *entry, uint64_t value)
{
    *(volatile uint64_t *)entry = value;
}

/* Compare and exchange in registers of a width (x or w). No explicit access between the exclusive
 * load and its store (arm-rules 40). */
#define PORT_EXCHANGE(width, seen, failed, place, wanted, value)                                   \
    __asm__ volatile("1:\tldaxr %" width "0, %2\n"                                                 \
                     "\tcmp %" width "0, %" width "3\n"                                            \
                     "\tb.ne 2f\n"                                                                 \
                     "\tstlxr %w1, %" width "4, %2\n"                                              \
                     "\tcbnz %w1, 1b\n"                                                            \
                     "\tb 3f\n"                                                                    \
                     "2:\tclrex\n"                                                                 \
                     "3:"                                                                          \
                     : "=&r"(seen), "+&r"(failed), "+Q"(place)                                     \
                     : "r"(wanted), "rZ"(value)                                                    \
                     : "cc", "memory")

static inline bool port_entry_exchange(uint64_t *entry, uint64_t *expected, uint64_t value)
{
    uint64_t seen, wanted = *expected;
    uint32_t failed = 1;

    PORT_EXCHANGE("x", seen, failed, *entry, wanted, value);
    *expected = seen;
    return failed == 0;
}

/* TLB invalidation. The operand: VA[55:12] in [43:0], TTL [47:44] zero, ASID [63:48] (arm-rules
 * 11).
 */
static inline uint64_t port_tlbi_operand(ash_va_t va, unsigned asid)
{
    return (uint64_t)(asid & 0xffff) << 48 | (va.value >> ASH_PAGE_SHIFT & 0xfffffffffffull);
}

static inline void port_tlbi_page(ash_va_t va, unsigned asid)
{
    if (asid == PORT_ASID_GLOBAL) {
        __asm__ volatile("tlbi vaale1is, %0" ::"r"(port_tlbi_operand(va, 0)) : "memory");
    } else {
        __asm__ volatile("tlbi vale1is, %0" ::"r"(port_tlbi_operand(va, asid)) : "memory");
    }
}

static inline void port_tlbi_page_walk(ash_va_t va, unsigned asid)
{
    if (asid == PORT_ASID_GLOBAL) {
        __asm__ volatile("tlbi vaae1is, %0" ::"r"(port_tlbi_operand(va, 0)) : "memory");
    } else {
        __asm__ volatile("tlbi vae1is, %0" ::"r"(port_tlbi_operand(va, asid)) : "memory");
    }
}

static inline void port_tlbi_asid(unsigned asid)
{
    __asm__ volatile("tlbi aside1is, %0" ::"r"(port_tlbi_operand(ash_va(0), asid)) : "memory");
}

static inline void port_tlbi_all(void)
{
    __asm__ volatile("tlbi vmalle1is" ::: "memory");
}

/** FEAT_TLBIRANGE. */
static inline bool port_has_range_tlbi(void)
{
    return SYS_FIELD(ID_ISAR0, ID_ISAR0_TLB) >= 2;
}

void port_tlbi_range(ash_va_t va, uintptr_t pages, unsigned asid);

/** FEAT_HAFDBS, where the boot switched it on: TCR_EL1.HA and HD. */
static inline unsigned port_updates(void)
{
    uint64_t tcr = SYS_READ64("tcr_el1");

    if ((tcr & TCR_HA) == 0) {
        return 0;
    }
    return tcr & TCR_HD ? PORT_UPDATES_DIRTY : PORT_UPDATES_ACCESS;
}

/* Instruction fetches see new translations after the ISB (D8.13). */
static inline void port_branch_sync(void)
{
}

/* Spaces: TCR_EL1.A1 is set, so the ASID comes with TTBR1. */
static inline unsigned port_asid_bits(void)
{
    return SYS_READ64("tcr_el1") & TCR_AS ? 16 : 8;
}

static inline void port_space_switch(ash_pa_t root, unsigned asid)
{
    SYS_WRITE64("ttbr1_el1", root.value | (uint64_t)asid << 48);
    port_isb();
}

static inline void port_space_install(ash_pa_t root, unsigned asid)
{
    port_space_switch(root, asid); /* no walk from the old root once walks are on */
    SYS_WRITE64("tcr_el1", SYS_READ64("tcr_el1") & ~TCR_EPD1);
    port_isb();
}

static inline void port_space_none(void)
{
    SYS_WRITE64("tcr_el1", SYS_READ64("tcr_el1") | TCR_EPD1);
    port_isb();
    SYS_WRITE64("ttbr1_el1", SYS_READ64("ttbr0_el1")); /* not walked, but never garbage */
    port_isb();
}

/* Caches */
static inline size_t port_cache_line(void)
{
    return (size_t)4 << (SYS_READ64("ctr_el0") >> 16 & 0xf); /* CTR_EL0.DminLine, log2 of words */
}

/* One line (cache.c makes ranges of them): to PoC, and to PoU. */
static inline void port_line_clean(uintptr_t line)
{
    __asm__ volatile("dc cvac, %0" ::"r"(line) : "memory");
}

static inline void port_line_invalidate(uintptr_t line)
{
    __asm__ volatile("dc ivac, %0" ::"r"(line) : "memory");
}

static inline void port_line_clean_invalidate(uintptr_t line)
{
    __asm__ volatile("dc civac, %0" ::"r"(line) : "memory");
}

static inline void port_line_clean_unified(uintptr_t line)
{
    __asm__ volatile("dc cvau, %0" ::"r"(line) : "memory");
}

/* The whole instruction cache. */
static inline void port_code_invalidate(void)
{
    __asm__ volatile("ic ialluis" ::: "memory");
}

/* Interrupts and CPUs */
static inline unsigned long port_irq_save(void)
{
    unsigned long saved = SYS_READ64("daif");

    __asm__ volatile("msr daifset, #3" ::: "memory");
    return saved;
}

static inline void port_irq_restore(unsigned long saved)
{
    SYS_WRITE64("daif", saved);
}

static inline unsigned long port_all_save(void)
{
    unsigned long saved = SYS_READ64("daif");

    __asm__ volatile("msr daifset, #7" ::: "memory");
    return saved;
}

static inline void port_all_restore(unsigned long saved)
{
    SYS_WRITE64("daif", saved);
}

static inline void port_irq_unmask(void)
{
    __asm__ volatile("msr daifclr, #3" ::: "memory");
}

/* TPIDR_EL1 points to this CPU's struct percpu, whose first word is the number (percpu.h). */
static inline unsigned port_cpu(void)
{
    return *(const volatile unsigned *)SYS_READ64("tpidr_el1");
}

static inline unsigned port_inside(void)
{
    return *(const volatile unsigned *)(SYS_READ64("tpidr_el1") + PERCPU_INSIDE);
}

/* Aff3.Aff2.Aff1.Aff0 of this CPU. */
static inline uint32_t port_affinity(void)
{
    uint64_t mpidr = SYS_READ64("mpidr_el1");

    return (uint32_t)(mpidr >> 32 & 0xff) << 24 | (uint32_t)(mpidr & 0xffffff);
}

/* Atomics */
#define PORT_FETCH_ADD(load, store, old, word, n)                                                  \
    do {                                                                                           \
        uint32_t sum_, failed_;                                                                    \
                                                                                                   \
        __asm__ volatile("1:\t" load " %w0, %3\n"                                                  \
                         "\tadd %w1, %w0, %w4\n"                                                   \
                         "\t" store " %w2, %w1, %3\n"                                              \
                         "\tcbnz %w2, 1b"                                                          \
                         : "=&r"(old), "=&r"(sum_), "=&r"(failed_), "+Q"(*(word))                  \
                         : "Ir"(n)                                                                 \
                         : "memory");                                                              \
    } while (0)

static inline uint32_t port_fetch_add(uint32_t *word, uint32_t n)
{
    uint32_t old;

    PORT_FETCH_ADD("ldaxr", "stlxr", old, word, n);
    return old;
}

static inline uint32_t port_fetch_add_relaxed(uint32_t *word, uint32_t n)
{
    uint32_t old;

    PORT_FETCH_ADD("ldxr", "stxr", old, word, n);
    return old;
}

static inline bool port_exchange32(uint32_t *word, uint32_t expected, uint32_t value)
{
    uint32_t seen, failed = 1;

    PORT_EXCHANGE("w", seen, failed, *word, expected, value);
    return failed == 0;
}

/* One attempt, without a loop: who fails has to look again anyway. */
#define PORT_EXCHANGE_ONCE(load, store, width, seen, failed, word, expected, value)                \
    __asm__ goto volatile(load " %" width "0, %2\n"                                                \
                               "\tcmp %" width "0, %" width "3\n"                                  \
                               "\tb.ne %l5\n"                                                      \
                               "\t" store " %w1, %" width "4, %2"                                  \
                          : "=&r"(seen), "=&r"(failed)                                             \
                          : "Q"(*(word)), "r"(expected), "rZ"(value)                               \
                          : "cc", "memory"                                                         \
                          : changed)

static inline bool port_exchange64_acquire(uint64_t *word, uint64_t expected, uint64_t value)
{
    uint64_t seen;
    uint32_t failed;

    PORT_EXCHANGE_ONCE("ldaxr", "stxr", "x", seen, failed, word, expected, value);
    return failed == 0;
changed:
    __asm__ volatile("clrex" ::: "memory");
    return false;
}

static inline bool port_exchange64_release(uint64_t *word, uint64_t expected, uint64_t value)
{
    uint64_t seen;
    uint32_t failed;

    PORT_EXCHANGE_ONCE("ldxr", "stlxr", "x", seen, failed, word, expected, value);
    return failed == 0;
changed:
    __asm__ volatile("clrex" ::: "memory");
    return false;
}

static inline bool port_exchange32_relaxed(uint32_t *word, uint32_t expected, uint32_t value)
{
    uint32_t seen, failed;

    PORT_EXCHANGE_ONCE("ldxr", "stxr", "w", seen, failed, word, expected, value);
    return failed == 0;
changed:
    __asm__ volatile("clrex" ::: "memory");
    return false;
}

static inline uint64_t port_load64_relaxed(const uint64_t *word)
{
    return *(const volatile uint64_t *)word;
}

static inline void port_store64_relaxed(uint64_t *word, uint64_t value)
{
    *(volatile uint64_t *)word = value;
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
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void port_store_release(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* The hardware's own answers */
static inline void port_translate_start(ash_va_t va, unsigned access)
{
    switch (access & (PORT_WRITE | PORT_USER)) {
    case PORT_READ:
        __asm__ volatile("at s1e1r, %0" ::"r"(va.value) : "memory");
        break;
    case PORT_WRITE:
        __asm__ volatile("at s1e1w, %0" ::"r"(va.value) : "memory");
        break;
    case PORT_USER:
        __asm__ volatile("at s1e0r, %0" ::"r"(va.value) : "memory");
        break;
    default:
        __asm__ volatile("at s1e0w, %0" ::"r"(va.value) : "memory");
        break;
    }
}

/* PAR_EL1: F is bit 0, PA[47:12] in place (D17.2.115). */
#define PORT_PAR_ADDRESS 0xfffffffff000ull

static inline uint64_t port_translate_result(void)
{
    return SYS_READ64("par_el1");
}

static inline uint32_t port_cycles(void)
{
    return (uint32_t)SYS_READ64("pmccntr_el0");
}

/* Accesses with the rights of EL0. */
static inline uint8_t port_user_load8(ash_va_t va)
{
    uint32_t value;

    __asm__ volatile("ldtrb %w0, [%1]" : "=r"(value) : "r"(va.value) : "memory");
    return (uint8_t)value;
}

static inline void port_user_store8(ash_va_t va, uint8_t value)
{
    __asm__ volatile("sttrb %w0, [%1]" ::"r"(value), "r"(va.value) : "memory");
}

static inline uintptr_t port_user_load(ash_va_t va)
{
    uintptr_t value;

    __asm__ volatile("ldtr %0, [%1]" : "=r"(value) : "r"(va.value) : "memory");
    return value;
}

static inline void port_user_store(ash_va_t va, uintptr_t value)
{
    __asm__ volatile("sttr %0, [%1]" ::"r"(value), "r"(va.value) : "memory");
}

/* Page contents: the firmware's map is the identity, so a frame that it reaches is its own pointer.
 */
static inline void *port_ptr_direct(ash_pa_t pa)
{
    return (void *)pa.value;
}

/* The end never changes: spaces have addresses of their own. */
static inline void port_direct_end(ash_pa_t end)
{
    (void)end;
}

static inline void *port_ptr(ash_pa_t pa)
{
    return pa.value >> ASH_VA_BITS ? NULL : (void *)pa.value;
}

#endif
