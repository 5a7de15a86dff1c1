/* SPDX-License-Identifier: MIT */
/*
 * The registers of an AArch64 CPU after boot: what the architecture's manual says each bit means,
 * read back; and what the bits are for, where a mistake can show it.
 */
#include <string.h>

#include "ashlar/boot.h"
#include "ashlar/errors.h"
#include "ashlar/vmap.h"
#include "port/image.h"
#include "port/port.h"
#include "startup/processor.h"
#include "tests/target/caught.h"
#include "tests/target/suite.h"

#define DAIF_F      (1u << 6)
#define DAIF_I      (1u << 7)
#define DAIF_A      (1u << 8)
#define PARANGE_48  5u
#define ID_ISAR1    "id_aa64isar1_el1"
#define ISAR1_APA   4
#define ISAR1_API   8
#define APIAKEYLO   "s3_0_c2_c1_0"
#define CURRENT_EL1 (1u << 2)

extern const char provoke_branch_at[];
void provoke_undefined_from(void *sp);

static void mmu_and_caches_are_on(void)
{
    uint64_t sctlr = SYS_READ64("sctlr_el1");

    CHECK((sctlr & SCTLR_M) != 0);
    CHECK((sctlr & SCTLR_C) != 0);
    CHECK((sctlr & SCTLR_I) != 0);
    CHECK((sctlr & SCTLR_A) == 0);
    CHECK((sctlr & SCTLR_SA) != 0);
    CHECK((sctlr & SCTLR_EE) == 0);
}

static void writable_is_never_executable(void)
{
    CHECK((SYS_READ64("sctlr_el1") & SCTLR_WXN) != 0);
}

static void long_descriptors_from_our_root(void)
{
    uint64_t tcr = SYS_READ64("tcr_el1");
    unsigned output = SYS_FIELD(ID_MMFR0, ID_MMFR0_PA);

    CHECK_EQ(tcr & 0x3f, 64 - ASH_VA_BITS); /* T0SZ */
    CHECK_EQ(tcr >> 14 & 3, 0);             /* TG0: 4 KiB */
    CHECK_EQ(tcr >> 30 & 3, 2);             /* TG1: 4 KiB */
    CHECK_EQ(tcr & TCR_WALK0, TCR_WALK0);   /* inner shareable, write-back */
    CHECK((tcr & TCR_EPD1) != 0);           /* no space */
    CHECK((tcr & TCR_A1) != 0);             /* ASIDs come with TTBR1 */
    CHECK((tcr & (3ull << 37)) == 0);       /* TBI0, TBI1: all bits of an address count */
    CHECK_EQ(tcr >> 32 & 7, output < PARANGE_48 ? output : PARANGE_48);
    CHECK_EQ((tcr & TCR_AS) != 0, SYS_FIELD(ID_MMFR0, ID_MMFR0_ASID) == 2);
    CHECK_EQ(SYS_READ64("ttbr0_el1"), ash_mmu_root(&ash_boot_map).value);
    CHECK_EQ(SYS_READ64("mair_el1"), (uint64_t)ASH_MMU_MAIR1 << 32 | ASH_MMU_MAIR0);
}

static void runs_in_el1_on_the_programs_stack(void)
{
    uint32_t daif = SYS_READ("daif");

    CHECK_EQ(SYS_READ("CurrentEL"), CURRENT_EL1);
    CHECK_EQ(SYS_READ("spsel"), 0);
    CHECK_EQ(daif & (DAIF_I | DAIF_F), DAIF_I | DAIF_F);
    CHECK_EQ(daif & DAIF_A, 0); /* asynchronous aborts are reported */
}

static void vectors_lie_in_code(void)
{
    extern const char boot_vectors[];

    CHECK_EQ(SYS_READ64("vbar_el1"), (uintptr_t)boot_vectors);
    CHECK_EQ((uintptr_t)boot_vectors & 0x7ff, 0);
    CHECK((uintptr_t)boot_vectors >= (uintptr_t)__text_start);
    CHECK((uintptr_t)boot_vectors < (uintptr_t)__text_end);
}

static void cycles_are_counted(void)
{
    uint32_t first = port_cycles();

    for (volatile unsigned i = 0; i < 1000; i++) {
    }
    CHECK(port_cycles() != first);
}

