/* SPDX-License-Identifier: MIT */
/*
 * The life of a map: made empty, published when the MMU goes on, ended with all its tables.
 */
#include "mmu/writer.h"

static const struct ash_mmu_format *native_format(void)
{
    return sizeof(uintptr_t) == 4 ? &ash_mmu_format_lpae : &ash_mmu_format_a64;
}

int ash_mmu_init(struct ash_mmu *map, const struct ash_mmu_config *config)
{
    const struct ash_mmu_format *format = config->format ? config->format : native_format();
    unsigned bits = config->va_bits;
    ash_pa_t reserve;
    uint64_t top;
    int error;

    if (bits < 25 || bits > format->va_bits_max || bits > 8 * sizeof(uintptr_t) ||
        (config->updates && (!config->track || format->writable != MMU_DIRTY_BIT)) ||
        config->tables.take == NULL || config->tables.give == NULL) {
        return ASH_EINVAL;
    }
    /* The lower half starts at 0; the upper one has ones in all bits above. */
    top = (UINT64_MAX >> (64 - format->space_bits) >> bits) << (bits & 63);
    if (config->base.value != 0 && (bits == format->space_bits || config->base.value != top)) {
        return ASH_EINVAL;
    }
    port_zero(map, sizeof *map);
    map->format = format;
    map->base = config->base;
    map->pages = (uintptr_t)1 << (bits - ASH_PAGE_SHIFT);
    map->start = 3 - (bits - ASH_PAGE_SHIFT - 1) / 9;
    map->global = config->global;
    map->asid = config->asid;
    map->early = config->early;
    map->incoherent = config->incoherent;
    map->track = config->track;
    map->updates = config->updates;
    map->contiguous = config->contiguous;
    map->merge = config->merge;
    map->special = map->track || map->contiguous || map->merge;
    map->tables.take = config->tables.take;
    map->tables.give = config->tables.give;
    map->tables.context = config->tables.context;
    error = mmu_reserve_fill(map, 1, &reserve);
    if (error != 0) {
        return error;
    }
    map->root_pa = mmu_reserve_pop(map, &reserve);
    map->root = port_ptr(map->root_pa);
    if (!map->early) {
        port_dsb_ishst(); /* walks see an empty root from the moment it is installed */
    }
    return 0;
}

ash_pa_t ash_mmu_root(const struct ash_mmu *map)
{
    return map->root_pa;
}

void ash_mmu_set_tables(struct ash_mmu *map, const struct ash_mmu_tables *tables)
{
    map->tables.take = tables->take;
    map->tables.give = tables->give;
    map->tables.context = tables->context;
}

void ash_mmu_set_asid(struct ash_mmu *map, unsigned asid)
{
    map->asid = asid;
}

/* Calls visit for every table, those below first. */
static void each_table(struct ash_mmu *map,
                       void (*visit)(struct ash_mmu *map, ash_pa_t pa, uint64_t *table))
{
    uint64_t *table[4];
    ash_pa_t pa[4];
    unsigned next[4]; /* entry to look at, by level */
    unsigned level = map->start;

    table[level] = map->root;
    pa[level] = map->root_pa;
    next[level] = 0;
    for (;;) {
        if (level < 3 && next[level] < MMU_ENTRIES) {
            uint64_t descriptor = port_entry_load(&table[level][next[level]++]);

            if (mmu_is_table(descriptor, level)) {
                level++;
                pa[level] = mmu_output(descriptor);
                table[level] = port_ptr(pa[level]);
                next[level] = 0;
            }
            continue;
        }
        visit(map, pa[level], table[level]);
        if (level == map->start) {
            return;
        }
        level--;
    }
}

static void invalidate_lines(struct ash_mmu *map, ash_pa_t pa, uint64_t *table)
{
    (void)map;
    (void)pa;
    port_cache_invalidate(table, ASH_PAGE_SIZE);
}

void ash_mmu_publish(struct ash_mmu *map)
{
    each_table(map, invalidate_lines);
    port_dsb_sy();
    map->early = false;
}

static void give(struct ash_mmu *map, ash_pa_t pa, uint64_t *table)
{
    port_page_zero(table);
    map->counters.tables--;
    map->tables.give(map->tables.context, pa);
}

void ash_mmu_destroy(struct ash_mmu *map)
{
    struct mmu_gather gather;

    mmu_gather_start(&gather, map);
    mmu_gather_all(&gather);
    mmu_gather_flush(&gather);
    each_table(map, give);
    map->root = NULL;
}
