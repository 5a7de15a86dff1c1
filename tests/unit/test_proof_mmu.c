/* SPDX-License-Identifier: MIT */
/*
 * The real code of mmu/ on the hostile machine: every barrier and every invalidation that it issues
 * is dropped and weakened in turn, and must be missed (docs/proof.md).
 */
#include "tests/unit/mmu_rig.h"
#include "tests/unit/proof.h"

#define RW     ASH_MMU_WRITE
#define RX     ASH_MMU_EXEC
#define PAGES  ASH_MMU_PAGES
#define TARGET MIB(512) /* physical memory that is mapped: outside of RAM, so only mapped */

static struct rig rig;

static void map(uint64_t offset, uint64_t size, ash_mmu_attr_t attr)
{
    if (ash_mmu_map(&rig.map, rig_va(&rig, offset), ash_pa(TARGET + offset), size, attr) != 0) {
        abort();
    }
}

static void unmap(uint64_t offset, uint64_t size)
{
    if (ash_mmu_unmap(&rig.map, rig_va(&rig, offset), size) != 0) {
        abort();
    }
}

static void protect(uint64_t offset, uint64_t size, ash_mmu_attr_t attr)
{
    if (ash_mmu_protect(&rig.map, rig_va(&rig, offset), size, attr) != 0) {
        abort();
    }
}

/* Two CPUs walk the map, which has pages and a block. */
static void start(const void *kind)
{
    rig_start(&rig, kind);
    sim_set_cpus(2);
    map(0, KIB(512), RW);
    map(MIB(2), MIB(2), RW);
    map(MIB(4), MIB(2), RW | PAGES);
    map(MIB(6), KIB(4), RW);
    sim_rest();
}

/* ... and walks do not look into the data cache. */
static void start_incoherent(const void *kind)
{
    struct ash_mmu_config config;

    rig_machine(&rig, kind);
    sim_coherent_walks = false;
    config = rig_config(&rig, kind);
    config.incoherent = true;
    assert_int_equal(ash_mmu_init(&rig.map, &config), 0);
    rig_install(&rig);
    sim_set_cpus(2);
    map(0, KIB(512), RW);
    map(MIB(2), MIB(2), RW);
    map(MIB(4), MIB(2), RW | PAGES);
    map(MIB(6), KIB(4), RW);
    sim_rest();
}

static void map_page(void *arg)
{
    (void)arg;
    map(KIB(512), KIB(4), RW);
    sim_rest();
}

static void map_with_tables(void *arg)
{
    (void)arg;
    map(MIB(8) + KIB(64), KIB(8), RW);
    sim_rest();
}

static void map_code(void *arg)
{
    (void)arg;
    map(MIB(8), KIB(8), RX);
    sim_rest();
}

static void map_block(void *arg)
{
    (void)arg;
    map(MIB(8), MIB(2), RW);
    sim_rest();
}

/* What relies on a mapping is an access here. */
static void map_and_read(void *arg)
{
    (void)arg;
    map(KIB(512), KIB(4), RW);
    (void)sim_access(rig_va(&rig, KIB(512)).value, SIM_READ);
}

static void unmap_page(void *arg)
{
    (void)arg;
    unmap(KIB(8), KIB(4));
    sim_rest();
}

static void unmap_and_read(void *arg)
{
    (void)arg;
    unmap(KIB(8), KIB(4));
    (void)sim_access(rig_va(&rig, KIB(8)).value, SIM_READ);
    sim_on_cpu(1);
    (void)sim_access(rig_va(&rig, KIB(8)).value, SIM_READ);
    sim_on_cpu(0);
}

static void unmap_and_free(void *arg)
{
    (void)arg;
    unmap(KIB(8), KIB(4));
    sim_frames_freed(ash_pa(TARGET + KIB(8)), KIB(4));
    sim_rest();
}

static void unmap_few(void *arg)
{
    (void)arg;
    unmap(KIB(8), KIB(12));
    sim_rest();
}

static void unmap_many(void *arg)
{
    (void)arg;
    unmap(KIB(8), KIB(256));
    sim_rest();
}

static void unmap_block(void *arg)
{
    (void)arg;
    unmap(MIB(2), MIB(2));
    sim_rest();
}

static void unmap_last_page(void *arg)
{
    (void)arg;
    unmap(MIB(6), KIB(4));
    sim_rest();
}

static void unmap_all(void *arg)
{
    (void)arg;
    unmap(MIB(2), MIB(4) + KIB(4));
    sim_rest();
}

static void split(void *arg)
{
    (void)arg;
    protect(MIB(2) + KIB(16), KIB(8), 0);
    sim_rest();
}

