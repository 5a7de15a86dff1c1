/* SPDX-License-Identifier: MIT */
/*
 * The operations of the port: each is counted and kept in the trace, made worse if a test wants
 * that, and then handed to whoever models it.
 */
#include "port/sim/state.h"

#include <stdio.h>
#include <string.h>

#define RECENT 40u

unsigned sim_count[SIM_OPS];
struct sim_event sim_trace[SIM_TRACE];
unsigned sim_traced;
size_t sim_line;

static struct {
    struct sim_event event;
    unsigned cpu;
} recent[RECENT];
static unsigned recent_count;

static struct {
    enum sim_weakness how;
    unsigned left; /* operations until it happens; 0: it has happened, or nothing is wanted */
    bool done;
    enum sim_op op;
} hook;

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
    [SIM_TLBI_RANGE] = "tlbi range",
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
    [SIM_EXCHANGE] = "compare-exchange",
};

static const char *const weakness_names[SIM_WEAKNESSES] = {
    [SIM_INTACT] = "intact",
    [SIM_DROPPED] = "dropped",
    [SIM_NSH] = "non-shareable",
    [SIM_STORES_ONLY] = "stores only",
    [SIM_LOCAL] = "this CPU only",
    [SIM_LAST_LEVEL] = "last level only",
    [SIM_BY_ASID] = "one ASID only",
    [SIM_OPERAND] = "wrong operand",
    [SIM_SHORT] = "one page short",
    [SIM_RELAXED] = "not releasing",
    [SIM_PLAIN] = "without comparing",
    [SIM_UNFINISHED] = "no DSB after it",
    [SIM_DATA_ONLY] = "data cache only",
    [SIM_INSTRUCTIONS_ONLY] = "instruction cache only",
    [SIM_TWO_WRITES] = "two writes",
    [SIM_KEEPS_ASID] = "the ASID stays",
    [SIM_OPEN_MONITOR] = "no CLREX",
};

const char *sim_weakness_name(enum sim_weakness how)
{
    return weakness_names[how];
}

const char *sim_op_name(enum sim_op op)
{
    return op_names[op];
}

void sim_operations_start(void)
{
    sim_publish_start();
    sim_forget();
    recent_count = 0;
    memset(&hook, 0, sizeof hook);
}

void sim_record(enum sim_op op, uint64_t address, uint64_t value, unsigned asid)
{
    struct sim_event event = {op, address, value, asid};

    sim_publish_check();
    sim_count[op]++;
    if (sim_traced < SIM_TRACE) {
        sim_trace[sim_traced++] = event;
    }
    recent[recent_count % RECENT].event = event;
    recent[recent_count++ % RECENT].cpu = sim_cpu;
}

unsigned sim_tlbi_count(void)
{
    return sim_count[SIM_TLBI_PAGE] + sim_count[SIM_TLBI_PAGE_WALK] + sim_count[SIM_TLBI_RANGE] +
           sim_count[SIM_TLBI_ASID] + sim_count[SIM_TLBI_ALL];
}

void sim_forget(void)
{
    memset(sim_count, 0, sizeof sim_count);
    sim_traced = 0;
}

