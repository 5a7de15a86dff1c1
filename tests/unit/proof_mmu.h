/* SPDX-License-Identifier: MIT */
/*
 * Operations of mmu/ to be attacked, each followed by what relies on it, and what is expected of
 * the steps that many of them have.
 */
#ifndef ASHLAR_UNIT_PROOF_MMU_H
#define ASHLAR_UNIT_PROOF_MMU_H

#include "tests/unit/mmu_rig.h"
#include "tests/unit/proof.h"

#define RW     ASH_MMU_WRITE
#define RX     ASH_MMU_EXEC
#define PAGES  ASH_MMU_PAGES
#define TARGET MIB(512) /* physical memory that is mapped: outside of RAM, so only mapped */

static struct rig rig;

static inline void map(uint64_t offset, uint64_t size, ash_mmu_attr_t attr)
{
    if (ash_mmu_map(&rig.map, rig_va(&rig, offset), ash_pa(TARGET + offset), size, attr) != 0) {
        abort();
    }
}

static inline void unmap(uint64_t offset, uint64_t size)
{
    if (ash_mmu_unmap(&rig.map, rig_va(&rig, offset), size) != 0) {
        abort();
    }
}

static inline void protect(uint64_t offset, uint64_t size, ash_mmu_attr_t attr)
{
    if (ash_mmu_protect(&rig.map, rig_va(&rig, offset), size, attr) != 0) {
        abort();
    }
}

/* Two CPUs walk the map, which has pages and a block. */
static inline void start(const void *kind)
{
    rig_start(&rig, kind);
    sim_set_cpus(2);
    map(0, KIB(512), RW);
    map(MIB(2), MIB(2), RW);
    map(MIB(4), MIB(2), RW | PAGES);
    map(MIB(6), KIB(4), RW);
    sim_rest();
}

static inline void map_page(void *arg)
{
    (void)arg;
    map(KIB(512), KIB(4), RW);
    sim_rest();
}

static inline void map_with_tables(void *arg)
{
    (void)arg;
    map(MIB(8) + KIB(64), KIB(8), RW);
    sim_rest();
}

static inline void map_code(void *arg)
{
    (void)arg;
    map(MIB(8), KIB(8), RX);
    sim_rest();
}

static inline void map_block(void *arg)
{
    (void)arg;
    map(MIB(8), MIB(2), RW);
    sim_rest();
}

/* What relies on a mapping is an access here. */
static inline void map_and_read(void *arg)
{
    (void)arg;
    map(KIB(512), KIB(4), RW);
    (void)sim_access(rig_va(&rig, KIB(512)).value, SIM_READ);
}

static inline void unmap_page(void *arg)
{
    (void)arg;
    unmap(KIB(8), KIB(4));
    sim_rest();
}

static inline void unmap_and_read(void *arg)
{
    (void)arg;
    unmap(KIB(8), KIB(4));
    (void)sim_access(rig_va(&rig, KIB(8)).value, SIM_READ);
    sim_on_cpu(1);
    (void)sim_access(rig_va(&rig, KIB(8)).value, SIM_READ);
    sim_on_cpu(0);
}

static inline void unmap_and_free(void *arg)
{
    (void)arg;
    unmap(KIB(8), KIB(4));
    sim_frames_freed(ash_pa(TARGET + KIB(8)), KIB(4));
    sim_rest();
}

static inline void unmap_few(void *arg)
{
    (void)arg;
    unmap(KIB(8), KIB(12));
    sim_rest();
}

static inline void unmap_many(void *arg)
{
    (void)arg;
    unmap(KIB(8), KIB(256));
    sim_rest();
}

static inline void unmap_block(void *arg)
{
    (void)arg;
    unmap(MIB(2), MIB(2));
    sim_rest();
}

static inline void unmap_last_page(void *arg)
{
    (void)arg;
    unmap(MIB(6), KIB(4));
    sim_rest();
}

static inline void unmap_all(void *arg)
{
    (void)arg;
    unmap(MIB(2), MIB(4) + KIB(4));
    sim_rest();
}

