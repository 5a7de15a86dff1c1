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

#define RULE(n)  (UINT64_C(1) << (n))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/** What a run must be stopped with when this is done to such an operation. */
struct proof_expected {
    enum sim_op op;
    enum sim_weakness how;
    unsigned which;  /**< the which-th operation of that kind that can be made worse so; 0: any */
    uint64_t rules;  /**< 0: the step is redundant */
    const char *why; /**< it is redundant; with rules as well: some of them are */
    bool last;       /**< the last of them must not be */
};

/* What is done to the operations of a kind before the last may not be missed. */
#define OR_LATER(op, how, rules, why)                                                              \
    {                                                                                              \
        op, how, 0, rules, why, true                                                               \
    }

/* Dropped, each of the kind or the at-th: these rules; made worse in another way; or nobody misses
 * it. */
#define D(op, rules)                                                                               \
    {                                                                                              \
        op, SIM_DROPPED, 0, rules, NULL, false                                                     \
    }
#define D_AT(op, at, rules)                                                                        \
    {                                                                                              \
        op, SIM_DROPPED, at, rules, NULL, false                                                    \
    }
#define W(op, how, rules)                                                                          \
    {                                                                                              \
        op, how, 0, rules, NULL, false                                                             \
    }
#define NEEDLESS(op, how, at, why)                                                                 \
    {                                                                                              \
        op, how, at, 0, why, false                                                                 \
    }

#define GLOBAL_BY_ASID                                                                             \
    NEEDLESS(SIM_TLBI_PAGE, SIM_BY_ASID, 0,                                                        \
             "a TLBI by address and ASID matches global entries of the last level")

struct proof {
    const char *name;
    void (*start)(const void *kind); /**< a fresh machine, ready for the operation */
    void (*run)(void *arg);          /**< the operation, and what relies on it */
    const struct proof_expected *expected;
    unsigned count;
};

#define PROOF(name, start, table)                                                                  \
    {                                                                                              \
#name, start, name, table, COUNT(table)                                                    \
    }

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
    case SIM_KEEPS_ASID:
        return RULE(16);
    case SIM_OPERAND:
    case SIM_SHORT:
        return RULE(3) | RULE(4) | RULE(7) | RULE(11);
    case SIM_RELAXED:
        return RULE(2);
    case SIM_PLAIN:
        return RULE(6);
    case SIM_OPEN_MONITOR:
        return RULE(40);
    default:
        break;
    }
    return op == SIM_BRANCH_SYNC ? RULE(33) : 0;
}

/** The steps of each kind that were attacked in one way. */
struct proof_seen {
    unsigned count[SIM_OPS];
    bool missed[SIM_OPS]; /**< the last of them was not stopped, and must be */
};

/** What came out of an attack. */
struct proof_result {
    unsigned stopped, redundant, wrong;
};

/** One run with one step made worse; false if there is no such step any more. */
static inline bool proof_step(const struct proof *proof, const char *kind_name, const void *kind,
                              enum sim_weakness how, unsigned n, struct proof_seen *seen,
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
    expected = proof_find(proof, op, how, ++seen->count[op]);
    rules = expected != NULL ? expected->rules : proof_usual(op, how);
    seen->missed[op] = expected != NULL && expected->last && verdict.rule == 0;
    if (verdict.rule != 0 && (rules & RULE(verdict.rule))) {
        result->stopped++;
    } else if (verdict.rule == 0 && expected != NULL && expected->why != NULL &&
               (rules == 0 || sim_tables_seen())) {
        result->redundant++;
        printf("# redundant: %s, %s: %s %u, %s: %s\n", proof->name, kind_name, sim_op_name(op),
               seen->count[op], sim_weakness_name(how), expected->why);
    } else {
        result->wrong++;
        printf("# WRONG: %s, %s: %s %u, %s: rule %u (%s), expected the rules %#llx\n", proof->name,
               kind_name, sim_op_name(op), seen->count[op], sim_weakness_name(how), verdict.rule,
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
        struct proof_seen seen = {0};
        unsigned n = 1;

        while (proof_step(proof, kind_name, kind, (enum sim_weakness)how, n, &seen, &own)) {
            assert_in_range(n++, 1, PROOF_MAX_STEPS);
        }
        for (unsigned op = 0; op < SIM_OPS; op++) {
            if (seen.missed[op]) {
                printf("# WRONG: %s, %s: the last %s, %s: not stopped\n", proof->name, kind_name,
                       sim_op_name((enum sim_op)op), sim_weakness_name((enum sim_weakness)how));
                own.wrong++;
            }
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

/** The same for each operation of a list. */
static inline void proof_attack_all(const struct proof *list, size_t count, const char *kind_name,
                                    const void *kind, struct proof_result *result)
{
    for (size_t i = 0; i < count; i++) {
        proof_attack(&list[i], kind_name, kind, result);
    }
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
