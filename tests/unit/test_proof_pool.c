/* SPDX-License-Identifier: MIT */
/*
 * Lock-free pools on one to four CPUs of the hostile machine, interleaved by a seed between any two
 * of their accesses: no block has two owners, none is lost, and arm-rules 40 holds: the machine
 * stops an exchange that takes a head which was changed and changed back for untouched, and one
 * that leaves the monitor open.
 */
#include "tests/unit/proof.h"

#include "alloc/pool.h"
#include "tests/unit/support.h"

#define BLOCKS 5u
#define STEPS  60u
#define SEEDS  40u

struct block {
    uint32_t owner, sum;
};
ASH_POOL_DEFINE(shared, struct block, BLOCKS);

static struct ash_pool unused;
static uint32_t randoms[SIM_CPUS];
static unsigned wrong;

static uint32_t own_random(uint32_t below)
{
    uint32_t *state = &randoms[port_cpu()];

    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return (uint32_t)((uint64_t)*state * below >> 32);
}

static void start(uint32_t seed)
{
    sim_start();
    support_faults_reset();
    shared_pool = unused;
#if ASH_CHECK >= 1
    memset(shared_pool.state, 0, BLOCKS * sizeof(uint32_t));
#endif
    sim_watch(&shared_pool.list.word);
    wrong = 0;
    for (unsigned cpu = 0; cpu < SIM_CPUS; cpu++) {
        randoms[cpu] = seed * 4 + cpu + 1;
    }
}

static void take_and_give(void *arg)
{
    struct block *held[3] = {NULL};
    uint32_t mark = port_cpu() + 1;

    (void)arg;
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned n = own_random(3);

        if (held[n] != NULL) {
            wrong += held[n]->owner != mark || held[n]->sum != mark * 977;
            shared_put(held[n]);
            held[n] = NULL;
        } else if ((held[n] = shared_get()) != NULL) {
            held[n]->owner = mark;
            held[n]->sum = mark * 977;
        }
    }
    for (unsigned n = 0; n < 3; n++) {
        shared_put(held[n]);
    }
    sim_exception_return();
}

static void blocks_have_one_owner(void **state)
{
    (void)state;
    for (unsigned cpus = 1; cpus <= (ASH_POOL_LOCK_FREE ? SIM_CPUS : 1); cpus++) {
        for (uint32_t seed = 1; seed <= SEEDS; seed++) {
            struct sim_verdict verdict;
            struct ash_pool_stats stats;

            start(seed);
            if (!sim_run(cpus, take_and_give, NULL, seed, &verdict)) {
                fail_msg("%u CPUs, seed %u: rule %u: %s", cpus, (unsigned)seed, verdict.rule,
                         verdict.what);
            }
            assert_int_equal(wrong, 0);
            ash_pool_stats(&shared_pool, &stats);
            assert_int_equal(stats.used, 0);
            assert_true(stats.high_water <= BLOCKS && stats.high_water > 0);
            assert_int_equal(ash_pool_verify(&shared_pool), 0);
            assert_int_equal(support_faults.count, 0);
        }
    }
}

#if ASH_POOL_LOCK_FREE
/* Every exchange that fails, left open in turn. */
static void monitors_are_closed(void **state)
{
    unsigned hit = 0;

    (void)state;
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        for (unsigned n = 1; n <= 3; n++) {
            struct sim_verdict verdict;
            enum sim_op op;
            bool ended;

            start(seed);
            sim_weaken(n, SIM_OPEN_MONITOR);
            ended = sim_run(3, take_and_give, NULL, seed, &verdict);
            if (sim_weakened(&op)) {
                assert_int_equal(op, SIM_EXCHANGE);
                assert_false(ended);
                assert_int_equal(verdict.rule, 40);
                hit++;
            }
        }
    }
    assert_true(hit > 20);
}

#if ASH_CHECK >= 1
static struct block *twice;

static void give_the_same(void *arg)
{
    (void)arg;
    shared_put(twice);
}

/* Two CPUs give one block back at once: one of them is told. */
static void one_of_two_frees_is_told(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        struct sim_verdict verdict;
        struct ash_pool_stats stats;

        start(seed);
        (void)shared_get();
        twice = shared_get();
        assert_true(sim_run(2, give_the_same, NULL, seed, &verdict));
        assert_int_equal(support_faults.count, 1);
        assert_int_equal(support_faults.last.kind, ASH_FAULT_DOUBLE_FREE);
        ash_pool_stats(&shared_pool, &stats);
        assert_int_equal(stats.used, 1);
        assert_int_equal(ash_pool_verify(&shared_pool), 0);
    }
}
#endif
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_have_one_owner),
#if ASH_POOL_LOCK_FREE
        cmocka_unit_test(monitors_are_closed),
#if ASH_CHECK >= 1
        cmocka_unit_test(one_of_two_frees_is_told),
#endif
#endif
    };

    unused = shared_pool;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
