/* SPDX-License-Identifier: MIT */
/*
 * Exceptions: what happened, in the same words on every processor.
 */
#ifndef ASHLAR_TRAP_H
#define ASHLAR_TRAP_H

#include "types.h"

enum ash_trap_kind {
    ASH_TRAP_UNDEFINED,
    ASH_TRAP_CALL,     /**< SVC */
    ASH_TRAP_PREFETCH, /**< abort of an instruction fetch */
    ASH_TRAP_DATA,     /**< abort of a load or store */
    ASH_TRAP_IRQ,      /**< an interrupt that nobody serves */
    ASH_TRAP_FIQ,
    ASH_TRAP_BRANCH, /**< AArch64: an indirect branch to what is no target of branches (BTI) */
    ASH_TRAP_SERROR, /**< AArch64: an asynchronous external abort */
    ASH_TRAP_OTHER,  /**< of a class that only the syndrome tells */
};

enum ash_trap_cause {
    ASH_CAUSE_NONE,
    ASH_CAUSE_TRANSLATION,
    ASH_CAUSE_ACCESS_FLAG,
    ASH_CAUSE_PERMISSION,
    ASH_CAUSE_ADDRESS_SIZE,
    ASH_CAUSE_ALIGNMENT,
    ASH_CAUSE_EXTERNAL,      /**< the bus answered with an error */
    ASH_CAUSE_EXTERNAL_WALK, /**< ... to a table walk */
    ASH_CAUSE_DEBUG,
    ASH_CAUSE_TLB_CONFLICT,
    ASH_CAUSE_OTHER,
};

/** Stacks of one CPU, as named in a report. */
enum ash_stack {
    ASH_STACK_SVC, /**< AArch32: those of the modes */
    ASH_STACK_IRQ,
    ASH_STACK_FIQ,
    ASH_STACK_ABT,
    ASH_STACK_UND,
    ASH_STACK_EMERGENCY,
    ASH_STACK_PROGRAM,   /**< AArch64: of SP_EL0 */
    ASH_STACK_EXCEPTION, /**< AArch64: of SP_EL1 */
    ASH_STACK_COUNT,
    ASH_STACK_NONE = ASH_STACK_COUNT,
};

struct ash_trap {
    enum ash_trap_kind kind;
    enum ash_trap_cause cause;
    int level;  /**< level of the table that decided, or -1 */
    bool write; /**< a store (data aborts) */
    bool address_valid;
    uintptr_t address;         /**< faulting address (data and prefetch aborts) */
    uintptr_t pc;              /**< of the instruction concerned */
    uintptr_t sp;              /**< of the interrupted context */
    uintptr_t status;          /**< interrupted CPSR / PSTATE */
    uintptr_t syndrome;        /**< DFSR / IFSR / ESR as read */
    uintptr_t regs[31];        /**< r0-r14 / x0-x30 of the interrupted context */
    enum ash_stack overflowed; /**< the stack that ran over, or ASH_STACK_NONE */
};

/** Where in a stack made by ash_stack_create() an address lies. */
struct ash_stack_place {
    const char *name;
    uintptr_t base, top; /**< of the stack, top exclusive */
    bool in_guard;       /**< in the guard page below it */
};

/** Finds that stack; false: it is in none. NULL until one was created. Called in exceptions. */
extern bool (*ash_stack_find_hook)(uintptr_t address, struct ash_stack_place *place);

/**
 * Runs fn(arg). If it takes an exception, the whole of fn is abandoned, *trap tells what
 * happened, and ASH_EFAULT is returned; otherwise 0. fn must hold no lock.
 * Context: not in interrupts; may nest. It is the business of the context that calls it.
 */
int ash_trap_catch(void (*fn)(void *arg), void *arg, struct ash_trap *trap);

/** "permission fault" and so on. */
const char *ash_trap_cause_name(enum ash_trap_cause cause);
const char *ash_trap_kind_name(enum ash_trap_kind kind);
const char *ash_stack_name(enum ash_stack stack);

#endif
