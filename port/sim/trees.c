/* SPDX-License-Identifier: MIT */
/*
 * The tables that walks can reach: found from the translation registers of each CPU, taken in when
 * they are linked, and let go when their link goes.
 */
#include "port/sim/state.h"

#include <string.h>

#define ACCESSED   (UINT64_C(1) << 10)
#define NOT_GLOBAL (UINT64_C(1) << 11)
#define OUTPUT     UINT64_C(0x0000fffffffff000)

struct sim_tree sim_trees[SIM_TREES];

void sim_trees_start(void)
{
    memset(sim_trees, 0, sizeof sim_trees);
}

uint64_t sim_tree_base(const struct sim_tree *tree)
{
    if (tree->half == 0) {
        return 0;
    }
    return tree->format == SIM_LPAE ? (UINT64_C(1) << 32) - (UINT64_C(1) << tree->va_bits)
                                    : UINT64_MAX << tree->va_bits;
}

unsigned sim_tree_entries(const struct sim_tree *tree, unsigned level)
{
    if (level != sim_first_level(tree->format, tree->va_bits)) {
        return SIM_ENTRIES;
    }
    return 1u << (tree->va_bits - sim_shift(level));
}

/* A walk down a subtree. */
struct place {
    struct sim_spot page;
    uint64_t va;
    uint64_t *parent;
    unsigned next;
};

struct descent {
    struct sim_tree *tree;
    struct place at[4];
    unsigned top, level;
};

static void descend_from(struct descent *descent, struct sim_tree *tree, unsigned level,
                         const struct sim_spot *page, uint64_t va, uint64_t *parent)
{
    descent->tree = tree;
    descent->top = level;
    descent->level = level;
    descent->at[level] = (struct place){.page = *page, .va = va, .parent = parent};
}

/* The table that a link at this level leads to, or false if its frame is not checked. */
bool sim_tree_table(uint64_t link, struct sim_spot *page)
{
    return sim_spot_at(link & OUTPUT, page) && page->bank->frames != NULL;
}

/* The next valid entry of the subtree that is no link; tables are entered by `enter` first. False
 * at the end. */
static bool next_leaf(struct descent *descent, void (*enter)(struct descent *descent),
                      uint64_t **entry, uint64_t *va)
{
    for (;;) {
        struct place *here = &descent->at[descent->level];
        unsigned level = descent->level;

        if (here->next == 0) {
            enter(descent);
        }
        if (here->next == sim_tree_entries(descent->tree, level)) {
            if (level == descent->top) {
                return false;
            }
            descent->level--;
            continue;
        }
        uint64_t *at = sim_spot_memory(&here->page) + here->next;
        uint64_t at_va = here->va + ((uint64_t)here->next << sim_shift(level));
        struct sim_spot page;

        here->next++;
        if (!sim_is_valid(*at)) {
            continue;
        }
        if (!sim_is_link(*at, level)) {
            *entry = at;
            *va = at_va;
            return true;
        }
        if (sim_tree_table(*at, &page)) {
            descent->level++;
            descent->at[level + 1] = (struct place){.page = page, .va = at_va, .parent = at};
        }
    }
}

void sim_tree_judge(const struct sim_tree *tree, unsigned level, uint64_t va, uint64_t descriptor)
{
    const char *why;
    unsigned rule = sim_rule_of(tree, level, descriptor, &why);

    if (rule != 0) {
        sim_broken(rule, "%s: %#llx at level %u, for %#llx", why, (unsigned long long)descriptor,
                   level, (unsigned long long)va);
    }
}

void sim_tree_map(struct sim_tree *tree, unsigned level, uint64_t leaf)
{
    sim_cache_mapped(sim_output(leaf, level), UINT64_C(1) << sim_shift(level),
                     sim_memory_of(tree->mair, leaf), sim_is_user(leaf), 1);
    if (sim_is_user(leaf) && sim_is_executable(tree, leaf)) {
        sim_cache_user_code(sim_output(leaf, level), UINT64_C(1) << sim_shift(level));
    }
    sim_this()->branch_due |= tree->format == SIM_LPAE && sim_is_executable(tree, leaf);
    tree->any_asid |= !(leaf & NOT_GLOBAL);
}

