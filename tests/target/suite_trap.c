/* SPDX-License-Identifier: MIT */
/*
 * Exceptions: each mistake is caught, and the hardware's own account of it (kind, cause, level,
 * address, direction) is what the architecture and the map say.
 */
#include "ashlar/boot.h"
#include "ashlar/errors.h"
#include "ashlar/trap.h"
#include "port/image.h"
#include "startup/stacks.h"
#include "tests/target/caught.h"
#include "tests/target/provoke.h"
#include "tests/target/suite.h"

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
        CHECK_EQ(trap.pc, (uintptr_t)provoke_undefined_at);
    }
    if (caught("call", &call, &trap)) {
        CHECK_EQ(trap.pc, (uintptr_t)provoke_call_at);
    }
    if (caught("alignment", &alignment, &trap)) {
        CHECK_EQ(trap.address, (uintptr_t)provoke_table + 2);
    }
}

/* The stack pointer told is that of the mistake, not of a handler further down. */
static void overflow_is_named(const struct provocation *provocation)
{
    static const struct expectation write = {ASH_TRAP_DATA, ASH_CAUSE_TRANSLATION, true};
    struct ash_trap trap;
    struct stacks_place place;

    if (caught(provocation->name, &write, &trap)) {
        CHECK_EQ(trap.overflowed, provocation->overflows);
        CHECK_EQ(trap.level, 3);
        CHECK(stacks_find(trap.address, &place));
        CHECK(place.in_guard);
        CHECK_EQ(place.stack, provocation->overflows);
        CHECK(stacks_find(trap.sp - 1, &place));
        CHECK_EQ(place.stack, provocation->overflows);
    }
}

static void every_stack_overflow_is_named(void)
{
    const struct provocation *provocation;
    unsigned overflows = 0;

    for (unsigned n = 0; (provocation = provoke_nth(n)) != NULL; n++) {
        if (provocation->overflows != ASH_STACK_NONE) {
            overflow_is_named(provocation);
            overflows++;
        }
    }
    /* All but the emergency stack. */
    CHECK_EQ(overflows, stacks_layout.count - 1);
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
        CHECK(stacks_find(guard.value + stacks_layout.guard, &stack));
        CHECK(!stack.in_guard);
        CHECK_EQ(stack.stack, place.stack);
        CHECK_EQ(stack.base, guard.value + stacks_layout.guard);
        CHECK(stacks_find(stack.top - 1, &stack));
        CHECK(!stack.in_guard);
        CHECK_EQ(stack.stack, place.stack);
        for (unsigned edge = 0; edge < 2; edge++) {
            uintptr_t address = guard.value + (edge == 0 ? 0 : stacks_layout.guard - 4);
            struct ash_trap trap;

            CHECK_EQ(ash_trap_catch(read_word, (void *)address, &trap), ASH_EFAULT);
            CHECK_EQ(trap.cause, ASH_CAUSE_TRANSLATION);
            CHECK_EQ(trap.level, 3);
            CHECK_EQ(trap.address, address);
        }
        CHECK_EQ(ash_trap_catch(read_word, (void *)(guard.value + stacks_layout.guard),
                                &(struct ash_trap){0}),
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
    TARGET_CASE(guard_pages_fault_from_end_to_end),
    TARGET_CASE(catches_nest),
};

const struct target_suite suite_trap = TARGET_SUITE("trap", cases);
