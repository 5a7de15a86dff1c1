/* SPDX-License-Identifier: MIT */
/*
 * The port to AArch32: ARMv7-A with LPAE and ARMv8-A in AArch32 state. One image runs on both,
 * so only what both have is used (no last-level TLBI, no range TLBI).
 * Register and operation encodings: Arm ARM DDI 0406C B3 and B4, DDI 0487 G8.
 */
#ifndef ASHLAR_PORT_A32_H
#define ASHLAR_PORT_A32_H

#include "port/a32/cp15.h"

/* Barriers */
static inline void port_dsb_ishst(void)
{
    __asm__ volatile("dsb ishst" ::: "memory");
}

static inline void port_dsb_ish(void)
{
    __asm__ volatile("dsb ish" ::: "memory");
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
    uint64_t seen;
    uint32_t failed;

    do {
        __asm__ volatile("ldrexd %Q0, %R0, [%1]" : "=r"(seen) : "r"(entry) : "memory");
        if (seen != *expected) {
            __asm__ volatile("clrex" ::: "memory");
            *expected = seen;
            return false;
        }
        __asm__ volatile("dmb ish\n\tstrexd %0, %Q1, %R1, [%2]"
                         : "=&r"(failed)
                         : "r"(value), "r"(entry)
                         : "memory");
    } while (failed);
    return true;
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

static inline void port_branch_sync(void)
{
    CP15_WRITE(CP15_BPIALLIS, 0);
}

/* Spaces: TTBCR.A1 is set, so the ASID comes with TTBR1. */
static inline void port_space_install(ash_pa_t root, unsigned asid)
{
    CP15_WRITE64(CP15_TTBR1, root.value | (uint64_t)(asid & 0xff) << 48);
    CP15_WRITE(CP15_TTBCR, CP15_READ(CP15_TTBCR) & ~TTBCR_EPD1);
    port_isb();
}

static inline void port_space_none(void)
{
    CP15_WRITE(CP15_TTBCR, CP15_READ(CP15_TTBCR) | TTBCR_EPD1);
    port_isb();
}

/* Caches */
static inline size_t port_cache_line(void)
{
    return (size_t)4 << ((CP15_READ(CP15_CTR) >> 16) & 0xf); /* CTR.DminLine, log2 of words */
}

void port_cache_clean(const void *start, size_t size);
void port_cache_invalidate(void *start, size_t size);
void port_cache_clean_invalidate(const void *start, size_t size);
void port_code_sync(const void *start, size_t size);

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

static inline void port_irq_unmask(void)
{
    __asm__ volatile("cpsie if" ::: "memory");
}

/* TPIDRPRW points to this CPU's struct percpu, whose first word is the number (percpu.h). */
static inline unsigned port_cpu(void)
{
    return *(const volatile unsigned *)CP15_READ(CP15_TPIDRPRW);
}

static inline void port_wait_event(void)
{
    __asm__ volatile("wfe" ::: "memory");
}

static inline void port_send_event(void)
{
    __asm__ volatile("dsb ishst\n\tsev" ::: "memory");
}

static inline void port_wait_interrupt(void)
{
    __asm__ volatile("dsb sy\n\twfi" ::: "memory");
}

/* Atomics. No explicit access between the exclusive load and its store (arm-rules 40). */
static inline uint32_t port_fetch_add(uint32_t *word, uint32_t n)
{
    uint32_t old, sum, failed;

    __asm__ volatile("1:\tldrex %0, [%3]\n"
                     "\tadd %1, %0, %4\n"
                     "\tstrex %2, %1, [%3]\n"
                     "\tcmp %2, #0\n"
                     "\tbne 1b\n"
                     "\tdmb ish"
                     : "=&r"(old), "=&r"(sum), "=&r"(failed)
                     : "r"(word), "r"(n)
                     : "cc", "memory");
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
bool port_translate(ash_va_t va, unsigned access, struct port_translation *result);

static inline uint32_t port_cycles(void)
{
    return CP15_READ(CP15_PMCCNTR);
}

/* Page contents: the firmware's map is the identity, so a frame below 4 GiB is its own pointer. */
static inline void *port_ptr(ash_pa_t pa)
{
    return pa.value >> 32 ? NULL : (void *)(uintptr_t)pa.value;
}

void port_page_zero(void *page);
void port_page_copy(void *to, const void *from);
void port_zero(void *to, size_t size);
void port_copy(void *to, const void *from, size_t size);

#endif
