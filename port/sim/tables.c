/* SPDX-License-Identifier: MIT */
/*
 * Each store to a table that walks can reach is judged before it is made, and what the code under
 * test says of its frames.
 */
#include "port/sim/state.h"

#include <string.h>

#define SET        16u /* entries of a contiguous set */
#define SETS       4096u
#define RANGES     16u
#define ACCESSED   (UINT64_C(1) << 10)
#define CONTIGUOUS (UINT64_C(1) << 52)
#define OUTPUT     UINT64_C(0x0000fffffffff000)
/* What may differ between members: the output address, AF, and AP[2] and DBM, which make dirty. */
#define MEMBER_OWN (OUTPUT | ACCESSED | UINT64_C(1) << 7 | UINT64_C(1) << 51)

bool sim_identity;

/* Contiguous sets that were touched, to be looked at when the operation has returned. */
static struct {
    const uint64_t *first;
    uint64_t va;
    unsigned cpu;
} sets[SETS];
static unsigned set_count;

static struct {
    uint64_t va, size;
    const char *what;
} in_use[RANGES];
static unsigned in_use_count;

void sim_tables_start(void)
{
    sim_trees_start();
    sim_hardware_start();
    set_count = 0;
    in_use_count = 0;
    sim_identity = false;
    sim_posted_start();
}

void sim_in_use(uint64_t va, uint64_t size, const char *what)
{
    if (in_use_count == RANGES) {
        sim_broken(SIM_MISUSE, "too many ranges in use");
    }
    in_use[in_use_count].va = va;
    in_use[in_use_count].size = size;
    in_use[in_use_count++].what = what;
}

/* Stores */

/* Members of a contiguous set that are valid must be alike, whichever of them was stored last. */
static void check_set(unsigned level, const uint64_t *entry, uint64_t va, uint64_t new)
{
    unsigned own = (unsigned)(((uintptr_t)entry / sizeof *entry) % SET);
    const uint64_t *first = entry - own;
    uint64_t step = UINT64_C(1) << sim_shift(level);
    uint64_t start = (new &OUTPUT) - own * step;

    if ((new &CONTIGUOUS) && !ash_is_aligned(start, SET * step)) {
        sim_broken(10, "the contiguous set at %#llx is not aligned in its output address",
                   (unsigned long long)(va - own * step));
    }
    for (unsigned i = 0; i < SET; i++) {
        if (i != own && sim_is_valid(first[i]) && ((first[i] | new) & CONTIGUOUS) &&
            (((first[i] ^ new) & ~MEMBER_OWN) || (first[i] & OUTPUT) != start + i * step)) {
            sim_broken(10, "the contiguous set at %#llx gets an uneven member",
                       (unsigned long long)(va - own * step));
        }
    }
}

static void remember_set(const uint64_t *entry, unsigned level, uint64_t va)
{
    unsigned own = (unsigned)(((uintptr_t)entry / sizeof *entry) % SET);

    if (set_count > 0 && sets[set_count - 1].first == entry - own) {
        return;
    }
    if (set_count == SETS) {
        sim_broken(SIM_MISUSE, "too many contiguous sets change in one operation");
    }
    sets[set_count].first = entry - own;
    sets[set_count].va = va - ((uint64_t)own << sim_shift(level));
    sets[set_count++].cpu = sim_cpu;
}

/* A translation in use is going to be none for a while. */
static void check_hole(const uint64_t *entry, unsigned level, uint64_t va, uint64_t old)
{
    uint64_t size = UINT64_C(1) << sim_shift(level), own = sim_address_of(entry);

    for (unsigned i = 0; i < in_use_count; i++) {
        if (in_use[i].va - va < size || va - in_use[i].va < in_use[i].size) {
            sim_broken(8, "a hole at %#llx (%#llx bytes) covers %s", (unsigned long long)va,
                       (unsigned long long)size, in_use[i].what);
        }
    }
    if (sim_identity && sim_output(old, level) == va && own - va < size) {
        sim_broken(8, "a hole at %#llx covers the table that is being edited",
                   (unsigned long long)va);
    }
}

