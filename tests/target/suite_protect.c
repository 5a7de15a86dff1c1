/* SPDX-License-Identifier: MIT */
/*
 * Belts over what tables say, shown by tables that are wrong on purpose: privileged code cannot
 * reach what is unprivileged code's (PAN), nor execute what is writable (WXN, UWXN). The tables are
 * made by hand in the upper half, since ash_mmu_map() refuses such attributes.
 */
#include "ashlar/irq.h"
#include "ashlar/trap.h"
#include "port/port.h"
#include "tests/target/privilege.h"
#include "tests/target/provoke.h"
#include "tests/target/suite.h"
#include "tests/target/upper_half.h"

/* Level 2 and 3 of both formats: a link, and a page with AF, inner shareable, nG, attribute 0. */
#define LINK      0x3ull
#define LEAF      (1ull << 11 | 1ull << 10 | 3ull << 8 | 0x3ull)
#define USER      (1ull << 6) /* AP[1] */
#define READ_ONLY (1ull << 7) /* AP[2] */
#define NO_EXEC   (3ull << 53)
#define ASID      11u
#define VA        (UPPER_HALF_BASE + 7 * ASH_PAGE_SIZE)

static struct {
    uint64_t word[ASH_PAGE_SIZE / 8];
} page[3] __attribute__((aligned(ASH_PAGE_SIZE)));

/* Runs body with page[2] at VA. No output meanwhile: where it goes may be out of reach. */
static const char *with_page(uint64_t attributes, const char *(*body)(void))
{
    unsigned long saved;
    const char *wrong;

    page[0].word[0] = (uintptr_t)&page[1] | LINK;
    page[1].word[7] = (uintptr_t)&page[2] | LEAF | attributes;
    port_dsb_ishst();
    saved = port_irq_save();
    upper_half_on(ash_pa((uintptr_t)&page[0]), ASID);
    wrong = body();
    upper_half_off();
    port_irq_restore(saved);
    return wrong;
}

static void expect_none(const char *wrong)
{
    if (wrong != NULL) {
        target_fail(__FILE__, __LINE__, "%s", wrong);
    }
}

static void read_it(void *unused)
{
    (void)unused;
    (void)*(volatile uint32_t *)VA;
}

static void write_it(void *unused)
{
    (void)unused;
    *(volatile uint32_t *)VA = 0;
}

static void call_it(void *unused)
{
    (void)unused;
    ((void (*)(void))VA)();
}

#define NOTHING ASH_TRAP_IRQ /* what no access makes */

/* The kind of the permission fault that an access makes, or NOTHING; OTHER for any other fault. */
static enum ash_trap_kind refusal(void (*access)(void *))
{
    struct ash_trap trap;

    if (ash_trap_catch(access, NULL, &trap) == 0) {
        return NOTHING;
    }
    return trap.cause == ASH_CAUSE_PERMISSION && trap.address == VA ? trap.kind : ASH_TRAP_OTHER;
}

static const char *accesses_without_pan(void)
{
    return refusal(read_it) != NOTHING || refusal(write_it) != NOTHING
               ? "a user page cannot be accessed without PAN"
               : NULL;
}

static const char *accesses_with_and_without_pan(void)
{
    const char *wrong = NULL;

    if (!privilege_pan()) {
        return "PAN is not set";
    }
    if (refusal(read_it) != ASH_TRAP_DATA || refusal(write_it) != ASH_TRAP_DATA) {
        return "privileged code reaches a user page";
    }
    if (!privilege_pan()) {
        return "a caught exception leaves PAN clear";
    }
    privilege_set_pan(false);
    wrong = accesses_without_pan();
    if (wrong == NULL && privilege_pan()) {
        wrong = "PAN cannot be cleared";
    }
    privilege_set_pan(true);
    return wrong;
}

static void user_pages_are_out_of_reach(void)
{
    bool pan = privilege_has_pan();

    if (pan && !privilege_pan_is_modelled()) {
        target_skip("QEMU 7.2 does not look at PAN in AArch32's secure state");
        return;
    }
    expect_none(
        with_page(USER | NO_EXEC, pan ? accesses_with_and_without_pan : accesses_without_pan));
    if (!pan) {
        target_skip("the processor has no PAN");
    }
}

static const char *pan_for_what_is_the_firmwares(void)
{
    return refusal(read_it) != NOTHING ? "PAN keeps the firmware from a page of its own" : NULL;
}

static void own_pages_are_in_reach(void)
{
    expect_none(with_page(NO_EXEC, pan_for_what_is_the_firmwares));
}

static volatile bool ticked, pan_in_handler;

static void look_at_pan(void *unused)
{
    (void)unused;
    pan_in_handler = privilege_pan();
    ticked = true;
}

/* A handler does not inherit a window that the program has opened. */
static void handlers_start_with_pan(void)
{
    uint64_t start = ash_now_ns();
    bool kept_clear;

    if (!privilege_has_pan()) {
        target_skip("the processor has no PAN");
        return;
    }
    CHECK(privilege_pan_on_entry());
    ticked = false;
    pan_in_handler = false;
    CHECK_EQ(ash_tick(1000, look_at_pan, NULL), 0);
    privilege_set_pan(false);
    ash_irq_enable();
    while (!ticked && ash_now_ns() - start < 5000000000u) {
    }
    ash_irq_disable();
    kept_clear = !privilege_pan();
    privilege_set_pan(true);
    ash_tick(0, NULL, NULL);
    CHECK(ticked);
    CHECK(pan_in_handler);
    CHECK(kept_clear);
}

static const char *executes(void)
{
    return refusal(call_it) == NOTHING ? NULL : "code cannot be executed";
}

static const char *refuses_to_execute(void)
{
    return refusal(call_it) == ASH_TRAP_PREFETCH ? NULL : "writable memory is executed";
}

static void put_code(void)
{
    page[2].word[0] = provoke_return_code[0];
    port_code_sync(&page[2], sizeof(page[2]));
}

static void writable_memory_never_executes(void)
{
    const char *with, *without;

    put_code();
    expect_none(with_page(READ_ONLY, executes));
    with = with_page(0, refuses_to_execute);
    privilege_set_wxn(false, false);
    without = with_page(0, executes);
    privilege_set_wxn(true, true);
    expect_none(with);
    expect_none(without);
}

/* UWXN stops it, or AArch64 itself. Without PAN, which keeps QEMU 7.2 in AArch32 from fetching
 * there too. */
static void what_users_write_never_executes(void)
{
    const char *with, *without;
    bool pan = privilege_has_pan();

    put_code();
    if (pan) {
        privilege_set_pan(false);
    }
    privilege_set_wxn(false, true);
    with = with_page(USER, refuses_to_execute);
    privilege_set_wxn(false, false);
    without =
        with_page(USER, privilege_never_executes_user_pages() ? refuses_to_execute : executes);
    privilege_set_wxn(true, true);
    if (pan) {
        privilege_set_pan(true);
    }
    expect_none(with);
    expect_none(without);
    expect_none(with_page(USER, refuses_to_execute));
}

static const struct target_case cases[] = {
    TARGET_CASE(user_pages_are_out_of_reach),     TARGET_CASE(own_pages_are_in_reach),
    TARGET_CASE(handlers_start_with_pan),         TARGET_CASE(writable_memory_never_executes),
    TARGET_CASE(what_users_write_never_executes),
};
const struct target_suite suite_protect = TARGET_SUITE("protect", cases);
