/* SPDX-License-Identifier: MIT */
/*
 * The real code of mmu/ with its options on the hostile machine: range operations of the TLB, the
 * contiguous hint, tables that are merged when they are full, access flag and dirty state. Every
 * step is made worse as in test_proof_mmu.
 */
#include "tests/unit/proof_mmu.h"

#define WRITTEN    (UINT64_C(1) << 56) /* a bit that the hardware ignores */
#define CLEAN_DATA (RW | ASH_MMU_OLD | ASH_MMU_CLEAN)

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

/* Options of the map */

static void start_map(const struct rig_kind *kind, void (*choose)(struct ash_mmu_config *config))
{
    struct ash_mmu_config config;

    rig_machine(&rig, kind);
    config = rig_config(&rig, kind);
    choose(&config);
    if (ash_mmu_init(&rig.map, &config) != 0) {
        abort();
    }
    rig_install(&rig);
    sim_regime.sets_access = sim_regime.sets_dirty = config.updates;
    sim_written_bit = config.updates ? WRITTEN : 0;
    sim_set_cpus(2);
}

static void contiguous(struct ash_mmu_config *config)
{
    config->contiguous = true;
}

/* Sets of pages, a set of blocks, and a table full of sets. */
static void start_sets(const void *kind)
{
    start_map(kind, contiguous);
    map(0, KIB(512), RW);
    map(MIB(4), MIB(2), RW | PAGES);
    map(MIB(32), MIB(32), RW);
    sim_rest();
}

/* What lies beside a change is mapped as before. */
static void rest_with(uint64_t neighbour)
{
    struct sim_answer answer;

    sim_rest();
    answer = sim_access(rig_va(&rig, neighbour).value, SIM_WRITE);
    if (answer.fault != SIM_OK || answer.pa.value != TARGET + neighbour) {
        abort();
    }
}

static void map_sets(void *arg)
{
    (void)arg;
    map(MIB(1) + KIB(4), KIB(128), RW);
    sim_rest();
}

static void map_set_of_blocks(void *arg)
{
    (void)arg;
    map(MIB(64), MIB(32), RW);
    sim_rest();
}

static void unmap_member(void *arg)
{
    (void)arg;
    unmap(KIB(68), KIB(4));
    rest_with(KIB(72));
}

static void unmap_set(void *arg)
{
    (void)arg;
    unmap(KIB(64), KIB(64));
    rest_with(KIB(60));
}

static void unmap_across(void *arg)
{
    (void)arg;
    unmap(KIB(96), KIB(128));
    rest_with(KIB(92));
}

static void unmap_block_of_set(void *arg)
{
    (void)arg;
    unmap(MIB(34), MIB(2));
    rest_with(MIB(36));
}

static void split_block_of_set(void *arg)
{
    (void)arg;
    protect(MIB(34) + KIB(16), KIB(8), 0);
    rest_with(MIB(34));
}

static void protect_member(void *arg)
{
    (void)arg;
    protect(KIB(68), KIB(4), 0);
    rest_with(KIB(72));
}

static void protect_set(void *arg)
{
    (void)arg;
    protect(KIB(64), KIB(64), 0);
    rest_with(KIB(60));
}

static void retype_across(void *arg)
{
    (void)arg;
    protect(KIB(96), KIB(128), ASH_MMU_UNCACHED | RW);
    rest_with(KIB(92));
}

static void full(struct ash_mmu_config *config)
{
    config->merge = true;
}

static void start_nearly_full(const void *kind)
{
    start_map(kind, full);
    map(MIB(4), MIB(2) - KIB(4), RW);
    sim_rest();
}

static void map_the_last(void *arg)
{
    (void)arg;
    map(MIB(6) - KIB(4), KIB(4), RW);
    if (rig.map.counters.merges != 1) {
        abort();
    }
    sim_rest();
}

/* State of pages, set by the processor. */

static void updates(struct ash_mmu_config *config)
{
    config->track = true;
    config->updates = true;
}

static void start_tracked(const void *kind)
{
    start_map(kind, updates);
    map(0, KIB(512), CLEAN_DATA);
    map(MIB(2), MIB(2), CLEAN_DATA);
    sim_rest();
}

/* ... some of which were accessed and written. */
static void start_written(const void *kind)
{
    start_tracked(kind);
    (void)sim_access(rig_va(&rig, KIB(8)).value, SIM_WRITE);
    (void)sim_access(rig_va(&rig, KIB(12)).value, SIM_READ);
    (void)sim_access(rig_va(&rig, MIB(2)).value, SIM_WRITE);
    sim_rest();
}

static void protect_again(void *arg)
{
    (void)arg;
    protect(KIB(8), KIB(8), ASH_MMU_USER | CLEAN_DATA);
    sim_rest();
}

static void split_tracked(void *arg)
{
    (void)arg;
    protect(MIB(2) + KIB(16), KIB(8), 0);
    sim_rest();
}

