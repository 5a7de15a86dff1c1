/* SPDX-License-Identifier: MIT */
/*
 * Memory of programs on the hostile machine: each step of mapping code, making code of data and
 * giving memory back, made worse (arm-rules 1 to 4, 22, 36), while another CPU has the space too.
 */
#include "tests/unit/proof.h"
#include "tests/unit/user_machine.h"

#include "vm/anonymous.h"

#define TABLE 0x200000ull

static struct ash_space space;
static const uint32_t words[2] = {0x11111111, 0x22222222};

static void map(uint64_t offset, uint64_t pages, ash_mmu_attr_t attr)
{
    struct ash_elf_segment content = {
        .va = machine_va(offset).value, .data = words, .size = 8, .stored = 8};

    must(anonymous_map(&space, machine_va(offset), pages * PAGE, attr, &content) == 0);
}

/* Both CPUs are in the space, and may have all of it in their TLBs. */
static void start(const void *kind)
{
    machine_start(kind, 2, 8);
    must(ash_space_create(&space, "x") == 0);
    for (unsigned cpu = 2; cpu-- > 0;) {
        sim_on_cpu(cpu);
        ash_space_switch(&space);
    }
    map(0, 2, ASH_MMU_WRITE);
    map(TABLE, 2, ASH_MMU_WRITE);
    map(3 * TABLE, 1, 0);
    sim_rest();
}

static uint32_t fetch(uint64_t offset)
{
    uint32_t word = 0;

    sim_user = true;
    (void)sim_fetch(machine_va(offset).value, &word);
    sim_user = false;
    return word;
}

static void map_code(void *arg)
{
    (void)arg;
    map(2 * PAGE, 1, ASH_MMU_EXEC);
    sim_rest();
    must(fetch(2 * PAGE + 4) == words[1]);
}

static void map_with_table(void *arg)
{
    (void)arg;
    map(2 * TABLE, 2, ASH_MMU_WRITE);
    sim_rest();
    must(user_rights(machine_va(2 * TABLE + PAGE)) == (USER_READ | USER_WRITE));
}

static void make_code(void *arg)
{
    (void)arg;
    must(anonymous_protect(&space, machine_va(TABLE), 2 * PAGE, ASH_MMU_EXEC) == 0);
    sim_rest();
    must(fetch(TABLE) == words[0]);
}

static void give_back(void *arg)
{
    (void)arg;
    anonymous_unmap(&space, machine_va(PAGE), PAGE);
    sim_rest();
    must(user_rights(machine_va(PAGE)) == 0);
}

static void give_table_back(void *arg)
{
    (void)arg;
    anonymous_unmap(&space, machine_va(2 * TABLE), 2 * TABLE);
    sim_rest();
    must(user_rights(machine_va(3 * TABLE)) == 0);
}

#define SYNCED                                                                                     \
    D(SIM_CODE_SYNC, RULE(36)), W(SIM_CODE_SYNC, SIM_DATA_ONLY, RULE(36)),                         \
        W(SIM_CODE_SYNC, SIM_INSTRUCTIONS_ONLY, RULE(36))
#define INVALIDATED                                                                                \
    D(SIM_DSB_ISHST, RULE(3) | RULE(4)), D(SIM_TLBI_PAGE, RULE(3) | RULE(4)),                      \
        D(SIM_TLBI_ASID, RULE(3) | RULE(4)), D(SIM_TLBI_PAGE_WALK, RULE(3) | RULE(4)),             \
        D(SIM_DSB_ISH, RULE(3) | RULE(4)), W(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(3) | RULE(4)),     \
        D(SIM_ISB, RULE(3))

#define NEXT_PAGE "nobody relies on this part before the next one is mapped as well"
static const struct proof_expected mapped[] = {
    OR_LATER(SIM_DSB_ISHST, SIM_DROPPED, RULE(1), NEXT_PAGE),
    OR_LATER(SIM_DSB_ISHST, SIM_NSH, RULE(1) | RULE(13), NEXT_PAGE),
    OR_LATER(SIM_ISB, SIM_DROPPED, RULE(1), NEXT_PAGE),
};
static const struct proof_expected given[] = {INVALIDATED};

/* Code: in AArch32 branch predictors are invalidated too, between two barriers. */
static const struct proof_expected mapped_aarch32[] = {
    SYNCED,
    D(SIM_DSB_ISHST, RULE(33)),
    W(SIM_DSB_ISHST, SIM_NSH, RULE(33)),
    D(SIM_DSB_ISH, RULE(33)),
    W(SIM_DSB_ISH, SIM_NSH, RULE(33)),
    W(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(33)),
    D(SIM_ISB, RULE(1)),
};
#define NO_PREDICTORS  "AArch64 has no branch predictors to tell: BPIALL and its DSB do nothing"
#define STORES_AS_WELL "the DSB ISH after it completes stores as well"
static const struct proof_expected mapped_aarch64[] = {
    SYNCED,
    NEEDLESS(SIM_BRANCH_SYNC, SIM_DROPPED, 0, NO_PREDICTORS),
    NEEDLESS(SIM_DSB_ISHST, SIM_DROPPED, 0, STORES_AS_WELL),
    NEEDLESS(SIM_DSB_ISHST, SIM_NSH, 0, STORES_AS_WELL),
    NEEDLESS(SIM_DSB_ISH, SIM_DROPPED, 0, NO_PREDICTORS),
    NEEDLESS(SIM_DSB_ISH, SIM_NSH, 0, NO_PREDICTORS),
    NEEDLESS(SIM_DSB_ISH, SIM_STORES_ONLY, 0, NO_PREDICTORS),
    D(SIM_ISB, RULE(1)),
};
static const struct proof_expected made_aarch32[] = {SYNCED, INVALIDATED};
static const struct proof_expected made_aarch64[] = {
    SYNCED, INVALIDATED, NEEDLESS(SIM_BRANCH_SYNC, SIM_DROPPED, 0, NO_PREDICTORS)};

static const struct proof proofs[] = {
    PROOF(map_with_table, start, mapped),
    PROOF(give_back, start, given),
    PROOF(give_table_back, start, given),
};
static const struct proof aarch32[] = {
    PROOF(map_code, start, mapped_aarch32),
    PROOF(make_code, start, made_aarch32),
};
static const struct proof aarch64[] = {
    PROOF(map_code, start, mapped_aarch64),
    PROOF(make_code, start, made_aarch64),
};

static void every_step_is_needed(void **state)
{
    struct proof_result result = {0};

    (void)state;
    FOR_EACH_KIND(kind)
    {
        proof_attack_all(proofs, COUNT(proofs), kind->name, kind, &result);
        if (kind->format == SIM_A64) {
            proof_attack_all(aarch64, COUNT(aarch64), kind->name, kind, &result);
        } else {
            proof_attack_all(aarch32, COUNT(aarch32), kind->name, kind, &result);
        }
    }
    printf("# %u runs were stopped, %u steps are redundant\n", result.stopped, result.redundant);
    assert_int_equal(result.wrong, 0);
    assert_true(result.stopped > 100);
}

/* The frame of a page goes before its mapping does. */
static void free_first(void *arg)
{
    struct ash_mmu_mapping mapping;

    (void)arg;
    must(ash_space_query(&space, machine_va(0), &mapping) == 0);
    ash_frames_free(ash_pa_frame(mapping.pa), 0);
}

static void frees_nothing_mapped(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        start(kind);
        proof_broken(4, 1, free_first, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_is_needed),
        cmocka_unit_test(frees_nothing_mapped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
