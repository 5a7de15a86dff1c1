/* SPDX-License-Identifier: MIT */
/*
 * Clients of contiguous memory: what they see, from one CPU and from several at once, what is
 * refused, who holds the block, and each step of a change made worse (arm-rules 3, 4, 7).
 */
#include "ashlar/pmem_share.h"
#include "tests/unit/proof.h"
#include "tests/unit/space_machine.h"

#define REGION_AT 0x50000000ull
#define REGION_IN (32 * PAGE)
#define LARGE     1100u /* pages: more than change at once */
#define PAGES     6u
#define WINDOW    (3 * PAGE) /* offset in the space */

static struct ash_space a, b;
static struct ash_pmem_share in_a, in_b;
static struct ash_pmem *region;
static struct ash_pmem_block block;
static unsigned region_pages = REGION_IN / PAGE, block_pages = PAGES;

static uint32_t *owned(unsigned page)
{
    return (uint32_t *)((char *)block.ptr + page * PAGE);
}

static void begin(const struct kind *kind, unsigned cpus)
{
    machine_start(kind, cpus, 8);
    sim_add_ram(ash_pa(REGION_AT), region_pages * PAGE);
    ash_pmem_init(NULL, NULL);
    must(ash_pmem_add("shared", (struct ash_range){{REGION_AT}, region_pages * PAGE}) == 0);
    region = ash_pmem_find("shared");
    must(ash_space_create(&a, "a") == 0);
    must(ash_space_create(&b, "b") == 0);
    must(ash_pmem_alloc(region, block_pages * PAGE, 0, 0, &block) == 0);
    for (unsigned page = 0; page < block_pages; page++) {
        *owned(page) = 100 + page;
    }
}

static int connect(struct ash_pmem_share *share, struct ash_space *space)
{
    return ash_pmem_connect(share, space, machine_va(WINDOW), &block, ASH_MMU_WRITE);
}

static void begin_connected(const struct kind *kind, unsigned cpus)
{
    begin(kind, cpus);
    must(connect(&in_a, &a) == 0);
    must(connect(&in_b, &b) == 0);
}

/* Nothing is left of it, whoever freed what. */
static void end(void)
{
    struct ash_pmem_stats stats;

    ash_space_leave();
    ash_pmem_stats(region, &stats);
    must(stats.free == region_pages * PAGE && stats.blocks == 0);
    must(ash_pmem_verify(region) == 0);
    must(ash_space_destroy(&a) == 0 && ash_space_destroy(&b) == 0);
    machine_end();
}

static void end_connected(void)
{
    ash_pmem_disconnect(&in_a);
    ash_pmem_disconnect(&in_b);
    must(machine_sees(WINDOW) == 0);
    must(ash_pmem_free(&block) == 0);
    end();
}

/* By the space that is current. */
static uint32_t client_reads(unsigned page)
{
    uint32_t value = UINT32_MAX;

    must(sim_read(machine_va(WINDOW + page * PAGE).value, &value, sizeof value));
    return value;
}

static void client_writes(unsigned page, uint32_t value)
{
    must(sim_write(machine_va(WINDOW + page * PAGE).value, &value, sizeof value));
}

