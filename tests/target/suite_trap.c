/* SPDX-License-Identifier: MIT */
/*
 * Exceptions: each mistake is caught, and the hardware's own account of it (kind, cause, level,
 * address, direction) is what the architecture and the map say.
 */
#include "ashlar/boot.h"
#include "ashlar/errors.h"
#include "ashlar/trap.h"
#include "startup/image.h"
#include "startup/stacks.h"
#include "tests/target/provoke.h"
#include "tests/target/suite.h"

struct expectation {
    enum ash_trap_kind kind;
    enum ash_trap_cause cause;
    bool write;
};

/* Runs a provocation; true if it was caught and is of the kind expected. */
static bool caught(const char *name, const struct expectation *expected, struct ash_trap *trap)
{
    const struct provocation *provocation = provoke_find(name);

    if (provocation == NULL) {
        target_fail(__FILE__, __LINE__, "no provocation %s", name);
    } else if (ash_trap_catch(provocation->run, NULL, trap) != ASH_EFAULT) {
        target_fail(__FILE__, __LINE__, "%s: nothing happened", name);
    } else if (trap->kind != expected->kind || trap->cause != expected->cause ||
               trap->write != expected->write) {
        target_fail(__FILE__, __LINE__, "%s: %s, %s, %s at %#lx", name,
                    ash_trap_kind_name(trap->kind), ash_trap_cause_name(trap->cause),
                    trap->write ? "write" : "read", (unsigned long)trap->address);
    } else {
        return true;
    }
    return false;
}

/* Level of the entry that maps an address. */
static int level_of(uintptr_t address)
{
    struct ash_mmu_mapping mapping;

    return ash_mmu_query(&ash_boot_map, ash_va(address), &mapping) == 0 ? (int)mapping.level : -1;
}

static void null_faults(void)
{
    static const struct expectation read = {ASH_TRAP_DATA, ASH_CAUSE_TRANSLATION, false};
    static const struct expectation write = {ASH_TRAP_DATA, ASH_CAUSE_TRANSLATION, true};
    static const struct expectation fetch = {ASH_TRAP_PREFETCH, ASH_CAUSE_TRANSLATION, false};
    struct ash_trap trap;

    if (caught("null-read", &read, &trap)) {
        CHECK_EQ(trap.address, 8);
    }
    if (caught("null-write", &write, &trap)) {
        CHECK_EQ(trap.address, 8);
    }
    if (caught("null-call", &fetch, &trap)) {
        CHECK_EQ(trap.address, 0);
        CHECK_EQ(trap.pc, 0);
    }
}

static void constants_and_code_are_read_only(void)
{
    static const struct expectation write = {ASH_TRAP_DATA, ASH_CAUSE_PERMISSION, true};
    struct ash_trap trap;

    if (caught("rodata-write", &write, &trap)) {
        CHECK_EQ(trap.address, (uintptr_t)&provoke_table[1]);
        CHECK_EQ(trap.level, level_of(trap.address));
        CHECK_EQ(trap.level, 3);
        CHECK(trap.pc >= (uintptr_t)__text_start && trap.pc < (uintptr_t)__text_end);
    }
    CHECK_EQ(((const volatile uint32_t *)provoke_table)[1], 0x41534801);
    if (caught("text-write", &write, &trap)) {
        CHECK_EQ(trap.level, level_of(trap.address));
    }
}

static void only_code_executes(void)
{
    static const struct expectation fetch = {ASH_TRAP_PREFETCH, ASH_CAUSE_PERMISSION, false};
    static const char *const names[] = {"data-call", "stack-call", "heap-call", "rodata-call",
                                        "device-call"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct ash_trap trap;

        if (caught(names[i], &fetch, &trap)) {
            CHECK_EQ(trap.address, trap.pc);
            CHECK_EQ(trap.level, level_of(trap.address));
        }
    }
}

static void instructions_fault(void)
{
    static const struct expectation undefined = {ASH_TRAP_UNDEFINED, ASH_CAUSE_NONE, false};
    static const struct expectation call = {ASH_TRAP_CALL, ASH_CAUSE_NONE, false};
    static const struct expectation alignment = {ASH_TRAP_DATA, ASH_CAUSE_ALIGNMENT, false};
    struct ash_trap trap;

    if (caught("undefined", &undefined, &trap)) {
        CHECK_EQ(trap.pc, (uintptr_t)provoke_undefined);
    }
    if (caught("call", &call, &trap)) {
        CHECK_EQ(trap.pc, (uintptr_t)provoke_call);
    }
    if (caught("alignment", &alignment, &trap)) {
        CHECK_EQ(trap.address, (uintptr_t)provoke_table + 2);
    }
}

/* The words right below a guard page: the top of another stack, which nobody uses meanwhile. */
#define BELOW_WORDS 64

