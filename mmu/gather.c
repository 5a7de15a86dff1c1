/* SPDX-License-Identifier: MIT */
/*
 * Writing entries and invalidating what became stale: the only code with effects on a live table.
 */
#include "mmu/gather.h"

#include "port/port.h"

void mmu_gather_start(struct mmu_gather *gather, struct ash_mmu *map)
{
    gather->map = map;
    gather->stored = false;
    gather->code = false;
    gather->pending = 0;
    gather->runs = 0;
    gather->unlinked = ash_pa(MMU_NO_TABLE);
}

static void collect(struct mmu_gather *gather, uintptr_t page, unsigned count, unsigned shift,
                    bool walk)
{
    struct mmu_gather_run *last;

    if (gather->pending >= MMU_GATHER_MANY) {
        return;
    }
    /* Invalidating any address below a table covers the walk to it, so if the last run lies there,
     * as it does when a table was emptied just now, it only has to include the walk. */
    if (walk && gather->runs > 0) {
        last = &gather->run[gather->runs - 1];
        if (last->page - page < (uintptr_t)1 << shift) {
            last->walk = true;
            return;
        }
    }
    gather->pending += count;
    if (gather->pending < MMU_GATHER_MANY) {
        last = &gather->run[gather->runs++];
        last->page = page;
        last->count = count;
        last->shift = shift;
        last->walk = walk;
    }
}

void mmu_gather_all(struct mmu_gather *gather)
{
    gather->stored = true;
    gather->pending = MMU_GATHER_MANY;
}

void mmu_gather_unlink(struct mmu_gather *gather, uint64_t *table, ash_pa_t pa)
{
    port_entry_write(table, gather->unlinked.value);
    gather->unlinked = pa;
}

static ash_va_t page_va(const struct ash_mmu *map, uintptr_t page)
{
    return ash_va(map->base.value + (page << ASH_PAGE_SHIFT));
}

static void invalidate_run(struct ash_mmu *map, const struct mmu_gather_run *run)
{
    unsigned asid = map->global ? PORT_ASID_GLOBAL : map->asid;

    for (unsigned i = 0; i < run->count; i++) {
        ash_va_t va = page_va(map, run->page + ((uintptr_t)i << run->shift));

        if (run->walk) {
            port_tlbi_page_walk(va, asid);
        } else {
            port_tlbi_page(va, asid);
        }
    }
    map->counters.pages += run->count;
}

static void invalidate(const struct mmu_gather *gather)
{
    struct ash_mmu *map = gather->map;

    if (gather->pending < MMU_GATHER_MANY) {
        for (unsigned i = 0; i < gather->runs; i++) {
            invalidate_run(map, &gather->run[i]);
        }
    } else if (map->global) {
        port_tlbi_all();
        map->counters.alls++;
    } else {
        port_tlbi_asid(map->asid);
        map->counters.asids++;
    }
}

static void give_unlinked(struct mmu_gather *gather)
{
    struct ash_mmu *map = gather->map;

    while (gather->unlinked.value != MMU_NO_TABLE) {
        ash_pa_t pa = gather->unlinked;
        uint64_t *table = port_ptr(pa);

        gather->unlinked = ash_pa(*table);
        *table = 0;
        map->counters.tables--;
        map->tables.give(map->tables.context, pa);
    }
}

void mmu_gather_flush(struct mmu_gather *gather)
{
    struct ash_mmu *map = gather->map;

    if (!gather->stored) {
        return;
    }
    port_dsb_ishst();
    if ((gather->pending > 0 || gather->code) && !map->early) {
        if (gather->pending > 0) {
            invalidate(gather);
        }
        /* ARMv7: new mappings of code need it (DDI 0406C B2.2.10, arm-rules 33). */
        if (gather->code) {
            port_branch_sync();
        }
        port_dsb_ish();
    }
    port_isb();
    map->counters.barriers++;
    give_unlinked(gather);
    gather->stored = false;
    gather->code = false;
    gather->pending = 0;
    gather->runs = 0;
}

/* After a store: what walks do not see in the cache is cleaned before the barrier. */
static void settle(struct mmu_gather *gather, const struct mmu_place *place, unsigned count,
                   uint64_t descriptor)
{
    if (gather->map->incoherent) {
        port_cache_clean(place->entry, count * sizeof *place->entry);
    }
    gather->stored |= place->published;
    if (mmu_is_valid(descriptor) && (descriptor & MMU_NO_EXEC) != MMU_NO_EXEC) {
        gather->code |= !mmu_is_table(descriptor, place->level);
    }
}