static void clients_see_what_is_granted(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        begin_connected(kind, 1);
        ash_space_switch(&a);
        for (unsigned page = 0; page < PAGES; page++) {
            assert_int_equal(client_reads(page), 0);
        }
        client_writes(0, 77);
        assert_int_equal(*owned(0), 100);
        assert_int_equal(ash_pmem_grant(&in_a, PAGE, 3 * PAGE), 0);
        assert_int_equal(ash_pmem_grant(&in_b, 2 * PAGE, PAGE), 0);
        assert_int_equal(ash_pmem_granted(&in_a), 3 * PAGE);
        for (unsigned page = 1; page < 4; page++) {
            assert_int_equal(client_reads(page), 100 + page);
            client_writes(page, 200 + page);
            assert_int_equal(*owned(page), 200 + page);
        }
        assert_int_equal(machine_sees(WINDOW + 3 * PAGE), block.pa.value + 3 * PAGE);
        /* The other sees its own part, and nothing that the first wrote elsewhere. */
        ash_space_switch(&b);
        for (unsigned page = 0; page < PAGES; page++) {
            assert_int_equal(client_reads(page), page == 2 ? 202 : 0);
        }
        ash_space_switch(&a);
        assert_int_equal(ash_pmem_revoke(&in_a, 2 * PAGE, 2 * PAGE), 0);
        /* Zero, although this client wrote to its sink before; what it writes now is lost. */
        assert_int_equal(client_reads(2), 0);
        assert_int_equal(client_reads(3), 0);
        client_writes(2, 999);
        assert_int_equal(*owned(2), 202);
        assert_int_equal(client_reads(1), 201);
        ash_space_switch(&b);
        assert_int_equal(client_reads(2), 202);
        assert_int_equal(client_reads(3), 0);
        /* And granted again, it is what the owner has there. */
        *owned(2) = 42;
        ash_space_switch(&a);
        assert_int_equal(ash_pmem_grant(&in_a, 2 * PAGE, PAGE), 0);
        assert_int_equal(client_reads(2), 42);
        assert_int_equal(ash_mmu_verify(&a.map, NULL), 0);
        assert_int_equal(ash_mmu_verify(&b.map, NULL), 0);
        end_connected();
    }
}

static void a_client_may_read_only(void **state)
{
    uint32_t value = 5;

    (void)state;
    begin(&kinds[0], 1);
    assert_int_equal(ash_pmem_connect(&in_a, &a, machine_va(WINDOW), &block, 0), 0);
    ash_space_switch(&a);
    assert_int_equal(ash_pmem_grant(&in_a, 0, PAGE), 0);
    assert_int_equal(client_reads(0), 100);
    assert_false(sim_write(machine_va(WINDOW).value, &value, sizeof value));
    assert_int_equal(ash_space_retry(&a, machine_va(WINDOW), 0), 0);
    assert_int_equal(ash_space_retry(&a, machine_va(WINDOW), ASH_MMU_WRITE), ASH_EPERM);
    assert_int_equal(ash_space_retry(&a, machine_va(WINDOW), ASH_MMU_USER), ASH_EPERM);
    assert_int_equal(ash_space_retry(&a, machine_va(0), 0), ASH_ENOENT);
    assert_int_equal(ash_space_retry(&a, ash_va(0), 0), ASH_ERANGE);
    ash_pmem_disconnect(&in_a);
    assert_int_equal(ash_pmem_free(&block), 0);
    end();
}

static void mistakes_change_nothing(void **state)
{
    struct ash_pmem_share none;

    (void)state;
    begin_connected(&kinds[0], 1);
    assert_int_equal(ash_pmem_connect(&none, &a, machine_va(0), &block, ASH_MMU_EXEC), ASH_EINVAL);
    assert_int_equal(connect(&none, &a), ASH_EEXIST);
    assert_int_equal(ash_pmem_connect(&none, &a, machine_va(WINDOW - PAGE), &block, 0), ASH_EEXIST);
    assert_int_equal(ash_pmem_connect(&none, &a, machine_va(7), &block, 0), ASH_EALIGN);
    assert_int_equal(ash_pmem_connect(&none, &a, ash_va(0), &block, 0), ASH_ERANGE);
    assert_int_equal(machine_sees(WINDOW - PAGE), 0);
    ash_space_switch(&a);
    assert_int_equal(machine_sees(WINDOW - PAGE), 0);
    assert_int_equal(ash_pmem_grant(&in_a, 2 * PAGE, 2 * PAGE), 0);
    for (unsigned i = 0; i < 2; i++) {
        int (*call)(struct ash_pmem_share *, uint64_t, uint64_t) =
            i == 0 ? ash_pmem_grant : ash_pmem_revoke;
        int covered = i == 0 ? ASH_EEXIST : ASH_ENOENT;

        assert_int_equal(call(&in_a, 0, 0), ASH_EINVAL);
        assert_int_equal(call(&in_a, 1, PAGE), ASH_EALIGN);
        assert_int_equal(call(&in_a, 0, PAGE + 1), ASH_EALIGN);
        assert_int_equal(call(&in_a, 0, (PAGES + 1) * PAGE), ASH_ERANGE);
        assert_int_equal(call(&in_a, PAGES * PAGE, PAGE), ASH_ERANGE);
        assert_int_equal(call(&in_a, 0, -PAGE), ASH_ERANGE);
        assert_int_equal(call(&in_a, -PAGE, 2 * PAGE), ASH_ERANGE);
        assert_int_equal(call(&in_a, PAGE, 2 * PAGE), covered);
        assert_int_equal(call(&in_a, 3 * PAGE, 2 * PAGE), covered);
        assert_int_equal(call(&in_a, 0, PAGES * PAGE), covered);
        assert_int_equal(ash_pmem_granted(&in_a), 2 * PAGE);
        assert_int_equal(client_reads(2), 102);
        assert_int_equal(client_reads(1), 0);
    }
    end_connected();
}

