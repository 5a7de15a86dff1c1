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

/* The number of entries, at most count, that an edit treats like the first. */
static unsigned class_size(const uint64_t *entry, unsigned count, uint64_t keep)
{
    uint64_t first = port_entry_load(entry);
    unsigned same = 1;

    while (same < count && ((port_entry_load(entry + same) ^ first) & ~keep) == 0) {
        same++;
    }
    return same;
}

static void store_all(uint64_t *entry, unsigned count, struct mmu_edit edit)
{
    uint64_t *end = entry + count;

    if (edit.keep == 0) {
        for (; entry != end; entry++, edit.bits += edit.step) {
            port_entry_write(entry, edit.bits);
        }
    } else {
        for (; entry != end; entry++) {
            port_entry_write(entry, (port_entry_load(entry) & edit.keep) | edit.bits);
        }
    }
}

/* Break: bit 0 goes, the rest stays for the make to build on; invalid entries are not looked at. */
static void break_all(struct mmu_gather *gather, uint64_t *entry, unsigned count, unsigned level,
                      uintptr_t page)
{
    struct ash_mmu *map = gather->map;
    bool table = mmu_is_table(port_entry_load(entry), level);

    store_all(entry, count, (struct mmu_edit){.keep = ~MMU_VALID});
    if (map->incoherent) {
        port_cache_clean(entry, count * sizeof *entry);
    }
    gather->stored = true;
    if (table) {
        mmu_gather_all(gather); /* 512 pages, each perhaps in a TLB */
    } else {
        collect(gather, page, count, mmu_shift(level), false);
    }
    mmu_gather_flush(gather);
    map->counters.breaks++;
}

static bool is_code(uint64_t descriptor, unsigned level)
{
    return mmu_is_valid(descriptor) && !mmu_is_table(descriptor, level) &&
           (descriptor & MMU_NO_EXEC) != MMU_NO_EXEC;
}

unsigned mmu_gather_edit(struct mmu_gather *gather, uint64_t *entry, unsigned count, unsigned level,
                         uintptr_t page, const struct mmu_edit *edit, bool published)
{
    uint64_t old = port_entry_load(entry);
    uint64_t new = (old & edit->keep) | edit->bits;
    enum mmu_change change = MMU_STORE;

    if (edit->keep != 0) {
        count = class_size(entry, count, edit->keep);
    }
    if (published) {
        change = mmu_change(old, new, level);
    }
    switch (change) {
    case MMU_KEEP:
    case MMU_REFUSE: /* what prepare let through can exist */
        return count;
    case MMU_BREAK:
        break_all(gather, entry, count, level, page);
        break;
    case MMU_INVALIDATE:
        collect(gather, page, count, mmu_shift(level), mmu_is_table(old, level));
        break;
    case MMU_STORE:
        break;
    }
    if (mmu_is_table(new, level)) {
        port_entry_store(entry, new); /* release: the table is complete before it is linked */
    } else {
        store_all(entry, count, *edit);
    }
    if (gather->map->incoherent) {
        port_cache_clean(entry, count * sizeof *entry);
    }
    gather->stored |= published;
    gather->code |= is_code(new, level);
    return count;
}