void mmu_gather_fill(struct mmu_gather *gather, const struct mmu_place *place, unsigned count,
                     uint64_t first)
{
    uint64_t step = mmu_leaf_step(place->level), descriptor = first;

    for (uint64_t *entry = place->entry, *end = entry + count; entry != end; entry++) {
        port_entry_write(entry, descriptor);
        descriptor += step;
    }
    settle(gather, place, count, first);
}

void mmu_gather_clear(struct mmu_gather *gather, const struct mmu_place *place, unsigned count)
{
    for (uint64_t *entry = place->entry, *end = entry + count; entry != end; entry++) {
        port_entry_write(entry, 0);
    }
    settle(gather, place, count, 0);
    if (place->published) {
        collect(gather, place->page, count, mmu_shift(place->level), false);
    }
}

/* The leading entries, at most count, that agree with the first in what is not kept. */
static unsigned class_size(const uint64_t *entry, unsigned count, uint64_t keep)
{
    uint64_t first = port_entry_load(entry);
    unsigned same = 1;

    while (same < count && ((port_entry_load(entry + same) ^ first) & ~keep) == 0) {
        same++;
    }
    return same;
}

/* Writes (old & keep) | bits to the leading entries of one class. */
static unsigned rewrite(uint64_t *entry, unsigned count, uint64_t keep, uint64_t bits)
{
    uint64_t first = port_entry_load(entry), old = first;
    uint64_t *next = entry, *end = entry + count;

    do {
        port_entry_write(next++, (old & keep) | bits);
        if (next == end) {
            break;
        }
        old = port_entry_load(next);
    } while (((old ^ first) & ~keep) == 0);
    return (unsigned)(next - entry);
}

/* The break: bit 0 goes, the rest, which nobody looks at then, stays for the make to build on. */
static void break_run(struct mmu_gather *gather, const struct mmu_place *place, unsigned count)
{
    bool table = mmu_is_table(port_entry_load(place->entry), place->level);
    bool code = gather->code;

    gather->code = false; /* what was written beside the live table is not mapped yet */
    rewrite(place->entry, count, ~MMU_VALID, 0);
    settle(gather, place, count, 0);
    if (table) {
        mmu_gather_all(gather); /* each page below may be in a TLB */
    } else {
        collect(gather, place->page, count, mmu_shift(place->level), false);
    }
    mmu_gather_flush(gather);
    gather->code = code;
    gather->map->counters.breaks++;
}

unsigned mmu_gather_retype(struct mmu_gather *gather, const struct mmu_place *place, unsigned count,
                           uint64_t keep, uint64_t bits)
{
    uint64_t old = port_entry_load(place->entry), new = (old & keep) | bits;
    enum mmu_change change = MMU_STORE;

    if (place->published) {
        change = mmu_change(old, new, place->level);
    }
    if (change == MMU_KEEP || change == MMU_REFUSE) {
        return class_size(place->entry, count, keep); /* no edit that prepare let in is refused */
    }
    if (change == MMU_BREAK) {
        count = class_size(place->entry, count, keep);
        break_run(gather, place, count);
    }
    count = rewrite(place->entry, count, keep, bits);
    settle(gather, place, count, new);
    if (change == MMU_INVALIDATE) {
        collect(gather, place->page, count, mmu_shift(place->level), false);
    }
    return count;
}

void mmu_gather_link(struct mmu_gather *gather, const struct mmu_place *place, uint64_t link)
{
    uint64_t old = port_entry_load(place->entry);
    enum mmu_change change = MMU_STORE;

    if (place->published) {
        change = mmu_change(old, link, place->level);
    }
    if (change == MMU_BREAK) {
        break_run(gather, place, 1);
    }
    port_entry_store(place->entry, link); /* release: the table is complete before it is linked */
    settle(gather, place, 1, link);
    if (change == MMU_INVALIDATE) {
        collect(gather, place->page, 1, mmu_shift(place->level), true);
    }
}

void mmu_gather_count(struct mmu_gather *gather, uint64_t *entry, uint64_t link)
{
    port_entry_write(entry, link);
    if (gather->map->incoherent) {
        port_cache_clean(entry, sizeof *entry);
    }
}