static void store_reachable(struct sim_tree *tree, uint64_t *entry, unsigned level, uint64_t va,
                            uint64_t new, bool release)
{
    uint64_t old = *entry;
    bool was_link = sim_is_link(old, level), is_link = sim_is_link(new, level);
    struct sim_spot page;
    const char *clash;

    if (sim_is_valid(new)) {
        sim_tree_judge(tree, level, va, new);
    }
    if (sim_is_valid(old) && !was_link &&
        (!sim_is_valid(new) || is_link || ((old ^ new) & OUTPUT))) {
        check_hole(entry, level, va, old);
    }
    if (sim_is_valid(old) && sim_is_valid(new) && (was_link || (old & ACCESSED))) {
        clash = sim_clash(old, new, level);
        if (clash != NULL && tree->cpus != 0) {
            sim_broken(7, "%s in one step: %#llx to %#llx at level %u, for %#llx", clash,
                       (unsigned long long)old, (unsigned long long)new, level,
                       (unsigned long long)va);
        }
    }
    if (sim_is_valid(new) && !is_link) {
        check_set(level, entry, va, new);
    }
    if (!was_link && !is_link && ((old | new) & CONTIGUOUS)) {
        remember_set(entry, level, va);
    }
    if (sim_is_valid(new)) {
        sim_tlb_conflict(tree, level, va, new);
    }
    if (sim_is_valid(old)) {
        if (!was_link) {
            sim_tree_unmap(tree, level, va, old);
        } else {
            sim_tlb_retire(tree, level, va, old);
            if (sim_tree_table(old, &page)) {
                sim_tree_drop(tree, level + 1, &page, va);
            }
        }
    }
    if (is_link && sim_tree_table(new, &page)) {
        sim_tree_adopt(tree, level + 1, &page, va, entry,
                       release ? SIM_ORDER_RELEASED : SIM_ORDER_NONE);
    } else if (sim_is_valid(new) && !is_link) {
        sim_tree_map(tree, level, new);
    }
}

void sim_tables_store(const struct sim_spot *spot, uint64_t *entry, uint64_t value, bool release)
{
    struct sim_frame *frame = sim_spot_frame(spot);
    unsigned index = (unsigned)(spot->offset % ASH_PAGE_SIZE / sizeof *entry);
    uint64_t old = *entry, size = 0, va = 0;
    unsigned rule = 0;

    sim_tables_sync(false);
    if (sim_this()->mmu_off) {
        sim_cache_early_store(spot, sizeof *entry);
    }
    if (frame->use == SIM_USE_DATA) {
        return;
    }
    if (frame->use == SIM_USE_TABLE &&
        index < sim_tree_entries(&sim_trees[frame->tree], frame->level)) {
        size = UINT64_C(1) << sim_shift(frame->level);
        va = frame->va + index * size;
        if (!sim_same(old, value, frame->level)) {
            rule = sim_is_valid(old) ? 3 : 1; /* what the DSB is missed for */
            sim_tlb_store(spot, frame->level);
            store_reachable(&sim_trees[frame->tree], entry, frame->level, va, value, release);
        }
    }
    sim_posted_store(spot, entry, va, size, rule);
}

void sim_tables_before(const struct sim_spot *spot, uint64_t *entry)
{
    struct sim_frame *frame = sim_spot_frame(spot);
    unsigned index = (unsigned)(spot->offset % ASH_PAGE_SIZE / sizeof *entry);

    sim_tables_sync(false);
    if (frame->use == SIM_USE_TABLE) {
        sim_hardware_last(&sim_trees[frame->tree], frame->level,
                          frame->va + ((uint64_t)index << sim_shift(frame->level)), entry);
    }
}

void sim_tables_overwrite(struct sim_frame *frame, const struct sim_spot *page)
{
    struct sim_tree *tree = &sim_trees[frame->tree];
    uint64_t *entry = sim_spot_memory(page);

    if (frame->use != SIM_USE_TABLE) {
        return;
    }
    sim_tlb_tree_held(tree, "a table is overwritten");
    for (unsigned i = 0; i < sim_tree_entries(tree, frame->level); i++) {
        if (sim_is_valid(entry[i]) && !sim_is_link(entry[i], frame->level)) {
            sim_tree_unmap(tree, frame->level, 0, entry[i]);
        }
    }
    frame->use = SIM_USE_FRESH;
    if (frame->parent == NULL) {
        sim_tlb_forget_tree(tree);
        tree->used = false;
    }
}

