/* SPDX-License-Identifier: MIT */
/*
 * Attacks on the real code: an operation is run again and again, each time with one of its
 * barriers, TLB or cache operations dropped or weakened, and every such run must be stopped with
 * the right rule. Where a step is redundant, a test says so with the reason, and it must be so.
 */
#ifndef ASHLAR_UNIT_PROOF_H
#define ASHLAR_UNIT_PROOF_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "port/sim/hostile.h"

#define RULE(n) (UINT64_C(1) << (n))

/** What a run must be stopped with when this is done to such an operation. */
struct proof_expected {
    enum sim_op op;
    enum sim_weakness how;
    unsigned which;  /**< the which-th operation of that kind that can be made worse so; 0: any */
    uint64_t rules;  /**< 0: the step is redundant */
    const char *why; /**< it is redundant */
};

struct proof {
    const char *name;
    void (*start)(const void *kind); /**< a fresh machine, ready for the operation */
    void (*run)(void *arg);          /**< the operation, and what relies on it */
    const struct proof_expected *expected;
    unsigned count;
};

#define PROOF_MAX_STEPS 2000u

static inline const struct proof_expected *proof_find(const struct proof *proof, enum sim_op op,
                                                      enum sim_weakness how, unsigned which)
{
    const struct proof_expected *found = NULL;

    for (unsigned i = 0; i < proof->count; i++) {
        const struct proof_expected *expected = &proof->expected[i];

        if (expected->op == op && expected->how == how &&
            (expected->which == which || (expected->which == 0 && found == NULL))) {
            found = expected;
        }
    }
    return found;
}

/** What is expected of every operation of the kind, unless a proof says otherwise. */
static inline uint64_t proof_usual(enum sim_op op, enum sim_weakness how)
{
    switch (how) {
    case SIM_NSH:
    case SIM_LOCAL:
    case SIM_BY_ASID:
        return RULE(13);
    case SIM_LAST_LEVEL:
        return RULE(12);
    case SIM_OPERAND:
        return RULE(3) | RULE(4) | RULE(7) | RULE(11);
    case SIM_RELAXED:
        return RULE(2);
    default:
        break;
    }
    return op == SIM_BRANCH_SYNC ? RULE(33) : 0;
}

/** What came out of an attack. */
struct proof_result {
    unsigned stopped, redundant, wrong;
};

/** One run with one step made worse; false if there is no such step any more. */
static inline bool proof_step(const struct proof *proof, const char *kind_name, const void *kind,
                              enum sim_weakness how, unsigned n, unsigned seen[SIM_OPS],
                              struct proof_result *result)
{
    const struct proof_expected *expected;
    struct sim_verdict verdict;
    enum sim_op op;
    uint64_t rules;

    proof->start(kind);
    sim_weaken(n, how);
    sim_run(1, proof->run, NULL, 0, &verdict);
    if (!sim_weakened(&op)) {
        if (verdict.rule != 0) {
            printf("# WRONG: %s, %s: stopped without reason: rule %u, %s\n", proof->name, kind_name,
                   verdict.rule, verdict.what);
            result->wrong++;
        }
        return false;
    }
    expected = proof_find(proof, op, how, ++seen[op]);
    rules = expected != NULL ? expected->rules : proof_usual(op, how);
    if (verdict.rule != 0 && (rules & RULE(verdict.rule))) {
        result->stopped++;
    } else if (verdict.rule == 0 && expected != NULL && expected->why != NULL &&
               (rules == 0 || sim_tables_seen())) {
        result->redundant++;
        printf("# redundant: %s, %s: %s %u, %s: %s\n", proof->name, kind_name, sim_op_name(op),
               seen[op], sim_weakness_name(how), expected->why);
    } else {
        result->wrong++;
        printf("# WRONG: %s, %s: %s %u, %s: rule %u (%s), expected the rules %#llx\n", proof->name,
               kind_name, sim_op_name(op), seen[op], sim_weakness_name(how), verdict.rule,
               verdict.rule != 0 ? verdict.what : "not stopped", (unsigned long long)rules);
    }
    return true;
}

/** Makes each step of the operation worse in each way; adds to the result. */
static inline void proof_attack(const struct proof *proof, const char *kind_name, const void *kind,
                                struct proof_result *result)
{
    struct proof_result own = {0};

    for (unsigned how = SIM_DROPPED; how < SIM_WEAKNESSES; how++) {
        unsigned seen[SIM_OPS] = {0}, n = 1;

        while (proof_step(proof, kind_name, kind, (enum sim_weakness)how, n, seen, &own)) {
            assert_in_range(n++, 1, PROOF_MAX_STEPS);
        }
    }
    if (own.stopped + own.redundant == 0) {
        printf("# WRONG: %s, %s: nothing could be made worse\n", proof->name, kind_name);
        own.wrong++;
    }
    result->stopped += own.stopped;
    result->redundant += own.redundant;
    result->wrong += own.wrong;
}

/** The run must be stopped with this rule. */
static inline void proof_broken(unsigned rule, unsigned cpus, void (*run)(void *arg), void *arg)
{
    struct sim_verdict verdict;

    sim_run(cpus, run, arg, 0, &verdict);
    if (verdict.rule != rule) {
        fail_msg("stopped with rule %u (%s), not %u", verdict.rule, verdict.what, rule);
    }
}

/** The run must not be stopped. */
static inline void proof_sound(unsigned cpus, void (*run)(void *arg), void *arg, uint32_t seed)
{
    struct sim_verdict verdict;

    if (!sim_run(cpus, run, arg, seed, &verdict)) {
        sim_print_recent();
        fail_msg("seed %u: stopped with rule %u: %s", (unsigned)seed, verdict.rule, verdict.what);
    }
}

#endif
