/* SPDX-License-Identifier: MIT */
/*
 * User mode: what goes in and comes out, that it reaches nothing but its own pages, and the
 * firmware's copies.
 */
#include "ashlar/errors.h"
#include "ashlar/irq.h"
#include "ashlar/user.h"
#include "port/port.h"
#include "tests/target/fpu_state.h"
#include "tests/target/suite.h"
#include "tests/target/user_program.h"

static struct ash_user user;
static struct ash_trap trap;

/* Registers come as they were left, and only the result changes. */
static const char *call(void)
{
    static const unsigned kept[] = {2, 3, 4, 5, 6, 8, 9, 10, 11, 12};

    user_start(&user, user_calls, 0x1000, 0x1001);
    for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        *user_register(&user, kept[i]) = 0x1000u + kept[i];
    }
    *user_register(&user, 7) = 0x1007;
    for (unsigned round = 0; round < 100; round++) {
        uintptr_t pc = user.registers.pc;

        WANT(ash_user_run(&user, &trap) == ASH_USER_CALL);
        WANT(user.registers.pc == user_code(user_calls) + 4 &&
             (round == 0) == (pc != user_code(user_calls) + 4));
        WANT(ash_user_argument(&user, 0) == 0x1000 + round);
        for (unsigned n = 1; n < 6; n++) {
            WANT(ash_user_argument(&user, n) == 0x1000 + n);
        }
        WANT(ash_user_argument(&user, 6) == 0);
        WANT(ash_user_number(&user) == (sizeof(uintptr_t) == 8 ? 0x1008 : 0x1007));
        for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++) {
            WANT(*user_register(&user, kept[i]) == 0x1000u + kept[i]);
        }
        WANT(user.registers.sp == USER_STACK);
        ash_user_return(&user, (intptr_t)(0x1001 + round));
    }
    return NULL;
}

static void calls_come_and_go(void)
{
    user_program_with(call);
}

/* One run that must end so. */
static const char *faults(enum ash_trap_kind kind, enum ash_trap_cause cause, const char *piece,
                          uintptr_t address, bool write)
{
    WANT(ash_user_run(&user, &trap) == ASH_USER_FAULT);
    WANT(trap.kind == kind && trap.cause == cause && trap.write == write);
    if (piece != NULL) {
        WANT(trap.pc == user_code(piece));
        WANT(user.registers.pc == trap.pc || kind == ASH_TRAP_UNDEFINED);
    }
    if (cause != ASH_CAUSE_NONE) {
        WANT(trap.address_valid && trap.address == address);
    }
    return NULL;
}

#define FAULTS(...)                                                                                \
    do {                                                                                           \
        const char *wrong_ = faults(__VA_ARGS__);                                                  \
                                                                                                   \
        if (wrong_ != NULL) {                                                                      \
            return wrong_;                                                                         \
        }                                                                                          \
    } while (0)

static const char *reach(void)
{
    uintptr_t own = (uintptr_t)&user_page[2]; /* the firmware's own address of it */
    uintptr_t function = (uintptr_t)&reach;

    user_start(&user, user_load, own, 0);
    FAULTS(ASH_TRAP_DATA, ASH_CAUSE_PERMISSION, user_load, own, false);
    user_start(&user, user_store, own, 1);
    user_page[2].word[0] = 77;
    FAULTS(ASH_TRAP_DATA, ASH_CAUSE_PERMISSION, user_store, own, true);
    user_start(&user, user_load, (uintptr_t)user_code_start, 0); /* rodata in flash */
    FAULTS(ASH_TRAP_DATA, ASH_CAUSE_PERMISSION, user_load, (uintptr_t)user_code_start, false);
    user_start(&user, user_jump, function, 0);
    FAULTS(ASH_TRAP_PREFETCH, ASH_CAUSE_PERMISSION, NULL, function, false);
    WANT(trap.pc == function);
    user_start(&user, user_jump, USER_DATA, 0); /* its own, but not executable */
    FAULTS(ASH_TRAP_PREFETCH, ASH_CAUSE_PERMISSION, NULL, USER_DATA, false);
    user_start(&user, user_load, 0, 0);
    FAULTS(ASH_TRAP_DATA, ASH_CAUSE_TRANSLATION, user_load, 0, false);
    user_start(&user, user_load, USER_HOLE, 0);
    FAULTS(ASH_TRAP_DATA, ASH_CAUSE_TRANSLATION, user_load, USER_HOLE, false);
    user_start(&user, user_store, USER_DATA + ASH_PAGE_SIZE, 5);
    FAULTS(ASH_TRAP_DATA, ASH_CAUSE_PERMISSION, user_store, USER_DATA + ASH_PAGE_SIZE, true);
    WANT(trap.level == 3 && user_page[2].word[0] == 77);
    user_start(&user, user_undefined, 0, 0);
    FAULTS(ASH_TRAP_UNDEFINED, ASH_CAUSE_NONE, user_undefined, 0, false);

    user_start(&user, user_load, USER_DATA + ASH_PAGE_SIZE, 0); /* what is its own, it has */
    WANT(ash_user_run(&user, &trap) == ASH_USER_CALL && ash_user_argument(&user, 1) == 77);
    user_start(&user, user_store, USER_DATA + 8 * sizeof(uintptr_t), 78);
    WANT(ash_user_run(&user, &trap) == ASH_USER_CALL && user_page[1].word[8] == 78);
    return NULL;
}

