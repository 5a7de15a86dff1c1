/* SPDX-License-Identifier: MIT */
/*
 * The port to threads of the host: each is a CPU, and what orders memory between them is ordered
 * C11 atomics on the words themselves. ThreadSanitizer knows those and does not model standalone
 * fences: code that needs one to be right would be reported here, and is written with an ordered
 * access instead. There is no MMU and no cache: those operations do nothing.
 * Interrupts are what a test makes of them.
 */
#ifndef ASHLAR_PORT_HOST_H
#define ASHLAR_PORT_HOST_H

extern _Thread_local unsigned host_cpu;         /**< which CPU the thread is */
extern _Thread_local unsigned host_inside;      /**< interrupts that it is in */
extern _Thread_local unsigned long host_masked; /**< it has interrupts masked */

/** Takes this CPU's interrupts, if there are any: where it unmasks them, and while it waits. NULL:
 *  there are none. */
extern void (*host_interrupt)(void);

/** Physical memory from `base` on, in place of what was there. Before threads run. */
void host_ram(ash_pa_t base, size_t bytes);

/* Barriers. A full one is an exchange that no other thread sees: it orders the processor's accesses
 * and tells ThreadSanitizer nothing. */
static inline void port_dmb_ish(void)
{
    static _Thread_local uint32_t own;

    (void)__atomic_exchange_n(&own, 1, __ATOMIC_SEQ_CST);
}
static inline void port_dmb_sy(void)
{
    port_dmb_ish();
}
static inline void port_dsb_ishst(void)
{
    port_dmb_ish();
}
static inline void port_dsb_ish(void)
{
    port_dmb_ish();
}
static inline void port_dsb_sy(void)
{
    port_dmb_ish();
}
static inline void port_isb(void)
{
}

/* Table entries */
static inline uint64_t port_entry_load(const uint64_t *entry)
{
    return __atomic_load_n(entry, __ATOMIC_RELAXED);
}
static inline void port_entry_store(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}
static inline void port_entry_write(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELAXED);
}
static inline bool port_entry_exchange(uint64_t *entry, uint64_t *expected, uint64_t value)
{
    return __atomic_compare_exchange_n(entry, expected, value, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

/* TLB invalidation and spaces: there is none */
static inline void port_tlbi_page(ash_va_t va, unsigned asid)
{
    (void)va;
    (void)asid;
}
static inline void port_tlbi_page_walk(ash_va_t va, unsigned asid)
{
    (void)va;
    (void)asid;
}
static inline bool port_has_range_tlbi(void)
{
    return false;
}
static inline void port_tlbi_range(ash_va_t va, uintptr_t pages, unsigned asid)
{
    (void)va;
    (void)pages;
    (void)asid;
}
static inline void port_tlbi_asid(unsigned asid)
{
    (void)asid;
}
static inline void port_tlbi_all(void)
{
}
static inline unsigned port_updates(void)
{
    return 0;
}
static inline void port_branch_sync(void)
{
}
static inline unsigned port_asid_bits(void)
{
    return 8;
}
static inline void port_space_switch(ash_pa_t root, unsigned asid)
{
    (void)root;
    (void)asid;
}
static inline void port_space_install(ash_pa_t root, unsigned asid)
{
    (void)root;
    (void)asid;
}
static inline void port_space_none(void)
{
}

/* Caches: coherent with everything */
static inline size_t port_cache_line(void)
{
    return 64;
}
static inline void port_cache_clean(const void *start, size_t size)
{
    (void)start;
    (void)size;
}
static inline void port_cache_invalidate(void *start, size_t size)
{
    (void)start;
    (void)size;
}
static inline void port_cache_clean_invalidate(const void *start, size_t size)
{
    (void)start;
    (void)size;
}
static inline void port_code_sync(const void *start, size_t size)
{
    (void)start;
    (void)size;
}

/* Interrupts and CPUs. A thread may have lost its processor to the one that it waits for. On a busy
 * host one that gives up no more than its turn (sched_yield) waits for the turns of all others. */
void host_wait(void);
static inline unsigned long port_irq_save(void)
{
    unsigned long saved = host_masked;

    host_masked = 1;
    return saved;
}
static inline void port_irq_restore(unsigned long saved)
{
    host_masked = saved;
}
static inline void port_irq_unmask(void)
{
    host_masked = 0;
    if (host_interrupt != NULL) {
        host_interrupt();
    }
}
static inline unsigned port_cpu(void)
{
    return host_cpu;
}
static inline unsigned port_inside(void)
{
    return host_inside;
}
static inline void port_wait_event(void)
{
    host_wait();
}
static inline void port_send_event(void)
{
}
static inline void port_wait_interrupt(void)
{
    host_wait();
}

/* Atomics */
static inline uint32_t port_fetch_add(uint32_t *word, uint32_t n)
{
    return __atomic_fetch_add(word, n, __ATOMIC_ACQ_REL);
}
static inline uint32_t port_fetch_add_relaxed(uint32_t *word, uint32_t n)
{
    return __atomic_fetch_add(word, n, __ATOMIC_RELAXED);
}
static inline bool port_exchange32(uint32_t *word, uint32_t expected, uint32_t value)
{
    return __atomic_compare_exchange_n(word, &expected, value, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}
static inline bool port_exchange64_acquire(uint64_t *word, uint64_t expected, uint64_t value)
{
    return __atomic_compare_exchange_n(word, &expected, value, true, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}
static inline bool port_exchange64_release(uint64_t *word, uint64_t expected, uint64_t value)
{
    return __atomic_compare_exchange_n(word, &expected, value, true, __ATOMIC_RELEASE,
                                       __ATOMIC_RELAXED);
}
static inline bool port_exchange32_relaxed(uint32_t *word, uint32_t expected, uint32_t value)
{
    return __atomic_compare_exchange_n(word, &expected, value, true, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}
static inline uint64_t port_load64_relaxed(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}
static inline void port_store64_relaxed(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}
static inline uint32_t port_load_relaxed(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}
static inline void port_store_relaxed(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}
static inline uint32_t port_load_acquire(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
static inline void port_store_release(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* The hardware's own answers: it has none. */
static inline bool port_translate(ash_va_t va, unsigned access, struct port_translation *result)
{
    (void)va;
    (void)access;
    (void)result;
    return false;
}
uint32_t port_cycles(void);

/* Page contents */
void *port_ptr(ash_pa_t pa);
static inline void *port_ptr_direct(ash_pa_t pa)
{
    return port_ptr(pa);
}
void port_page_zero(void *page);
void port_page_copy(void *to, const void *from);
void port_zero(void *to, size_t size);
void port_copy(void *to, const void *from, size_t size);

#endif
