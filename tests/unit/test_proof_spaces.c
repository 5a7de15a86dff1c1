/* SPDX-License-Identifier: MIT */
/*
 * Spaces and ASIDs on the hostile machine: several CPUs that make, switch, change and end spaces at
 * once, with so few ASIDs that generations end all the time (arm-rules 16, 41); and each step that
 * a switch, the end of a generation and the end of a space take, made worse.
 */
#include "tests/unit/proof.h"
#include "tests/unit/space_machine.h"

#define SHARED 14u /* spaces that all CPUs switch to */
#define OWN    3u  /* ... that one CPU makes and ends */
#define STEPS  70u
#define SLOTS  4u /* pages of each CPU in each shared space */

static struct ash_space shared[SHARED], own[SIM_CPUS][OWN];
static bool mapped[SHARED][SIM_CPUS][SLOTS], made[SIM_CPUS][OWN];
static uint32_t randoms[SIM_CPUS];

static uint32_t random_below(uint32_t below)
{
    uint32_t *state = &randoms[port_cpu()];

    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return (uint32_t)((uint64_t)*state * below >> 32);
}

/* Page 0 of a space tells which it is; others follow. */
static uint64_t first_pa(unsigned number)
{
    return FAR + number * 64 * PAGE;
}

static uint64_t slot_offset(unsigned cpu, unsigned slot)
{
    return (1 + cpu * SLOTS + slot) * PAGE;
}

static void look_at_shared(unsigned n)
{
    unsigned cpu = port_cpu();

    must(machine_sees(0) == first_pa(n));
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        uint64_t offset = slot_offset(cpu, slot);

        must(machine_sees(offset) == (mapped[n][cpu][slot] ? first_pa(n) + offset : 0));
    }
}

/* In any shared space, current or not: a page of this CPU's own. */
static void change_shared(unsigned n)
{
    unsigned cpu = port_cpu(), slot = random_below(SLOTS);
    uint64_t offset = slot_offset(cpu, slot);

    if (mapped[n][cpu][slot]) {
        must(ash_space_unmap(&shared[n], machine_va(offset), PAGE) == 0);
    } else {
        machine_map(&shared[n], offset, first_pa(n) + offset);
    }
    mapped[n][cpu][slot] = !mapped[n][cpu][slot];
}

static void use_own(unsigned n)
{
    unsigned cpu = port_cpu(), number = SHARED + cpu * OWN + n;

    if (!made[cpu][n]) {
        must(ash_space_create(&own[cpu][n], "own") == 0);
        machine_map(&own[cpu][n], 0, first_pa(number));
        made[cpu][n] = true;
    }
    ash_space_switch(&own[cpu][n]);
    must(machine_sees(0) == first_pa(number) && machine_sees(PAGE) == 0);
    if (random_below(2)) {
        must(ash_space_destroy(&own[cpu][n]) == ASH_EBUSY);
        if (random_below(2)) {
            ash_space_leave();
        } else {
            ash_space_switch(&shared[random_below(SHARED)]);
        }
        must(ash_space_destroy(&own[cpu][n]) == 0);
        made[cpu][n] = false;
    }
}

static void work(void *arg)
{
    (void)arg;
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned n = random_below(SHARED);

        switch (random_below(6)) {
        case 0:
            use_own(random_below(OWN));
            break;
        case 1:
            change_shared(n);
            break;
        case 2:
            ash_space_leave();
            must(machine_sees(0) == 0 && ash_space_current() == NULL);
            break;
        default:
            ash_space_switch(&shared[n]);
            must(ash_space_current() == &shared[n]);
            look_at_shared(n);
            change_shared(n);
            look_at_shared(n);
            break;
        }
        sim_rest();
    }
    ash_space_leave();
}

static void start_crowd(const struct kind *kind, unsigned cpus, uint32_t seed)
{
    machine_start(kind, cpus, 4);
    memset(mapped, 0, sizeof mapped);
    memset(made, 0, sizeof made);
    for (unsigned n = 0; n < SHARED; n++) {
        must(ash_space_create(&shared[n], "shared") == 0);
        machine_map(&shared[n], 0, first_pa(n));
    }
    for (unsigned cpu = 0; cpu < SIM_CPUS; cpu++) {
        randoms[cpu] = seed * 4 + cpu + 1;
    }
}

