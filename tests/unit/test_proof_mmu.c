/* SPDX-License-Identifier: MIT */
/*
 * The real code of mmu/ on the hostile machine: every barrier and every invalidation that it issues
 * is dropped and weakened in turn, and must be missed (docs/proof.md).
 */
#include "tests/unit/proof_mmu.h"

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

static const struct proof_expected freed[] = {INVALIDATED(RULE(4)), D(SIM_ISB, RULE(3))};

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

/* A change of permission that makes code of data. */
static const struct proof_expected changed_to_code[] = {
    INVALIDATED(RULE(3)),
    D(SIM_BRANCH_SYNC, RULE(33)),
    D(SIM_ISB, RULE(3)),
};

static const struct proof_expected changed_to_code_aarch64[] = {
    INVALIDATED(RULE(3)),
    NEEDLESS(SIM_BRANCH_SYNC, SIM_DROPPED, 0, NO_BRANCHES),
    D(SIM_ISB, RULE(3)),
};

static const struct proof_expected merged_code[] = {
    INVALIDATED(RULE(7)),
    D_AT(SIM_DSB_ISHST, 2, RULE(33)),
    {SIM_DSB_ISHST, SIM_NSH, 2, RULE(33), NULL, false},
    D(SIM_BRANCH_SYNC, RULE(33)),
    D_AT(SIM_DSB_ISH, 2, RULE(33)),
    {SIM_DSB_ISH, SIM_NSH, 2, RULE(33), NULL, false},
    {SIM_DSB_ISH, SIM_STORES_ONLY, 2, RULE(33), NULL, false},
    FIRST_ISB,
    D_AT(SIM_ISB, 2, RULE(1)),
    NO_LINK,
};

/* The empty root is visible before it is installed. */
static const struct proof_expected installed[] = {
    D_AT(SIM_DSB_ISHST, 1, RULE(2)),
    D_AT(SIM_DSB_ISHST, 2, RULE(1)),
    W(SIM_DSB_ISHST, SIM_NSH, RULE(2) | RULE(13)),
    D(SIM_ISB, RULE(1)),
    NEEDLESS(SIM_SPACE_INSTALL, SIM_TWO_WRITES, 0, "no space was there before"),
    OR_LATER(SIM_ENTRY_STORE, SIM_RELAXED, RULE(2),
             "the table that it stands in is linked later, by a releasing store"),
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

static const struct proof spaces[] = {PROOF(new_space, start_nothing, installed)};

static const struct proof code_aarch32[] = {
    PROOF(map_code, start, new_code),
    PROOF(split_for_code, start, split_up_code),
    PROOF(protect_for_code, start, changed_to_code),
    PROOF(merge_code, start_code, merged_code),
};

static const struct proof code_aarch64[] = {
    PROOF(map_code, start, new_code_aarch64),
    PROOF(split_for_code, start, split_up_aarch64),
    PROOF(protect_for_code, start, changed_to_code_aarch64),
    PROOF(merge_code, start_code, split_up_aarch64),
};

static void every_step_is_needed(void **state)
{
    struct proof_result result = {0};

    (void)state;
    rig_attack(proofs, COUNT(proofs), any, &result);
    rig_attack(spaces, COUNT(spaces), with_asid, &result);
    rig_attack(code_aarch32, COUNT(code_aarch32), aarch32, &result);
    rig_attack(code_aarch64, COUNT(code_aarch64), aarch64, &result);
    printf("# %u runs were stopped, %u steps are redundant\n", result.stopped, result.redundant);
    assert_int_equal(result.wrong, 0);
    assert_true(result.stopped > 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
