/* SPDX-License-Identifier: MIT */
/*
 * What the hardware writes into tables: the access flag and dirty state, where the processor has
 * FEAT_HAFDBS and the registers want it (DDI 0487 D8.5). Others may access a page at any time, so
 * they do at the worst one: right before the code under test changes its entry. What was written
 * must then not be lost: it is kept here until that code has read it.
 */
#include "port/sim/state.h"

#define ACCESSED  (UINT64_C(1) << 10)
#define READ_ONLY (UINT64_C(1) << 7)
#define DBM       (UINT64_C(1) << 51)
#define UPDATES   2048u

uint64_t sim_written_bit;

/* The entry of va was updated, and the code under test does not know. */
static struct {
    const uint64_t *entry;
    uint64_t va, pa;
    uint8_t tree;
    bool accessed, dirty; /* what was written */
    bool seen;            /* it has read the entry since, but not changed it */
    bool lost;            /* it has changed the entry without having read it */
} updates[UPDATES];
static unsigned count;

void sim_hardware_start(void)
{
    count = 0;
    sim_written_bit = 0;
}

/* What an access makes of a page's or block's descriptor. */
static uint64_t updated(const struct sim_tree *tree, uint64_t descriptor, bool write)
{
    if (tree->format != SIM_A64) {
        return descriptor;
    }
    if (sim_regime.sets_access) {
        descriptor |= ACCESSED;
    }
    if (sim_regime.sets_dirty && write && (descriptor & DBM)) {
        descriptor &= ~READ_ONLY;
    }
    return descriptor;
}

static void update(const struct sim_tree *tree, unsigned level, uint64_t va, uint64_t *entry,
                   bool write)
{
    uint64_t old = *entry, new = updated(tree, old, write);
    struct sim_spot spot;

    if (new == old || !sim_spot_of(entry, &spot)) {
        return;
    }
    if (count == UPDATES) {
        sim_broken(SIM_MISUSE, "too many entries were updated by the hardware");
    }
    *entry = new;
    *(uint64_t *)(spot.bank->seen + spot.offset) = new;
    sim_watch_store(entry);
    updates[count].entry = entry;
    updates[count].va = va;
    updates[count].pa = sim_output(new, level);
    updates[count].tree = (uint8_t)(tree - sim_trees);
    updates[count].accessed = (old ^ new) & ACCESSED;
    updates[count].dirty = (old ^ new) & READ_ONLY;
    updates[count].seen = false;
    updates[count++].lost = false;
}

void sim_hardware_access(const struct sim_answer *answer, uint64_t va, unsigned access)
{
    struct sim_spot spot;
    struct sim_frame *frame;

    if (!(sim_regime.sets_access || sim_regime.sets_dirty) || answer->fault != SIM_OK ||
        !sim_spot_at(answer->entry.value, &spot)) {
        return;
    }
    frame = sim_spot_frame(&spot);
    if (frame != NULL && frame->use == SIM_USE_TABLE) {
        update(&sim_trees[frame->tree], frame->level, ash_align_down(va, answer->size),
               sim_spot_memory(&spot), access & SIM_WRITE);
    }
}

void sim_hardware_last(const struct sim_tree *tree, unsigned level, uint64_t va, uint64_t *entry)
{
    if ((sim_regime.sets_access || sim_regime.sets_dirty) && tree->installed != 0 &&
        sim_is_valid(*entry) && !sim_is_link(*entry, level)) {
        update(tree, level, va, entry, true);
    }
}

void sim_hardware_seen(const uint64_t *entry)
{
    for (unsigned i = 0; i < count; i++) {
        updates[i].seen |= updates[i].entry == entry && !updates[i].lost;
    }
}

void sim_hardware_changed(const uint64_t *entry)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < count; i++) {
        if (updates[i].entry != entry || !updates[i].seen) {
            updates[i].lost |= updates[i].entry == entry;
            updates[kept++] = updates[i];
        }
    }
    count = kept;
}

/* The entry that maps va to pa now, or NULL. */
static const uint64_t *mapping(const struct sim_tree *tree, uint64_t va, uint64_t pa)
{
    unsigned level = sim_first_level(tree->format, tree->va_bits);
    struct sim_answer answer = sim_walk_from(tree, tree->root, level, va, SIM_READ);
    struct sim_spot spot;

    if (answer.fault != SIM_OK || answer.pa.value != pa ||
        !sim_spot_at(answer.entry.value, &spot)) {
        return NULL;
    }
    return sim_spot_memory(&spot);
}

/* It is read-only, or clean, and nothing says that it was written. */
static bool is_dirt_lost(uint64_t now)
{
    return (now & READ_ONLY) && ((now & DBM) || sim_written_bit != 0) && !(now & sim_written_bit);
}

void sim_hardware_rest(void)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < count; i++) {
        const struct sim_tree *tree = &sim_trees[updates[i].tree];
        const uint64_t *entry = tree->used ? mapping(tree, updates[i].va, updates[i].pa) : NULL;
        uint64_t now = entry != NULL ? *entry : 0;

        if (!sim_is_valid(now)) {
            continue; /* it maps nothing any more, or something else */
        }
        if ((updates[i].accessed && !(now & ACCESSED)) || (updates[i].dirty && is_dirt_lost(now))) {
            sim_broken(6, "the hardware had set %s of %#llx, and the entry was changed without it",
                       updates[i].dirty ? "the dirty state" : "the access flag",
                       (unsigned long long)updates[i].va);
        }
        if (entry != updates[i].entry) {
            continue; /* split or merged: another entry has it now */
        }
        updates[kept++] = updates[i];
    }
    count = kept;
}
