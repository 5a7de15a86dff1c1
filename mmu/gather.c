/* SPDX-License-Identifier: MIT */
/*
 * Changes of live tables, and invalidating what became stale.
 */
#include "mmu/gather.h"

void mmu_gather_start(struct mmu_gather *gather, struct ash_mmu *map)
{
    gather->map = map;
    gather->stored = false;
    gather->code = false;
    gather->pending = 0;
    gather->runs = 0;
    gather->unlinked = ash_pa(MMU_NO_TABLE);
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

static void invalidate_run(struct ash_mmu *map, const struct mmu_stale *run)
{
    unsigned asid = map->global ? PORT_ASID_GLOBAL : map->asid;
    ash_va_t va = page_va(map, run->page);

    if (run->count > 1 && port_has_range_tlbi()) {
        port_tlbi_range(va, (uintptr_t)run->count << run->shift, asid);
        map->counters.ranges++;
        return;
    }
    for (unsigned i = 0; i < run->count; i++) {
        if (run->walk) {
            port_tlbi_page_walk(va, asid);
        } else {
            port_tlbi_page(va, asid);
        }
        va.value += ASH_PAGE_SIZE << run->shift;
    }
    map->counters.pages += run->count;
}

static void invalidate_all(struct ash_mmu *map)
{
    if (map->global) {
        port_tlbi_all();
        map->counters.alls++;
    } else {
        port_tlbi_asid(map->asid);
        map->counters.asids++;
    }
}

/* Invalidations that the run takes, of those that are compared with MMU_GATHER_MANY. */
static unsigned effort(unsigned count)
{
    return count > 1 && port_has_range_tlbi() ? 1 : count;
}

static void collect(struct mmu_gather *gather, uintptr_t page, unsigned count, unsigned shift)
{
    struct mmu_stale *last;

    if (gather->pending >= MMU_GATHER_MANY) {
        return;
    }
    gather->pending += effort(count);
    if (gather->pending < MMU_GATHER_MANY) {
        last = &gather->run[gather->runs++];
        last->page = page;
        last->count = count;
        last->shift = shift;
        last->walk = false;
    }
}

/* A table is unlinked, because the last of its entries were cleared just now: to invalidate one of
 * their addresses covers the walk to it. */
static void collect_walk(struct mmu_gather *gather)
{
    if (gather->pending < MMU_GATHER_MANY) {
        gather->run[gather->runs - 1].walk = true;
    }
}

static void invalidate(const struct mmu_gather *gather)
{
    if (gather->pending >= MMU_GATHER_MANY) {
        invalidate_all(gather->map);
        return;
    }
    for (unsigned i = 0; i < gather->runs; i++) {
        invalidate_run(gather->map, &gather->run[i]);
    }
}

void mmu_publish_stale(struct ash_mmu *map, const struct mmu_stale *stale, bool code)
{
    port_dsb_ishst();
    if (!map->early) {
        if (stale->count < MMU_GATHER_MANY || port_has_range_tlbi()) {
            invalidate_run(map, stale);
        } else {
            invalidate_all(map);
        }
        if (code) {
            port_branch_sync();
        }
        port_dsb_ish();
    }
    port_isb();
    map->counters.barriers++;
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

/* After stores to entries: do they concern the hardware, and code? */
static void settle(struct mmu_gather *gather, const struct mmu_place *place, uint64_t descriptor)
{
    gather->stored |= place->published;
    if (mmu_is_valid(descriptor) && !mmu_is_table(descriptor, place->level)) {
        gather->code |= mmu_is_code(descriptor);
    }
}

void mmu_gather_fill_apart(struct mmu_gather *gather, const struct mmu_place *place, unsigned count,
                           uint64_t first, uint64_t step)
{
    mmu_entries_fill(gather->map, place->entry, count, first, step);
    settle(gather, place, first);
}

void mmu_gather_fill(struct mmu_gather *gather, const struct mmu_place *place, unsigned count,
                     uint64_t first)
{
    mmu_gather_fill_apart(gather, place, count, first, mmu_leaf_step(place->level));
}

void mmu_gather_clear(struct mmu_gather *gather, const struct mmu_place *place, unsigned count)
{
    mmu_entries_clear(gather->map, place->entry, count);
    settle(gather, place, 0);
    if (place->published) {
        collect(gather, place->page, count, mmu_shift(place->level));
    }
}

/* The break: bit 0 goes, the rest, which nobody looks at then, stays for the make to build on. */
static void break_run(struct mmu_gather *gather, const struct mmu_place *place, unsigned count)
{
    bool table = mmu_is_table(port_entry_load(place->entry), place->level);
    bool code = gather->code;

    gather->code = false; /* what was written beside the live table is not mapped yet */
    mmu_entries_rewrite(gather->map, place->entry, count, ~MMU_VALID, 0);
    settle(gather, place, 0);
    if (table) {
        mmu_gather_all(gather); /* each page below may be in a TLB */
    } else {
        collect(gather, place->page, count, mmu_shift(place->level));
    }
    mmu_gather_flush(gather);
    gather->code = code;
    gather->map->counters.breaks++;
}

unsigned mmu_gather_retype(struct mmu_gather *gather, const struct mmu_place *place, unsigned count,
                           uint64_t keep, uint64_t bits)
{
    const struct ash_mmu *map = gather->map;
    uint64_t old = port_entry_load(place->entry), new = (old & keep) | bits;
    enum mmu_change change = MMU_STORE;

    if (place->published) {
        change = mmu_change(old, new, place->level);
        /* The processor may set the access flag first, and make it writable: in TLBs as well. */
        if (change == MMU_STORE && map->updates && (old & map->format->writable)) {
            change = MMU_INVALIDATE;
        }
    }
    count = mmu_entries_alike(place->entry, count, keep & ~MMU_CONTIGUOUS);
    if (change == MMU_KEEP || change == MMU_REFUSE) {
        return count; /* no edit that prepare let in is refused */
    }
    if (change == MMU_BREAK) {
        break_run(gather, place, count);
    }
    mmu_entries_rewrite(map, place->entry, count, keep, bits);
    settle(gather, place, new);
    if (change == MMU_INVALIDATE) {
        collect(gather, place->page, count, mmu_shift(place->level));
    }
    return count;
}

bool mmu_gather_exchange(struct mmu_gather *gather, const struct mmu_place *place, uint64_t *old,
                         uint64_t new)
{
    enum mmu_change change = mmu_change_leaf(*old, new);

    if (!mmu_entry_exchange(gather->map, place->entry, old, new)) {
        return false;
    }
    mmu_entries_written(gather->map, place->entry, 1);
    settle(gather, place, new);
    if (change == MMU_INVALIDATE) {
        collect(gather, place->page, 1, mmu_shift(place->level));
    }
    return true;
}

void mmu_gather_unfold(struct mmu_gather *gather, const struct mmu_place *place)
{
    unsigned shift = mmu_shift(place->level);
    unsigned index = (unsigned)(place->page >> shift) & (MMU_RUN - 1);
    const struct mmu_place run = {.entry = place->entry - index,
                                  .level = place->level,
                                  .page = ((place->page >> shift) - index) << shift,
                                  .published = place->published};

    if (port_entry_load(place->entry) & MMU_CONTIGUOUS) {
        mmu_gather_retype(gather, &run, MMU_RUN, ~MMU_CONTIGUOUS, MMU_VALID);
    }
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
    mmu_entry_link(gather->map, place->entry, link);
    settle(gather, place, link);
    if (change == MMU_INVALIDATE) {
        collect_walk(gather);
    }
}
