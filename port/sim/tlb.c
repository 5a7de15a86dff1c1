/* SPDX-License-Identifier: MIT */
/*
 * What TLBs and walk caches may still hold: one record for each overwritten entry, until the
 * invalidation that covers it is complete on every CPU (DDI 0487 D8.13, D8.14; DDI 0406C B3.10).
 * A record has no guesses in it: a TLB may hold such an entry, so this machine's does.
 */
#include "port/sim/state.h"

#include <stdlib.h>

#define OUTPUT     UINT64_C(0x0000fffffffff000)
#define NOT_GLOBAL (UINT64_C(1) << 11)
#define CONTIGUOUS (UINT64_C(1) << 52)
#define SET        16u

struct record {
    uint64_t va, size; /* what a TLBI by address has to hit */
    uint64_t old;
    const uint64_t
        *seen;       /* the entry that is stored (this one, or a link above), as walks find it */
    uint64_t before; /* what it was */
    uint8_t at;      /* its level */
    unsigned asid;
    uint8_t tree, level;
    bool link;
    bool global;
    bool whole;               /* of a tree that a CPU has left: all that it held, under its ASID */
    uint8_t storer;           /* CPU that overwrote it */
    uint8_t fetch;            /* CPUs whose walkers may still find the old entry */
    uint8_t hold;             /* CPUs whose TLBs may hold it */
    uint8_t flight[SIM_CPUS]; /* by the CPU that invalidates: those that complete at its DSB */
    uint8_t sync;             /* CPUs that need an ISB yet */
    uint8_t almost;           /* the rule for which an invalidation failed to cover it */
};

static struct record *records;
static size_t count, room;
static uint64_t lowest, highest; /* addresses of all records but whole ones */

void sim_tlb_start(void)
{
    count = 0;
    lowest = UINT64_MAX;
    highest = 0;
}

static struct record *add(const struct sim_tree *tree)
{
    if (count == room) {
        room = room * 2 + 512;
        records = realloc(records, room * sizeof *records);
        if (records == NULL) {
            abort();
        }
    }
    records[count] = (struct record){
        .tree = (uint8_t)(tree - sim_trees),
        .asid = tree->asid,
        .storer = (uint8_t)sim_cpu,
    };
    return &records[count++];
}

/* The addresses that a TLB entry made of it may translate: a contiguous set may be one. */
static uint64_t reach(const struct record *record, uint64_t *size)
{
    bool set = !record->link && (record->old & CONTIGUOUS);

    *size = set ? record->size * SET : record->size;
    return set ? record->va & ~(*size - 1) : record->va;
}

static bool is_over(const struct record *record)
{
    return (record->fetch | record->hold | record->sync) == 0;
}

static void recount_cpus(struct sim_tree *tree)
{
    tree->cpus = tree->installed;
    for (size_t i = 0; i < count; i++) {
        if (records[i].whole && &sim_trees[records[i].tree] == tree) {
            tree->cpus |= records[i].hold;
        }
    }
}

static void sweep(void)
{
    size_t kept = 0;

    lowest = UINT64_MAX;
    highest = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_over(&records[i])) {
            continue;
        }
        if (!records[i].whole) {
            uint64_t size, va = reach(&records[i], &size);

            lowest = va < lowest ? va : lowest;
            highest = va + (size - 1) > highest ? va + (size - 1) : highest;
        }
        records[kept++] = records[i];
    }
    count = kept;
}

/* The store that is being made. */
static const uint64_t *stored;
static uint64_t stored_before;
static unsigned stored_at;

void sim_tlb_store(const struct sim_spot *spot, unsigned level)
{
    stored = (const uint64_t *)(spot->bank->seen + spot->offset);
    stored_before = *sim_spot_memory(spot);
    stored_at = level;
}

void sim_tlb_retire(const struct sim_tree *tree, unsigned level, uint64_t va, uint64_t descriptor)
{
    struct record *record;
    uint64_t size;

    if (tree->cpus == 0) {
        return;
    }
    record = add(tree);
    record->seen = stored;
    record->before = stored_before;
    record->at = (uint8_t)stored_at;
    record->level = (uint8_t)level;
    record->va = va;
    record->size = UINT64_C(1) << sim_shift(level);
    record->old = descriptor;
    record->link = sim_is_link(descriptor, level);
    record->global = record->link ? tree->any_asid : !(descriptor & NOT_GLOBAL);
    record->fetch = tree->installed;
    record->hold = tree->cpus;
    va = reach(record, &size);
    lowest = va < lowest ? va : lowest;
    highest = va + (size - 1) > highest ? va + (size - 1) : highest;
}

void sim_tlb_leave(struct sim_tree *tree)
{
    struct record *record;

    for (size_t i = 0; i < count; i++) {
        record = &records[i];
        if (record->whole && &sim_trees[record->tree] == tree && record->asid == tree->asid) {
            record->hold |= sim_cpu_bit();
            for (unsigned cpu = 0; cpu < SIM_CPUS; cpu++) {
                record->flight[cpu] &= (uint8_t)~sim_cpu_bit();
            }
            return;
        }
    }
    record = add(tree);
    record->whole = true;
    record->global = tree->any_asid;
    record->hold = sim_cpu_bit();
}