static void split_for_code(void *arg)
{
    (void)arg;
    protect(MIB(2) + KIB(16), KIB(8), RX);
    sim_rest();
}

static void hole_in_block(void *arg)
{
    (void)arg;
    unmap(MIB(2) + KIB(16), KIB(8));
    sim_rest();
}

static void protect_few(void *arg)
{
    (void)arg;
    protect(KIB(8), KIB(8), 0);
    sim_rest();
}

static void protect_many(void *arg)
{
    (void)arg;
    protect(KIB(8), KIB(256), 0);
    sim_rest();
}

static void protect_and_write(void *arg)
{
    (void)arg;
    protect(KIB(8), KIB(4), 0);
    (void)sim_access(rig_va(&rig, KIB(8)).value, SIM_WRITE);
    sim_on_cpu(1);
    (void)sim_access(rig_va(&rig, KIB(8)).value, SIM_WRITE);
    sim_on_cpu(0);
}

static void retype_few(void *arg)
{
    (void)arg;
    protect(KIB(8), KIB(8), ASH_MMU_UNCACHED | RW);
    sim_rest();
}

static void retype_many(void *arg)
{
    (void)arg;
    protect(KIB(8), KIB(256), ASH_MMU_DEVICE | RW);
    sim_rest();
}

static void retype_block(void *arg)
{
    (void)arg;
    protect(MIB(2), MIB(2), ASH_MMU_UNCACHED | RW);
    sim_rest();
}

static void merge(void *arg)
{
    unsigned merged;

    (void)arg;
    if (ash_mmu_merge(&rig.map, rig_va(&rig, MIB(4)), MIB(2), &merged) != 0 || merged != 1) {
        abort();
    }
    sim_rest();
}

static void remap_zone(void *arg)
{
    (void)arg;
    if (ash_mmu_remap_zone(&rig.map, rig_va(&rig, MIB(8)), MIB(4)) != 0) {
        abort();
    }
    sim_rest();
}

static void retype_in_zone(void *arg)
{
    (void)arg;
    protect(MIB(8), KIB(8), ASH_MMU_UNCACHED | RW);
    sim_rest();
}

static void start_zone(const void *kind)
{
    start(kind);
    remap_zone(NULL);
    map(MIB(8), KIB(64), RW);
    ash_mmu_freeze(&rig.map);
}

/* No CPU has the map installed any more, but their TLBs do not know. */
static void start_end(const void *kind)
{
    start(kind);
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        sim_on_cpu(cpu);
        rig_uninstall(&rig);
        sim_rest();
    }
    sim_on_cpu(0);
}

static void destroy(void *arg)
{
    (void)arg;
    ash_mmu_destroy(&rig.map);
}

static const struct proof_expected new_entry[] = {
    D(SIM_DSB_ISHST, RULE(1)),
    W(SIM_DSB_ISHST, SIM_NSH, RULE(13)),
    D(SIM_ISB, RULE(1)),
};

static const struct proof_expected new_code[] = {
    D(SIM_DSB_ISHST, RULE(33)),
    W(SIM_DSB_ISHST, SIM_NSH, RULE(33)),
    D(SIM_BRANCH_SYNC, RULE(33)),
    D(SIM_DSB_ISH, RULE(33)),
    W(SIM_DSB_ISH, SIM_NSH, RULE(33)),
    W(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(33)),
    D(SIM_ISB, RULE(1)),
};

#define NO_BRANCHES "AArch64 has no branch predictors to tell: BPIALL and its DSB do nothing"
#define STORES_TOO  "the DSB ISH after it completes stores as well"

static const struct proof_expected new_code_aarch64[] = {
    NEEDLESS(SIM_DSB_ISHST, SIM_DROPPED, 0, STORES_TOO),
    NEEDLESS(SIM_DSB_ISHST, SIM_NSH, 0, STORES_TOO),
    NEEDLESS(SIM_BRANCH_SYNC, SIM_DROPPED, 0, NO_BRANCHES),
    NEEDLESS(SIM_DSB_ISH, SIM_DROPPED, 0, NO_BRANCHES),
    NEEDLESS(SIM_DSB_ISH, SIM_NSH, 0, NO_BRANCHES),
    NEEDLESS(SIM_DSB_ISH, SIM_STORES_ONLY, 0, NO_BRANCHES),
    D(SIM_ISB, RULE(1)),
};