static void end_crowd(void)
{
    for (unsigned n = 0; n < SHARED; n++) {
        assert_int_equal(ash_mmu_verify(&shared[n].map, NULL), 0);
        assert_int_equal(ash_space_destroy(&shared[n]), 0);
    }
    for (unsigned i = 0; i < SIM_CPUS * OWN; i++) {
        if (made[i / OWN][i % OWN]) {
            assert_int_equal(ash_space_destroy(&own[i / OWN][i % OWN]), 0);
        }
    }
    machine_end();
}

static void crowds(void **state)
{
    unsigned rolls = 0;

    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (unsigned cpus = 1; cpus <= SIM_CPUS && cpus <= ASH_CPUS; cpus++) {
            for (uint32_t seed = 1; seed <= 12; seed++) {
                start_crowd(kind, cpus, seed);
                proof_sound(cpus, work, NULL, seed);
                rolls += spaces_state.asids.rolls;
                end_crowd();
            }
        }
    }
    printf("# %u generations ended\n", rolls);
    assert_true(rolls > 500);
}

/* Each step of one operation. Spaces: A and B here, X on the other CPU. */

static struct ash_space a, b, x, filler[ASIDS + 1];

static void make(struct ash_space *space, unsigned number)
{
    must(ash_space_create(space, "space") == 0);
    machine_map(space, 0, first_pa(number));
}

static void start(const void *kind)
{
    machine_start(kind, 2, 4);
    make(&a, 0);
    make(&b, 1);
    make(&x, 2);
    sim_on_cpu(1);
    ash_space_switch(&x);
    sim_on_cpu(0);
    sim_rest();
}

/* The other CPU has had it, and is in X again. */
static void visit(struct ash_space *space, unsigned number)
{
    sim_on_cpu(1);
    ash_space_switch(space);
    must(machine_sees(0) == first_pa(number));
    ash_space_switch(&x);
    sim_on_cpu(0);
}

static void start_in_a(const void *kind)
{
    start(kind);
    visit(&a, 0);
    ash_space_switch(&a);
    must(machine_sees(0) == first_pa(0));
    sim_rest();
}

/* No number is left: X, A and the others have them. B has none. */
static void start_full(const void *kind)
{
    start_in_a(kind);
    for (unsigned n = 0; n < ASIDS - 2; n++) {
        make(&filler[n], 3 + n);
        ash_space_switch(&filler[n]);
        must(machine_sees(0) == first_pa(3 + n));
        visit(&filler[n], 3 + n);
    }
    ash_space_switch(&a);
    sim_rest();
}

static void first_switch(void *arg)
{
    (void)arg;
    ash_space_switch(&a);
    must(machine_sees(0) == first_pa(0));
    sim_rest();
}

static void back_and_forth(void *arg)
{
    (void)arg;
    ash_space_switch(&b);
    must(machine_sees(0) == first_pa(1));
    ash_space_switch(&a);
    must(machine_sees(0) == first_pa(0));
    sim_rest();
}

static void leave(void *arg)
{
    (void)arg;
    ash_space_leave();
    must(machine_sees(0) == 0);
    sim_rest();
}

/* All numbers of the new generation are used, by spaces that had others: X and A keep theirs. */
static void end_generation(void *arg)
{
    (void)arg;
    ash_space_switch(&b);
    must(machine_sees(0) == first_pa(1));
    for (unsigned n = ASIDS - 3; n-- > 0;) {
        ash_space_switch(&filler[n]);
        must(machine_sees(0) == first_pa(3 + n));
    }
    sim_on_cpu(1);
    must(machine_sees(0) == first_pa(2));
    sim_on_cpu(0);
    sim_rest();
}

static void end_space(void *arg)
{
    (void)arg;
    ash_space_leave();
    must(ash_space_destroy(&a) == 0);
    sim_rest();
}

/* It is current on the other CPU. */
static void change_elsewhere(void *arg)
{
    (void)arg;
    must(ash_space_unmap(&x, machine_va(0), PAGE) == 0);
    sim_rest();
    sim_on_cpu(1);
    must(machine_sees(0) == 0);
    sim_on_cpu(0);
}

