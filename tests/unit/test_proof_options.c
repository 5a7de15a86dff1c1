/* SPDX-License-Identifier: MIT */
/*
 * The real code of mmu/ on a hostile machine whose TLB is invalidated by ranges (FEAT_TLBIRANGE).
 * Every step is made worse as in test_proof_mmu.
 */
#include "tests/unit/proof_mmu.h"

/* Range operations: the machine of test_proof_mmu, and another way to invalidate. */

static void start_ranges(const void *kind)
{
    start(kind);
    sim_range_tlbi = true;
}

static void unmap_very_many(void *arg)
{
    (void)arg;
    unmap(KIB(4), KIB(504));
    sim_rest();
}

#define PAGES_ONLY                                                                                 \
    NEEDLESS(SIM_TLBI_RANGE, SIM_LAST_LEVEL, 0, "no table was unlinked"),                          \
        NEEDLESS(SIM_TLBI_RANGE, SIM_BY_ASID, 0,                                                   \
                 "a TLBI by address and ASID matches global entries of the last level")

static const struct proof_expected changed_range[] = {
    INVALIDATED(RULE(3)),
    PAGES_ONLY,
    D(SIM_ISB, RULE(3)),
};

/* A break-before-make, and then perhaps another change. */
#define LAST_ISB "the break needs no ISB: that of the make comes"
#define BROKEN                                                                                     \
    INVALIDATED(RULE(1) | RULE(3) | RULE(7)),                                                      \
        OR_LATER(SIM_ISB, SIM_DROPPED, RULE(1) | RULE(3), LAST_ISB)

static const struct proof_expected broken_range[] = {BROKEN, PAGES_ONLY, NO_LINK};
static const struct proof ranges[] = {
    PROOF(unmap_few, start_ranges, changed_range),
    PROOF(unmap_many, start_ranges, changed_range),
    PROOF(unmap_very_many, start_ranges, changed_range),
    PROOF(unmap_all, start_ranges, table_freed),
    PROOF(protect_many, start_ranges, changed_range),
    PROOF(retype_many, start_ranges, broken_range),
    PROOF(split, start_ranges, split_up),
    PROOF(destroy, start_end, ended),
};

static void every_step_is_needed(void **state)
{
    struct proof_result result = {0};

    (void)state;
    rig_attack(ranges, COUNT(ranges), aarch64, &result);
    printf("# %u runs were stopped, %u steps are redundant\n", result.stopped, result.redundant);
    assert_int_equal(result.wrong, 0);
    assert_true(result.stopped > 250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
