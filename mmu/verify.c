/* SPDX-License-Identifier: MIT */
/*
 * Checking a whole map against what this module may have written. It trusts no descriptor: what
 * looks wrong is reported and not followed.
 */
#include "mmu/alias.h"
#include "mmu/attributes.h"
#include "mmu/change.h"
#include "mmu/walk.h"

/* A table on the path. */
struct place {
    const uint64_t *table;
    uintptr_t page; /* first that it translates */
    unsigned next;  /* entry to look at */
    unsigned valid; /* of those before */
    unsigned count; /* that the link says */
    uint64_t link;
};

static void fail(struct ash_mmu_report *report, const struct ash_mmu *map, const char *what,
                 uintptr_t page, unsigned level, uint64_t descriptor)
{
    if (report->errors++ == 0) {
        report->what = what;
        report->va = ash_va(map->base.value + (page << ASH_PAGE_SHIFT));
        report->level = level;
        report->descriptor = descriptor;
    }
}

/* What is wrong with a page or block; NULL if nothing is. */
static const char *leaf_error(const struct ash_mmu *map, uint64_t descriptor, unsigned level)
{
    uint64_t expected;

    if (level == 0 || (descriptor & MMU_TYPE) != mmu_leaf_type(level)) {
        return "reserved descriptor type";
    }
    if (descriptor & MMU_OUTPUT & (mmu_leaf_step(level) - 1)) {
        return "misaligned output address";
    }
    if (mmu_output(descriptor).value >> ASH_PAGE_SHIFT >= map->format->frames) {
        return "output address out of reach";
    }
    if (!map->global && (descriptor & MMU_NOT_GLOBAL) == 0) {
        return "global entry in a map with an ASID";
    }
    if (mmu_change(0, descriptor, level) == MMU_REFUSE ||
        (!map->track && (descriptor & map->format->writable))) {
        return "attributes that no mapping may have";
    }
    if (mmu_leaf_encode(map, mmu_leaf_decode(map, descriptor), &expected) != 0 ||
        ((descriptor ^ expected) &
         ~(MMU_OUTPUT | MMU_TYPE | MMU_SOFTWARE | MMU_CONTIGUOUS | map->format->writable)) != 0) {
        return "attributes that were not built here";
    }
    return NULL;
}

/* What is wrong with a run of 16 that starts here; NULL if nothing is. Access flag and dirty state
 * may differ (arm-rules 10). */
static const char *run_error(const struct ash_mmu *map, const uint64_t *entry, unsigned level)
{
    uint64_t first = port_entry_load(entry), step = mmu_leaf_step(level), hinted = 0;

    for (unsigned i = 0; i < MMU_RUN; i++) {
        uint64_t descriptor = port_entry_load(entry + i);
        uint64_t expected = first + i * step;

        hinted += descriptor >> MMU_CONTIGUOUS_SHIFT & descriptor & MMU_VALID;
        if ((first & MMU_CONTIGUOUS) &&
            ((descriptor ^ expected) & ~(MMU_ACCESSED | MMU_READ_ONLY | MMU_SOFTWARE)) != 0) {
            return "a contiguous run whose members differ";
        }
    }
    if (hinted != 0 && (!map->contiguous || (first & MMU_CONTIGUOUS) == 0 ||
                        (mmu_output(first).value & (MMU_RUN * step - 1)) != 0)) {
        return "a contiguous hint where none may be";
    }
    return NULL;
}

static const char *link_error(const struct ash_mmu *map, uint64_t descriptor, unsigned level)
{
    if (mmu_change(0, descriptor, level) == MMU_REFUSE) {
        return "table descriptor with hierarchical attributes";
    }
    if (mmu_output(descriptor).value >> ASH_PAGE_SHIFT >= map->format->frames ||
        mmu_table(descriptor) == NULL) {
        return "table out of reach";
    }
    return NULL;
}

static void check_count(const struct ash_mmu *map, struct ash_mmu_report *report,
                        const struct place *place, unsigned level)
{
    if (place->valid != place->count) {
        fail(report, map, "count of valid entries is wrong", place->page, level, place->link);
    } else if (place->valid == 0 && level > map->start && (place->link & MMU_PINNED) == 0) {
        fail(report, map, "an empty table was kept", place->page, level, place->link);
    }
}

/* Looks at the next entry of the table at *level, and may go down. */
static void check_entry(const struct ash_mmu *map, struct ash_mmu_report *report,
                        struct place *place, unsigned *level)
{
    struct place *here = &place[*level];
    unsigned index = here->next++;
    uint64_t descriptor = port_entry_load(&here->table[index]);
    uintptr_t page = here->page + ((uintptr_t)index << mmu_shift(*level));
    const char *error = NULL;

    if (index % MMU_RUN == 0 && *level >= 1) {
        error = run_error(map, &here->table[index], *level);
    }
    if (error != NULL) {
        fail(report, map, error, page, *level, descriptor);
    }
    if (descriptor == 0) {
        return;
    }
    if (!mmu_is_valid(descriptor)) {
        fail(report, map, "an invalid entry that is not zero", page, *level, descriptor);
        return;
    }
    here->valid++;
    if (page >= map->pages) {
        fail(report, map, "an entry past the end of the map", page, *level, descriptor);
        return;
    }
    if (!mmu_is_table(descriptor, *level)) {
        error = leaf_error(map, descriptor, *level);
        report->leaves[*level]++;
        report->bytes += mmu_leaf_step(*level);
    } else {
        error = link_error(map, descriptor, *level);
    }
    if (error != NULL) {
        fail(report, map, error, page, *level, descriptor);
    } else if (mmu_is_table(descriptor, *level)) {
        ++*level;
        here[1].table = mmu_table(descriptor);
        here[1].page = page;
        here[1].next = 0;
        here[1].valid = 0;
        here[1].count = mmu_count(descriptor);
        here[1].link = descriptor;
    }
}

int ash_mmu_verify(const struct ash_mmu *map, struct ash_mmu_report *report)
{
    struct ash_mmu_report unwanted;
    struct ash_mmu_mapping alias;
    struct place place[4];
    unsigned level = map->start;

    if (report == NULL) {
        report = &unwanted;
    }
    port_zero(report, sizeof *report);
    place[level].table = map->root;
    place[level].page = 0;
    place[level].next = 0;
    place[level].valid = 0;
    place[level].count = map->root_count;
    place[level].link = 0;
    for (;;) {
        if (place[level].next < MMU_ENTRIES) {
            check_entry(map, report, place, &level);
            continue;
        }
        report->tables++;
        check_count(map, report, &place[level], level);
        if (level == map->start) {
            break;
        }
        level--;
    }
    if (report->errors == 0 && mmu_alias_find(map, &alias)) {
        fail(report, map, "a frame with two memory types",
             (alias.va.value - map->base.value) >> ASH_PAGE_SHIFT, alias.level, alias.descriptor);
    }
    if (report->tables != map->counters.tables) {
        fail(report, map, "tables in use cannot all be reached", 0, map->start, 0);
    }
    return report->errors == 0 ? 0 : ASH_ECORRUPT;
}