#define INVALIDATED(rule)                                                                          \
    D(SIM_DSB_ISHST, rule), D(SIM_TLBI_PAGE, rule), D(SIM_TLBI_PAGE_WALK, (rule) | RULE(12)),      \
        D(SIM_TLBI_ALL, rule), D(SIM_TLBI_ASID, rule), D(SIM_DSB_ISH, rule),                       \
        W(SIM_DSB_ISH, SIM_STORES_ONLY, rule), GLOBAL_BY_ASID

static const struct proof_expected changed[] = {INVALIDATED(RULE(3)), D(SIM_ISB, RULE(3))};

static const struct proof_expected freed[] = {INVALIDATED(RULE(4)), D(SIM_ISB, RULE(3))};

/* Nothing is ordered behind a link that goes, nor a block that comes. */
#define NO_LINK                                                                                    \
    NEEDLESS(SIM_ENTRY_STORE, SIM_RELAXED, 0, "only a link that appears leads to something new")

static const struct proof_expected table_freed[] = {
    INVALIDATED(RULE(4) | RULE(3)),
    D(SIM_ISB, RULE(3)),
    NO_LINK,
};

#define NO_ENTRY "no entry was stored: the tables go as they are"

static const struct proof_expected ended[] = {
    INVALIDATED(RULE(4)),
    NEEDLESS(SIM_DSB_ISHST, SIM_DROPPED, 1, NO_ENTRY),
    NEEDLESS(SIM_DSB_ISHST, SIM_NSH, 1, NO_ENTRY),
    NEEDLESS(SIM_ISB, SIM_DROPPED, 0, "no CPU has the map installed"),
};

#define FIRST_ISB                                                                                  \
    NEEDLESS(SIM_ISB, SIM_DROPPED, 1, "the break needs no ISB: that of the make comes")

/* The break: its DSB, TLBI and DSB before the new entry; then the make. */
static const struct proof_expected broken_and_made[] = {
    INVALIDATED(RULE(7)),
    D_AT(SIM_DSB_ISHST, 2, RULE(1)),
    FIRST_ISB,
    D_AT(SIM_ISB, 2, RULE(1)),
    NO_LINK,
};

#define RELAXED_LINK                                                                               \
    NEEDLESS(SIM_ENTRY_STORE, SIM_RELAXED, 0,                                                      \
             "the table was filled before the barriers of the break")

static const struct proof_expected split_up[] = {
    INVALIDATED(RULE(7)), D_AT(SIM_DSB_ISHST, 2, RULE(1)), FIRST_ISB, D_AT(SIM_ISB, 2, RULE(1)),
    RELAXED_LINK,
};

static const struct proof_expected split_up_code[] = {
    INVALIDATED(RULE(7)),
    D_AT(SIM_DSB_ISHST, 2, RULE(33)),
    {SIM_DSB_ISHST, SIM_NSH, 2, RULE(33), NULL, false},
    D(SIM_BRANCH_SYNC, RULE(33)),
    D_AT(SIM_DSB_ISH, 2, RULE(33)),
    {SIM_DSB_ISH, SIM_NSH, 2, RULE(33), NULL, false},
    {SIM_DSB_ISH, SIM_STORES_ONLY, 2, RULE(33), NULL, false},
    FIRST_ISB,
    D_AT(SIM_ISB, 2, RULE(1)),
    RELAXED_LINK,
};

static const struct proof_expected split_up_aarch64[] = {
    INVALIDATED(RULE(7)),
    NEEDLESS(SIM_DSB_ISHST, SIM_DROPPED, 2, STORES_TOO),
    NEEDLESS(SIM_DSB_ISHST, SIM_NSH, 2, STORES_TOO),
    NEEDLESS(SIM_BRANCH_SYNC, SIM_DROPPED, 0, NO_BRANCHES),
    NEEDLESS(SIM_DSB_ISH, SIM_DROPPED, 2, NO_BRANCHES),
    NEEDLESS(SIM_DSB_ISH, SIM_NSH, 2, NO_BRANCHES),
    NEEDLESS(SIM_DSB_ISH, SIM_STORES_ONLY, 2, NO_BRANCHES),
    FIRST_ISB,
    D_AT(SIM_ISB, 2, RULE(1)),
    RELAXED_LINK,
};

/* Without coherent walks. */
#define CLEAN_MORE "a count that walks ignore, or a later clean covers the line or ends with a DSB"
#define CLEAN_DSB  "the clean before it ended with a DSB"
#define CLEANED                                                                                    \
    {SIM_CACHE_CLEAN, SIM_DROPPED, 0, RULE(42) | RULE(2), CLEAN_MORE, false},                      \
        {SIM_CACHE_CLEAN, SIM_UNFINISHED, 0, RULE(42) | RULE(2), CLEAN_MORE, false},               \
        NEEDLESS(SIM_DSB_ISHST, SIM_DROPPED, 0, CLEAN_DSB),                                        \
        NEEDLESS(SIM_DSB_ISHST, SIM_NSH, 0, CLEAN_DSB),                                            \
        NEEDLESS(SIM_ENTRY_STORE, SIM_RELAXED, 0, CLEAN_DSB)