/* It has got another ASID since it was last here. */
static void change_after_renewal(void *arg)
{
    (void)arg;
    ash_space_switch(&b);
    for (unsigned n = ASIDS - 2; n-- > 0;) {
        ash_space_switch(&filler[n]);
    }
    must(machine_sees(0) == first_pa(3));
    must(ash_space_unmap(&filler[0], machine_va(0), PAGE) == 0);
    must(machine_sees(0) == 0);
    sim_rest();
}

#define NOT_REORDERED                                                                              \
    NEEDLESS(SIM_DMB_ISH, SIM_DROPPED, 0,                                                          \
             "the machine keeps the order of ordinary memory, and one CPU runs at a time")
#define ROOT_ALONE(at) NEEDLESS(SIM_SPACE_INSTALL, SIM_TWO_WRITES, at, "no space was there before")

static const struct proof_expected from_none[] = {ROOT_ALONE(0), NOT_REORDERED};
static const struct proof_expected switched[] = {
    W(SIM_SPACE_INSTALL, SIM_TWO_WRITES, RULE(16)),
    NOT_REORDERED,
};
static const struct proof_expected left[] = {NOT_REORDERED};
static const struct proof_expected new_generation[] = {
    W(SIM_SPACE_INSTALL, SIM_TWO_WRITES, RULE(16)),
    D(SIM_TLBI_ALL, RULE(16)),
    W(SIM_TLBI_ALL, SIM_LOCAL, RULE(16)),
    W(SIM_TLBI_ALL, SIM_BY_ASID, RULE(16)),
    D(SIM_DSB_ISH, RULE(16)),
    W(SIM_DSB_ISH, SIM_NSH, RULE(16)),
    W(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(16)),
    NEEDLESS(SIM_ISB, SIM_DROPPED, 0, "that of the installation comes before any use"),
    NOT_REORDERED,
};
static const struct proof_expected ended[] = {
    D(SIM_TLBI_ASID, RULE(4)),
    W(SIM_TLBI_ASID, SIM_LOCAL, RULE(4) | RULE(13)),
    D(SIM_DSB_ISH, RULE(4)),
    W(SIM_DSB_ISH, SIM_NSH, RULE(4) | RULE(13)),
    W(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(4)),
    NEEDLESS(SIM_DSB_ISHST, SIM_DROPPED, 0, "no entry was stored: the tables go as they are"),
    NEEDLESS(SIM_DSB_ISHST, SIM_NSH, 0, "no entry was stored: the tables go as they are"),
    NEEDLESS(SIM_ISB, SIM_DROPPED, 0, "no CPU has the map installed"),
    NOT_REORDERED,
};
static const struct proof_expected changed[] = {
    W(SIM_SPACE_INSTALL, SIM_TWO_WRITES, RULE(16)),
    D(SIM_DSB_ISHST, RULE(3) | RULE(4)),
    D(SIM_TLBI_PAGE, RULE(3)),
    D(SIM_TLBI_PAGE_WALK, RULE(3) | RULE(4)),
    W(SIM_TLBI_PAGE_WALK, SIM_OPERAND, RULE(3) | RULE(4) | RULE(11)),
    D(SIM_DSB_ISH, RULE(3) | RULE(4)),
    W(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(3) | RULE(4)),
    D(SIM_ISB, RULE(3)),
    NOT_REORDERED,
};

static const struct proof proofs[] = {
    PROOF(first_switch, start, from_none), PROOF(back_and_forth, start_in_a, switched),
    PROOF(leave, start_in_a, left),        PROOF(end_generation, start_full, new_generation),
    PROOF(end_space, start_in_a, ended),   PROOF(change_elsewhere, start_in_a, changed),
};

static void every_step_is_needed(void **state)
{
    struct proof_result result = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(proofs) * KINDS; i++) {
        const struct kind *kind = &kinds[i % KINDS];

        proof_attack(&proofs[i / KINDS], kind->name, kind, &result);
    }
    printf("# %u runs were stopped, %u steps are redundant\n", result.stopped, result.redundant);
    assert_int_equal(result.wrong, 0);
    assert_true(result.stopped > 100);
}

static void changes_follow_the_asid(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        start_full(kind);
        proof_sound(1, change_after_renewal, NULL, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crowds),
        cmocka_unit_test(every_step_is_needed),
        cmocka_unit_test(changes_follow_the_asid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