void sim_tlb_enter(struct sim_tree *tree)
{
    for (size_t i = 0; i < count; i++) {
        if (records[i].whole && &sim_trees[records[i].tree] == tree &&
            records[i].asid == tree->asid) {
            records[i].hold &= (uint8_t)~sim_cpu_bit();
            records[i].sync = 0;
        }
    }
    sweep();
    recount_cpus(tree);
}

void sim_tlb_tree_held(const struct sim_tree *tree, const char *what)
{
    unsigned rule = 4;

    if (tree->cpus == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (records[i].whole && &sim_trees[records[i].tree] == tree && records[i].almost != 0) {
            rule = records[i].almost;
        }
    }
    sim_broken(rule, "%s while walks may reach it, or TLBs hold what it mapped", what);
}

void sim_tlb_forget_tree(const struct sim_tree *tree)
{
    for (size_t i = 0; i < count; i++) {
        if (records[i].whole && &sim_trees[records[i].tree] == tree) {
            records[i].hold = records[i].sync = 0;
        }
    }
    sweep();
}

/* Invalidation */

/* Whether a TLBI of [va, va + size) covers a record; if not, *almost is the rule by which it does
 * not, or 0. */
static bool covers(const struct record *record, enum sim_op op, uint64_t va, uint64_t size,
                   unsigned asid, unsigned *almost)
{
    *almost = 0;
    if (op == SIM_TLBI_ALL) {
        return true;
    }
    if (op == SIM_TLBI_ASID) {
        *almost = record->global ? 13 : 0;
        return !record->global && record->asid == asid;
    }
    if (record->whole || (va - record->va >= record->size && record->va - va >= size)) {
        return false;
    }
    if (record->link && op == SIM_TLBI_PAGE) {
        *almost = 12;
        return false;
    }
    if (asid == PORT_ASID_GLOBAL || (!record->global && record->asid == asid)) {
        return true;
    }
    /* By address and ASID: matches global entries of the last level whatever their ASID, but of
     * the levels above only those of that ASID (DDI 0487 C5.5, TLBI VAE1). */
    *almost = 13;
    return record->global && !record->link;
}

/* AArch64: VA[55:12] in bits [43:0], TTL zero, the ASID in [63:48]. AArch32: VA[31:12] in place,
 * the ASID in [7:0]. Bits that are neither would be taken for something else. */
static void check_operand(uint64_t va, unsigned asid)
{
    unsigned asid_bits = sim_regime.format == SIM_LPAE ? 8 : 16;
    uint64_t high = va >> 48;

    if (!ash_is_aligned(va, ASH_PAGE_SIZE) || (sim_regime.format == SIM_LPAE && va >> 32) ||
        (high != 0 && high != 0xffff) || (asid != PORT_ASID_GLOBAL && asid >> asid_bits)) {
        sim_broken(11, "a TLBI of address %#llx, ASID %#x", (unsigned long long)va, asid);
    }
}

void sim_tlb_invalidate(enum sim_op op, uint64_t va, uint64_t size, unsigned asid, bool local)
{
    uint8_t target = local ? sim_cpu_bit() : (uint8_t)((1u << SIM_CPUS) - 1);

    check_operand(va, asid);
    for (size_t i = 0; i < count; i++) {
        struct record *record = &records[i];
        unsigned almost;

        if (!covers(record, op, va, size, asid, &almost)) {
            record->almost = almost != 0 ? (uint8_t)almost : record->almost;
            continue;
        }
        if (record->fetch == 0) { /* else walkers may find it again: it was for nothing */
            record->almost = record->hold & ~target ? 13 : 0;
            record->flight[sim_cpu] |= record->hold & target;
        }
    }
}

void sim_tlb_barrier(bool nsh, bool all)
{
    bool over = false;

    sim_posted_visible(nsh);
    for (size_t i = 0; i < count; i++) {
        struct record *record = &records[i];
        uint8_t done = record->flight[sim_cpu];

        if (nsh) {
            record->almost = record->storer == sim_cpu || done != 0 ? 13 : record->almost;
            continue;
        }
        if (record->storer == sim_cpu && record->fetch != 0) {
            if (!sim_is_valid(*record->seen) ||
                !sim_same(*record->seen, record->before, record->at)) {
                record->fetch = 0;
            } else {
                record->almost = 42; /* it is in the data cache still */
            }
        }
        if (all && done != 0) {
            record->hold &= (uint8_t)~done;
            for (unsigned cpu = 0; cpu < SIM_CPUS; cpu++) {
                record->flight[cpu] &= (uint8_t)~done;
            }
            if (record->whole) {
                recount_cpus(&sim_trees[record->tree]);
            } else {
                record->sync |= sim_cpu_bit();
            }
            over |= is_over(record);
        }
    }
    if (all && !nsh && sim_this()->branch_flight) {
        sim_this()->branch_flight = false;
        sim_this()->branch_due = false;
    }
    if (over) {
        sweep();
    }
}