static void only_its_own_pages(void)
{
    user_program_with(reach);
}

/* A page comes after the fault, and the same instruction goes on. */
static const char *resume(void)
{
    user_start(&user, user_store, USER_HOLE, 99);
    FAULTS(ASH_TRAP_DATA, ASH_CAUSE_TRANSLATION, user_store, USER_HOLE, true);
    WANT(ash_mmu_map(&own_map, ash_va(USER_HOLE), ash_pa((uintptr_t)&user_page[2]), ASH_PAGE_SIZE,
                     ASH_MMU_USER | ASH_MMU_WRITE) == 0);
    WANT(ash_user_run(&user, &trap) == ASH_USER_CALL && user_page[2].word[0] == 99);
    WANT(ash_mmu_unmap(&own_map, ash_va(USER_HOLE), ASH_PAGE_SIZE) == 0);
    return NULL;
}

static void a_fault_can_be_mended(void)
{
    user_program_with(resume);
}

/* Two contexts hold vector registers of their own, and the firmware uses them in between. */
static const char *vectors(void)
{
    static struct ash_user two[2];

    user_start(&two[0], user_holds, 0x11110000, 0);
    user_start(&two[1], user_holds, 0x22220000, 0);
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned i = 0; i < 2; i++) {
            WANT(ash_user_run(&two[i], &trap) == ASH_USER_CALL);
            WANT(ash_user_argument(&two[i], 1) == 0);
            fpu_spoil();
        }
    }
    return NULL;
}

static void vector_registers_are_kept(void)
{
    user_program_with(vectors);
}

/* The firmware's own, that C code counts on, stay over a run. */
static const char *own_registers(void)
{
    static const double expected[] = {1.5, 2.5, 3.5, 4.5};
    volatile double in[4] = {1.5, 2.5, 3.5, 4.5};
    double a = in[0], b = in[1], c = in[2], d = in[3];

    user_start(&user, user_holds, 0x33330000, 0);
    WANT(ash_user_run(&user, &trap) == ASH_USER_CALL);
    WANT(ash_user_run(&user, &trap) == ASH_USER_CALL);
    WANT(a == expected[0] && b == expected[1] && c == expected[2] && d == expected[3]);
    return NULL;
}

static void the_firmware_keeps_its_own(void)
{
    user_program_with(own_registers);
}

static volatile uint32_t ticks;

static void count_tick(void *arg)
{
    (void)arg;
    ticks++;
}

/* A program that never calls is interrupted, and goes on where it was. */
static const char *interrupts(void)
{
    uintptr_t before = 0;

    user_start(&user, user_spin, 0, 0);
    for (unsigned n = 2; n < 13; n++) {
        *user_register(&user, n) = 0x2000 + n;
    }
    for (unsigned round = 0; round < 5 || (before == 0 && round < 500); round++) {
        uint32_t seen = ticks;

        port_irq_unmask();
        WANT(ash_user_run(&user, &trap) == ASH_USER_INTERRUPT);
        (void)port_irq_save();
        WANT(ticks > seen);
        WANT(user.registers.pc == user_code(user_spin) ||
             user.registers.pc == user_code(user_spin) + 4);
        WANT(ash_user_argument(&user, 1) >= before); /* an interrupt may come at once */
        before = ash_user_argument(&user, 1);
        for (unsigned n = 2; n < 13; n++) { /* r8 to r12 are not the FIQ mode's */
            WANT(*user_register(&user, n) == 0x2000 + n);
        }
    }
    WANT(before > 0);
    return NULL;
}

static void interrupts_are_served(void)
{
    if (ash_tick(500, count_tick, NULL) != 0) {
        target_skip("this board has no clock");
        return;
    }
    user_program_with(interrupts);
    (void)ash_tick(0, NULL, NULL);
}

