/* SPDX-License-Identifier: MIT */
/*
 * What else can happen to a program, beside calls, interrupts and refusals: fast interrupts, errors
 * of the bus, accesses that are not aligned, breakpoints.
 */
#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "ashlar/irq.h"
#include "ashlar/platform.h"
#include "board/dev/mmio.h"
#include "port/port.h"
#include "tests/target/suite.h"
#include "tests/target/user_program.h"

#define SOFTWARE_IRQ 3u

static struct ash_user user;
static struct ash_trap trap;

static bool faults_so(enum ash_trap_kind kind, enum ash_trap_cause cause, uintptr_t pc)
{
    return ash_user_run(&user, &trap) == ASH_USER_FAULT && trap.kind == kind &&
           trap.cause == cause && trap.pc == pc;
}

static const char *bus_error(void)
{
    const char *wrong = NULL;

    WANT(ash_mmu_map(&own_map, ash_va(USER_HOLE), ash_board.hole, ASH_PAGE_SIZE,
                     ASH_MMU_USER | ASH_MMU_WRITE | ASH_MMU_DEVICE) == 0);
    user_start(&user, user_load, USER_HOLE, 0);
    if (!faults_so(ASH_TRAP_DATA, ASH_CAUSE_EXTERNAL, user_code(user_load)) ||
        trap.address != USER_HOLE || trap.write) {
        wrong = "a load that the bus refuses";
    }
    user_start(&user, user_store, USER_HOLE, 0);
    if (wrong == NULL && (!faults_so(ASH_TRAP_DATA, ASH_CAUSE_EXTERNAL, user_code(user_store)) ||
                          trap.address != USER_HOLE || !trap.write)) {
        wrong = "a store that the bus refuses";
    }
    WANT(ash_mmu_unmap(&own_map, ash_va(USER_HOLE), ASH_PAGE_SIZE) == 0);
    return wrong;
}

static void errors_of_the_bus_end_a_run(void)
{
    if (ash_board.hole.value == 0) {
        target_skip("the board's bus swallows accesses that nobody answers");
        return;
    }
    user_program_with(bus_error);
}

static const char *odd(void)
{
    user_start(&user, user_breakpoint, 0, 0);
    WANT(faults_so(ASH_TRAP_PREFETCH, ASH_CAUSE_DEBUG, user_code(user_breakpoint)));
    user_start(&user, user_misaligned, USER_DATA, 0);
    WANT(faults_so(ASH_TRAP_DATA, ASH_CAUSE_ALIGNMENT, user_code(user_misaligned) + 4));
    WANT(trap.address == USER_DATA + 2);
#if UINTPTR_MAX > UINT32_MAX
    user_start(&user, user_jump, USER_CODE + 2, 0);
    WANT(faults_so(ASH_TRAP_PREFETCH, ASH_CAUSE_ALIGNMENT, USER_CODE + 2));
#endif
    return NULL;
}

static void so_do_breakpoints_and_misalignment(void)
{
    user_program_with(odd);
}

#if UINTPTR_MAX == UINT32_MAX
#define STATUS_THUMB (1u << 5)

static bool go_on(struct ash_user *context)
{
    (void)context;
    return true;
}

/* Once a call ends the run, once it is served. */
static const char *thumb(void)
{
    uintptr_t at = user_code(user_thumb);

    ash_user_init(&user, "test", ash_va(at + 1), ash_va(USER_STACK));
    WANT(ash_user_run(&user, &trap) == ASH_USER_CALL && user.registers.pc == at + 2);
    WANT((user.registers.status & STATUS_THUMB) != 0);
    WANT(faults_so(ASH_TRAP_UNDEFINED, ASH_CAUSE_NONE, at + 2));
    ash_user_init(&user, "test", ash_va(at + 1), ash_va(USER_STACK));
    user.call = go_on;
    WANT(faults_so(ASH_TRAP_UNDEFINED, ASH_CAUSE_NONE, at + 2));
    return NULL;
}

static void thumb_state_is_kept(void)
{
    user_program_with(thumb);
}
#endif

/* Fast interrupts, which only a GICv2 makes of what is there, where we may say so. */

#define GICC_CTLR       0x00u
#define GICC_CTLR_FIQEN (1u << 3) /* Group 0 as FIQ (Arm IHI 0048, 4.4.1) */
#define ISR_IRQ         (1u << 7)
#define ISR_FIQ         (1u << 6)

static volatile uint32_t taken;
static ash_va_t interface;

static void take(void *arg)
{
    (void)arg;
    taken++;
}

static uint32_t pending(void)
{
#if UINTPTR_MAX > UINT32_MAX
    return (uint32_t)SYS_READ64("isr_el1");
#else
    return CP15_READ("p15, 0, %0, c12, c1, 0");
#endif
}

/* In user mode they come at once. AArch32 has registers of its own for them, which are not the
 * program's. */
static const char *fast(void)
{
    for (unsigned round = 0; round < 3; round++) {
        taken = 0;
        user_start(&user, user_spin, 0, 0);
        for (unsigned n = 1; n < 13; n++) {
            *user_register(&user, n) = 0x3000 + n;
        }
        WANT(ash_irq_send(SOFTWARE_IRQ, port_cpu()) == 0);
        WANT((pending() & (ISR_FIQ | ISR_IRQ)) == ISR_FIQ);
        WANT(ash_user_run(&user, &trap) == ASH_USER_INTERRUPT && taken == 0);
        WANT(user.registers.pc - user_code(user_spin) <= 4);
        for (unsigned n = 2; n < 13; n++) {
            WANT(*user_register(&user, n) == 0x3000 + n);
        }
        mmio_write32(interface, GICC_CTLR, mmio_read32(interface, GICC_CTLR) & ~GICC_CTLR_FIQEN);
        port_irq_unmask(); /* served as any other */
        (void)port_irq_save();
        WANT(taken == 1);
        mmio_write32(interface, GICC_CTLR, mmio_read32(interface, GICC_CTLR) | GICC_CTLR_FIQEN);
    }
    return NULL;
}

static void fast_interrupts_end_a_run(void)
{
    uint32_t control;

    if (ash_platform.irq.version != 2) {
        target_skip("the interrupt controller is no GICv2");
        return;
    }
    CHECK_EQ(ash_map_device(ash_platform.irq.cpu.base, ash_platform.irq.cpu.size, &interface), 0);
    CHECK_EQ(ash_irq_attach(SOFTWARE_IRQ, take, NULL), 0);
    control = mmio_read32(interface, GICC_CTLR);
    mmio_write32(interface, GICC_CTLR, control | GICC_CTLR_FIQEN);
    if (mmio_read32(interface, GICC_CTLR) & GICC_CTLR_FIQEN) {
        user_program_with(fast);
    } else {
        target_skip("the secure state has the fast interrupts");
    }
    mmio_write32(interface, GICC_CTLR, control);
    CHECK_EQ(ash_irq_detach(SOFTWARE_IRQ), 0);
}

static const struct target_case cases[] = {
    TARGET_CASE(errors_of_the_bus_end_a_run),
    TARGET_CASE(so_do_breakpoints_and_misalignment),
#if UINTPTR_MAX == UINT32_MAX
    TARGET_CASE(thumb_state_is_kept),
#endif
    TARGET_CASE(fast_interrupts_end_a_run),
};
const struct target_suite suite_user_events = TARGET_SUITE("user-events", cases);