void sim_note(uint64_t address)
{
    sim_record(SIM_NOTE, address, 0, 0);
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

static void print_event(FILE *file, const char *start, unsigned n, const struct sim_event *event)
{
    fprintf(file, "%s%3u %-20s %#llx %#llx asid %#x\n", start, n, op_names[event->op],
            (unsigned long long)event->address, (unsigned long long)event->value, event->asid);
}

void sim_print_trace(void)
{
    for (unsigned i = 0; i < sim_traced; i++) {
        print_event(stdout, "# ", i, &sim_trace[i]);
    }
}

void sim_print_recent(void)
{
    for (unsigned i = recent_count > RECENT ? recent_count - RECENT : 0; i < recent_count; i++) {
        fprintf(stderr, "sim: CPU %u", recent[i % RECENT].cpu);
        print_event(stderr, " ", i, &recent[i % RECENT].event);
    }
}

/* Making operations worse */

void sim_weaken(unsigned n, enum sim_weakness how)
{
    memset(&hook, 0, sizeof hook);
    hook.how = how;
    hook.left = n;
}

bool sim_weakened(enum sim_op *op)
{
    bool done = hook.done;

    if (op != NULL) {
        *op = hook.op;
    }
    memset(&hook, 0, sizeof hook);
    return done;
}

static bool applies(enum sim_weakness how, enum sim_op op, bool all_asids)
{
    switch (how) {
    case SIM_DROPPED:
        return op != SIM_ENTRY_STORE && op != SIM_SPACE_INSTALL && op != SIM_SPACE_NONE &&
               op != SIM_EXCHANGE;
    case SIM_NSH:
        return op == SIM_DSB_ISHST || op == SIM_DSB_ISH;
    case SIM_STORES_ONLY:
        return op == SIM_DSB_ISH || op == SIM_DSB_SY;
    case SIM_LOCAL:
        return op >= SIM_TLBI_PAGE && op <= SIM_TLBI_ALL;
    case SIM_LAST_LEVEL:
        return op == SIM_TLBI_PAGE_WALK || op == SIM_TLBI_RANGE;
    case SIM_BY_ASID:
        return op == SIM_TLBI_ALL || (all_asids && op >= SIM_TLBI_PAGE && op <= SIM_TLBI_RANGE);
    case SIM_OPERAND:
        return op >= SIM_TLBI_PAGE && op <= SIM_TLBI_RANGE;
    case SIM_SHORT:
        return op == SIM_TLBI_RANGE;
    case SIM_RELAXED:
        return op == SIM_ENTRY_STORE && all_asids; /* there: it is a releasing one */
    case SIM_UNFINISHED:
        return op >= SIM_CACHE_CLEAN && op <= SIM_CACHE_CLEAN_INVALIDATE;
    case SIM_DATA_ONLY:
    case SIM_INSTRUCTIONS_ONLY:
        return op == SIM_CODE_SYNC;
    case SIM_TWO_WRITES:
        return op == SIM_SPACE_INSTALL;
    case SIM_KEEPS_ASID:
        return op == SIM_SPACE_NONE;
    case SIM_OPEN_MONITOR:
        return op == SIM_EXCHANGE && !all_asids; /* there: it is of a table's entry */
    case SIM_PLAIN:
        return op == SIM_EXCHANGE && all_asids;
    default:
        return false;
    }
}

enum sim_weakness sim_made_worse(enum sim_op op, bool all_asids)
{
    if (hook.left == 0 || !applies(hook.how, op, all_asids) || --hook.left != 0) {
        return SIM_INTACT;
    }
    hook.done = true;
    hook.op = op;
    return hook.how;
}

/* Barriers */

/* stores: what was stored is visible; all: maintenance before it is complete as well. */
static void barrier(enum sim_op op, bool all)
{
    enum sim_weakness how;

    sim_step();
    sim_record(op, 0, 0, 0);
    how = sim_made_worse(op, false);
    if (how == SIM_DROPPED || !sim_hostile) {
        return;
    }
    sim_publish_barrier();
    sim_tables_sync(false);
    all = all && how != SIM_STORES_ONLY;
    if (all && how != SIM_NSH) {
        sim_cache_complete();
    }
    sim_tlb_barrier(how == SIM_NSH, all);
    if (op == SIM_DSB_SY && all) {
        sim_cache_barrier(true);
    }
}

void port_dsb_ishst(void)
{
    barrier(SIM_DSB_ISHST, false);
}

void port_dsb_ish(void)
{
    barrier(SIM_DSB_ISH, true);
}

void port_dsb_sy(void)
{
    barrier(SIM_DSB_SY, true);
}

void port_dmb_ish(void)
{
    sim_step();
    sim_record(SIM_DMB_ISH, 0, 0, 0);
    if (sim_made_worse(SIM_DMB_ISH, false) != SIM_DROPPED) {
        sim_publish_barrier();
    }
}

void port_dmb_sy(void)
{
    sim_step();
    sim_record(SIM_DMB_SY, 0, 0, 0);
    if (sim_made_worse(SIM_DMB_SY, false) != SIM_DROPPED && sim_hostile) {
        sim_publish_barrier();
        sim_cache_barrier(false);
    }
}

void port_isb(void)
{
    sim_step();
    sim_record(SIM_ISB, 0, 0, 0);
    if (sim_made_worse(SIM_ISB, false) != SIM_DROPPED && sim_hostile) {
        sim_tlb_isb();
    }
}

/* Table entries */

uint64_t port_entry_load(const uint64_t *entry)
{
    sim_explicit_access();
    sim_hardware_seen(entry);
    return __atomic_load_n(entry, __ATOMIC_RELAXED);
}

static void store(uint64_t *entry, uint64_t value, bool release)
{
    struct sim_spot spot;
    bool inside = sim_spot_of(entry, &spot);

    sim_step();
    sim_explicit_access();
    sim_record(SIM_ENTRY_STORE, inside ? spot.bank->base + spot.offset : (uintptr_t)entry, value,
               release ? SIM_RELEASE : 0);
    if (inside && sim_hostile && spot.bank->frames != NULL) {
        release &= sim_made_worse(SIM_ENTRY_STORE, release) != SIM_RELAXED;
        sim_tables_before(&spot, entry);
        sim_tables_store(&spot, entry, value, release);
    }
    sim_watch_store(entry);
    sim_hardware_changed(entry);
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

void port_entry_write(uint64_t *entry, uint64_t value)
{
    store(entry, value, false);
}

void port_entry_store(uint64_t *entry, uint64_t value)
{
    store(entry, value, true);
}

bool port_entry_exchange(uint64_t *entry, uint64_t *expected, uint64_t value)
{
    struct sim_spot spot;
    bool checked = sim_hostile && sim_spot_of(entry, &spot) && spot.bank->frames != NULL;
    bool done;

    if (sim_made_worse(SIM_EXCHANGE, true) == SIM_PLAIN) {
        store(entry, value, true);
        return true;
    }
    if (checked) {
        sim_tables_before(&spot, entry);
    }
    done = sim_exchange64(entry, expected, value);
    sim_hardware_seen(entry);
    if (!done) {
        return false;
    }
    sim_hardware_changed(entry);
    sim_record(SIM_ENTRY_STORE, sim_address_of(entry), value, 0);
    if (checked) {
        *entry = *expected; /* as the table is before the store */
        sim_tables_store(&spot, entry, value, true);
        *entry = value;
    }
    return true;
}

/* TLB invalidation */

bool sim_range_tlbi;

static void invalidate(enum sim_op op, uint64_t va, uintptr_t pages, unsigned asid)
{
    bool all_asids = op == SIM_TLBI_ALL || asid == PORT_ASID_GLOBAL;
    enum sim_weakness how;

    sim_step();
    sim_record(op, va, op == SIM_TLBI_RANGE ? pages : 0, asid);
    how = sim_made_worse(op, all_asids);
    if (how == SIM_DROPPED || !sim_hostile) {
        return;
    }
    if (how == SIM_BY_ASID) {
        op = op == SIM_TLBI_ALL ? SIM_TLBI_ASID : op;
        asid = sim_regime.asid;
    } else if (how == SIM_LAST_LEVEL) {
        op = SIM_TLBI_PAGE;
    } else if (how == SIM_OPERAND) {
        va >>= ASH_PAGE_SHIFT;
    } else if (how == SIM_SHORT) {
        pages--;
    }
    sim_tables_sync(false);
    sim_tlb_invalidate(op, va, (uint64_t)pages << ASH_PAGE_SHIFT, asid, how == SIM_LOCAL);
}

void port_tlbi_page(ash_va_t va, unsigned asid)
{
    invalidate(SIM_TLBI_PAGE, va.value, 1, asid);
}

void port_tlbi_page_walk(ash_va_t va, unsigned asid)
{
    invalidate(SIM_TLBI_PAGE_WALK, va.value, 1, asid);
}

void port_tlbi_range(ash_va_t va, uintptr_t pages, unsigned asid)
{
    invalidate(SIM_TLBI_RANGE, va.value, pages, asid);
}

void port_tlbi_asid(unsigned asid)
{
    invalidate(SIM_TLBI_ASID, 0, 0, asid);
}

void port_tlbi_all(void)
{
    invalidate(SIM_TLBI_ALL, 0, 0, 0);
}

void port_branch_sync(void)
{
    sim_step();
    sim_record(SIM_BRANCH_SYNC, 0, 0, 0);
    if (sim_made_worse(SIM_BRANCH_SYNC, false) != SIM_DROPPED && sim_this()->branch_due &&
        !sim_posted_any()) {
        sim_this()->branch_flight = true; /* what it is for is visible already */
    }
}

/* Spaces */

unsigned sim_asid_bits = 8;

void port_space_switch(ash_pa_t root, unsigned asid)
{
    if (!sim_regime.half[1].walks) {
        sim_broken(SIM_MISUSE, "a switch while walks are off");
    }
    port_space_install(root, asid);
}

void port_space_install(ash_pa_t root, unsigned asid)
{
    sim_step();
    sim_record(SIM_SPACE_INSTALL, root.value, 0, asid);
    sim_regime.half[1].root = root;
    sim_regime.half[1].walks = true;
    if (sim_made_worse(SIM_SPACE_INSTALL, false) == SIM_TWO_WRITES) {
        sim_tables_sync(true);
    }
    sim_regime.asid = asid;
    if (sim_hostile) {
        sim_tables_sync(true);
        sim_tlb_isb();
    }
}

void port_space_none(void)
{
    sim_step();
    sim_record(SIM_SPACE_NONE, 0, 0, 0);
    sim_regime.half[1].walks = false;
    if (sim_made_worse(SIM_SPACE_NONE, false) != SIM_KEEPS_ASID) {
        sim_regime.asid = 0;
    }
    if (sim_hostile) {
        sim_tables_sync(true);
        sim_tlb_isb();
    }
}

/* Caches */

static void cache(enum sim_op op, const void *start, size_t size)
{
    sim_step();
    sim_record(op, (uintptr_t)start, size, 0);
    enum sim_weakness how = sim_made_worse(op, false);

    if (how == SIM_DROPPED || !sim_hostile) {
        return;
    }
    sim_tables_sync(false);
    sim_cache_operation(op, start, size, how);
    if (how != SIM_UNFINISHED) { /* it ends with a DSB SY */
        sim_cache_complete();
        sim_tlb_barrier(false, true);
        sim_cache_barrier(true);
    }
    if (op == SIM_CODE_SYNC) { /* ... and an ISB */
        sim_tlb_isb();
    }
}

size_t port_cache_line(void)
{
    return sim_line;
}

void port_cache_clean(const void *start, size_t size)
{
    cache(SIM_CACHE_CLEAN, start, size);
}

void port_cache_invalidate(void *start, size_t size)
{
    cache(SIM_CACHE_INVALIDATE, start, size);
}

void port_cache_clean_invalidate(const void *start, size_t size)
{
    cache(SIM_CACHE_CLEAN_INVALIDATE, start, size);
}

void port_code_sync(const void *start, size_t size)
{
    cache(SIM_CODE_SYNC, start, size);
}

uint32_t port_cycles(void)
{
    static uint32_t cycles;

    return cycles++;
}