/* Copies have the program's rights, and say how far they came. */
static const char *copies(void)
{
    static unsigned char buffer[2 * ASH_PAGE_SIZE];
    const unsigned char *first = (const unsigned char *)(uintptr_t)user_page[1].word;
    size_t done;

    for (unsigned i = 0; i < USER_WORDS; i++) {
        user_page[1].word[i] = i * 0x01010101u;
        user_page[2].word[i] = ~user_page[1].word[i];
    }
    for (unsigned offset = 0; offset < 9; offset++) {
        for (size_t size = 0; size < 40; size++) {
            port_zero(buffer, sizeof buffer);
            WANT(ash_user_read(buffer + 1, ash_va(USER_DATA + 100 + offset), size, &done) == 0);
            WANT(done == size && buffer[0] == 0 && buffer[size + 1] == 0);
            for (size_t i = 0; i < size; i++) {
                WANT(buffer[1 + i] == first[100 + offset + i]);
            }
        }
    }
    WANT(ash_user_read(buffer, ash_va(USER_DATA), 2 * ASH_PAGE_SIZE, NULL) == 0);
    WANT(ash_user_write(ash_va(USER_DATA + 3), "written", 7, &done) == 0 && done == 7);
    WANT(first[3] == 'w' && first[9] == 'n');
    /* The firmware's memory is not the program's. */
    WANT(ash_user_read(buffer, ash_va((uintptr_t)&user_page[1]), 4, &done) == ASH_EFAULT &&
         done == 0);
    WANT(ash_user_write(ash_va((uintptr_t)&user_page[1]), buffer, 4, &done) == ASH_EFAULT &&
         done == 0);
    WANT(ash_user_read(buffer, ash_va(UINTPTR_MAX - 3), 100, &done) == ASH_EFAULT && done == 0);
    return NULL;
}

static void copies_have_the_programs_rights(void)
{
    user_program_with(copies);
}

#define EDGE 40u /* bytes on either side of it */

/* Ends `before` bytes from a copy's begin, whose other side has this alignment. Nothing behind the
 * edge has changed. */
static const char *stops_at(unsigned before, unsigned alignment)
{
    static unsigned char own[8 + 2 * EDGE];
    volatile unsigned char *second = (volatile unsigned char *)user_page[2].word;
    volatile unsigned char *end = (volatile unsigned char *)user_page[1].word + ASH_PAGE_SIZE;
    size_t done = 99;

    port_zero(own, sizeof own);
    WANT(ash_user_read(own + alignment, ash_va(USER_HOLE - before), before + EDGE, &done) ==
             ASH_EFAULT &&
         done == before);
    for (unsigned i = 0; i < sizeof own; i++) {
        bool copied = i >= alignment && i < alignment + before;

        WANT(own[i] == (copied ? second[ASH_PAGE_SIZE - before + i - alignment] : 0));
        own[i] = (unsigned char)(0x80 + i);
    }
    for (unsigned i = 1; i <= 2 * EDGE; i++) {
        end[-(int)i] = 0;
    }
    WANT(ash_user_write(ash_va(USER_DATA + ASH_PAGE_SIZE - before), own + alignment, before + EDGE,
                        &done) == ASH_EFAULT &&
         done == before);
    for (unsigned i = 1; i <= 2 * EDGE; i++) {
        WANT(end[-(int)i] == (i <= before ? own[alignment + before - i] : 0));
    }
    WANT(second[0] == 0xa5);
    return NULL;
}

/* At each place before an edge: into the hole behind the second page, and from the first page to
 * the second, which is only readable. */
static const char *edges(void)
{
    const char *wrong = NULL;

    for (unsigned i = 0; i < ASH_PAGE_SIZE; i++) {
        ((volatile unsigned char *)user_page[2].word)[i] = (unsigned char)(i * 7 + 0xa5);
    }
    for (unsigned before = 0; before <= EDGE && wrong == NULL; before++) {
        for (unsigned alignment = 0; alignment < 8 && wrong == NULL; alignment++) {
            wrong = stops_at(before, alignment);
        }
    }
    return wrong;
}

static void copies_say_how_far_they_came(void)
{
    user_program_with(edges);
}

static const struct target_case cases[] = {
    TARGET_CASE(calls_come_and_go),
    TARGET_CASE(only_its_own_pages),
    TARGET_CASE(a_fault_can_be_mended),
    TARGET_CASE(vector_registers_are_kept),
    TARGET_CASE(the_firmware_keeps_its_own),
    TARGET_CASE(interrupts_are_served),
    TARGET_CASE(copies_have_the_programs_rights),
    TARGET_CASE(copies_say_how_far_they_came),
};
const struct target_suite suite_user = TARGET_SUITE("user", cases);
