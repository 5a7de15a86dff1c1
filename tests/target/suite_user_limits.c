/* SPDX-License-Identifier: MIT */
/*
 * What user mode cannot do: any instruction of the firmware's, any access to any page of the
 * firmware's map; and what is said of a program that tries.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ashlar/boot.h"
#include "port/port.h"
#include "tests/target/suite.h"
#include "tests/target/user_program.h"

static struct ash_user user;
static struct ash_trap trap;
static uintptr_t where; /* for the message */

static bool ends_in(enum ash_trap_kind kind, enum ash_trap_cause cause, uintptr_t address)
{
    return ash_user_run(&user, &trap) == ASH_USER_FAULT && trap.kind == kind &&
           trap.cause == cause &&
           (cause == ASH_CAUSE_NONE || (trap.address_valid && trap.address == address));
}

/* Instruction by instruction, and the last of them leaves nothing undone. */
static const char *forbidden(void)
{
    unsigned count = (unsigned)((uintptr_t)user_forbidden_end - (uintptr_t)user_forbidden) / 4;

    for (unsigned i = 0; i < count; i++) {
        const char *at = user_forbidden + 4 * (size_t)i;

        user_start(&user, at, 0, 0);
        where = i;
        WANT(ends_in(ASH_TRAP_UNDEFINED, ASH_CAUSE_NONE, 0));
        WANT(trap.pc == user_code(at) && *user_register(&user, 0) == 0);
    }
    return NULL;
}

static void instructions_of_the_firmware_are_undefined(void)
{
    user_program_with(forbidden);
    target_note("instruction %lu was the last", (unsigned long)where);
}

static const char *allowed(void)
{
    unsigned long mode;

    user_start(&user, user_allowed, USER_DATA, 0);
    mode = (unsigned long)user.registers.status;
    WANT(ash_user_run(&user, &trap) == ASH_USER_CALL);
    WANT((user.registers.status & 0x1ffu) == mode); /* nor is anything masked */
    return NULL;
}

static void others_do_no_harm(void)
{
    user_program_with(allowed);
}

/* Reads, writes and executes the word. */
static const char *refused(uintptr_t address)
{
    where = address;
    user_start(&user, user_load, address, 0);
    WANT(ends_in(ASH_TRAP_DATA, ASH_CAUSE_PERMISSION, address) && !trap.write);
    WANT(*user_register(&user, 1) == 0);
    user_start(&user, user_store, address, 0x5a5a5a5a);
    WANT(ends_in(ASH_TRAP_DATA, ASH_CAUSE_PERMISSION, address) && trap.write);
    user_start(&user, user_jump, address, 0);
    WANT(ends_in(ASH_TRAP_PREFETCH, ASH_CAUSE_PERMISSION, address) && trap.pc == address);
    return NULL;
}

static unsigned mappings;

/* The processor's own word for every mapping; and real accesses to the ends of each. */
static int try_mapping(void *arg, const struct ash_mmu_mapping *mapping)
{
    const char **wrong = arg;
    uintptr_t first = mapping->va.value;
    uintptr_t last = first + (uintptr_t)mapping->size - sizeof(uintptr_t);
    struct port_translation par;

    mappings++;
    where = first;
    if (last >= UPPER_HALF_BASE) {
        return 0; /* hidden behind the test's own map */
    }
    if (!port_translate(mapping->va, PORT_READ, &par)) {
        *wrong = "the firmware does not reach its own";
    } else if (port_translate(mapping->va, PORT_READ | PORT_USER, &par) ||
               port_translate(mapping->va, PORT_WRITE | PORT_USER, &par) ||
               port_translate(ash_va(last), PORT_READ | PORT_USER, &par)) {
        *wrong = "the processor would let it through";
    } else {
        *wrong = refused(first);
        *wrong = *wrong == NULL ? refused(last) : *wrong;
    }
    return *wrong != NULL;
}