static void retype_tracked(void *arg)
{
    (void)arg;
    protect(KIB(8), KIB(8), ASH_MMU_UNCACHED | CLEAN_DATA);
    sim_rest();
}

static int count_written(void *arg, const struct ash_mmu_mapping *mapping)
{
    *(unsigned *)arg += ash_mmu_written(mapping);
    return 0;
}

/* Everything is made old and clean again: the last moment to learn of a write. */
static void harvest(void *arg)
{
    unsigned written = 0;

    (void)arg;
    if (ash_mmu_harvest(&rig.map, rig_va(&rig, 0), KIB(32), ASH_MMU_OLD | ASH_MMU_CLEAN,
                        count_written, &written) != 0 ||
        written == 0) {
        abort();
    }
    sim_rest();
}

static void touch(void *arg)
{
    (void)arg;
    if (ash_mmu_touch(&rig.map, rig_va(&rig, KIB(20)), true) != 0) {
        abort();
    }
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
static const struct proof_expected broken[] = {BROKEN, NO_LINK};
static const struct proof_expected broken_to_table[] = {BROKEN, RELAXED_LINK};

#define BROKEN_AGAIN "the table is broken off again before anybody relies on its last page"
static const struct proof_expected filled[] = {
    BROKEN,
    NO_LINK,
    NEEDLESS(SIM_DSB_ISHST, SIM_DROPPED, 1, BROKEN_AGAIN),
    NEEDLESS(SIM_DSB_ISHST, SIM_NSH, 1, BROKEN_AGAIN),
};

/* The hardware is faster than the first compare-exchange of an entry. */
#define NOTHING_LEFT "the hardware has set all that it may, or the entry is invalid"
#define EXCHANGED                                                                                  \
    {                                                                                              \
        SIM_EXCHANGE, SIM_PLAIN, 0, RULE(6), NOTHING_LEFT, false                                   \
    }
#define FIRST_EXCHANGED                                                                            \
    {                                                                                              \
        SIM_EXCHANGE, SIM_PLAIN, 1, RULE(6), NULL, false                                           \
    }

static const struct proof_expected changed_tracked[] = {
    INVALIDATED(RULE(3)),
    D(SIM_ISB, RULE(3)),
    FIRST_EXCHANGED,
    EXCHANGED,
};
static const struct proof_expected broken_tracked[] = {BROKEN, FIRST_EXCHANGED, EXCHANGED};

/* The first page was accessed and written already. */
static const struct proof_expected changed_written[] = {
    INVALIDATED(RULE(3)),
    D(SIM_ISB, RULE(3)),
    EXCHANGED,
};
static const struct proof_expected broken_written[] = {BROKEN, EXCHANGED};

static const struct proof_expected split_tracked_up[] = {
    BROKEN,
    RELAXED_LINK,
    NEEDLESS(SIM_EXCHANGE, SIM_PLAIN, 0, "the parts count as accessed and written"),
};

static const struct proof_expected touched[] = {
    NEEDLESS(SIM_EXCHANGE, SIM_PLAIN, 0, "it sets all that the hardware may"),
};

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

static const struct proof sets[] = {
    PROOF(map_sets, start_sets, new_entry),
    PROOF(map_set_of_blocks, start_sets, new_entry),
    PROOF(unmap_member, start_sets, broken),
    PROOF(unmap_set, start_sets, changed),
    PROOF(unmap_across, start_sets, broken),
    PROOF(unmap_block_of_set, start_sets, broken),
    PROOF(split_block_of_set, start_sets, broken_to_table),
    PROOF(protect_member, start_sets, broken),
    PROOF(protect_set, start_sets, broken),
    PROOF(retype_across, start_sets, broken),
    PROOF(merge, start_sets, broken),
};

static const struct proof merges[] = {
    PROOF(map_the_last, start_nearly_full, filled),
};

static const struct proof tracked[] = {
    PROOF(unmap_many, start_tracked, changed),
    PROOF(protect_many, start_tracked, changed_tracked),
    PROOF(protect_again, start_written, changed_written),
    PROOF(split_tracked, start_tracked, split_tracked_up),
    PROOF(retype_tracked, start_tracked, broken_tracked),
    PROOF(retype_tracked, start_written, broken_written),
    PROOF(harvest, start_written, changed_written),
    PROOF(touch, start_tracked, touched),
};

static void every_step_is_needed(void **state)
{
    struct proof_result result = {0};

    (void)state;
    rig_attack(ranges, COUNT(ranges), aarch64, &result);
    rig_attack(sets, COUNT(sets), any, &result);
    rig_attack(merges, COUNT(merges), any, &result);
    rig_attack(tracked, COUNT(tracked), aarch64, &result);
    printf("# %u runs were stopped, %u steps are redundant\n", result.stopped, result.redundant);
    assert_int_equal(result.wrong, 0);
    assert_true(result.stopped > 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