void sim_tree_unmap(struct sim_tree *tree, unsigned level, uint64_t va, uint64_t leaf)
{
    sim_cache_mapped(sim_output(leaf, level), UINT64_C(1) << sim_shift(level),
                     sim_memory_of(tree->mair, leaf), sim_is_user(leaf), -1);
    if (leaf & ACCESSED) {
        sim_tlb_retire(tree, level, va, leaf);
    }
}

/* Adoption: walks reach these tables from now on. */

static enum sim_order adoption_order;

static void check_visible(const struct sim_spot *page)
{
    uint64_t *memory = sim_spot_memory(page), *seen = (uint64_t *)(page->bank->seen + page->offset);

    for (unsigned i = 0; i < SIM_ENTRIES; i++) {
        if (memory[i] != seen[i] && ((memory[i] | seen[i]) & 1)) {
            sim_broken(2, "entry %u of the table at %#llx is linked before %s", i,
                       (unsigned long long)(page->bank->base + page->offset),
                       sim_coherent_walks ? "it is visible" : "it was cleaned");
        }
    }
}

static void adopt_table(struct descent *descent)
{
    struct place *here = &descent->at[descent->level];
    struct sim_frame *frame = sim_spot_frame(&here->page);

    if (frame->use == SIM_USE_TABLE) {
        sim_broken(SIM_MISUSE, "the table at %#llx is linked twice",
                   (unsigned long long)(here->page.bank->base + here->page.offset));
    }
    if (frame->old != 0) {
        sim_broken(19, "the cache may hold older contents of the table at %#llx",
                   (unsigned long long)(here->page.bank->base + here->page.offset));
    }
    if (adoption_order == SIM_ORDER_NONE ||
        (adoption_order == SIM_ORDER_RELEASED && !sim_coherent_walks)) {
        check_visible(&here->page);
    }
    memcpy(here->page.bank->seen + here->page.offset, sim_spot_memory(&here->page), ASH_PAGE_SIZE);
    frame->use = SIM_USE_TABLE;
    frame->level = (uint8_t)descent->level;
    frame->tree = (uint8_t)(descent->tree - sim_trees);
    frame->va = here->va;
    frame->parent = here->parent;
    for (unsigned i = 0; i < sim_tree_entries(descent->tree, descent->level); i++) {
        uint64_t descriptor = sim_spot_memory(&here->page)[i];

        if (sim_is_valid(descriptor)) {
            sim_tree_judge(descent->tree, descent->level,
                           here->va + ((uint64_t)i << sim_shift(descent->level)), descriptor);
        }
    }
}

void sim_tree_adopt(struct sim_tree *tree, unsigned level, const struct sim_spot *page, uint64_t va,
                    uint64_t *parent, enum sim_order order)
{
    struct descent descent;
    uint64_t *entry, leaf_va;

    adoption_order = order;
    descend_from(&descent, tree, level, page, va, parent);
    while (next_leaf(&descent, adopt_table, &entry, &leaf_va)) {
        sim_tlb_conflict(tree, descent.level, leaf_va, *entry);
        sim_tree_map(tree, descent.level, *entry);
    }
}

/* Dropping: no walk that begins now reaches these tables. */

static void drop_table(struct descent *descent)
{
    struct place *here = &descent->at[descent->level];

    if (here->parent != NULL && descent->level != descent->top) {
        sim_tlb_retire(descent->tree, descent->level - 1, here->va, *here->parent);
    }
    sim_spot_frame(&here->page)->use = SIM_USE_FRESH;
    sim_posted_fresh(&here->page);
}

void sim_tree_drop(struct sim_tree *tree, unsigned level, const struct sim_spot *page, uint64_t va)
{
    struct descent descent;
    uint64_t *entry, leaf_va;

    descend_from(&descent, tree, level, page, va, NULL);
    while (next_leaf(&descent, drop_table, &entry, &leaf_va)) {
        sim_hardware_last(tree, descent.level, leaf_va, entry);
        sim_tree_unmap(tree, descent.level, leaf_va, *entry);
    }
}

/* Translation registers */

static struct sim_tree *find_tree(uint64_t root)
{
    for (unsigned i = 0; i < SIM_TREES; i++) {
        if (sim_trees[i].used && sim_trees[i].root == root) {
            return &sim_trees[i];
        }
    }
    return NULL;
}

