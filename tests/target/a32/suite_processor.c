/* SPDX-License-Identifier: MIT */
/*
 * The registers of an AArch32 CPU after boot: what the architecture's manual says each bit means,
 * read back.
 */
#include "ashlar/boot.h"
#include "port/port.h"
#include "startup/stacks.h"
#include "tests/target/caught.h"
#include "tests/target/suite.h"

#define CPSR_MODE   0x1fu
#define CPSR_F      (1u << 6)
#define CPSR_A      (1u << 8)
#define CPSR_I      (1u << 7)
#define CPSR_E      (1u << 9)
#define CPSR_IN_SVC 0x13u

static void mmu_and_caches_are_on(void)
{
    uint32_t sctlr = CP15_READ(CP15_SCTLR);

    CHECK((sctlr & SCTLR_M) != 0);
    CHECK((sctlr & SCTLR_C) != 0);
    CHECK((sctlr & SCTLR_I) != 0);
    CHECK((sctlr & SCTLR_EE) == 0);
    CHECK((sctlr & SCTLR_TE) == 0);
}

static void writable_is_never_executable(void)
{
    uint32_t sctlr = CP15_READ(CP15_SCTLR);

    CHECK((sctlr & SCTLR_WXN) != 0);
    CHECK((sctlr & SCTLR_UWXN) != 0);
}

static void long_descriptors_from_our_root(void)
{
    uint32_t ttbcr = CP15_READ(CP15_TTBCR);

    CHECK((ttbcr & TTBCR_EAE) != 0);
    CHECK((ttbcr & TTBCR_EPD1) != 0);
    CHECK((ttbcr & TTBCR_A1) != 0);
    CHECK_EQ(ttbcr & 7u, 0); /* T0SZ: all 4 GiB */
    CHECK_EQ(ttbcr & TTBCR_WALK0, TTBCR_WALK0);
    CHECK_EQ(CP15_READ64(CP15_TTBR0) & 0xfffffff000ull, ash_mmu_root(&ash_boot_map).value);
    CHECK_EQ(CP15_READ(CP15_MAIR0), ASH_MMU_MAIR0);
    CHECK_EQ(CP15_READ(CP15_MAIR1), ASH_MMU_MAIR1);
}

static void runs_in_svc(void)
{
    uint32_t cpsr;

    __asm__ volatile("mrs %0, cpsr" : "=r"(cpsr));
    CHECK_EQ(cpsr & CPSR_MODE, CPSR_IN_SVC);
    CHECK_EQ(cpsr & (CPSR_I | CPSR_F), CPSR_I | CPSR_F);
    CHECK_EQ(cpsr & CPSR_E, 0);
    CHECK_EQ(cpsr & CPSR_A, 0); /* asynchronous aborts come through */
}

static void vectors_lie_in_code(void)
{
    extern const char boot_vectors[];

    CHECK_EQ(CP15_READ(CP15_VBAR), (uintptr_t)boot_vectors);
    CHECK_EQ((uintptr_t)boot_vectors & 31, 0);
    CHECK_EQ(CP15_READ(CP15_SCTLR) & SCTLR_V, 0);
}

static void cycles_are_counted(void)
{
    uint32_t first = port_cycles();

    for (volatile unsigned i = 0; i < 1000; i++) {
    }
    CHECK(port_cycles() != first);
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

static const struct target_case cases[] = {
    TARGET_CASE(mmu_and_caches_are_on),
    TARGET_CASE(writable_is_never_executable),
    TARGET_CASE(long_descriptors_from_our_root),
    TARGET_CASE(runs_in_svc),
    TARGET_CASE(vectors_lie_in_code),
    TARGET_CASE(cycles_are_counted),
    TARGET_CASE(abort_overflow_leaves_the_next_stack_alone),
};

const struct target_suite suite_processor = TARGET_SUITE("processor", cases);