static const char *all_of_it(void)
{
    const char *wrong = NULL;

    mappings = 0;
    (void)ash_mmu_walk(&ash_boot_map, ash_va(0), (uint64_t)ash_boot_map.pages << ASH_PAGE_SHIFT,
                       try_mapping, &wrong);
    return wrong;
}

static void the_firmwares_map_is_out_of_reach(void)
{
    struct ash_mmu_mapping hidden;

    if (ash_mmu_query(&ash_boot_map, ash_va(UPPER_HALF_BASE), &hidden) == 0) {
        target_skip("RAM of the firmware, its tables too, lies where the test's own map is");
        return;
    }
    user_program_with(all_of_it);
    target_note("%u mappings, the last at %#lx", mappings, (unsigned long)where);
    CHECK(mappings > 10);
}

/* In the program's own map, but not its own. */
static const char *in_own_map(void)
{
    const char *wrong;

    WANT(ash_mmu_map(&own_map, ash_va(USER_HOLE), ash_pa((uintptr_t)&user_page[2]), ASH_PAGE_SIZE,
                     ASH_MMU_WRITE) == 0);
    wrong = refused(USER_HOLE + 8);
    WANT(ash_mmu_unmap(&own_map, ash_va(USER_HOLE), ASH_PAGE_SIZE) == 0);
    return wrong;
}

static void the_firmwares_pages_beside_its_own(void)
{
    user_program_with(in_own_map);
}

static char line[160];

static int __attribute__((format(printf, 1, 2))) to_line(const char *format, ...)
{
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    return size;
}

static const char *reports(void)
{
    char expected[sizeof line];
    const int digits = 2 * (int)sizeof(uintptr_t);
    const struct {
        const char *piece;
        uintptr_t address;
        const char *what, *cause;
    } cases[] = {
        {user_load, USER_HOLE, "read from", "translation fault, level 3"},
        {user_store, USER_DATA + ASH_PAGE_SIZE, "write to", "permission fault, level 3"},
        {user_jump, USER_DATA, "fetch from", "permission fault, level 3"},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uintptr_t pc = cases[i].piece == user_jump ? USER_DATA : user_code(cases[i].piece);

        user_start(&user, cases[i].piece, cases[i].address, 0);
        WANT(ash_user_run(&user, &trap) == ASH_USER_FAULT);
        ash_user_report(&user, &trap, to_line);
        (void)snprintf(expected, sizeof expected, "program test: %s 0x%0*lx (%s) at pc 0x%0*lx\n",
                       cases[i].what, digits, (unsigned long)cases[i].address, cases[i].cause,
                       digits, (unsigned long)pc);
        WANT(strcmp(line, expected) == 0);
    }
    user_start(&user, user_undefined, 0, 0);
    WANT(ash_user_run(&user, &trap) == ASH_USER_FAULT);
    ash_user_report(&user, &trap, to_line);
    (void)snprintf(expected, sizeof expected, "program test: undefined instruction at pc 0x%0*lx\n",
                   digits, (unsigned long)user_code(user_undefined));
    WANT(strcmp(line, expected) == 0);
    trap.kind = ASH_TRAP_SERROR;
    trap.cause = ASH_CAUSE_EXTERNAL;
    trap.address_valid = false;
    ash_user_report(&user, &trap, to_line);
    WANT(strncmp(line, "program test: asynchronous external abort (external abort) at", 61) == 0);
    return NULL;
}

static void a_fault_is_told_with_its_program(void)
{
    user_program_with(reports);
}

static const struct target_case cases[] = {
    TARGET_CASE(instructions_of_the_firmware_are_undefined),
    TARGET_CASE(others_do_no_harm),
    TARGET_CASE(the_firmwares_map_is_out_of_reach),
    TARGET_CASE(the_firmwares_pages_beside_its_own),
    TARGET_CASE(a_fault_is_told_with_its_program),
};
const struct target_suite suite_user_limits = TARGET_SUITE("user-limits", cases);