static inline void split(void *arg)
{
    (void)arg;
    protect(MIB(2) + KIB(16), KIB(8), 0);
    sim_rest();
}

static inline void split_for_code(void *arg)
{
    (void)arg;
    protect(MIB(2) + KIB(16), KIB(8), RX);
    sim_rest();
}

static inline void hole_in_block(void *arg)
{
    (void)arg;
    unmap(MIB(2) + KIB(16), KIB(8));
    sim_rest();
}

static inline void protect_few(void *arg)
{
    (void)arg;
    protect(KIB(8), KIB(8), 0);
    sim_rest();
}

static inline void protect_for_code(void *arg)
{
    (void)arg;
    protect(KIB(8), KIB(8), RX);
    sim_rest();
}

static inline void protect_many(void *arg)
{
    (void)arg;
    protect(KIB(8), KIB(256), 0);
    sim_rest();
}

static inline void protect_and_write(void *arg)
{
    (void)arg;
    protect(KIB(8), KIB(4), 0);
    (void)sim_access(rig_va(&rig, KIB(8)).value, SIM_WRITE);
    sim_on_cpu(1);
    (void)sim_access(rig_va(&rig, KIB(8)).value, SIM_WRITE);
    sim_on_cpu(0);
}

static inline void retype_few(void *arg)
{
    (void)arg;
    protect(KIB(8), KIB(8), ASH_MMU_UNCACHED | RW);
    sim_rest();
}

static inline void retype_many(void *arg)
{
    (void)arg;
    protect(KIB(8), KIB(256), ASH_MMU_DEVICE | RW);
    sim_rest();
}

static inline void retype_block(void *arg)
{
    (void)arg;
    protect(MIB(2), MIB(2), ASH_MMU_UNCACHED | RW);
    sim_rest();
}

static inline void merge(void *arg)
{
    unsigned merged;

    (void)arg;
    if (ash_mmu_merge(&rig.map, rig_va(&rig, MIB(4)), MIB(2), &merged) != 0 || merged != 1) {
        abort();
    }
    sim_rest();
}

static inline void start_code(const void *kind)
{
    start(kind);
    protect(MIB(4), MIB(2), RX);
    sim_rest();
}

static inline void merge_code(void *arg)
{
    merge(arg);
}

static inline void remap_zone(void *arg)
{
    (void)arg;
    if (ash_mmu_remap_zone(&rig.map, rig_va(&rig, MIB(8)), MIB(4)) != 0) {
        abort();
    }
    sim_rest();
}

static inline void retype_in_zone(void *arg)
{
    (void)arg;
    protect(MIB(8), KIB(8), ASH_MMU_UNCACHED | RW);
    sim_rest();
}

static inline void start_zone(const void *kind)
{
    start(kind);
    remap_zone(NULL);
    map(MIB(8), KIB(64), RW);
    ash_mmu_freeze(&rig.map);
}

/* A map is made, installed as a space, and used. */
static inline void start_nothing(const void *kind)
{
    rig_machine(&rig, kind);
    sim_regime.format = rig.kind->sim;
    sim_regime.mair = ASH_MMU_MAIR0 | (uint64_t)ASH_MMU_MAIR1 << 32;
    sim_regime.half[1].va_bits = rig.kind->va_bits;
}

static inline void new_space(void *arg)
{
    struct ash_mmu_config config = rig_config(&rig, rig.kind);

    (void)arg;
    if (ash_mmu_init(&rig.map, &config) != 0) {
        abort();
    }
    port_space_install(ash_mmu_root(&rig.map), rig.map.asid);
    map(KIB(8), KIB(8), RW);
    (void)sim_access(rig_va(&rig, KIB(8)).value, SIM_WRITE);
    sim_rest();
}

/* No CPU has the map installed any more, but their TLBs do not know. */
static inline void uninstall(void)
{
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        sim_on_cpu(cpu);
        rig_uninstall(&rig);
        sim_rest();
    }
    sim_on_cpu(0);
}

