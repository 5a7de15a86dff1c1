/* SPDX-License-Identifier: MIT */
/*
 * User mode (User in AArch32, EL0 in AArch64): a context of registers is run until something
 * happens in it. Whatever it does, it reaches its own pages only (ASH_MMU_USER), and nothing of it
 * goes by the firmware's own reports.
 *
 * Which pages it has is its space's business (space.h); which context runs where and when, its
 * scheduler's. A context runs on one CPU at a time, and belongs to whoever runs it.
 */
#ifndef ASHLAR_USER_H
#define ASHLAR_USER_H

#include "print.h"
#include "trap.h"
#include "types.h"

/** What the vectors save and load; the general registers as in the exception frames. */
#if UINTPTR_MAX > UINT32_MAX
struct ash_user_registers {
    uint64_t q[64]; /**< q0-q31, 16 bytes each */
    uint64_t x[31];
    uint64_t sp, pc, status;
    uint64_t thread; /**< TPIDR_EL0 */
    uint64_t fpsr, fpcr;
    uint64_t pad;
};
#else
struct ash_user_registers {
    uint64_t d[32];
    uint32_t r[13];
    uint32_t sp, lr, pc, status;
    uint32_t pad;
    uint32_t thread; /**< TPIDRURW */
    uint32_t fpscr;
};
#endif

struct ash_user {
    struct ash_user_registers registers __attribute__((aligned(16)));
    const char *name; /**< for reports; kept by reference */
    /**
     * Serves calls as they come, or NULL: then each one ends ash_user_run(). Looked at when that
     * begins. True: the context goes on; false: ash_user_run() returns ASH_USER_CALL, with the
     * context as this function leaves it.
     * Context: on the stack of whoever runs the context, interrupts enabled, no lock held. It may
     * wait, and go on upon another CPU. Number, arguments and result are there; the registers that
     * a C function keeps for its caller are not, until ash_user_run() has returned. Faults in it
     * are the firmware's own.
     */
    bool (*call)(struct ash_user *user);
};

enum ash_user_event {
    ASH_USER_CALL,      /**< SVC: number, arguments and result below; pc is behind it */
    ASH_USER_INTERRUPT, /**< an interrupt came and was served */
    ASH_USER_FAULT,     /**< anything else; pc is at the instruction */
};

/** A context that starts at `entry` (AArch32: bit 0 set means Thumb) with this stack pointer, all
 *  other registers zero. */
void ash_user_init(struct ash_user *user, const char *name, ash_va_t entry, ash_va_t stack);

/**
 * Runs the context until something happens, and says what; *trap tells about a fault. The space
 * that it is to see is current. After a call or an interrupt it can be run again; after a fault as
 * well, at the instruction that faulted. Context: not in interrupts, no lock held, interrupts
 * enabled: those that come are served before it returns. Registers are loaded and saved whole,
 * floating point included.
 */
enum ash_user_event ash_user_run(struct ash_user *user, struct ash_trap *trap);

/**
 * Prints one line about a fault that ended a run, by one call of print:
 * "program NAME: write to 0x80002000 (permission fault, level 3) at pc 0x80000010",
 * "program NAME: undefined instruction at pc 0x80000010", and so on. Context: that of print.
 */
void ash_user_report(const struct ash_user *user, const struct ash_trap *trap, ash_print_fn print);

#if UINTPTR_MAX > UINT32_MAX
#define ASH_USER_GENERAL(user) ((user)->registers.x)
#define ASH_USER_NUMBER        8
#else
#define ASH_USER_GENERAL(user) ((user)->registers.r)
#define ASH_USER_NUMBER        7
#endif

/** Of a call: its number (r7, x8) and its arguments 0 to 5 (r0-r5, x0-x5; others are 0). */
static inline uintptr_t ash_user_number(const struct ash_user *user)
{
    return ASH_USER_GENERAL(user)[ASH_USER_NUMBER];
}

static inline uintptr_t ash_user_argument(const struct ash_user *user, unsigned n)
{
    return n < 6 ? ASH_USER_GENERAL(user)[n] : 0;
}

/** What it returns (r0, x0); negative: an error. */
static inline void ash_user_return(struct ash_user *user, intptr_t result)
{
    ASH_USER_GENERAL(user)[0] = (uintptr_t)result;
}

/**
 * Copies from, or to, the user addresses of the current space, with the rights of user mode: only
 * pages that it may read, or write, itself. *done (may be NULL) is the number of bytes copied, all
 * of them unless an error came in the middle.
 * Errors: ASH_EFAULT (an address that it may not access, or none of a space).
 * Context: not in interrupts, no lock held. Cost: linear.
 */
int ash_user_read(void *to, ash_va_t from, size_t size, size_t *done);
int ash_user_write(ash_va_t to, const void *from, size_t size, size_t *done);

#endif