/* Frames */

void sim_table_taken(ash_pa_t table)
{
    struct sim_spot page;

    if (sim_hostile && sim_spot_at(table.value, &page) && page.bank->frames != NULL) {
        struct sim_frame *frame = sim_spot_frame(&page);

        if (frame->use != SIM_USE_DATA) {
            sim_broken(SIM_MISUSE, "the frame at %#llx is a table already",
                       (unsigned long long)table.value);
        }
        frame->use = SIM_USE_FRESH;
        sim_posted_fresh(&page);
    }
}

void sim_table_given(ash_pa_t table)
{
    struct sim_spot page;

    if (sim_hostile && sim_spot_at(table.value, &page) && page.bank->frames != NULL) {
        struct sim_frame *frame = sim_spot_frame(&page);

        sim_tables_sync(false);
        if (frame->use == SIM_USE_TABLE) {
            sim_tlb_tree_held(&sim_trees[frame->tree], "a table is given back");
        }
        sim_tlb_table_given(table.value);
        sim_tables_overwrite(frame, &page);
        frame->use = SIM_USE_DATA;
    }
}

void sim_frames_freed(ash_pa_t pa, uint64_t size)
{
    struct sim_spot spot;

    if (!sim_hostile) {
        return;
    }
    sim_tlb_frames_freed(pa.value, size);
    for (uint64_t at = pa.value; at < pa.value + size; at += ASH_PAGE_SIZE) {
        if (sim_spot_at(at, &spot) && spot.bank->frames != NULL &&
            sim_spot_frame(&spot)->live_user != 0) {
            sim_broken(4, "the frame at %#llx is freed, and mapped for user mode",
                       (unsigned long long)at);
        }
    }
}

/* Rest */

static void check_sets(void)
{
    unsigned kept = 0;

    for (unsigned n = 0; n < set_count; n++) {
        unsigned marked = 0;

        if (sets[n].cpu != sim_cpu) {
            sets[kept++] = sets[n];
            continue;
        }
        for (unsigned i = 0; i < SET; i++) {
            marked += sim_is_valid(sets[n].first[i]) && (sets[n].first[i] & CONTIGUOUS) != 0;
        }
        if (marked != 0 && marked != SET) {
            sim_broken(10, "%u of %u entries of the contiguous set at %#llx are marked", marked,
                       SET, (unsigned long long)sets[n].va);
        }
    }
    set_count = kept;
}

unsigned sim_tables_pending(uint64_t va)
{
    unsigned rule = sim_posted_covers(va);

    return rule != 0 ? rule : sim_this()->isb_due;
}

void sim_tables_rest(void)
{
    sim_posted_rest();
    check_sets();
    sim_hardware_rest();
    if (sim_this()->branch_due) {
        sim_broken(33, "code was mapped, and the branch predictors were not told (BPIALL, DSB)");
    }
}

static bool page_seen(const struct sim_bank *bank, size_t page)
{
    const struct sim_frame *frame = &bank->frames[page];
    const uint64_t *memory = (const uint64_t *)(bank->memory + page * ASH_PAGE_SIZE);
    const uint64_t *seen = (const uint64_t *)(bank->seen + page * ASH_PAGE_SIZE);

    for (unsigned i = 0; i < SIM_ENTRIES && frame->use == SIM_USE_TABLE; i++) {
        bool none = !sim_is_valid(memory[i]) && !sim_is_valid(seen[i]);

        if (!none && !sim_same(memory[i], seen[i], frame->level)) {
            return false;
        }
    }
    return true;
}

bool sim_tables_seen(void)
{
    for (unsigned i = 0; i < sim_bank_count; i++) {
        for (size_t n = 0; sim_banks[i].frames && n < sim_banks[i].bytes / ASH_PAGE_SIZE; n++) {
            if (!page_seen(&sim_banks[i], n)) {
                return false;
            }
        }
    }
    return true;
}

void sim_rest(void)
{
    if (!sim_hostile) {
        return;
    }
    sim_publish_check();
    sim_tables_sync(false);
    sim_tlb_rest();
    sim_tables_rest();
    sim_exclusive_rest();
    if (sim_this()->isb_due) {
        sim_broken(1, "an entry is relied on without an ISB");
    }
}