/* Guarded: Ashlar's own code and no other. There, a branch to what is no target of one faults. */
static void branch_targets_are_checked(void)
{
    static size_t (*volatile length)(const char *) = strlen;
    static const struct expectation branch = {ASH_TRAP_BRANCH, ASH_CAUSE_NONE, false};
    struct ash_mmu_mapping mapping;
    struct ash_trap trap;

    if (!processor_guards_branches()) {
        target_skip("the processor has no BTI");
        return;
    }
    CHECK_EQ(ash_mmu_query(&ash_boot_map, ash_va_of(__text_start), &mapping), 0);
    CHECK((mapping.attr & ASH_MMU_GUARDED) != 0);
    CHECK_EQ(ash_mmu_query(&ash_boot_map, ash_va_of(__ramtext_start), &mapping), 0);
    CHECK((mapping.attr & ASH_MMU_GUARDED) != 0);
    CHECK_EQ(ash_mmu_query(&ash_boot_map, ash_va_of(__libtext_start), &mapping), 0);
    CHECK((mapping.attr & ASH_MMU_GUARDED) == 0);
    CHECK_EQ(length("four"), 4);
    if (caught("branch", &branch, &trap)) {
        CHECK_EQ(trap.pc, (uintptr_t)provoke_branch_at);
    }
}

/* The entry of an exception inside a handler finds its own way off a stack that it does not know.
 */
static void handlers_may_overflow_created_stacks(void)
{
    static const struct expectation write = {ASH_TRAP_DATA, ASH_CAUSE_TRANSLATION, true};
    struct ash_stack_place place;
    struct ash_trap trap;

    for (unsigned i = 0; i < 3; i++) {
        if (caught("overflow-handler", &write, &trap)) {
            CHECK(ash_stack_find_hook(trap.address, &place));
            CHECK(place.in_guard);
            CHECK(trap.sp > place.base - 64 && trap.sp < place.base + 64);
            CHECK(trap.pc >= (uintptr_t)__text_start && trap.pc < (uintptr_t)__text_end);
            CHECK_EQ(trap.regs[0], place.top);
        }
    }
}

/* An exception where the stack has too little left keeps what it is about. */
static void little_stack_is_enough_to_tell(void)
{
    char *stack = ash_stack_create("little", ASH_PAGE_SIZE);
    struct ash_trap trap;
    int error;

    CHECK(stack != NULL);
    error = ash_trap_catch(provoke_undefined_from, stack + 64, &trap);
    ash_stack_destroy(stack);
    CHECK_EQ(error, ASH_EFAULT);
    CHECK_EQ(trap.kind, ASH_TRAP_UNDEFINED);
    CHECK_EQ(trap.sp, (uintptr_t)stack + 64);
}

static void return_addresses_are_signed(void)
{
    uint64_t address = (uintptr_t)provoke_branch_at, wrong = address;

    if (SYS_FIELD(ID_ISAR1, ISAR1_APA) == 0 && SYS_FIELD(ID_ISAR1, ISAR1_API) == 0) {
        target_skip("the processor has no pointer authentication");
        return;
    }
    CHECK((SYS_READ64("sctlr_el1") & SCTLR_ENIA) != 0);
    CHECK(SYS_READ64(APIAKEYLO) != 0);
    /* PACIA1716 and AUTIA1716 with two modifiers: 48 bits of address leave room to be seen. */
    __asm__ volatile(
        "mov x17, %0\n\tmov x16, #1\n\thint #8\n\tmov x16, #2\n\thint #12\n\tmov %0, x17"
        : "+r"(wrong)::"x16", "x17");
    CHECK(wrong != address);
    __asm__ volatile("mov x17, %0\n\tmov x16, #1\n\thint #8\n\thint #12\n\tmov %0, x17"
                     : "+r"(address)::"x16", "x17");
    CHECK_EQ(address, (uintptr_t)provoke_branch_at);
}

static const struct target_case cases[] = {
    TARGET_CASE(mmu_and_caches_are_on),
    TARGET_CASE(writable_is_never_executable),
    TARGET_CASE(long_descriptors_from_our_root),
    TARGET_CASE(runs_in_el1_on_the_programs_stack),
    TARGET_CASE(vectors_lie_in_code),
    TARGET_CASE(cycles_are_counted),
    TARGET_CASE(branch_targets_are_checked),
    TARGET_CASE(handlers_may_overflow_created_stacks),
    TARGET_CASE(little_stack_is_enough_to_tell),
    TARGET_CASE(return_addresses_are_signed),
};

const struct target_suite suite_processor = TARGET_SUITE("processor", cases);
