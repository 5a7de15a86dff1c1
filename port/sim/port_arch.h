/* SPDX-License-Identifier: MIT */
/*
 * The port to a simulated machine on the host: see port/sim/sim.h, which the tests use.
 * Everything that the real code asks of the processor comes through here and is counted.
 */
#ifndef ASHLAR_PORT_SIM_H
#define ASHLAR_PORT_SIM_H

/* Barriers */
void port_dsb_ishst(void);
void port_dsb_ish(void);
void port_dsb_sy(void);
void port_dmb_ish(void);
void port_dmb_sy(void);
void port_isb(void);

/* Table entries */
uint64_t port_entry_load(const uint64_t *entry);
void port_entry_store(uint64_t *entry, uint64_t value);
void port_entry_write(uint64_t *entry, uint64_t value);
bool port_entry_exchange(uint64_t *entry, uint64_t *expected, uint64_t value);

/* TLB invalidation */
extern bool sim_range_tlbi; /* the machine has range operations */
static inline bool port_has_range_tlbi(void)
{
    return sim_range_tlbi;
}
void port_tlbi_page(ash_va_t va, unsigned asid);
void port_tlbi_page_walk(ash_va_t va, unsigned asid);
void port_tlbi_range(ash_va_t va, uintptr_t pages, unsigned asid);
void port_tlbi_asid(unsigned asid);
void port_tlbi_all(void);
void port_branch_sync(void);

/* Spaces */
extern unsigned sim_asid_bits; /* of the machine's ASIDs: 8 or 16, or fewer for tests */
static inline unsigned port_asid_bits(void)
{
    return sim_asid_bits;
}
void port_space_switch(ash_pa_t root, unsigned asid);
void port_space_install(ash_pa_t root, unsigned asid);
void port_space_none(void);

/* Caches */
size_t port_cache_line(void);
void port_cache_clean(const void *start, size_t size);
void port_cache_invalidate(void *start, size_t size);
void port_cache_clean_invalidate(const void *start, size_t size);
void port_code_sync(const void *start, size_t size);

/* Interrupts and CPUs */
unsigned long port_irq_save(void);
void port_irq_restore(unsigned long saved);
void port_irq_unmask(void);
unsigned port_cpu(void);
unsigned port_inside(void);
void port_wait_event(void);
void port_send_event(void);
void port_wait_interrupt(void);

/* Atomics */
uint32_t port_fetch_add(uint32_t *word, uint32_t n);
uint32_t port_fetch_add_relaxed(uint32_t *word, uint32_t n);
bool port_exchange32(uint32_t *word, uint32_t expected, uint32_t value);
uint32_t port_load_acquire(const uint32_t *word);
void port_store_release(uint32_t *word, uint32_t value);
bool port_exchange64_acquire(uint64_t *word, uint64_t expected, uint64_t value);
bool port_exchange64_release(uint64_t *word, uint64_t expected, uint64_t value);
bool port_exchange32_relaxed(uint32_t *word, uint32_t expected, uint32_t value);
uint64_t port_load64_relaxed(const uint64_t *word);
void port_store64_relaxed(uint64_t *word, uint64_t value);
uint32_t port_load_relaxed(const uint32_t *word);
void port_store_relaxed(uint32_t *word, uint32_t value);

/* The hardware's own answers */
bool port_translate(ash_va_t va, unsigned access, struct port_translation *result);
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