static const struct proof_expected cleaned_new[] = {CLEANED, D(SIM_ISB, RULE(1))};
static const struct proof_expected cleaned_changed[] = {
    CLEANED,
    D(SIM_TLBI_PAGE, RULE(3)),
    D(SIM_TLBI_PAGE_WALK, RULE(4)),
    D(SIM_TLBI_ALL, RULE(3)),
    D(SIM_TLBI_ASID, RULE(3)),
    D(SIM_DSB_ISH, RULE(3) | RULE(4)),
    W(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(3) | RULE(4)),
    GLOBAL_BY_ASID,
    D(SIM_ISB, RULE(3)),
};
static const struct proof_expected cleaned_break[] = {
    CLEANED,
    D(SIM_TLBI_PAGE, RULE(7)),
    D(SIM_TLBI_ALL, RULE(7)),
    D(SIM_TLBI_ASID, RULE(7)),
    D(SIM_DSB_ISH, RULE(7)),
    W(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(7)),
    GLOBAL_BY_ASID,
    FIRST_ISB,
    D_AT(SIM_ISB, 2, RULE(1)),
};

static const struct proof proofs[] = {
    PROOF(map_page, start, new_entry),
    PROOF(map_and_read, start, new_entry),
    PROOF(map_with_tables, start, new_entry),
    PROOF(map_block, start, new_entry),
    PROOF(unmap_page, start, changed),
    PROOF(unmap_and_read, start, changed),
    PROOF(unmap_and_free, start, freed),
    PROOF(unmap_few, start, changed),
    PROOF(unmap_many, start, changed),
    PROOF(unmap_block, start, changed),
    PROOF(unmap_last_page, start, table_freed),
    PROOF(unmap_all, start, table_freed),
    PROOF(protect_few, start, changed),
    PROOF(protect_many, start, changed),
    PROOF(protect_and_write, start, changed),
    PROOF(retype_few, start, broken_and_made),
    PROOF(retype_many, start, broken_and_made),
    PROOF(retype_block, start, broken_and_made),
    PROOF(split, start, split_up),
    PROOF(hole_in_block, start, split_up),
    PROOF(merge, start, broken_and_made),
    PROOF(remap_zone, start, new_entry),
    PROOF(retype_in_zone, start_zone, broken_and_made),
    PROOF(destroy, start_end, ended),
};

static const struct proof code_aarch32[] = {
    PROOF(map_code, start, new_code),
    PROOF(split_for_code, start, split_up_code),
};

static const struct proof code_aarch64[] = {
    PROOF(map_code, start, new_code_aarch64),
    PROOF(split_for_code, start, split_up_aarch64),
};

static const struct proof incoherent[] = {
    PROOF(map_page, start_incoherent, cleaned_new),
    PROOF(map_with_tables, start_incoherent, cleaned_new),
    PROOF(remap_zone, start_incoherent, cleaned_new),
    PROOF(unmap_page, start_incoherent, cleaned_changed),
    PROOF(unmap_many, start_incoherent, cleaned_changed),
    PROOF(unmap_last_page, start_incoherent, cleaned_changed),
    PROOF(protect_many, start_incoherent, cleaned_changed),
    PROOF(retype_few, start_incoherent, cleaned_break),
    PROOF(split, start_incoherent, cleaned_break),
    PROOF(merge, start_incoherent, cleaned_break),
};

static struct proof_result result;

static void attack(const struct proof *list, size_t count, bool aarch32, bool aarch64)
{
    FOR_EACH_KIND(kind)
    {
        for (size_t i = 0; i < count && (kind->sim == SIM_LPAE ? aarch32 : aarch64); i++) {
            proof_attack(&list[i], kind->name, kind, &result);
        }
    }
}

static void every_step_is_needed(void **state)
{
    (void)state;
    attack(proofs, COUNT(proofs), true, true);
    attack(code_aarch32, COUNT(code_aarch32), true, false);
    attack(code_aarch64, COUNT(code_aarch64), false, true);
    attack(incoherent, COUNT(incoherent), true, true);
    printf("# %u runs were stopped, %u steps are redundant\n", result.stopped, result.redundant);
    assert_int_equal(result.wrong, 0);
    assert_true(result.stopped > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