static struct sim_tree *new_tree(unsigned half)
{
    const struct sim_half *of = &sim_regime.half[half];

    for (unsigned i = 0; i < SIM_TREES; i++) {
        if (!sim_trees[i].used) {
            sim_trees[i] = (struct sim_tree){
                .used = true,
                .root = of->root.value,
                .format = sim_regime.format,
                .va_bits = of->va_bits,
                .half = half,
                .mair = sim_regime.mair,
            };
            return &sim_trees[i];
        }
    }
    sim_broken(SIM_MISUSE, "too many roots");
}

static void check_asid(const struct sim_tree *tree)
{
    for (unsigned i = 0; i < SIM_TREES; i++) {
        const struct sim_tree *other = &sim_trees[i];

        if (other->used && other != tree && other->half == 1 && other->cpus != 0 &&
            other->asid == tree->asid) {
            sim_broken(16, "ASID %u: a TLB may hold entries of the root at %#llx under it",
                       tree->asid, (unsigned long long)other->root);
        }
    }
}

static void enter_half(unsigned half, bool checked)
{
    struct sim_spot page;
    struct sim_tree *tree = find_tree(sim_regime.half[half].root.value);
    bool known = tree != NULL;

    if (!sim_spot_at(sim_regime.half[half].root.value, &page) || page.bank->frames == NULL ||
        page.offset % ASH_PAGE_SIZE != 0) {
        return; /* nothing is known of such tables */
    }
    if (!known) {
        tree = new_tree(half);
    }
    if (checked && half == 1 && (tree->installed & ~sim_cpu_bit()) &&
        tree->asid != sim_regime.asid) {
        sim_broken(16, "the root at %#llx is installed under ASID %u elsewhere, and now under %u",
                   (unsigned long long)tree->root, tree->asid, sim_regime.asid);
    }
    tree->asid = sim_regime.asid;
    tree->mair = sim_regime.mair;
    tree->installed |= sim_cpu_bit();
    tree->cpus |= sim_cpu_bit();
    sim_tlb_enter(tree);
    if (checked && half == 1) {
        check_asid(tree);
    }
    if (!known) {
        bool due = sim_this()->branch_due;

        sim_tree_adopt(tree, sim_first_level(tree->format, tree->va_bits), &page,
                       sim_tree_base(tree), NULL, checked ? SIM_ORDER_NONE : SIM_ORDER_FORCED);
        sim_this()->branch_due = due; /* was done when the tables were written */
    }
}

static bool same_half(const struct sim_half *a, const struct sim_half *b)
{
    return a->walks == b->walks && a->root.value == b->root.value && a->va_bits == b->va_bits;
}

void sim_tables_sync(bool checked)
{
    struct sim_regime *known = &sim_this()->known;

    if (sim_this()->mmu_off || (same_half(&known->half[0], &sim_regime.half[0]) &&
                                same_half(&known->half[1], &sim_regime.half[1]) &&
                                known->asid == sim_regime.asid && known->mair == sim_regime.mair)) {
        return;
    }
    for (unsigned half = 0; half < 2; half++) {
        const struct sim_half *was = &known->half[half], *is = &sim_regime.half[half];
        struct sim_tree *tree = was->walks ? find_tree(was->root.value) : NULL;

        if (same_half(was, is) && known->mair == sim_regime.mair &&
            (half == 0 || known->asid == sim_regime.asid)) {
            if (tree != NULL) {
                tree->any_asid |= known->asid != sim_regime.asid;
            }
            continue;
        }
        if (tree != NULL) {
            if (checked && is->walks && known->mair != sim_regime.mair) {
                sim_broken(28, "MAIR changes while it is in use");
            }
            if (checked && half == 1 && !is->walks && known->asid == sim_regime.asid) {
                sim_broken(16, "walks are off, but accesses still hit what a TLB has under ASID %u",
                           sim_regime.asid);
            }
            tree->installed &= (uint8_t)~sim_cpu_bit();
            sim_tlb_leave(tree);
        }
        if (is->walks && is->va_bits != 0) {
            enter_half(half, checked);
        }
    }
    *known = sim_regime;
}