static bool below_guard(uintptr_t guard, bool fill)
{
    volatile uint32_t *words = (volatile uint32_t *)(guard - BELOW_WORDS * sizeof(uint32_t));
    bool kept = true;

    for (unsigned i = 0; i < BELOW_WORDS; i++) {
        if (fill) {
            words[i] = 0x41534800 + i;
        }
        kept = kept && words[i] == 0x41534800 + i;
    }
    return kept;
}

/* Without the test in the abort entry, its own frames would run on through the guard into the
 * stack below. */
static void abort_overflow_leaves_the_next_stack_alone(void)
{
    static const struct expectation write = {ASH_TRAP_DATA, ASH_CAUSE_TRANSLATION, true};
    struct stacks_place place = {.stack = ASH_STACK_NONE};
    struct ash_trap trap;
    uintptr_t guard = 0;
    ash_va_t va;

    for (unsigned i = 0; place.stack != ASH_STACK_ABT && stacks_guard(i, &va); i++) {
        CHECK(stacks_find(va.value, &place));
        guard = va.value;
    }
    CHECK_EQ(place.stack, ASH_STACK_ABT);
    CHECK(below_guard(guard, true));
    if (caught("overflow-abt", &write, &trap)) {
        CHECK_EQ(trap.overflowed, ASH_STACK_ABT);
        CHECK(below_guard(guard, false));
    }
}

static void every_stack_overflow_is_named(void)
{
    static const struct expectation read = {ASH_TRAP_DATA, ASH_CAUSE_TRANSLATION, true};
    static const struct {
        const char *name;
        enum ash_stack stack;
    } stacks[] = {{"overflow-svc", ASH_STACK_SVC},
                  {"overflow-irq", ASH_STACK_IRQ},
                  {"overflow-fiq", ASH_STACK_FIQ},
                  {"overflow-abt", ASH_STACK_ABT},
                  {"overflow-und", ASH_STACK_UND}};

    for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
        struct ash_trap trap;
        struct stacks_place place;

        if (caught(stacks[i].name, &read, &trap)) {
            CHECK_EQ(trap.overflowed, stacks[i].stack);
            CHECK_EQ(trap.level, 3);
            CHECK(stacks_find(trap.address, &place));
            CHECK(place.in_guard);
            CHECK_EQ(place.stack, stacks[i].stack);
        }
    }
}

static void read_word(void *arg)
{
    (void)*(volatile uint32_t *)arg;
}

static void guard_pages_fault_from_end_to_end(void)
{
    struct stacks_place place, stack;
    ash_va_t guard;

    for (unsigned i = 0; stacks_guard(i, &guard); i++) {
        CHECK(stacks_find(guard.value, &place));
        CHECK(place.in_guard);
        CHECK(stacks_find(guard.value + ASH_PAGE_SIZE, &stack));
        CHECK(!stack.in_guard);
        CHECK_EQ(stack.stack, place.stack);
        CHECK_EQ(stack.base, guard.value + ASH_PAGE_SIZE);
        CHECK(stacks_find(stack.top - 1, &stack));
        CHECK(!stack.in_guard);
        CHECK_EQ(stack.stack, place.stack);
        for (unsigned edge = 0; edge < 2; edge++) {
            uintptr_t address = guard.value + (edge == 0 ? 0 : ASH_PAGE_SIZE - 4);
            struct ash_trap trap;

            CHECK_EQ(ash_trap_catch(read_word, (void *)address, &trap), ASH_EFAULT);
            CHECK_EQ(trap.cause, ASH_CAUSE_TRANSLATION);
            CHECK_EQ(trap.level, 3);
            CHECK_EQ(trap.address, address);
        }
        CHECK_EQ(
            ash_trap_catch(read_word, (void *)(guard.value + ASH_PAGE_SIZE), &(struct ash_trap){0}),
            0);
    }
}

static void nested(void *arg)
{
    struct ash_trap inner;

    *(int *)arg = ash_trap_catch(provoke_undefined, NULL, &inner);
    provoke_undefined(NULL);
}

static void catches_nest(void)
{
    struct ash_trap trap;
    int inner = 0;

    CHECK_EQ(ash_trap_catch(nested, &inner, &trap), ASH_EFAULT);
    CHECK_EQ(inner, ASH_EFAULT);
    CHECK_EQ(trap.kind, ASH_TRAP_UNDEFINED);
}

static const struct target_case cases[] = {
    TARGET_CASE(null_faults),
    TARGET_CASE(constants_and_code_are_read_only),
    TARGET_CASE(only_code_executes),
    TARGET_CASE(instructions_fault),
    TARGET_CASE(every_stack_overflow_is_named),
    TARGET_CASE(abort_overflow_leaves_the_next_stack_alone),
    TARGET_CASE(guard_pages_fault_from_end_to_end),
    TARGET_CASE(catches_nest),
};

const struct target_suite suite_trap = TARGET_SUITE("trap", cases);