/* Running out of memory leaves no frame, no mapping and no reference behind. */
static void connecting_without_memory(void **state)
{
    unsigned n;
    int error = ASH_ENOMEM;

    (void)state;
    for (n = 1; error != 0; n++) {
        uint32_t frames;

        begin(&kinds[n % KINDS], 1);
        frames = ash_frames_owned(ASH_OWNERS);
        support_fail_at = n;
        error = connect(&in_a, &a);
        support_fail_at = 0;
        if (error != 0) {
            assert_int_equal(error, ASH_ENOMEM);
            assert_int_equal(ash_frames_owned(ASH_OWNERS), frames);
            ash_space_switch(&a);
            assert_int_equal(machine_sees(WINDOW), 0);
        } else {
            ash_pmem_disconnect(&in_a);
        }
        assert_int_equal(ash_pmem_free(&block), 0);
        end();
    }
    assert_true(n > 3);
}

/* Whoever is connected holds the block; its owner frees it all the same. */
static void the_block_outlives_its_owner(void **state)
{
    struct ash_pmem_stats stats;

    (void)state;
    begin_connected(&kinds[2], 1);
    assert_int_equal(ash_pmem_grant(&in_a, 0, PAGES * PAGE), 0);
    assert_int_equal(ash_pmem_free(&block), 0);
    ash_pmem_stats(region, &stats);
    assert_int_equal(stats.leaving, 1);
    ash_space_switch(&a);
    assert_int_equal(client_reads(5), 105);
    ash_pmem_disconnect(&in_a);
    assert_int_equal(machine_sees(WINDOW), 0);
    ash_pmem_stats(region, &stats);
    assert_int_equal(stats.blocks, 1);
    ash_pmem_disconnect(&in_b);
    end();
}

static void the_owner_takes_all_back(void **state)
{
    struct ash_pmem_stats stats;

    (void)state;
    begin_connected(&kinds[1], 1);
    struct ash_pmem_block mine = block, other;
    struct ash_pmem_share of_other;

    assert_int_equal(ash_pmem_alloc(region, PAGE, 0, 0, &other), 0);
    assert_int_equal(ash_pmem_connect(&of_other, &a, machine_va(0), &other, 0), 0);
    assert_int_equal(ash_pmem_grant(&of_other, 0, PAGE), 0);
    assert_int_equal(ash_pmem_grant(&in_a, 0, PAGES * PAGE), 0);
    assert_int_equal(ash_pmem_grant(&in_b, PAGE, PAGE), 0);
    ash_space_switch(&a);
    assert_int_equal(client_reads(4), 104);
    assert_int_equal(ash_pmem_withdraw(&mine), 2);
    assert_int_equal(ash_pmem_withdraw(&mine), 0);
    assert_int_equal(client_reads(4), 0);
    client_writes(4, 1);
    assert_int_equal(*owned(4), 104);
    assert_int_equal(ash_pmem_free(&mine), 0);
    ash_pmem_stats(region, &stats);
    assert_int_equal(stats.blocks, 1); /* it is free at once */
    assert_int_equal(machine_sees(0), other.pa.value);
    assert_int_equal(ash_pmem_grant(&in_a, 0, PAGE), ASH_ENOENT);
    assert_int_equal(ash_pmem_revoke(&in_b, 0, PAGE), ASH_ENOENT);
    ash_pmem_disconnect(&in_b);
    ash_pmem_disconnect(&of_other);
    ash_pmem_disconnect(&in_a);
    assert_int_equal(ash_pmem_free(&other), 0);
    end();
}

