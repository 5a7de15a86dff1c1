/* SPDX-License-Identifier: MIT */
/*
 * Simulated memory and CPU, and the record of what the code under test asked of them.
 */
#include "port/sim/sim.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bank {
    uint64_t base;
    size_t bytes;
    unsigned char *memory;
};

static struct bank banks[SIM_BANKS];
static unsigned bank_count;
static unsigned spins;

unsigned sim_count[SIM_OPS];
struct sim_event sim_trace[SIM_TRACE];
unsigned sim_traced;
unsigned sim_cpu;
bool sim_irq_masked;
size_t sim_line;

static const char *const op_names[SIM_OPS] = {
    [SIM_DSB_ISHST] = "dsb ishst",
    [SIM_DSB_ISH] = "dsb ish",
    [SIM_DSB_SY] = "dsb sy",
    [SIM_DMB_ISH] = "dmb ish",
    [SIM_DMB_SY] = "dmb sy",
    [SIM_ISB] = "isb",
    [SIM_ENTRY_STORE] = "store entry",
    [SIM_TLBI_PAGE] = "tlbi page",
    [SIM_TLBI_PAGE_WALK] = "tlbi page and walk",
    [SIM_TLBI_ASID] = "tlbi asid",
    [SIM_TLBI_ALL] = "tlbi all",
    [SIM_BRANCH_SYNC] = "bpiall",
    [SIM_SPACE_INSTALL] = "space",
    [SIM_SPACE_NONE] = "no space",
    [SIM_CACHE_CLEAN] = "clean",
    [SIM_CACHE_INVALIDATE] = "invalidate",
    [SIM_CACHE_CLEAN_INVALIDATE] = "clean and invalidate",
    [SIM_CODE_SYNC] = "code sync",
    [SIM_NOTE] = "note",
};

static _Noreturn void stop(const char *why, uint64_t what)
{
    fprintf(stderr, "sim: %s: %#llx\n", why, (unsigned long long)what);
    abort();
}

static void record(enum sim_op op, uint64_t address, uint64_t value, unsigned asid)
{
    sim_count[op]++;
    if (sim_traced < SIM_TRACE) {
        sim_trace[sim_traced++] = (struct sim_event){op, address, value, asid};
    }
}

void sim_start(void)
{
    while (bank_count > 0) {
        free(banks[--bank_count].memory);
    }
    sim_forget();
    sim_cpu = 0;
    sim_irq_masked = false;
    sim_line = 64;
    sim_regime = (struct sim_regime){.wxn = true};
}

void sim_add_ram(ash_pa_t base, size_t bytes)
{
    struct bank *bank = &banks[bank_count];

    if (bank_count == SIM_BANKS || !ash_is_aligned(base.value | bytes, ASH_PAGE_SIZE)) {
        stop("RAM refused", base.value);
    }
    bank->memory = aligned_alloc(ASH_PAGE_SIZE, bytes);
    if (bank->memory == NULL) {
        stop("no host memory for RAM", bytes);
    }
    memset(bank->memory, bytes <= SIM_POISON_MAX ? SIM_POISON : 0, bytes);
    bank->base = base.value;
    bank->bytes = bytes;
    bank_count++;
}

void *port_ptr(ash_pa_t pa)
{
    for (unsigned i = 0; i < bank_count; i++) {
        if (pa.value - banks[i].base < banks[i].bytes) {
            return banks[i].memory + (pa.value - banks[i].base);
        }
    }
    return NULL;
}

/* The physical address of a pointer, or the pointer itself when it is not into RAM. */
static uint64_t address_of(const void *pointer)
{
    for (unsigned i = 0; i < bank_count; i++) {
        uintptr_t offset = (uintptr_t)pointer - (uintptr_t)banks[i].memory;

        if (offset < banks[i].bytes) {
            return banks[i].base + offset;
        }
    }
    return (uintptr_t)pointer;
}

ash_pa_t sim_pa(const void *pointer)
{
    uint64_t address = address_of(pointer);

    if (port_ptr(ash_pa(address)) != pointer) {
        stop("not a pointer into RAM", (uintptr_t)pointer);
    }
    return ash_pa(address);
}

unsigned sim_tlbi_count(void)
{
    return sim_count[SIM_TLBI_PAGE] + sim_count[SIM_TLBI_PAGE_WALK] + sim_count[SIM_TLBI_ASID] +
           sim_count[SIM_TLBI_ALL];
}

void sim_forget(void)
{
    memset(sim_count, 0, sizeof sim_count);
    sim_traced = 0;
}

void sim_note(uint64_t address)
{
    record(SIM_NOTE, address, 0, 0);
}

int sim_find(enum sim_op op, unsigned from)
{
    for (unsigned i = from; i < sim_traced; i++) {
        if (sim_trace[i].op == op) {
            return (int)i;
        }
    }
    return -1;
}