static inline void start_end(const void *kind)
{
    start(kind);
    uninstall();
}

static inline void destroy(void *arg)
{
    (void)arg;
    ash_mmu_destroy(&rig.map);
}

#define INVALIDATED(rule)                                                                          \
    D(SIM_DSB_ISHST, rule), D(SIM_TLBI_PAGE, rule), D(SIM_TLBI_PAGE_WALK, (rule) | RULE(12)),      \
        D(SIM_TLBI_RANGE, (rule) | RULE(12)), D(SIM_TLBI_ALL, rule), D(SIM_TLBI_ASID, rule),       \
        D(SIM_DSB_ISH, rule), W(SIM_DSB_ISH, SIM_STORES_ONLY, rule), GLOBAL_BY_ASID

#define NO_ENTRY "no entry was stored: the tables go as they are"

static const struct proof_expected ended[] __attribute__((unused)) = {
    INVALIDATED(RULE(4)),
    NEEDLESS(SIM_DSB_ISHST, SIM_DROPPED, 1, NO_ENTRY),
    NEEDLESS(SIM_DSB_ISHST, SIM_NSH, 1, NO_ENTRY),
    NEEDLESS(SIM_ISB, SIM_DROPPED, 0, "no CPU has the map installed"),
};

#define FIRST_ISB                                                                                  \
    NEEDLESS(SIM_ISB, SIM_DROPPED, 1, "the break needs no ISB: that of the make comes")

/* The break: its DSB, TLBI and DSB before the new entry; then the make. */
#define RELAXED_LINK                                                                               \
    NEEDLESS(SIM_ENTRY_STORE, SIM_RELAXED, 0,                                                      \
             "the table was filled before the barriers of the break")

/* Nothing is ordered behind a link that goes, nor a block that comes. */
#define NO_LINK                                                                                    \
    NEEDLESS(SIM_ENTRY_STORE, SIM_RELAXED, 0, "only a link that appears leads to something new")

static const struct proof_expected new_entry[] __attribute__((unused)) = {
    D(SIM_DSB_ISHST, RULE(1)),
    W(SIM_DSB_ISHST, SIM_NSH, RULE(13)),
    D(SIM_ISB, RULE(1)),
};

static const struct proof_expected changed[]
    __attribute__((unused)) = {INVALIDATED(RULE(3)), D(SIM_ISB, RULE(3))};

static const struct proof_expected table_freed[] __attribute__((unused)) = {
    INVALIDATED(RULE(4) | RULE(3)),
    D(SIM_ISB, RULE(3)),
    NO_LINK,
};

/* The break: its DSB, TLBI and DSB before the new entry; then the make. */
static const struct proof_expected broken_and_made[] __attribute__((unused)) = {
    INVALIDATED(RULE(7)),
    D_AT(SIM_DSB_ISHST, 2, RULE(1)),
    FIRST_ISB,
    D_AT(SIM_ISB, 2, RULE(1)),
    NO_LINK,
};

static const struct proof_expected split_up[] __attribute__((unused)) = {
    INVALIDATED(RULE(7)), D_AT(SIM_DSB_ISHST, 2, RULE(1)), FIRST_ISB, D_AT(SIM_ISB, 2, RULE(1)),
    RELAXED_LINK,
};

static inline bool any(const struct rig_kind *kind)
{
    return kind != NULL;
}

static inline bool aarch32(const struct rig_kind *kind)
{
    return kind->sim == SIM_LPAE;
}

static inline bool aarch64(const struct rig_kind *kind)
{
    return kind->sim == SIM_A64;
}

static inline bool with_asid(const struct rig_kind *kind)
{
    return !kind->global;
}

/** Attacks each of the list on each kind of map that `of` takes. */
static inline void rig_attack(const struct proof *list, size_t count,
                              bool (*of)(const struct rig_kind *kind), struct proof_result *result)
{
    FOR_EACH_KIND(kind)
    {
        for (size_t i = 0; i < count && of(kind); i++) {
            proof_attack(&list[i], kind->name, kind, result);
        }
    }
}

#endif