/* No lock is held over more than a table's worth of pages. */
static void large_windows_change_in_steps(void **state)
{
    const uint64_t step = ASH_PMEM_SHARE_STEP;

    (void)state;
    region_pages = block_pages = LARGE;
    begin_connected(&kinds[0], 1);
    ash_space_switch(&a);
    assert_int_equal(ash_pmem_grant(&in_a, 0, step + PAGE), ASH_ERANGE);
    for (uint64_t done = 0; done < LARGE * PAGE; done += step) {
        uint64_t size = done + step < LARGE * PAGE ? step : LARGE * PAGE - done;

        assert_int_equal(ash_pmem_grant(&in_a, done, size), 0);
    }
    assert_int_equal(ash_pmem_granted(&in_a), LARGE * PAGE);
    assert_int_equal(ash_pmem_revoke(&in_a, 0, step + PAGE), ASH_ERANGE);
    assert_int_equal(client_reads(LARGE - 1), 100 + LARGE - 1);
#if ASH_CPUS > 1
    uint32_t before = a.lock.next;
#endif
    assert_int_equal(ash_pmem_withdraw(&block), 2);
#if ASH_CPUS > 1
    assert_int_equal(a.lock.next - before, 3);
#endif
    for (unsigned page = 0; page < LARGE; page += 99) {
        assert_int_equal(client_reads(page), 0);
    }
    assert_int_equal(ash_pmem_granted(&in_a), 0);
    end_connected();
    region_pages = REGION_IN / PAGE;
    block_pages = PAGES;
}

/* Several CPUs */

#define ROUNDS  60u
#define GRANTED 0u /* all the time */
#define SUNK    (PAGES - 1)

static uint32_t randoms[SIM_CPUS];
static bool over;

static uint32_t random_below(uint32_t below)
{
    uint32_t *state = &randoms[port_cpu()];

    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return (uint32_t)((uint64_t)*state * below >> 32);
}

/* The owner, on CPU 0: what it took back nobody else changes. */
static void own(void)
{
    bool granted[PAGES] = {false};

    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned first = 1 + random_below(PAGES - 2), count = 1 + random_below(SUNK - first);
        bool was = granted[first];

        while (granted[first + count - 1] != was) {
            count--;
        }
        for (unsigned i = first; i < first + count; i++) {
            count = granted[i] != was ? i - first : count;
        }
        must((was ? ash_pmem_revoke : ash_pmem_grant)(&in_a, first * PAGE, count * PAGE) == 0);
        for (unsigned i = first; i < first + count; i++) {
            granted[i] = !was;
            if (was) {
                *owned(i) = round;
            }
        }
        sim_rest();
        for (unsigned i = first; i < first + count && was; i++) {
            must(*owned(i) == round);
        }
    }
    over = true;
}

/* A client that uses pages beside those that change, of both kinds. What it would see of these is
 * tested where processors do it (tests/target). */
static void use(void)
{
    ash_space_switch(&a);
    for (unsigned n = 0; n < 400 && !over; n++) {
        must(client_reads(GRANTED) == 100 + GRANTED + n);
        client_writes(GRANTED, 100 + GRANTED + n + 1);
        must(client_reads(SUNK) == 0);
    }
    ash_space_leave();
}

static void work(void *arg)
{
    (void)arg;
    if (port_cpu() == 0) {
        own();
    } else {
        use();
    }
}