void sim_print_trace(void)
{
    for (unsigned i = 0; i < sim_traced; i++) {
        printf("# %3u %-20s %#llx %#llx asid %#x\n", i, op_names[sim_trace[i].op],
               (unsigned long long)sim_trace[i].address, (unsigned long long)sim_trace[i].value,
               sim_trace[i].asid);
    }
}

void port_dsb_ishst(void)
{
    record(SIM_DSB_ISHST, 0, 0, 0);
}

void port_dsb_ish(void)
{
    record(SIM_DSB_ISH, 0, 0, 0);
}

void port_dsb_sy(void)
{
    record(SIM_DSB_SY, 0, 0, 0);
}

void port_dmb_ish(void)
{
    record(SIM_DMB_ISH, 0, 0, 0);
}

void port_dmb_sy(void)
{
    record(SIM_DMB_SY, 0, 0, 0);
}

void port_isb(void)
{
    record(SIM_ISB, 0, 0, 0);
}

uint64_t port_entry_load(const uint64_t *entry)
{
    return __atomic_load_n(entry, __ATOMIC_RELAXED);
}

void port_entry_write(uint64_t *entry, uint64_t value)
{
    record(SIM_ENTRY_STORE, address_of(entry), value, 0);
    __atomic_store_n(entry, value, __ATOMIC_RELAXED);
}

void port_entry_store(uint64_t *entry, uint64_t value)
{
    record(SIM_ENTRY_STORE, address_of(entry), value, SIM_RELEASE);
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

bool port_entry_exchange(uint64_t *entry, uint64_t *expected, uint64_t value)
{
    if (!__atomic_compare_exchange_n(entry, expected, value, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        return false;
    }
    record(SIM_ENTRY_STORE, address_of(entry), value, 0);
    return true;
}

void port_tlbi_page(ash_va_t va, unsigned asid)
{
    record(SIM_TLBI_PAGE, va.value, 0, asid);
}

void port_tlbi_page_walk(ash_va_t va, unsigned asid)
{
    record(SIM_TLBI_PAGE_WALK, va.value, 0, asid);
}

void port_tlbi_asid(unsigned asid)
{
    record(SIM_TLBI_ASID, 0, 0, asid);
}

void port_tlbi_all(void)
{
    record(SIM_TLBI_ALL, 0, 0, 0);
}

void port_branch_sync(void)
{
    record(SIM_BRANCH_SYNC, 0, 0, 0);
}

void port_space_install(ash_pa_t root, unsigned asid)
{
    record(SIM_SPACE_INSTALL, root.value, 0, asid);
    sim_regime.half[1].root = root;
    sim_regime.half[1].walks = true;
    sim_regime.asid = asid;
}

void port_space_none(void)
{
    record(SIM_SPACE_NONE, 0, 0, 0);
    sim_regime.half[1].walks = false;
}

size_t port_cache_line(void)
{
    return sim_line;
}

void port_cache_clean(const void *start, size_t size)
{
    record(SIM_CACHE_CLEAN, (uintptr_t)start, size, 0);
}

void port_cache_invalidate(void *start, size_t size)
{
    record(SIM_CACHE_INVALIDATE, (uintptr_t)start, size, 0);
}

void port_cache_clean_invalidate(const void *start, size_t size)
{
    record(SIM_CACHE_CLEAN_INVALIDATE, (uintptr_t)start, size, 0);
}

void port_code_sync(const void *start, size_t size)
{
    record(SIM_CODE_SYNC, (uintptr_t)start, size, 0);
}

unsigned long port_irq_save(void)
{
    unsigned long saved = sim_irq_masked;

    sim_irq_masked = true;
    return saved;
}

void port_irq_restore(unsigned long saved)
{
    sim_irq_masked = saved != 0;
}

void port_irq_unmask(void)
{
    sim_irq_masked = false;
}

unsigned port_cpu(void)
{
    return sim_cpu;
}

void port_wait_event(void)
{
    if (__atomic_add_fetch(&spins, 1, __ATOMIC_RELAXED) > 10000000) {
        stop("waits forever: a lock that is never released", spins);
    }
    sched_yield();
}

void port_send_event(void)
{
    __atomic_store_n(&spins, 0, __ATOMIC_RELAXED);
}

void port_wait_interrupt(void)
{
    stop("waits for an interrupt that never comes", 0);
}

uint32_t port_cycles(void)
{
    static uint32_t cycles;

    return cycles++;
}

void port_page_zero(void *page)
{
    if (!ash_is_aligned((uintptr_t)page, ASH_PAGE_SIZE)) {
        stop("page_zero of a misaligned page", (uintptr_t)page);
    }
    memset(page, 0, ASH_PAGE_SIZE);
}

void port_page_copy(void *to, const void *from)
{
    if (!ash_is_aligned((uintptr_t)to | (uintptr_t)from, ASH_PAGE_SIZE)) {
        stop("page_copy of a misaligned page", (uintptr_t)to | (uintptr_t)from);
    }
    memcpy(to, from, ASH_PAGE_SIZE);
}

void port_zero(void *to, size_t size)
{
    memset(to, 0, size);
}

void port_copy(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
}
