/* SPDX-License-Identifier: MIT */
/*
 * The report of an exception, the same on every processor. Prints through the polled console only.
 */
#include "startup/report.h"

#include "ashlar/boot.h"
#include "port/port.h"
#include "startup/early_print.h"
#include "startup/stacks.h"

bool (*ash_stack_find_hook)(uintptr_t address, struct ash_stack_place *place);

const struct report_others *report_others;

void report_begin(uintptr_t pc)
{
    if (report_others != NULL) {
        report_others->stop(pc);
    }
}

void report_end(void)
{
    if (report_others != NULL) {
        report_others->print();
    }
    early_text("*** stopped: reset the board to go on\n");
    early_stop();
}

/* The stack made by ash_stack_create() that an address belongs to. */
static bool find_created(uintptr_t address, struct ash_stack_place *place)
{
    return ash_stack_find_hook != NULL && ash_stack_find_hook(address, place);
}

static void print_word(uintptr_t value)
{
    early_hex(value, REPORT_DIGITS);
}

/* Which stack ran over, if one did. */
static bool print_overflow(const struct ash_trap *trap)
{
    struct ash_stack_place place;

    if (trap->overflowed != ASH_STACK_NONE) {
        early_text("*** stack overflow: the ");
        early_text(ash_stack_name(trap->overflowed));
        early_text(" stack ran into its guard page\n");
        return true;
    }
    if (trap->kind == ASH_TRAP_DATA && trap->address_valid && find_created(trap->address, &place) &&
        place.in_guard) {
        early_text("*** stack overflow: the stack '");
        early_text(place.name);
        early_text("' ran into its guard page\n");
        return true;
    }
    return false;
}

static void print_headline(const struct ash_trap *trap)
{
    early_text("\n*** ");
    early_text(ash_trap_kind_name(trap->kind));
    early_text(" on CPU ");
    early_decimal(port_cpu());
    if (trap->cause != ASH_CAUSE_NONE) {
        early_text(": ");
        early_text(ash_trap_cause_name(trap->cause));
        if (trap->level >= 0) {
            early_text(", level ");
            early_decimal((uint32_t)trap->level);
        }
        if (trap->kind == ASH_TRAP_DATA) {
            early_text(trap->write ? ", write" : ", read");
        } else {
            early_text(", instruction fetch");
        }
        if (trap->address_valid) {
            early_text(" at ");
            print_word(trap->address);
        }
    }
    early_text("\n");
    if (!print_overflow(trap) && trap->address_valid && trap->address < ASH_PAGE_SIZE) {
        early_text("*** a NULL pointer was used\n");
    }
}

static void print_mapping(uintptr_t address)
{
    struct ash_mmu_mapping mapping;

    early_text("    mapping  ");
    if (ash_boot_map.root == NULL) {
        early_text("none: the MMU is off\n");
        return;
    }
    if (ash_mmu_query(&ash_boot_map, ash_va(address), &mapping) != 0) {
        early_text("that address is not mapped\n");
        return;
    }
    print_word(mapping.va.value);
    early_text(" -> ");
    early_hex(mapping.pa.value, REPORT_DIGITS);
    early_text(", ");
    early_decimal((uint32_t)(mapping.size >> 10));
    early_text(" KiB at level ");
    early_decimal(mapping.level);
    early_text(": ");
    early_text(ash_mmu_type_name(mapping.attr));
    early_text(" r");
    early_text(mapping.attr & ASH_MMU_WRITE ? "w" : "-");
    early_text(mapping.attr & ASH_MMU_EXEC ? "x" : "-");
    early_text("\n");
}

static void print_span(uintptr_t base, uintptr_t top)
{
    print_word(base);
    early_text(" to ");
    print_word(top);
    early_text("\n");
}

static void print_stack(uintptr_t sp)
{
    struct stacks_place place;
    struct ash_stack_place created;

    early_text("    stack    sp ");
    print_word(sp);
    /* The top belongs to the stack: an empty one. */
    if (find_created(sp - 1, &created)) {
        early_text(created.in_guard ? " in the guard below the stack '" : " in the stack '");
        early_text(created.name);
        early_text("', ");
        print_span(created.base, created.top);
        return;
    }
    if (!stacks_find(sp - 1, &place)) {
        early_text(" is on no stack of the firmware\n");
        return;
    }
    early_text(place.in_guard ? " in the guard below the " : " in the ");
    early_text(ash_stack_name(place.stack));
    early_text(" stack of CPU ");
    early_decimal(place.cpu);
    early_text(", ");
    print_span(place.base, place.top);
}

/* CPSR and PSTATE have the masks in the same bits. */
static void print_status(const struct ash_trap *trap)
{
    uint32_t status = (uint32_t)trap->status;
    const char *syndrome = report_syndrome(trap->kind);

    early_text("    pc       ");
    print_word(trap->pc);
    early_text("\n    lr       ");
    print_word(trap->regs[REPORT_LINK]);
    early_text("\n    " REPORT_STATUS "   ");
    early_hex(status, 8);
    early_text("  ");
    early_text(report_mode(status));
    if (REPORT_THUMB != 0) {
        early_text(status & REPORT_THUMB ? ", Thumb state" : ", Arm state");
    }
    early_text(status & (1u << 7) ? ", IRQ masked" : ", IRQ enabled");
    early_text(status & (1u << 6) ? ", FIQ masked\n" : ", FIQ enabled\n");
    if (syndrome != NULL) {
        early_text("    ");
        early_text(syndrome);
        early_text("     ");
        early_hex(trap->syndrome, 8);
        early_text("\n");
    }
}

void report_trap(const struct ash_trap *trap)
{
    report_begin(trap->pc);
    print_headline(trap);
    print_status(trap);
    if (trap->address_valid) {
        print_mapping(trap->address);
    }
    print_stack(trap->sp);
    for (unsigned i = 0; i < REPORT_REGS; i++) {
        early_text(i % 4 == 0 ? "    " : "  ");
        early_text(REPORT_PREFIX);
        early_decimal(i);
        early_text(i < 10 ? "  " : " ");
        print_word(trap->regs[i]);
        early_text(i % 4 == 3 || i == REPORT_REGS - 1 ? "\n" : "");
    }
    report_end();
}

void report_signal(int signal)
{
    report_begin((uintptr_t)__builtin_return_address(0));
    early_text("\n*** the program raised signal ");
    early_decimal((uint32_t)signal);
    early_text("\n");
    report_end();
}

void report_again(uintptr_t pc)
{
    early_text("\n*** another exception while reporting, pc ");
    print_word(pc);
    early_text("\n*** stopped: reset the board to go on\n");
    early_stop();
}