static void neighbours_of_a_change_stay(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind)
    {
        for (uint32_t seed = 1; seed <= 20 && ASH_CPUS > 1; seed++) {
            begin_connected(kind, 2);
            over = false;
            must(ash_pmem_grant(&in_a, GRANTED * PAGE, PAGE) == 0);
            for (unsigned cpu = 0; cpu < SIM_CPUS; cpu++) {
                randoms[cpu] = seed * 8 + cpu + 1;
            }
            proof_sound(2, work, NULL, seed);
            end_connected();
        }
    }
}

/* Each step of a change, with the space current on both CPUs. */

static void start_with(const void *kind, unsigned page, unsigned pages)
{
    begin(kind, 2);
    must(connect(&in_a, &a) == 0);
    must(ash_pmem_grant(&in_a, page * PAGE, pages * PAGE) == 0);
    for (unsigned cpu = 2; cpu-- > 0;) {
        sim_on_cpu(cpu);
        ash_space_switch(&a);
        must(client_reads(page) == 100 + page);
    }
    sim_rest();
}

static void start(const void *kind)
{
    start_with(kind, 1, 2);
}

static void start_all(const void *kind)
{
    start_with(kind, 0, PAGES);
}

static void look(uint32_t value, unsigned page)
{
    must(client_reads(page) == value);
    sim_on_cpu(1);
    must(client_reads(page) == value);
    sim_on_cpu(0);
}

static void revoke(void *arg)
{
    (void)arg;
    must(ash_pmem_revoke(&in_a, PAGE, 2 * PAGE) == 0);
    sim_rest();
    look(0, 1);
}

static void grant(void *arg)
{
    (void)arg;
    must(ash_pmem_grant(&in_a, 3 * PAGE, PAGE) == 0);
    sim_rest();
    look(103, 3);
}

static void withdraw(void *arg)
{
    (void)arg;
    must(ash_pmem_withdraw(&block) == 1);
    must(ash_pmem_free(&block) == 0);
    sim_rest();
    look(0, 1);
}

static void disconnect(void *arg)
{
    (void)arg;
    ash_pmem_disconnect(&in_a);
    sim_rest();
    must(machine_sees(WINDOW) == 0);
}

static const struct proof_expected repointed[] = {
    D(SIM_DSB_ISHST, RULE(1) | RULE(3) | RULE(7)),
    D(SIM_TLBI_PAGE, RULE(3) | RULE(7)),
    D(SIM_TLBI_RANGE, RULE(3) | RULE(7)),
    D(SIM_DSB_ISH, RULE(3) | RULE(7)),
    W(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(3) | RULE(7)),
    D(SIM_ISB, RULE(1) | RULE(3)),
    NEEDLESS(SIM_ISB, SIM_DROPPED, 1, "the break needs no ISB: that of the make comes"),
};

static const struct proof_expected unmapped[] = {
    D(SIM_DSB_ISHST, RULE(3) | RULE(4)),
    D(SIM_TLBI_PAGE_WALK, RULE(3) | RULE(4)),
    W(SIM_TLBI_PAGE_WALK, SIM_OPERAND, RULE(3) | RULE(4) | RULE(11)),
    NEEDLESS(SIM_TLBI_PAGE_WALK, SIM_LAST_LEVEL, 0, "those of the other pages cover the walk"),
    D(SIM_DSB_ISH, RULE(3) | RULE(4)),
    W(SIM_DSB_ISH, SIM_STORES_ONLY, RULE(3) | RULE(4)),
    D(SIM_ISB, RULE(3)),
};

static const struct proof proofs[] = {
    PROOF(revoke, start, repointed),
    PROOF(grant, start, repointed),
    PROOF(withdraw, start_all, repointed),
    PROOF(disconnect, start, unmapped),
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
    assert_true(result.stopped > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_see_what_is_granted),
        cmocka_unit_test(a_client_may_read_only),
        cmocka_unit_test(mistakes_change_nothing),
        cmocka_unit_test(connecting_without_memory),
        cmocka_unit_test(the_block_outlives_its_owner),
        cmocka_unit_test(the_owner_takes_all_back),
        cmocka_unit_test(large_windows_change_in_steps),
        cmocka_unit_test(neighbours_of_a_change_stay),
        cmocka_unit_test(every_step_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