void sim_tlb_isb(void)
{
    bool over = false;

    sim_this()->isb_due = false;
    for (size_t i = 0; i < count; i++) {
        records[i].sync &= (uint8_t)~sim_cpu_bit();
        over |= is_over(&records[i]);
    }
    if (over) {
        sweep();
    }
}

/* What may be held is in the way */

static const char *state_of(const struct record *record)
{
    if (record->fetch != 0) {
        return "the store is not visible yet (no DSB after it)";
    }
    if (record->hold == 0) {
        return "no ISB followed";
    }
    for (unsigned cpu = 0; cpu < SIM_CPUS; cpu++) {
        if (record->flight[cpu] != 0) {
            return "its invalidation is not complete (no DSB after it)";
        }
    }
    return record->almost != 0 ? "no invalidation covers it, though one nearly does"
                               : "no invalidation covers it";
}

static _Noreturn void still_there(const struct record *record, unsigned rule, const char *what)
{
    sim_broken(record->almost != 0 ? record->almost : rule,
               "%s: a TLB may hold the old entry %#llx (level %u) for %#llx: %s", what,
               (unsigned long long)record->old, record->level, (unsigned long long)record->va,
               state_of(record));
}

static bool is_held(const struct record *record)
{
    return !record->whole && (record->hold | record->fetch) != 0;
}

void sim_tlb_rest(void)
{
    for (size_t i = 0; i < count; i++) {
        if (!records[i].whole && records[i].storer == sim_cpu) {
            still_there(&records[i], 3, "the operation has returned");
        }
    }
}

/* Why the two entries must not be met side by side; NULL: they may. */
static const char *clash(const struct record *record, const struct sim_tree *tree, unsigned level,
                         uint64_t new)
{
    const struct sim_tree *of = &sim_trees[record->tree];

    if (!record->global && of != tree && record->asid != tree->asid) {
        return NULL;
    }
    if (of->half != tree->half) {
        return NULL;
    }
    if (record->level == level) {
        return sim_clash(record->old, new, level);
    }
    /* A table is judged where it was linked, and each leaf of one that is linked now. */
    if ((record->link && record->level < level) || sim_is_link(new, level)) {
        return NULL;
    }
    return "the size changes";
}

void sim_tlb_conflict(const struct sim_tree *tree, unsigned level, uint64_t va, uint64_t new)
{
    uint64_t size = UINT64_C(1) << sim_shift(level);

    if (count == 0 || va > highest || va + (size - 1) < lowest) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t other_size, other = reach(&records[i], &other_size);
        const char *why;

        if (!is_held(&records[i]) || (other - va >= size && va - other >= other_size)) {
            continue;
        }
        why = clash(&records[i], tree, level, new);
        if (why != NULL) {
            still_there(&records[i], 7, why);
        }
    }
}

void sim_tlb_table_given(uint64_t table)
{
    for (size_t i = 0; i < count; i++) {
        if (is_held(&records[i]) && records[i].link && (records[i].old & OUTPUT) == table) {
            still_there(&records[i], 4, "the table is given back");
        }
    }
}

void sim_tlb_frames_freed(uint64_t pa, uint64_t size)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t output = sim_output(records[i].old, records[i].level);

        if (is_held(&records[i]) && !records[i].link &&
            (output - pa < size || pa - output < records[i].size)) {
            still_there(&records[i], 4, "frames are freed");
        }
    }
}

bool sim_tlb_cacheable(uint64_t pa)
{
    for (size_t i = 0; i < count; i++) {
        const struct record *record = &records[i];

        if (is_held(record) && !record->link &&
            pa - sim_output(record->old, record->level) < record->size &&
            sim_memory_of(sim_trees[record->tree].mair, record->old) == SIM_CACHEABLE) {
            return true;
        }
    }
    return false;
}

void sim_tlb_check(uint64_t va, unsigned access, const struct sim_answer *answer)
{
    for (size_t i = 0; i < count; i++) {
        const struct record *record = &records[i];
        const struct sim_tree *tree = &sim_trees[record->tree];
        uint64_t size, start = reach(record, &size);
        uint64_t leaf = record->old;
        struct sim_answer old;

        if (record->whole || !((record->hold | record->fetch | record->sync) & sim_cpu_bit()) ||
            va - start >= size || (!record->global && record->asid != sim_regime.asid)) {
            continue;
        }
        leaf += ash_align_down(va, record->size) - record->va; /* another member of its set */
        old = record->link
                  ? sim_walk_from(tree, record->old & OUTPUT, record->level + 1u, va, access)
                  : sim_walk_leaf(tree, leaf, record->level, va, access);
        if (old.fault != answer->fault ||
            (old.fault == SIM_OK &&
             (old.pa.value != answer->pa.value || old.memory != answer->memory))) {
            still_there(record, 3, "an access");
        }
    }
}
