/* SPDX-License-Identifier: MIT */
/*
 * The real code of mmu/ where walks do not look into the data cache (ID_MMFR3.CohWalk = 0): every
 * step is made worse as in test_proof_mmu, and the cleaning of entries and tables with them.
 */
#include "tests/unit/proof_mmu.h"

/* As start(). */
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

static void start_incoherent_end(const void *kind)
{
    start_incoherent(kind);
    uninstall();
}

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
    D(SIM_TLBI_ALL, RULE(3) | RULE(4)),
    D(SIM_TLBI_ASID, RULE(3) | RULE(4)),
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

static const struct proof incoherent[] = {
    PROOF(map_block, start_incoherent, cleaned_new),
    PROOF(unmap_few, start_incoherent, cleaned_changed),
    PROOF(unmap_block, start_incoherent, cleaned_changed),
    PROOF(unmap_all, start_incoherent, cleaned_changed),
    PROOF(hole_in_block, start_incoherent, cleaned_break),
    PROOF(protect_few, start_incoherent, cleaned_changed),
    PROOF(retype_many, start_incoherent, cleaned_break),
    PROOF(retype_block, start_incoherent, cleaned_break),
    PROOF(destroy, start_incoherent_end, ended),
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

static void every_step_is_needed(void **state)
{
    struct proof_result result = {0};

    (void)state;
    rig_attack(incoherent, COUNT(incoherent), any, &result);
    printf("# %u runs were stopped, %u steps are redundant\n", result.stopped, result.redundant);
    assert_int_equal(result.wrong, 0);
    assert_true(result.stopped > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
